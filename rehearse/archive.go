package rehearse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/archive"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// origin is what a rehearsal copies from: the source itself, or what an archive keeps of it.
type origin interface {
	Server() snapshot.Server
	Describe(ctx context.Context) (*snapshot.Description, error)
	Applied(ctx context.Context, tool, table string) ([]snapshot.AppliedVersion, error)
	Close(ctx context.Context) error
}

// What a rehearsal keeps in an archive for those that restore it.
const (
	rehearsalDocument = "rehearsal.json"
	objectsDocument   = "objects.json" // every object of the source, to hold a restored one against; it is not there where they could not be read
)

type rehearsalKept struct {
	Masking report.Masking      `json:"masking"`
	Masked  map[string][]string `json:"masked"` // columns by table, quoted
	Audit   report.Audit        `json:"audit"`

	Profiles []report.ColumnFidelity `json:"profiles,omitempty"` // of the masked columns
	Schema   *report.Fingerprint     `json:"schema,omitempty"`   // of the source; nil where its catalog was not read
}

// origin opens the archive where there is one, else the source.
func (r *rehearsal) origin(ctx context.Context) (origin, error) {
	if r.cfg.Archive == nil {
		src, err := r.open(ctx)
		if err != nil {
			return nil, err
		}
		return src, nil
	}
	return r.openArchive(ctx)
}

func (r *rehearsal) openArchive(ctx context.Context) (kept *snapshot.Archived, err error) {
	err = r.phase("snapshot", func() (string, error) {
		m := r.cfg.Archive.Manifest()
		age := r.started.Sub(m.TakenAt)
		if most := r.cfg.MaxArchiveAge; most > 0 && age > most {
			return "", &archive.Error{
				Kind: archive.TooOld, Archive: r.cfg.Archive.Name(),
				Err: fmt.Errorf("taken %s ago, allowed are %s", report.Duration(age), report.Duration(most)),
			}
		}
		if kept, err = snapshot.OpenArchived(r.cfg.Archive); err != nil {
			return "", err
		}
		r.result.Source = sourceFacts(kept.Server())
		r.result.Snapshot.Archive = &report.Archive{
			Name: filepath.Base(r.cfg.Archive.Name()), ID: m.ID, CreatedAt: m.CreatedAt.UTC(), Age: report.Duration(age),
		}
		r.differ(report.Difference{
			What: "time", Source: "has gone on", Staging: "as of " + m.TakenAt.UTC().Format("2006-01-02 15:04") + "Z, from snapshot " + r.result.Snapshot.Archive.Name,
			Effect: "what production did since is not in it: rows, schema, migrations applied",
		})
		return fmt.Sprintf("%s, PostgreSQL %s, taken %s ago", m.Database, m.ServerVersion, report.Duration(age)), nil
	})
	if err != nil {
		closing(ctx, &err, "close the snapshot", func(context.Context) error { return r.cfg.Archive.Close() })
		return nil, err
	}
	return kept, nil
}

// otherMajor blames a server of another major version on the archive, where there is one: it cannot be restored there.
func (r *rehearsal) otherMajor(err error) error {
	var other *staging.MajorError
	if r.cfg.Archive == nil || !errors.As(err, &other) {
		return err
	}
	return &archive.Error{Kind: archive.OtherMajor, Archive: r.cfg.Archive.Name(), Err: err}
}

// archivedMasking says how the rows of an archive were masked.
func archivedMasking(kept *snapshot.Archived) (k rehearsalKept, err error) {
	text, err := kept.Reader().Document(rehearsalDocument)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, &archive.Error{Kind: archive.Foreign, Archive: kept.Reader().Name(), Part: "document " + rehearsalDocument, Err: err}
	}
	if k.Audit.Archived = true; !k.Audit.Done && k.Audit.Why == "" {
		k.Audit.Why = "the version that made the snapshot had none"
	}
	return k, nil
}

// keepObjects puts the objects of the source into the archive, without what may be a secret. Where a name of theirs is no UTF-8 they are not kept,
// and whoever restores is told that nothing was compared.
func (r *rehearsal) keepObjects() error {
	text, err := snapshot.ExactJSON(withoutSecrets(withoutOutside(r.objects)))
	if r.objects == nil || err != nil {
		return nil //nolint:nilerr // as said
	}
	return r.archive.Add(objectsDocument, text)
}

// archivedObjects are the objects of the source that an archive was made of; nil where it does not hold them.
func archivedObjects(from *archive.Reader) (objects catalog.Schema, err error) {
	if !from.Has(objectsDocument) {
		return nil, nil
	}
	text, err := from.Document(objectsDocument)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		return nil, &archive.Error{Kind: archive.Foreign, Archive: from.Name(), Part: "document " + objectsDocument, Err: err}
	}
	return objects, nil
}

// Archived is an archive that was made.
type Archived struct {
	Manifest    *archive.Manifest
	Snapshot    report.Snapshot
	Masking     report.Masking
	Audit       report.Audit
	Differences []report.Difference // what the copy in it lacks
}

// Archive makes a masked copy of the source in a staging server, keeps it in an archive, and removes the staging server. An archive that
// it finishes has been loaded once as any restore will load it. On an error the caller is to give up what was written.
func Archive(ctx context.Context, cfg Config, to *archive.Writer) (_ *Archived, err error) {
	r := begin(cfg)
	defer r.forgetKey()
	r.archive = to
	src, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	w, err := r.planCopy(ctx, src)
	if err != nil {
		return nil, err
	}
	server, err := r.start(ctx, src, w)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "remove staging", server.Stop)
	if err := r.copy(ctx, src, w, server); err != nil {
		return nil, err
	}
	if err := r.copied(ctx, w, server); err != nil {
		return nil, err
	}
	if err := r.holdAgainst(ctx, server); err != nil {
		return nil, err
	}
	made, err := r.finishArchive(w, src.Server())
	if err != nil {
		return nil, err
	}
	return &Archived{Manifest: made, Snapshot: r.result.Snapshot, Masking: r.result.Masking, Audit: r.result.Audit, Differences: r.result.Differences}, nil
}

// partOf gives the rows in the source of tables that were copied in part.
func partOf(tables []report.TableCopy) map[string]int64 {
	of := map[string]int64{}
	for _, t := range tables {
		if t.Part != "" {
			of[t.Table] = t.SourceRows
		}
	}
	return of
}

// finishArchive adds what a report will say of the copy, and the manifest.
func (r *rehearsal) finishArchive(w *work, source snapshot.Server) (made *archive.Manifest, err error) {
	return made, r.phase("archive", func() (string, error) {
		k := rehearsalKept{Masking: r.result.Masking, Audit: r.result.Audit, Masked: map[string][]string{}, Profiles: r.fidelity().Columns, Schema: fingerprint(r.objects)}
		for _, t := range r.result.Snapshot.Tables {
			k.Masked[t.Table] = t.Masked
		}
		text, err := json.Marshal(k)
		if err != nil {
			return "", fmt.Errorf("describe the masks for the archive: %w", err)
		}
		if err := r.archive.Add(rehearsalDocument, text); err != nil {
			return "", err
		}
		if err := r.keepObjects(); err != nil {
			return "", err
		}
		m, s := r.result.Masking, r.result.Snapshot
		made, err = r.archive.Finish(archive.Manifest{
			ID: r.result.ID, Tool: strings.TrimSpace(r.cfg.Tool.Version + " " + r.cfg.Tool.Commit), CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
			Database: source.Database, ServerVersion: source.Version, ServerVersionNum: source.VersionNum, TakenAt: s.TakenAt, LSN: s.LSN,
			Masking: archive.Masking{RulesSHA256: m.RulesHash, KeyID: m.KeyID, Ephemeral: m.Ephemeral, Columns: m.Columns, Masked: m.Masked},
			PartOf:  partOf(s.Tables),
		})
		return count(len(s.Tables), "table"), err
	})
}
