package report

// Subject is what was rehearsed, so exactly that a deploy can tell whether it still is the same.
type Subject struct {
	Files    []File       `json:"files"`              // every migration of the directory, in the order of their numbers
	Migrator Migrator     `json:"migrator,omitempty"` // "" is goose
	To       int64        `json:"to,omitempty"`       // the version up to which pending ones were rehearsed; 0: all
	Versions Versions     `json:"versions"`
	Schema   *Fingerprint `json:"schema,omitempty"`  // nil: the source's catalog was not read
	Cluster  string       `json:"cluster,omitempty"` // SHA-256 of the source's system identifier; "" where its role may not see that
}

// File is a migration of the directory.
type File struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`             // without directory
	SHA256  string `json:"sha256,omitempty"` // of its bytes; "" for Go code without a file
	State   string `json:"state"`            // FileApplied, FilePending or FileLeft
	// Sent is the SHA-256 of the statements of a pending SQL migration as they are sent, which for goose variables of the environment may change.
	Sent string `json:"sent_sha256,omitempty"`
}

// The states of a file when the source was read.
const (
	FileApplied = "applied" // in the version table, or below what it or a person says is pending
	FilePending = "pending" // not in it, and rehearsed
	FileLeft    = "left"    // not in it, and not to be rehearsed: above Subject.To
)

// Versions is what the version table held; golang-migrate's holds the newest alone, and plain files have none.
type Versions struct {
	Table  string `json:"table"`  // quoted, schema qualified
	Head   int64  `json:"head"`   // the highest version applied; 0: none
	Count  int    `json:"count"`  // versions applied
	SHA256 string `json:"sha256"` // of the versions in it, in order, a line each
}

// Fingerprint is a schema as digests: of all of it, and of each object with what is folded under it (a table with its columns, constraints,
// indexes, triggers and policies). What changes by itself is not in it: values of sequences, statistics, sizes; nor are roles, tablespaces
// and parameters, which are the whole server's. Of partitions that hold rows it has, by their table, which forms there are: new ones like others move
// nothing.
type Fingerprint struct {
	SHA256  string                       `json:"sha256"`
	Objects map[string]map[string]string `json:"objects"` // kind -> name as SQL has it -> the first 16 hexadecimal digits of its SHA-256

	// Leaves are the partitions that hold rows, name -> likewise. They are no part of SHA256: one that comes or goes may be as its siblings are.
	Leaves map[string]string `json:"leaves,omitempty"`
}
