package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// The documents of an archive that a restore goes by.
const (
	schemaDocument = "schema.dump" // pg_dump's, in its custom format
	sourceDocument = "source.json" // archivedSource
)

// archivedSource is what a restore needs to know of a source that it does not ask.
type archivedSource struct {
	Server      archivedServer
	Description *Description
	Schemas     map[string]archivedSchema
	Sequences   []archivedSequence // as staging has them
	ViaRoot     []string           // partitions whose masked rows are loaded through the topmost table, quoted
	Versions    map[string][]AppliedVersion
	LeftOut     []string
	Objects     sanitize.LargeObjects   // the rule for large objects
	Parts       map[string]archivedPart // tables that have not all their rows, by quoted name
	Breaks      []sanitize.Break        // keys to be broken once the rows are there, which are archived as the source has them
}

// archivedPart is how much of a table was copied.
type archivedPart struct {
	Share           sanitize.Share
	SourceRows      int64
	SourceRowsExact bool
}

// archivedServer is [Server] without what leads to it.
type archivedServer struct {
	VersionNum    int
	Version       string
	Database      string
	User          string
	Standby       bool
	SizeBytes     int64
	Encoding      string
	SearchPath    string
	RuntimeParams map[string]string
}

type archivedSchema struct {
	OID   uint32
	Owner string
}

type archivedSequence struct {
	Sequence catalog.Sequence
	Last     int64
	Called   bool
}

// keeper hands on the masked data of a table, and keeps them in the archive if there is one.
type keeper struct {
	in    io.Reader
	table *archive.TableWriter // nil without an archive
	err   error                // of the archive
}

// keep wraps what the target reads of a table, or of a range of its rows.
func (c *copier) keep(l *load, in io.Reader) *keeper {
	k := &keeper{in: in}
	if c.opts.Archive != nil {
		k.table = c.opts.Archive.Table(l.table.Schema, l.table.Name, l.columns, l.result.Binary)
	}
	return k
}

// Read implements io.Reader for the receiving server.
func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.in.Read(p)
	if n == 0 || k.table == nil {
		return n, err
	}
	if _, k.err = k.table.Write(p[:n]); k.err != nil {
		return 0, k.err
	}
	return n, err
}

// close has the archive take the rows in, once staging has taken them.
func (k *keeper) close(rows int64) error {
	if k.table == nil {
		return nil
	}
	kept, err := k.table.Close()
	if err == nil && kept != rows {
		err = fmt.Errorf("keep the rows: %d were loaded, %d archived", rows, kept)
	}
	return err
}

// archiveRest adds to the archive what is not rows: the schema, and what a restore would ask the source for. Staging is complete by now.
func (c *copier) archiveRest(ctx context.Context) error {
	if c.opts.Archive == nil {
		return nil
	}
	return c.phase(ctx, "archive", func(ctx context.Context) error {
		var dump []byte
		versions := map[string][]AppliedVersion{}
		err := c.onTarget(ctx, "read back for the archive", func(conn *pgx.Conn) error {
			if err := conn.QueryRow(ctx, "SELECT pg_read_binary_file($1)", c.archive).Scan(&dump); err != nil {
				return err
			}
			return c.readVersions(ctx, conn, versions)
		})
		if err != nil {
			return err
		}
		if err := blankDump(dump); err != nil {
			return &DumpError{Program: "pg_dump", Kind: DumpFailed, Err: err}
		}
		text, err := ExactJSON(c.archived(versions))
		if err != nil {
			return &archive.Error{Kind: archive.Unwritable, Archive: c.opts.Archive.Name(), Part: "document " + sourceDocument, Err: err}
		}
		if err := c.opts.Archive.Add(schemaDocument, dump); err != nil {
			return err
		}
		return c.opts.Archive.Add(sourceDocument, text)
	})
}

// ExactJSON is the JSON of v, which has no place for text that is not UTF-8: names can be such in a database without an encoding.
func ExactJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err == nil && bytes.Contains(text, []byte(`\ufffd`)) { // what is written for it; the character itself is not escaped
		err = errors.New("a name or a comment in the source is not valid UTF-8")
	}
	return text, err
}

// readVersions reads goose's and golang-migrate's tables from staging, where they are as they were in the view: pending migrations are known without a restore.
func (c *copier) readVersions(ctx context.Context, conn *pgx.Conn, versions map[string][]AppliedVersion) error {
	for _, t := range c.desc.Tables {
		tool := t.Bookkeeping()
		if tool != catalog.Goose && tool != catalog.GolangMigrate || !holdsRows(t) {
			continue
		}
		rows, err := conn.Query(ctx, fmt.Sprintf(historyOf(tool), ident(t.Schema, t.Name)))
		if err != nil {
			return err
		}
		if versions[t.String()], err = pgx.CollectRows(rows, scanApplied); err != nil {
			return err
		}
	}
	return nil
}

// archived describes the source. Settings with a dot in their name, which are not copied since they may be secrets, lose their values.
func (c *copier) archived(versions map[string][]AppliedVersion) *archivedSource {
	s, d := c.src.server, *c.desc
	d.Database.Settings = nil
	for _, setting := range c.desc.Database.Settings {
		if strings.Contains(setting.Name, ".") {
			setting.Value = ""
		}
		d.Database.Settings = append(d.Database.Settings, setting)
	}
	a := &archivedSource{
		Server: archivedServer{
			VersionNum: s.VersionNum, Version: s.Version, Database: s.Database, User: s.User, Standby: s.Standby, SizeBytes: s.SizeBytes,
			Encoding: s.Encoding, SearchPath: s.SearchPath, RuntimeParams: harmlessParams(s.RuntimeParams),
		},
		Description: &d, Schemas: map[string]archivedSchema{}, Versions: versions, LeftOut: c.notCopied, Objects: c.objects,
		Parts: map[string]archivedPart{}, Breaks: c.sel.Breaks,
	}
	for name, at := range c.desc.schemas {
		a.Schemas[name] = archivedSchema{OID: at.oid, Owner: at.owner}
	}
	for _, q := range c.seqs {
		a.Sequences = append(a.Sequences, archivedSequence{Sequence: q.sequence, Last: q.last, Called: q.called})
	}
	for _, l := range c.loads {
		if l.via != nil {
			a.ViaRoot = append(a.ViaRoot, l.table.String())
		}
		if r := l.result; !r.Part.Whole() {
			a.Parts[l.table.String()] = archivedPart{Share: r.Part.Share, SourceRows: r.SourceRows, SourceRowsExact: r.SourceRowsExact}
		}
	}
	return a
}

// harmlessParams are the parameters of the URL that PostgreSQL itself knows: one with a dot in its name is an application's, and may be a
// secret. Such a one in options stays where it is set, since migrations may need it: then the whole of options is left out.
func harmlessParams(params map[string]string) map[string]string {
	p := maps.Clone(params)
	for name, value := range p {
		if strings.Contains(name, ".") || name == "options" && strings.Contains(value, ".") {
			delete(p, name)
		}
	}
	return p
}
