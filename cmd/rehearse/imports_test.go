package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rehearse-db/rehearse/"

// rooms says what each room may import of ours. Who is not listed may be imported by nobody but tests and the command.
var rooms = map[string][]string{
	"sanitize/mask":    {},
	"sanitize/detect":  {"sanitize/mask"},
	"sanitize/audit":   {},
	"sanitize/profile": {},
	"sanitize":         {"sanitize/mask", "sanitize/detect"},
	"snapshot/catalog": {},
	"snapshot/archive": {},
	"snapshot":         {"snapshot/archive", "snapshot/catalog", "sanitize", "sanitize/mask", "internal/sqltext"},
	"rehearse/staging": {},
	"rehearse/report":  {},
	"rehearse/premise": {"internal/sqltext"},
	"rehearse/curve":   {},
	"rehearse/receipt": {"rehearse/report"},
	"rehearse/verdict": {"rehearse/report", "internal/sqltext"},
	"rehearse/compare": {"snapshot/catalog", "rehearse/report"},
	"rehearse/observe": {"snapshot/catalog", "rehearse/report", "internal/sqltext"},
	"rehearse/proxy":   {},
	"rehearse/migrate": {"rehearse/observe", "rehearse/proxy", "rehearse/report", "internal/sqltext"},
	"rehearse":         {"snapshot", "snapshot/archive", "snapshot/catalog", "sanitize", "sanitize/mask", "sanitize/audit", "sanitize/profile", "rehearse/staging", "rehearse/premise", "rehearse/curve", "rehearse/receipt", "rehearse/report", "rehearse/verdict", "rehearse/compare", "rehearse/observe", "rehearse/migrate", "internal/sqltext"},
	"internal/pgtest":  {},
	"internal/sqltext": {},
	"cmd/rehearse":     {"rehearse", "rehearse/receipt", "rehearse/report", "rehearse/staging", "rehearse/migrate", "rehearse/verdict", "snapshot", "snapshot/archive", "snapshot/catalog", "sanitize"},
}

// thirdParty says which rooms may import a module of others, directly or through another room.
var thirdParty = map[string][]string{
	"github.com/testcontainers": {"rehearse/staging", "rehearse", "cmd/rehearse"},
	"github.com/moby/moby":      {"rehearse/staging", "rehearse", "cmd/rehearse"},
	"github.com/pressly/goose":  {"rehearse/migrate", "rehearse", "cmd/rehearse"},
	"github.com/urfave/cli":     {"cmd/rehearse"},
	"filippo.io/age":            {"snapshot/archive", "snapshot", "rehearse", "cmd/rehearse"},
	"github.com/jackc/pgx": {
		"snapshot", "snapshot/catalog", "rehearse/staging", "rehearse/compare", "rehearse/observe", "rehearse/proxy", "rehearse/migrate", "rehearse",
		"internal/pgtest", "cmd/rehearse",
	},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestWhoMayImportWhom(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := rooms[room]
		if !known {
			t.Errorf("room %s is not in the table of rooms (see ARCHITECTURE.md)", room)
			continue
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(allowed, other) {
				t.Errorf("%s may not import %s", room, other)
			}
		}
		for _, dep := range p.Deps {
			for prefix, may := range thirdParty {
				if strings.HasPrefix(dep, prefix) && !slices.Contains(may, room) {
					t.Errorf("%s depends on %s, which only %v may", room, dep, may)
				}
			}
			if dep == module+"internal/pgtest" { // testcontainers links package testing, which cannot be helped
				t.Errorf("%s links test code: %s", room, dep)
			}
		}
	}
}
