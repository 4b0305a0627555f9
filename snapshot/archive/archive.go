// Package archive keeps a masked copy of a database as a file: parts, each compressed and perhaps encrypted by itself, then a manifest that
// names every one of them with its SHA-256, then a footer.
//
//	head      16 bytes: magic, format version, flags
//	parts     chunks of tables (COPY data that stand alone) and documents, one after another
//	manifest  a part too: JSON, which says where each part is and what is in it
//	footer    64 bytes: sizes, SHA-256 of head, manifest and sizes, magic
//
// An archive is written from front to back, so that it can go to a pipe. Kept as a directory it is the same bytes in files of their own:
// "cat head part-* tail" makes the single file. Whatever is not as it was written is refused: every byte is covered by a digest, the
// footer comes last, and a file gets its name only when all of it is on the disk.
//
// The package knows the format and nothing else: neither PostgreSQL's catalogs nor what a rehearsal is. What its users need for a restore
// they put in as documents.
package archive

import (
	"slices"
	"time"
)

// Format is the version of the format that is written. An archive of a higher one is refused.
const Format = 1

// Manifest says what an archive holds.
type Manifest struct {
	Format    int       `json:"format"`
	ID        string    `json:"id"`   // of the run that made it
	Tool      string    `json:"tool"` // version of the program
	CreatedAt time.Time `json:"created_at"`

	Database         string    `json:"database"`           // name of the source; never its host
	ServerVersion    string    `json:"server_version"`     // "15.18 (Debian 15.18-0+deb12u1)"
	ServerVersionNum int       `json:"server_version_num"` // 150018
	TakenAt          time.Time `json:"taken_at"`           // start of the view that was copied, by the source's clock
	LSN              string    `json:"lsn"`                // position in the source's WAL at that moment

	Masking Masking `json:"masking"`
	Tables  []Table `json:"tables"` // by schema and name
	// LargeObjects are the contents of large objects in pieces, as rows of a table without a schema; nil where there are none.
	LargeObjects *Table `json:"large_objects,omitempty"`
	// PartOf are the rows in the source of each table that is kept in part only, as far as they are known, by its quoted name.
	PartOf    map[string]int64 `json:"part_of,omitempty"`
	Documents []Document       `json:"documents"`
	// Void are parts of an attempt that was begun anew: they are checked like any other, and never used.
	Void []Part `json:"void,omitempty"`
}

// Masking says by which rules and with which key the rows were masked. Neither can be had back from it.
type Masking struct {
	RulesSHA256 string `json:"rules_sha256"`
	KeyID       string `json:"key_id"`
	Ephemeral   bool   `json:"ephemeral_key"` // made for that run and thrown away
	Columns     int    `json:"columns"`
	Masked      int    `json:"masked"`
}

// Table is one table with its rows.
type Table struct {
	Schema  string   `json:"schema"`
	Name    string   `json:"name"`
	Columns []string `json:"columns"` // in the order of the data; none: rows without columns
	Binary  bool     `json:"binary"`  // in COPY's binary format, else in text
	Rows    int64    `json:"rows"`
	Bytes   int64    `json:"bytes"` // of COPY data, the frame of the binary format included
	Chunks  []Chunk  `json:"chunks"`
}

// Chunk is a range of a table's rows that COPY takes by itself: whole rows, in the binary format with header and trailer.
type Chunk struct {
	Part
	Rows int64 `json:"rows"`
}

// Part is a piece of the archive that is compressed, encrypted and checked by itself.
type Part struct {
	Number int    `json:"number"` // from 0, in the order of the archive
	Offset int64  `json:"offset"` // in the single file
	Size   int64  `json:"size"`   // as it stands there
	Raw    int64  `json:"raw"`    // bytes of content
	SHA256 string `json:"sha256"` // of the bytes as they stand there, hexadecimal
}

// Document is a part that users of the format give a name and a meaning.
type Document struct {
	Part
	Name string `json:"name"`
}

// Rows is the number of rows of all tables.
func (m *Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// Bytes is the amount of COPY data of all tables.
func (m *Manifest) Bytes() (n int64) {
	for _, t := range m.Tables {
		n += t.Bytes
	}
	return n
}

// Major is the major version of the source's server: 15.
func (m *Manifest) Major() int { return m.ServerVersionNum / 10000 }

// all are the tables, and what is kept as one.
func (m *Manifest) all() (all []*Table) {
	for i := range m.Tables {
		all = append(all, &m.Tables[i])
	}
	if m.LargeObjects != nil {
		all = append(all, m.LargeObjects)
	}
	return all
}

// parts are all parts but the manifest, in the order of the archive.
func (m *Manifest) parts() []Part {
	all := slices.Clone(m.Void)
	for _, d := range m.Documents {
		all = append(all, d.Part)
	}
	for _, t := range m.all() {
		for _, c := range t.Chunks {
			all = append(all, c.Part)
		}
	}
	slices.SortFunc(all, func(a, b Part) int { return a.Number - b.Number })
	return all
}
