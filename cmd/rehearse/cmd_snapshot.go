package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot/archive"
)

func snapshotCommand() *cli.Command {
	format := func() cli.Flag { return choiceFlag("format", "text", "what stdout gets", "text", "json") }
	return &cli.Command{
		Name:  "snapshot",
		Usage: "keep masked copies of the source as files, to be restored without it",
		Subcommands: []*cli.Command{
			{
				Name: "create", Usage: "make a masked copy of the source and keep it as a file", Action: prepare(createAction),
				Flags: flags(createFlags(), sourceFlags(), maskFlags(), stagingFlags(), []cli.Flag{timeoutFlag(), format()}),
			},
			{
				Name: "list", Usage: "the snapshots in a directory", Action: prepare(listSnapshots),
				Flags: flags([]cli.Flag{snapshotDirFlag(), identityFlag(), format()}),
			},
			{
				Name: "show", Usage: "what a snapshot holds", Action: prepare(showAction),
				Flags: flags([]cli.Flag{nameFlag("; - is stdin")}, findFlags(), []cli.Flag{format()}),
			},
			{
				Name: "verify", Usage: "read all of a snapshot and check it", Action: prepare(verifyAction),
				Flags: flags([]cli.Flag{nameFlag("; - is stdin")}, findFlags(), []cli.Flag{
					timeoutFlag(), &cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "chunks checked at once", Value: 4, EnvVars: env("jobs")},
				}),
			},
			{
				Name: "delete", Usage: "delete a snapshot", Action: prepare(deleteAction),
				Flags: flags([]cli.Flag{nameFlag(""), snapshotDirFlag()}),
			},
		},
	}
}

func createAction(c *cli.Context) error {
	cfg, err := config(c)
	if err != nil {
		return err
	}
	w, path, err := createSnapshot(c, cfg)
	if err != nil {
		return err
	}
	var made *rehearse.Archived
	err = bounded(c, func(ctx context.Context) error {
		progress := newReporter(choiceOf(c, "progress"), c.Bool("quiet"), c.App.ErrWriter)
		defer progress.close()
		cfg.Progress = progress.event
		made, err = rehearse.Archive(ctx, cfg, w)
		return err
	})
	if err = errors.Join(err, w.Abort()); err != nil { // a finished one stays
		return err
	}
	told(c, made)
	if path == standardStream {
		return nil
	}
	if choiceOf(c, "format") == "json" {
		err = printManifest(c.App.Writer, path, made.Manifest)
	} else {
		fmt.Fprintln(c.App.Writer, path)
	}
	return errors.Join(err, push(c, path))
}

// told says on stderr what was made.
func told(c *cli.Context, made *rehearse.Archived) {
	u := ui{err: c.App.ErrWriter}
	if c.Bool("quiet") {
		return
	}
	if len(c.StringSlice("encrypt-to")) == 0 {
		u.note("not encrypted: who has the file can read the masked rows; --encrypt-to RECIPIENT changes that")
	}
	u.note("%s, %s; %d of %d columns masked", count(int64(len(made.Snapshot.Tables)), "table"), rowsOf(made.Snapshot), made.Masking.Masked, made.Masking.Columns)
	for _, d := range made.Differences {
		u.note("differs from the source: %s: %s there, %s here", d.What, orNone(d.Source), orNone(d.Staging))
	}
	noteEphemeral(u, made.Masking, false)
}

// snapshotRecord is a snapshot in JSON: its manifest, without the parts, and what it is as a file.
type snapshotRecord struct {
	Name      string            `json:"name"`
	Path      string            `json:"path"`
	Bytes     int64             `json:"bytes"` // of its files
	Encrypted bool              `json:"encrypted"`
	Error     string            `json:"error,omitempty"` // why it cannot be read
	Rows      int64             `json:"rows"`
	Manifest  *archive.Manifest `json:"manifest,omitempty"`
}

func recordOf(path string, r *archive.Reader) snapshotRecord {
	return snapshotRecord{
		Name: filepath.Base(path), Path: path, Bytes: r.Size(), Encrypted: r.Encrypted(), Rows: r.Manifest().Rows(), Manifest: r.Manifest(),
	}
}

func printManifest(w io.Writer, path string, m *archive.Manifest) error {
	return printJSON(w, map[string]any{"name": filepath.Base(path), "path": path, "rows": m.Rows(), "manifest": m}, "  ")
}

func listSnapshots(c *cli.Context) error {
	keys, err := identities(c)
	if err != nil {
		return err
	}
	dir := snapshotDir(c)
	list, err := archive.List(dir, keys...)
	if err != nil {
		return err
	}
	records := []snapshotRecord{}
	for _, e := range list {
		r := snapshotRecord{Name: e.Name, Path: filepath.Join(dir, e.Name), Bytes: e.Size, Encrypted: e.Encrypted, Manifest: e.Manifest}
		if e.Manifest != nil {
			r.Rows = e.Manifest.Rows()
		} else if !e.Encrypted {
			r.Error = archiveReason(e.Err)
		}
		records = append(records, r)
	}
	if choiceOf(c, "format") == "json" {
		return printJSON(c.App.Writer, records, "")
	}
	for _, r := range records {
		fmt.Fprintln(c.App.Writer, r.line(time.Now()))
	}
	noteKeys(ui{err: c.App.ErrWriter}, records)
	return nil
}

// archiveReason is why an archive cannot be used, without its name.
func archiveReason(err error) string {
	if e := archiveError(err); e != nil {
		bare := *e
		bare.Archive = ""
		return bare.Error()[len("snapshot : "):]
	}
	return err.Error()
}

// line is a snapshot in the list.
func (r snapshotRecord) line(now time.Time) string {
	text := fmt.Sprintf("%-40s  %9s", oneLine(r.Name), report.Bytes(r.Bytes))
	switch m := r.Manifest; {
	case m != nil:
		text += fmt.Sprintf("  %s ago  %s, PostgreSQL %d, %s in %s%s, %s", report.Duration(now.Sub(m.TakenAt)), oneLine(m.Database), m.Major(),
			count(r.Rows, "row"), count(int64(len(m.Tables)), "table"), inPart(m), keyOf(m.Masking))
	case r.Encrypted:
		text += "  encrypted: --identity opens it"
	default:
		return text + "  " + oneLine(r.Error)
	}
	if r.Encrypted && r.Manifest != nil {
		text += ", encrypted"
	}
	return text
}

func showAction(c *cli.Context) (err error) {
	r, err := openSnapshot(c)
	if err != nil {
		return err
	}
	defer r.Close()
	if choiceOf(c, "format") == "json" {
		return printJSON(c.App.Writer, recordOf(r.Name(), r), "  ")
	}
	showText(c.App.Writer, r)
	return noteMaskKey(ui{err: c.App.ErrWriter}, r.Manifest().Masking)
}

func verifyAction(c *cli.Context) error {
	r, err := openSnapshot(c)
	if err != nil {
		return err
	}
	defer r.Close()
	err = bounded(c, func(ctx context.Context) error { return r.Verify(ctx, c.Int("jobs"), nil) })
	if err != nil {
		return err
	}
	m := r.Manifest()
	chunks := 0
	for _, t := range m.Tables {
		chunks += len(t.Chunks)
	}
	if m.LargeObjects != nil {
		chunks += len(m.LargeObjects.Chunks)
	}
	fmt.Fprintf(c.App.Writer, "%s: whole: %s, %s in %s, %s\n", oneLine(r.Name()), report.Bytes(r.Size()), count(m.Rows(), "row"),
		count(int64(len(m.Tables)), "table"), count(int64(chunks), "chunk"))
	return nil
}

func deleteAction(c *cli.Context) error {
	name, err := named(c)
	if err != nil {
		return err
	}
	path, _ := existing(c, name)
	return archive.Remove(path)
}
