package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

var at = time.Date(2026, 9, 14, 2, 0, 0, 0, time.UTC)

func result() *report.Result {
	return &report.Result{
		ID: "run", StartedAt: at, Duration: report.Duration(time.Minute), Verdict: report.Go, Source: report.Server{Database: "shop", Version: "15.18", VersionNum: 150018},
		Snapshot: report.Snapshot{TakenAt: at, LSN: "0/1"},
		Subject: &report.Subject{
			Files: []report.File{
				{Version: 1, Name: "1_a.sql", SHA256: "a1", State: report.FileApplied},
				{Version: 2, Name: "2_b.sql", SHA256: "b1", Sent: "s1", State: report.FilePending},
				{Version: 3, Name: "3_c.sql", SHA256: "c1", State: report.FileLeft},
			},
			To: 2, Versions: report.Versions{Table: "public.goose_db_version", Head: 1, Count: 1, SHA256: "v1"}, Cluster: "x",
			Schema: &report.Fingerprint{SHA256: "f1", Objects: map[string]map[string]string{"table": {"public.a": "1", "public.b": "2"}}},
		},
		Overrides: []report.Override{{Allows: "no-down", Until: "2026-09-14", File: "2_b.sql", Line: 1}, {Allows: "gone", Until: "2026-09-01", Expired: true}},
	}
}

func now() Now {
	return Now{
		At: at.Add(time.Hour), Files: []report.File{{Version: 1, Name: "1_a.sql", SHA256: "a1"}, {Version: 2, Name: "2_b.sql", SHA256: "b1", Sent: "s1"}, {Version: 3, Name: "3_c.sql", SHA256: "c1"}},
		Production: &Production{
			Version: "15.18", VersionNum: 150018, Cluster: "x", Versions: report.Versions{Head: 1, Count: 1, SHA256: "v1"},
			Schema: &report.Fingerprint{SHA256: "f1", Objects: map[string]map[string]string{"table": {"public.a": "1", "public.b": "2"}}},
		},
	}
}

// TestChecks moves one thing at a time: exactly that is told, and the receipt no longer holds.
func TestChecks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(p *Payload, n *Now, terms *Terms)
		want   string
	}{
		"nothing":            {func(*Payload, *Now, *Terms) {}, ""},
		"old":                {func(_ *Payload, n *Now, terms *Terms) { n.At = at.Add(5 * time.Hour) }, "age: production was read 5 h 00 m ago, allowed are 4 h 00 m"},
		"any age":            {func(p *Payload, n *Now, terms *Terms) { n.At, terms.MaxAge, p.Overrides = at.AddDate(1, 0, 0), 0, nil }, ""},
		"future":             {func(_ *Payload, n *Now, _ *Terms) { n.At = at.Add(-time.Hour) }, "age: it comes from the future, 1 h 01 m ahead of this machine's clock"},
		"no time":            {func(p *Payload, _ *Now, _ *Terms) { p.TakenAt = time.Time{} }, "age: it does not say when production was read"},
		"NO-GO":              {func(p *Payload, _ *Now, _ *Terms) { p.Verdict, p.ExitCode, p.Reason = report.NoGo, 11, "slow" }, "verdict: NO-GO (exit code 11): slow"},
		"conditions":         {func(p *Payload, _ *Now, _ *Terms) { p.Verdict, p.Reason = report.GoWithConditions, "drop it" }, "verdict: GO WITH CONDITIONS, and GO is required: drop it"},
		"conditions allowed": {func(p *Payload, _ *Now, terms *Terms) { p.Verdict, terms.Conditions = report.GoWithConditions, true }, ""},
		"strict conditions": {func(p *Payload, _ *Now, terms *Terms) {
			p.Verdict, p.ExitCode, terms.Conditions = report.GoWithConditions, 11, true
		}, "verdict: GO WITH CONDITIONS (exit code 11): "},
		"a green failure":   {func(p *Payload, _ *Now, _ *Terms) { p.ExitCode = 14 }, "verdict: GO (exit code 14): "},
		"expired override":  {func(_ *Payload, n *Now, _ *Terms) { n.At = at.Add(22*time.Hour + time.Second) }, "age: production was read 22 h 00 m ago, allowed are 4 h 00 m|overrides: 1 override in force, and not all of them any more: no-down expired on 2026-09-14 (2_b.sql:1)"},
		"changed":           {func(_ *Payload, n *Now, _ *Terms) { n.Files[0].SHA256 = "a2" }, "files: the directory is not what was rehearsed: 1_a.sql was changed (applied when it was rehearsed)"},
		"other environment": {func(_ *Payload, n *Now, _ *Terms) { n.Files[1].Sent = "s2" }, "files: the directory is not what was rehearsed: 2_b.sql is what it was, but its statements are not: variables of the environment replace parts of it"},
		"added and gone":    {func(_ *Payload, n *Now, _ *Terms) { n.Files[1].Name = "2_x.sql" }, "files: the directory is not what was rehearsed: 2_b.sql is gone (pending when it was rehearsed), 2_x.sql was not there when it was rehearsed"},
		"all of them":       {func(_ *Payload, _ *Now, terms *Terms) { terms.To = 0 }, "files: the directory is not what was rehearsed: 3_c.sql is pending and was not rehearsed"},
		"other cluster":     {func(_ *Payload, n *Now, _ *Terms) { n.Production.Cluster = "y" }, "server: this is another PostgreSQL cluster than the one that was rehearsed on a copy of"},
		"cluster not known": {func(_ *Payload, n *Now, _ *Terms) { n.Production.Cluster = "" }, ""},
		"major":             {func(_ *Payload, n *Now, _ *Terms) { n.Production.Version, n.Production.VersionNum = "16.1", 160001 }, "server: PostgreSQL 16.1, rehearsed was 15.18"},
		"deployed": {func(_ *Payload, n *Now, _ *Terms) {
			n.Production.Versions = report.Versions{Head: 2, Count: 2, SHA256: "v2"}
		}, "versions: production is at version 2 with 2 applied, rehearsed was at 1 with 1"},
		"others applied": {func(_ *Payload, n *Now, _ *Terms) { n.Production.Versions.SHA256 = "v2" }, "versions: head 1, 1 applied, but other versions than those that were when it was rehearsed"},
		"schema moved": {func(_ *Payload, n *Now, _ *Terms) {
			n.Production.Schema = &report.Fingerprint{SHA256: "f2", Objects: map[string]map[string]string{"table": {"public.a": "9"}, "view": {"public.v": "3"}}}
		}, "schema: it is not as it was when it was rehearsed: table public.a was changed, table public.b is gone, view public.v is new"},
		"partitions like others": {func(p *Payload, n *Now, _ *Terms) {
			p.Subject.Schema.Leaves, n.Production.Schema.Leaves = map[string]string{"s.p1": "1", "s.p2": "2"}, map[string]string{"s.p2": "2", "s.p3": "3"}
		}, ""},
		"a partition changed": {func(p *Payload, n *Now, _ *Terms) {
			p.Subject.Schema.Leaves, n.Production.Schema.Leaves = map[string]string{"s.p1": "1"}, map[string]string{"s.p1": "2"}
		}, "schema: it is not as it was when it was rehearsed: partition s.p1 was changed"},
		"partitions that are named": {func(p *Payload, n *Now, _ *Terms) {
			p.Subject.Schema.Leaves, n.Production.Schema.Leaves = map[string]string{"s.p1": "1"}, map[string]string{"s.p2": "2"}
			n.Production.Named = map[string]bool{"s.p1": true, "s.p2": true}
		}, "schema: it is not as it was when it was rehearsed: partition s.p1 is gone, and a pending migration names it, partition s.p2 is new, and a pending migration names it"},
		"no fingerprint": {func(p *Payload, _ *Now, _ *Terms) { p.Subject.Schema = nil }, "schema: the receipt has no fingerprint of it: its catalog was not read, or an older version made the snapshot"},
		"empty fingerprints": {func(p *Payload, n *Now, _ *Terms) {
			p.Subject.Schema, n.Production.Schema = &report.Fingerprint{}, &report.Fingerprint{}
		}, "schema: it is not as it was when it was rehearsed"},
		"not asked": {func(_ *Payload, n *Now, _ *Terms) { n.Production = nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := New(result())
			if err != nil {
				t.Fatal(err)
			}
			n, terms := now(), Terms{MaxAge: 4 * time.Hour, To: 2}
			tc.change(p, &n, &terms)
			var failed []string
			for _, c := range p.Check(n, terms) {
				if !c.Holds {
					failed = append(failed, strings.TrimSuffix(c.What+": "+c.Text+": "+strings.Join(c.Moved, ", "), ": "))
				}
			}
			if d := cmp.Diff(strings.TrimSuffix(tc.want, ": "), strings.TrimSuffix(strings.Join(failed, "|"), ": ")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestStoppedHasNone(t *testing.T) {
	t.Parallel()
	r := result()
	r.Stopped = &report.Stop{}
	if _, err := New(r); err == nil {
		t.Error("a rehearsal that stopped has a receipt")
	}
	r = result()
	r.Subject = nil
	if _, err := New(r); err == nil {
		t.Error("a result without files has a receipt")
	}
}

// openssl runs the program that keys come from, which is also the witness of our signatures.
func openssl(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TestSignature has openssl make the keys and verify what we sign; then every byte that could be changed is.
func TestSignature(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openssl(t, dir, "genpkey", "-algorithm", "ed25519", "-out", "key")
	openssl(t, dir, "pkey", "-in", "key", "-pubout", "-out", "pub")
	key, err := ParsePrivateKey(read(t, dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ParsePublicKey(read(t, dir, "pub"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(result())
	if err != nil {
		t.Fatal(err)
	}
	text, err := Seal(p, key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read(text)
	if err != nil || s.Verify(pub) != nil {
		t.Fatal(err, s.Verify(pub))
	}
	back, err := s.Payload()
	if d := cmp.Diff(p, back); d != "" || err != nil {
		t.Errorf("read back (-written +read): %v\n%s", err, d)
	}
	for name, b := range map[string][]byte{"payload": s.payload, "sig": s.sig} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := openssl(t, dir, "pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-rawin", "-in", "payload", "-sigfile", "sig"); !bytes.Contains(out, []byte("Signature Verified Successfully")) {
		t.Errorf("openssl: %s", out)
	}
	for i := range s.payload {
		changed := Sealed{KeyID: s.KeyID, payload: bytes.Clone(s.payload), sig: s.sig}
		changed.payload[i] ^= 1
		if changed.Verify(pub) == nil {
			t.Fatalf("byte %d of the payload can be changed", i)
		}
	}
	if err := (&Sealed{payload: s.payload, sig: ed25519.Sign(key, []byte("x"))}).Verify(pub); err == nil {
		t.Error("the signature of something else holds")
	}
	unsigned, err := Seal(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Read(unsigned); err != nil || s.Signed() || s.Verify(pub) == nil {
		t.Errorf("unsigned: %v", err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOtherKeys are told for what they are, and never quoted.
func TestOtherKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openssl(t, dir, "genpkey", "-algorithm", "ed25519", "-out", "key")
	openssl(t, dir, "pkey", "-in", "key", "-pubout", "-out", "pub")
	openssl(t, dir, "genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec")
	openssl(t, dir, "pkey", "-in", "key", "-aes-256-cbc", "-passout", "pass:x", "-out", "locked")
	for name, want := range map[string]string{"pub": `it holds a "PUBLIC KEY", where a PRIVATE KEY is wanted`, "ec": "of another algorithm", "locked": "encrypted with a passphrase"} {
		if _, err := ParsePrivateKey(read(t, dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s as a private key: %v", name, err)
		}
	}
	if _, err := ParsePublicKey(read(t, dir, "key")); err == nil || !strings.Contains(err.Error(), "it is a private key") {
		t.Errorf("a private key as a public one: %v", err)
	}
	for _, text := range []string{"", "x", `{"rehearse_receipt": 1}`, `{"rehearse_receipt": 2, "payload": "e30="}`} {
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("%q is read as a receipt", text)
		}
	}
	other, _ := json.Marshal(map[string]any{"rehearse_receipt": 1, "payload": []byte(`{"kind": "a cheque"}`)})
	s, err := Read(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Payload(); err == nil {
		t.Error("what is signed for something else is taken for a receipt")
	}
}
