package report

import "fmt"

// OtherKey is an earlier result about the same database, whose masks had another key: a value has one pseudonym here and another one there.
type OtherKey struct {
	Run   string `json:"run"`    // the earlier run's id
	KeyID string `json:"key_id"` // of its key
}

// After notes that the key has changed since an earlier result, if both are about a database of the same name and the earlier key was
// one that somebody keeps. A key made for one run is told as that, and compares with nothing.
func (r *Result) After(earlier *Result) {
	was, is := earlier.Masking, &r.Masking
	if is.KeyID == "" || was.KeyID == "" || was.Ephemeral || was.KeyID == is.KeyID || earlier.Source.Database != r.Source.Database {
		return
	}
	is.OtherKey = &OtherKey{Run: earlier.ID, KeyID: was.KeyID}
}

// keyWords says by which key values were masked, and what that allows to compare.
func (a *arranger) keyWords() string {
	m, text := a.r.Masking, ""
	switch {
	case m.Ephemeral && a.r.Snapshot.Archive != nil:
		text = "; the key was made for the snapshot and thrown away"
	case m.Ephemeral:
		text = "; the key was made for this run and thrown away"
	case m.KeyID != "":
		text = "; key " + m.KeyID
	}
	if o := m.OtherKey; o != nil {
		text += fmt.Sprintf("; run %s had key %s: its pseudonyms cannot be compared with these", o.Run, o.KeyID)
	}
	return text
}
