package staging

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dockercontainer "github.com/moby/moby/api/types/container"
)

func TestMeasureSettingsTakeProductionsButNotItsPlace(t *testing.T) {
	t.Parallel()
	got, leftOut := measureSettings(map[string]string{
		"work_mem": "65536", "random_page_cost": "1.1", "TimeZone": "Europe/Vienna", "wal_level": "logical", "autovacuum": "off", "synchronous_commit": "off",
		"max_prepared_transactions": "10", "pg_stat_statements.max": "1000",
		"listen_addresses": "*", "Port": "6432", "data_directory": "/srv", "hba_file": "/etc/hba", "ssl": "on", "ssl_key_file": "/k", "archive_mode": "on",
		"archive_command": "cp %p /a", "primary_conninfo": "host=x password=y", "restore_command": "x", "cluster_name": "prod", "log_directory": "/l",
		"shared_preload_libraries": "citus", "synchronous_standby_names": "*", "default_tablespace": "fast", "default_transaction_read_only": "on",
		"huge_pages": "on", "evil\nfsync": "off",
	}, 0)
	want := map[string]string{
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "off", "wal_level": "logical", "autovacuum": "off",
		"work_mem": "65536", "random_page_cost": "1.1", "TimeZone": "Europe/Vienna", "max_prepared_transactions": "10", "pg_stat_statements.max": "1000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	for _, told := range []string{"default_tablespace", "synchronous_standby_names", "huge_pages", "evil"} {
		if !slices.ContainsFunc(leftOut, func(s string) bool { return strings.Contains(s, told) }) {
			t.Errorf("nothing is said of %s: %q", told, leftOut)
		}
	}
	if all := strings.Join(leftOut, " "); strings.Contains(all, "password") || strings.Contains(all, "fast") {
		t.Errorf("a value is told: %q", leftOut)
	}
}

func TestSharedBuffersAreCappedAtHalfTheMemory(t *testing.T) {
	t.Parallel()
	const gib = int64(1) << 30
	for _, tt := range []struct {
		asked, want string
		memory      int64
		told        bool
	}{
		{"16384", "16384", gib, false},
		{"1048576", "512MB", gib, true}, // 8 GiB in blocks
		{"8GB", "512MB", gib, true},
		{"512MB", "512MB", gib, false},
		{"8GB", "8GB", 0, false},
		{"9TB", "512MB", gib, true},
		{"nonsense", "nonsense", gib, false}, // the server will say so
	} {
		got, leftOut := measureSettings(map[string]string{"shared_buffers": tt.asked}, tt.memory)
		if got["shared_buffers"] != tt.want || (len(leftOut) > 0) != tt.told {
			t.Errorf("shared_buffers %s with %d bytes of memory gave %s, %q; want %s", tt.asked, tt.memory, got["shared_buffers"], leftOut, tt.want)
		}
	}
}

func TestMinimalWALNeedsNoSenders(t *testing.T) {
	t.Parallel()
	got, _ := measureSettings(map[string]string{"wal_level": "minimal", "max_wal_senders": "10"}, 0)
	if got["max_wal_senders"] != "0" {
		t.Errorf("max_wal_senders = %s: the server does not start", got["max_wal_senders"])
	}
}

func TestLoadSettingsFitTheMachine(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int64]string{0: "1024MB", 64 << 30: "1024MB", 2 << 30: "512MB", 64 << 20: "32MB"} {
		if got := loadSettings(memory, 4, 2)["shared_buffers"]; got != want {
			t.Errorf("shared_buffers = %s with %d bytes of memory, want %s", got, memory, want)
		}
	}
	if got := loadSettings(0, 4, 64)["max_connections"]; got != "276" {
		t.Errorf("max_connections = %s for 64 jobs", got)
	}
	for jobs, want := range map[int]string{0: "7", 1: "7", 2: "3", 3: "1", 8: "0", 64: "0"} {
		if got := loadSettings(0, 8, jobs)["max_parallel_maintenance_workers"]; got != want {
			t.Errorf("%s parallel maintenance workers on 8 cores for %d jobs, want %s", got, jobs, want)
		}
	}
}

func TestBlameReadsWhatPostgreSQLSays(t *testing.T) {
	t.Parallel()
	for said, want := range map[string][]string{
		`LOG:  unrecognized configuration parameter "nonsense" in file "/x/postgresql.conf" line 9`:                               {"nonsense"},
		`LOG:  invalid value for parameter "work_mem": "12 apples"` + "\n" + `HINT:  Valid units for parameter "x" are "B"`:       {"work_mem"},
		`LOG:  parameter "block_size" cannot be changed`:                                                                          {"block_size"},
		`LOG:  99 is outside the valid range for parameter "seq" (0 .. 5)` + "\n" + `LOG: parameter "a" requires a Boolean value`: {"a", "seq"},
		`LOG:  invalid configuration parameter name "plpgsql.x"`:                                                                  {"plpgsql.x"},
		`FATAL:  could not access file "citus": No such file or directory`:                                                        {"shared_preload_libraries"},
		`FATAL:  could not map anonymous shared memory: Cannot allocate memory`:                                                   {"shared_buffers"},
		`FATAL:  data directory "/x" has wrong ownership`:                                                                         nil,
		``: nil,
	} {
		if got := blame(said); !slices.Equal(got, want) {
			t.Errorf("blame(%q) = %q, want %q", said, got, want)
		}
	}
}

func TestLocalesToTryEndInOneThatExists(t *testing.T) {
	t.Parallel()
	icu := localesToTry(Locale{Encoding: "UTF8", Provider: "icu", Collate: "de_AT.UTF-8", CType: "de_AT.UTF-8", Locale: "de-AT"})
	var names []string
	for _, l := range icu {
		names = append(names, l.Provider+" "+l.name())
	}
	if diff := cmp.Diff([]string{"icu icu de-AT", "libc de_AT.UTF-8", "libc C.UTF-8", "libc C"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	latin := localesToTry(Locale{Encoding: "LATIN1", Collate: "de_AT", CType: "de_AT"})
	if last := latin[len(latin)-1]; last.Encoding != "LATIN1" || last.Collate != "C" || len(latin) != 2 {
		t.Errorf("LATIN1 ends in %+v after %d tries", last, len(latin))
	}
}

func TestCreateStatementSpeaksEachVersion(t *testing.T) {
	t.Parallel()
	icu := Locale{Encoding: "UTF8", Provider: "icu", Collate: "C", CType: "C", Locale: "de-AT", ICURules: `&V << w\`}
	builtin := Locale{Encoding: "UTF8", Provider: "builtin", Collate: "C", CType: "C", Locale: "C.UTF-8"}
	for _, tt := range []struct {
		major  int
		locale Locale
		want   string
	}{
		{13, Locale{Encoding: "UTF8", Provider: "libc", Collate: "C", CType: "C"}, `LC_COLLATE 'C' LC_CTYPE 'C'`},
		{15, icu, `LOCALE_PROVIDER 'icu' LC_COLLATE 'C' LC_CTYPE 'C' ICU_LOCALE 'de-AT'`},
		{16, icu, `LOCALE_PROVIDER 'icu' LC_COLLATE 'C' LC_CTYPE 'C' ICU_LOCALE 'de-AT' ICU_RULES  E'&V << w\\'`},
		{17, builtin, `LOCALE_PROVIDER 'builtin' LC_COLLATE 'C' LC_CTYPE 'C' BUILTIN_LOCALE 'C.UTF-8'`},
	} {
		want := `CREATE DATABASE "a""b" TEMPLATE template0 ENCODING 'UTF8' ` + tt.want
		if got := createStatement(`a"b`, tt.major, tt.locale); got != want {
			t.Errorf("major %d:\n got %s\nwant %s", tt.major, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "''", "shop": "shop", "/a/b-1.2": "/a/b-1.2", "it's $HOME": `'it'\''s $HOME'`, "ä": "'ä'"} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestConfLiteralKeepsOneLine(t *testing.T) {
	t.Parallel()
	if got := confLiteral("a'b\\c\nd"); got != `'a''b\\c\nd'` {
		t.Errorf("got %s", got)
	}
}

func TestEnvironmentOfTheSourceStaysOut(t *testing.T) {
	t.Setenv("PGHOST", "production")
	t.Setenv("PGPASSWORD", "secret")
	t.Setenv("PGOPTIONS", "-c default_transaction_read_only=on")
	t.Setenv("PGSSLMODE", "verify-full")
	t.Setenv("PGTARGETSESSIONATTRS", "read-only")
	t.Setenv("PGAPPNAME", "mine")
	t.Setenv("PGTZ", "Asia/Tokyo")
	t.Setenv("PGREQUIREAUTH", "md5")
	t.Setenv("PGCONNECT_TIMEOUT", "1")
	cfg, err := connection("/s", 5432, "", `o'dd "name\`)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Host != "/s" || cfg.Password != "" || cfg.TLSConfig != nil || cfg.Database != `o'dd "name\` || cfg.RequireAuth != "" || cfg.ValidateConnect != nil {
		t.Error("a setting of the source's environment came through")
	}
	if diff := cmp.Diff(map[string]string{"application_name": "rehearse"}, cfg.RuntimeParams); diff != "" {
		t.Errorf("runtime parameters (-want +got):\n%s", diff)
	}
}

func TestContainerNameTellsThatItIsKept(t *testing.T) {
	t.Parallel()
	rec := containerRecord(summary("/rehearse-a-1"))
	if rec.Kept || rec.Owner != 42 || rec.Expires.Year() != 2001 {
		t.Errorf("not kept: %+v", rec)
	}
	rec = containerRecord(summary("/" + keptContainer("a-kept-until-1", rec.Expires.AddDate(10, 0, 0))))
	if !rec.Kept || rec.Expires.Year() != 2011 {
		t.Errorf("kept: %+v", rec)
	}
}

func summary(name string) dockercontainer.Summary {
	return dockercontainer.Summary{Names: []string{name}, Labels: map[string]string{
		labelRun: "a-1", labelPID: "42", labelExpires: "2001-01-01T00:00:00Z", labelHost: "elsewhere",
	}}
}

func TestDaemonIsTheOneNamedFirst(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_HOST", "")
	write := func(path, text string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	choose := func(asked string) string {
		t.Helper()
		d, err := chooseDaemon(asked)
		if err != nil {
			return err.Error()
		}
		return d.host + " " + d.why
	}
	// The SHA-256 of "far" names its directory, as `docker context create far` does.
	sum := sha256.Sum256([]byte("far"))
	write("contexts/meta/"+hex.EncodeToString(sum[:])+"/meta.json", `{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2375"}}}`)
	write("config.json", `{"currentContext":"far"}`)
	if got := choose(""); got != "tcp://far:2375 docker context far" {
		t.Errorf("with a context: %s", got)
	}
	t.Setenv("DOCKER_CONTEXT", "nowhere")
	if got := choose(""); !strings.HasPrefix(got, "docker context nowhere: ") {
		t.Errorf("with a context that is not there: %s", got)
	}
	t.Setenv("DOCKER_HOST", "unix:///env.sock")
	if got := choose(""); got != "unix:///env.sock DOCKER_HOST" {
		t.Errorf("with DOCKER_HOST: %s", got)
	}
	if got := choose("unix:///asked.sock"); got != "unix:///asked.sock asked for" {
		t.Errorf("asked for: %s", got)
	}
	for host, want := range map[string]string{"unix:///x": "", "npipe:////./pipe/d": "", "tcp://[::1]:2375": "::1", "tcp://docker:2376": "docker"} {
		if got := (&daemon{host: host}).remoteName(); got != want {
			t.Errorf("the machine of %s is %q, want %q", host, got, want)
		}
	}
}

func TestMirrorIsPutBeforeHubImagesOnly(t *testing.T) {
	t.Parallel()
	if err := withoutReaper(); err != nil { // as in a run: mirrored reads the configuration
		t.Fatal(err)
	}
	for _, image := range []string{"postgres:17", "library/postgres", "registry.invalid/postgres:17", "localhost/postgres"} {
		if got := mirrored(image); got != image { // no prefix is configured here
			t.Errorf("mirrored(%s) = %s", image, got)
		}
	}
}
