package staging

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

var versionMajor = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// findBinaries is the directory of initdb and postgres of a major version: the one asked for, else the first that has them of what
// pg_config names, PATH, and the places where Debian, the PGDG packages, Homebrew and Postgres.app put them.
func findBinaries(ctx context.Context, major int, asked string) (string, error) {
	var looked []string
	other := map[int]string{}
	for _, dir := range binaryDirs(ctx, major, asked) {
		if dir == "" || slices.Contains(looked, dir) {
			continue
		}
		looked = append(looked, dir)
		switch found := majorOf(ctx, dir); found {
		case 0:
		case major:
			return dir, nil
		default:
			other[found] = dir
		}
	}
	if ctx.Err() != nil { // nothing ran, so nothing was found
		return "", fmt.Errorf("look for the binaries of PostgreSQL %d: %w", major, context.Cause(ctx))
	}
	err := fmt.Errorf("no initdb and postgres of PostgreSQL %d", major)
	if asked != "" {
		err = fmt.Errorf("no initdb and postgres of PostgreSQL %d in %s", major, asked)
	}
	for found, dir := range other {
		err = fmt.Errorf("%w (%s has %d)", err, dir, found)
	}
	return "", &ProviderError{Provider: "local", Reason: ReasonBinaries, Looked: looked, Err: err}
}

// binaryDirs is where to look, in order, with repetitions.
func binaryDirs(ctx context.Context, major int, asked string) []string {
	if asked != "" {
		if dir, err := filepath.Abs(asked); err == nil {
			return []string{dir}
		}
		return []string{asked}
	}
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	dirs = append(dirs, fmt.Sprintf("/usr/lib/postgresql/%d/bin", major), fmt.Sprintf("/usr/pgsql-%d/bin", major))
	if runtime.GOOS == "darwin" {
		dirs = append(dirs, fmt.Sprintf("/opt/homebrew/opt/postgresql@%d/bin", major), fmt.Sprintf("/usr/local/opt/postgresql@%d/bin", major),
			fmt.Sprintf("/Applications/Postgres.app/Contents/Versions/%d/bin", major))
	}
	return append(dirs, fmt.Sprintf("/usr/local/pgsql-%d/bin", major), "/usr/local/pgsql/bin")
}

// majorOf is the major version of the server in dir, 0 when it has no initdb and postgres that run.
func majorOf(ctx context.Context, dir string) int {
	if !filepath.IsAbs(dir) {
		return 0 // a relative entry of PATH is not trusted
	}
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := versionMajor.FindSubmatch(out)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return n
}
