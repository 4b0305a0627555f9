package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// host is what this machine can run PostgreSQL on.
type host struct {
	provider string
	image    string
	major    int
}

func (h host) String() string {
	if h.image != "" {
		return "Docker (" + h.image + ")"
	}
	return "local binaries"
}

// findHost takes Docker where an engine answers that has an image of PostgreSQL, or can pull one; otherwise local binaries.
func findHost(ctx context.Context) (host, error) {
	if h, ok := dockerHost(ctx); ok {
		return h, nil
	}
	var majors []int
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, dir := range dirs {
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(dir)))); err == nil {
			majors = append(majors, n)
		}
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if out, err := exec.CommandContext(ctx, initdb, "--version").Output(); err == nil {
			fields := strings.Fields(string(out))
			if n, err := strconv.Atoi(strings.SplitN(fields[len(fields)-1], ".", 2)[0]); err == nil && strings.Contains(string(out), "PostgreSQL") {
				majors = append(majors, n)
			}
		}
	}
	if len(majors) == 0 {
		return host{}, errors.New("neither a Docker engine with a PostgreSQL image nor local PostgreSQL binaries: scripts/setup-test-host.sh says what to install")
	}
	sort.Ints(majors)
	return host{provider: staging.ProviderLocal, major: majors[len(majors)-1]}, nil
}

func dockerHost(ctx context.Context) (host, bool) {
	out, err := exec.CommandContext(ctx, "docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").Output()
	if err != nil {
		return host{}, false
	}
	for _, name := range []string{"postgres", "rehearse-postgres"} {
		for _, major := range []int{18, 17, 16, 15} {
			image := fmt.Sprintf("%s:%d", name, major)
			for line := range strings.Lines(string(out)) {
				if strings.TrimSpace(line) == image {
					return host{provider: staging.ProviderContainer, image: image, major: major}, true
				}
			}
		}
	}
	if exec.CommandContext(ctx, "docker", "pull", "--quiet", "postgres:17").Run() == nil {
		return host{provider: staging.ProviderContainer, image: "postgres:17", major: 17}, true
	}
	return host{}, false
}
