package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

// mostCompared is how many stored results are looked at for one about the same database.
const mostCompared = 20

// compareKey notes in a result that its key is another one than that of the last result about the same database which had a key to keep.
func compareKey(c *cli.Context, result *report.Result) {
	runs := filepath.Join(c.String("state-dir"), "runs")
	entries, err := os.ReadDir(runs)
	if err != nil {
		return // nothing is stored yet, or publish will say what is wrong with the directory
	}
	looked := 0
	for _, e := range slices.Backward(entries) { // ids sort by time
		earlier := readResult(filepath.Join(runs, e.Name(), "result.json"))
		if earlier == nil || earlier.ID == result.ID || earlier.Source.Database != result.Source.Database {
			continue
		}
		if looked++; looked > mostCompared {
			return
		}
		if m := earlier.Masking; m.KeyID != "" && !m.Ephemeral {
			result.After(earlier)
			return
		}
	}
}

// readResult reads a stored result; nil when there is none that can be read.
func readResult(path string) *report.Result {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	r, err := report.ReadJSON(f)
	if err != nil {
		return nil
	}
	return r
}

// keyOf is the key of a snapshot's masks, in words.
func keyOf(m archive.Masking) string {
	if m.Ephemeral {
		return "key thrown away"
	}
	return "key " + m.KeyID
}

// noteKeys says of which databases there are snapshots whose pseudonyms cannot be compared with one another.
func noteKeys(u ui, records []snapshotRecord) {
	keys, told := map[string]string{}, map[string]bool{}
	for _, r := range records {
		if r.Manifest == nil {
			continue
		}
		name, key := r.Manifest.Database, r.Manifest.Masking.KeyID
		if first, ok := keys[name]; ok && first != key && !told[name] {
			told[name] = true
			u.note("the snapshots of %s were masked with different keys: a value has another pseudonym in each, so compare none across them", oneLine(name))
		}
		keys[name] = key
	}
}

// noteMaskKey says that a snapshot was masked with another key than the one that is set now.
func noteMaskKey(u ui, m archive.Masking) error {
	key, ephemeral, err := maskKey()
	if err != nil || ephemeral || m.Ephemeral || m.KeyID == key.ID() {
		return err
	}
	u.note("it was masked with key %s, and REHEARSE_MASK_KEY is key %s: pseudonyms of the two cannot be compared", m.KeyID, key.ID())
	return nil
}

// noteEphemeral says that a key is gone, and what that means.
func noteEphemeral(u ui, m report.Masking, restored bool) {
	switch {
	case m.Ephemeral && restored:
		u.note("the key of the masks was made for the snapshot and thrown away: no other copy has its pseudonyms")
	case m.Ephemeral:
		u.note("the key of the masks was made for this copy and thrown away: no other copy has its pseudonyms")
	}
}
