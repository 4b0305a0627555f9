package rehearse

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/receipt"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/snapshot"
)

// VerifyConfig is what a receipt is held against.
type VerifyConfig struct {
	Receipt       []byte            // the file
	PublicKey     ed25519.PublicKey // nil: only with AllowUnsigned
	AllowUnsigned bool

	Migrations    fs.FS
	MigrationsDir string

	Source           *pgx.ConnConfig // nil: production is not asked, which the caller must have wanted
	LockTimeout      time.Duration   // there; 2 s
	StatementTimeout time.Duration   // there; 5 min

	Terms receipt.Terms
	Now   time.Time // the zero value: the clock's
	Log   *slog.Logger
}

// Verification is what became of a receipt. Of one whose signature does not hold nothing else is looked at.
type Verification struct {
	Holds  bool             `json:"holds"`
	Checks []receipt.Check  `json:"checks"`
	Says   *receipt.Payload `json:"receipt,omitempty"` // nil: not to be believed
}

// Verify says whether a receipt holds for a deploy. That it does not is no error; an error means that it could not be found out: the source or
// the directory could not be read. The source is only read: its catalog, as a copy reads it, and goose's version table.
func Verify(ctx context.Context, cfg VerifyConfig) (*Verification, error) {
	v := &Verification{}
	payload := v.believe(cfg)
	if payload == nil {
		return v, nil
	}
	v.Says = payload
	if cfg.Now.IsZero() {
		cfg.Now = time.Now()
	}
	now := receipt.Now{At: cfg.Now}
	var err error
	var todo *migrate.Plan
	if now.Files, todo, err = filesNow(cfg, payload); err != nil {
		return nil, err
	}
	if cfg.Source != nil {
		if now.Production, err = productionNow(ctx, cfg, payload); err != nil {
			return nil, err
		}
		now.Production.Named = namedLeaves(todo.Pending, payload.Subject.Schema, now.Production.Schema)
	}
	v.Checks = append(v.Checks, payload.Check(now, cfg.Terms)...)
	v.Holds = !slices.ContainsFunc(v.Checks, func(c receipt.Check) bool { return !c.Holds })
	return v, nil
}

// believe reads the receipt and asks who signed it; nil: it is not to be believed, which the checks tell.
func (v *Verification) believe(cfg VerifyConfig) *receipt.Payload {
	fails := func(what string, err error) *receipt.Payload {
		v.Checks = append(v.Checks, receipt.Check{What: what, Text: err.Error()})
		return nil
	}
	sealed, err := receipt.Read(cfg.Receipt)
	if err != nil {
		return fails("receipt", err)
	}
	c := receipt.Check{What: "signature", Holds: true}
	switch {
	case cfg.PublicKey != nil && (sealed.Signed() || !cfg.AllowUnsigned):
		if err := sealed.Verify(cfg.PublicKey); err != nil {
			return fails("signature", err)
		}
		c.Text = "of key " + sealed.KeyID
	case !cfg.AllowUnsigned:
		return fails("signature", errors.New("no public key is given to verify it with"))
	case sealed.Signed():
		c.Text = "not looked at, as that was allowed: anybody may have written the receipt"
	default:
		c.Text = "it has none, which was allowed: anybody may have written the receipt"
	}
	v.Checks = append(v.Checks, c)
	payload, err := sealed.Payload()
	if err != nil {
		return fails("receipt", err)
	}
	return payload
}

// filesNow are the migrations of the directory as they are, those that the receipt calls pending with what goose would send of them; and these.
func filesNow(cfg VerifyConfig, p *receipt.Payload) ([]report.File, *migrate.Plan, error) {
	set, err := migrate.ScanAs(p.Subject.Migrator, cfg.Migrations, cfg.MigrationsDir)
	if err != nil {
		return nil, nil, err
	}
	pending := map[int64]bool{}
	for _, f := range p.Subject.Files {
		pending[f.Version] = f.State == report.FilePending
	}
	todo, err := set.PlanOf(func(version int64) bool { return pending[version] })
	if broken := (*migrate.SyntaxError)(nil); errors.As(err, &broken) {
		return nil, nil, err
	}
	// Go code that is not registered here is no matter: its file has a digest.
	files, err := hashed(cfg.Migrations, set, todo)
	return files, todo, err
}

// productionNow reads what the receipt has of production, as it is now.
func productionNow(ctx context.Context, cfg VerifyConfig, p *receipt.Payload) (_ *receipt.Production, err error) {
	setDefault(&cfg.LockTimeout, 2*time.Second)
	src, err := snapshot.Open(ctx, cfg.Source, snapshot.SourceOptions{LockTimeout: cfg.LockTimeout, StatementTimeout: cfg.StatementTimeout, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	versions, err := versionsNow(ctx, src, p.Subject)
	if err != nil {
		return nil, err
	}
	objects, err := src.Objects(ctx)
	if err != nil {
		return nil, err
	}
	s := src.Server()
	return &receipt.Production{
		Version: s.Version, VersionNum: s.VersionNum, Cluster: cluster(s),
		Versions: versions, Schema: fingerprint(objects),
	}, nil
}

// versionsNow is what the version table of the receipt says now. Plain files have none.
func versionsNow(ctx context.Context, src origin, s report.Subject) (v report.Versions, err error) {
	if s.Migrator == report.Plain {
		return versionFacts("", nil), nil
	}
	rows, err := src.Applied(ctx, s.Migrator.Name(), s.Versions.Table)
	if err != nil {
		return v, err
	}
	if s.Migrator == report.GolangMigrate && len(rows) > 0 && !rows[0].IsApplied {
		return v, &migrate.DirtyError{Table: s.Versions.Table, Version: rows[0].Version}
	}
	return versionFacts(s.Versions.Table, appliedVersions(s.Migrator, rows)), nil
}
