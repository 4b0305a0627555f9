package main

import (
	"flag"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// TestExampleConfigTellsEveryKey takes the comment signs off the example: what is left is every key, each with a value its flag takes.
func TestExampleConfigTellsEveryKey(t *testing.T) {
	t.Parallel()
	whole := regexp.MustCompile(`(?m)^( *)# ([a-z_]+: )`).ReplaceAll(exampleConfig, []byte("$1$2"))
	p := parseConfig(whole)
	if err := p.errors("example"); err != nil {
		t.Fatal(err)
	}
	told := []string{"version"}
	flags := append(append(runCommand().Flags, copiesFlag()), append(createFlags(), verifyFlags()...)...) // of stage, snapshot create and verify
	for _, s := range p.settings {
		told = append(told, s.key)
		if s.flag == "" { // checks, which have been read
			continue
		}
		if err := setFlag(flags, s.flag, s.value); err != nil {
			t.Errorf("%s: %s: %v", s.key, s.value, err)
		}
	}
	if len(p.checks) == 0 {
		t.Error("the example has no check")
	}
	slices.Sort(told)
	told = slices.Compact(told) // a mapping of tables is a setting for each
	if diff := cmp.Diff(knownKeys(), told); diff != "" {
		t.Errorf("the example lacks keys (-) or has others (+):\n%s", diff)
	}
	if err := parseConfig(exampleConfig).errors("example"); err != nil {
		t.Errorf("as it is: %v", err)
	}
}

func setFlag(flags []cli.Flag, name, value string) error {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			if err := f.Apply(set); err != nil {
				return err
			}
			return set.Set(name, value)
		}
	}
	return set.Set(name, value)
}

func TestConfigForOtherRules(t *testing.T) {
	t.Parallel()
	p := parseConfig(configFor(`db/our "rules".yaml`))
	if err := p.errors("made"); err != nil {
		t.Fatal(err)
	}
	if got := p.settings[0]; got.key != "masks" || got.value != `db/our "rules".yaml` {
		t.Errorf("the first setting is %+v", got)
	}
}

func TestWithoutLibpq(t *testing.T) {
	t.Parallel()
	got := withoutLibpq([]string{"PATH=/bin", "PGSERVICE=production", "PGPASSWORD=x", "PG=", "HOME=/", "LC_ALL=C"})
	if diff := cmp.Diff([]string{"PATH=/bin", "HOME=/", "LC_ALL=C"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
