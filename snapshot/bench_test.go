package snapshot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/internal/pgtest"
)

// benchMasks are the scalar columns of the sample production that its description names as personal, as far as each mask fits their types.
var benchMasks = map[string]string{
	"shop.customers.email": "email", "shop.customers.given_name": "first_name", "shop.customers.family_name": "last_name",
	"shop.customers.full_name": "full_name", "shop.customers.phone": "phone", "shop.customers.street": "shape",
	"shop.customers.national_id": "shape", "shop.customers.birth_date": "date_shift",
	"shop.customers.profile":   `{mask: json, default: keep, paths: {"$.email": email, "$.name.first": first_name, "$.name.last": last_name}}`,
	"shop.addresses.recipient": "full_name", "shop.addresses.line1": "shape", "shop.orders.contact_email": "email",
	"shop.orders.contact_phone": "phone", "shop.payments.card_holder": "full_name", "shop.messages.sender": "shape",
	"audit.events.actor_email": "email", "audit.events.payload": `{mask: json, default: keep, paths: {"$.user.email": email, "$.user.name": full_name}}`,
}

// loadMode are the settings of a staging server while it is loaded.
var loadMode = []string{
	"wal_level = minimal", "max_wal_senders = 0", "synchronous_commit = off", "autovacuum = off", "shared_buffers = 1GB",
	"maintenance_work_mem = 256MB", "max_parallel_maintenance_workers = 1", "max_wal_size = 8GB", "checkpoint_timeout = 1h",
}

// BenchmarkCopy compares, in pairs, a masked copy of the sample production with pg_dump -Fd -j2 and pg_restore -j2.
// REHEARSE_BENCH_SCALE chooses its size (0.1); run it with -benchtime 3x on an idle machine.
func BenchmarkCopy(b *testing.B) {
	script := filepath.Join(pgtest.Shared(b), "bench", "prod.sql")
	scale := os.Getenv("REHEARSE_BENCH_SCALE")
	if scale == "" {
		scale = "0.1"
	}
	sources := pgtest.Start(b, "shared_buffers = 1GB", "max_wal_size = 8GB")
	source := sources.New(b)
	build := pgtest.Command(b, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "scale="+scale, "-f", script)
	build.Env = append(os.Environ(), pgtest.Env(source)...)
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the sample: %v\n%.500s", err, out)
	}
	pgtest.Exec(b, source, "VACUUM ANALYZE")
	targets := pgtest.Start(b, loadMode...)
	var copies, dumps time.Duration
	var rows, bytes int64
	data := make(map[string]time.Duration)
	for b.Loop() {
		start := time.Now()
		result := copied(b, source, newTarget(b, targets), benchMasks, CopyOptions{Jobs: 2})
		copies += time.Since(start)
		rows, bytes = 0, 0
		for _, t := range result.Tables {
			rows, bytes = rows+t.Rows, bytes+t.Bytes
		}
		for _, p := range result.Phases {
			data[p.Name] += p.Duration
		}
		dumps += dumpAndRestore(b, targets, pgtest.Env(source))
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	n := float64(b.N)
	b.ReportMetric(copies.Seconds()/n, "copy-s")
	b.ReportMetric(dumps.Seconds()/n, "dump+restore-s")
	b.ReportMetric(copies.Seconds()/dumps.Seconds(), "ratio")
	b.ReportMetric(float64(rows)*n/copies.Seconds(), "rows/s")
	b.ReportMetric(float64(bytes)/1e6, "MB")
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB")
	for name, took := range data {
		if took > time.Duration(b.N)*50*time.Millisecond {
			b.ReportMetric(took.Seconds()/n, name+"-s")
		}
	}
}

// dumpAndRestore is what people do without us; nothing is masked.
func dumpAndRestore(b *testing.B, targets *pgtest.Server, from []string) time.Duration {
	b.Helper()
	dir := filepath.Join(b.TempDir(), fmt.Sprint(time.Now().UnixNano()))
	target := targets.New(b)
	start := time.Now()
	for _, cmd := range []*exec.Cmd{
		pgtest.Command(b, "pg_dump", "-Fd", "-j2", "-f", dir), pgtest.Command(b, "pg_restore", "-j2", "-d", target.Database, dir),
	} {
		cmd.Env = append(os.Environ(), from...)
		from = pgtest.Env(target)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%.500s", cmd.Path, err, out)
		}
	}
	took := time.Since(start)
	_ = os.RemoveAll(dir)
	return took
}
