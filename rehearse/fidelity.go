package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/compare"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// holdAgainst reads the objects of a copy and tells how they differ from the source's.
func (r *rehearsal) holdAgainst(ctx context.Context, server staging.Server) error {
	conn, err := pgx.ConnectConfig(ctx, inUTF8(server.Config()))
	if err != nil {
		return &StagingError{Err: fmt.Errorf("connect to staging: %w", err)}
	}
	defer conn.Close(context.WithoutCancel(ctx))
	here, err := catalog.Read(ctx, conn)
	if err != nil {
		return &StagingError{Err: fmt.Errorf("read staging: %w", err)}
	}
	r.compareObjects(here)
	return nil
}

// inUTF8 makes a session speak as the source's did, whatever the database's encoding is.
func inUTF8(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	if cfg.RuntimeParams == nil {
		cfg.RuntimeParams = map[string]string{}
	}
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	return cfg
}

// compareObjects tells every object of the source that is not in staging, or not as it is there, but for what is told by other lines: the
// copy's own list of what it left out, and settings.
func (r *rehearsal) compareObjects(here catalog.Schema) {
	if r.objects == nil {
		r.result.NotMeasured = append(r.result.NotMeasured, report.NotMeasured{
			What: "whether every object of the source is in staging as it is there", Why: "its catalog is not at hand: the source did not let it be read, or the snapshot could not hold it",
		})
		return
	}
	there, here := withoutOutside(r.objects), withoutOutside(here)
	if r.cfg.Archive != nil {
		here = withoutSecrets(here)
	}
	for _, c := range compare.ByName(there, here) {
		r.differ(differences(c)...)
	}
}

// told are the kinds whose differences are told elsewhere, as they are made on purpose, or are another server's own.
var told = map[string]bool{"setting": true, "parameter": true, "user mapping": true, "subscription": true, "tablespace": true}

// withoutOutside drops what is not part of a copy, and that roles may log in, which none of staging's may.
func withoutOutside(all catalog.Schema) catalog.Schema {
	var rest catalog.Schema
	for _, o := range all {
		if o.Kind == "role" {
			o.Attrs = maps.Clone(o.Attrs)
			delete(o.Attrs, "login")
			delete(o.Attrs, "valid until")
		}
		if !told[o.Kind] {
			rest = append(rest, o)
		}
	}
	return rest
}

// withoutSecrets drops the digests of what may be secrets: an archive is kept for long, and by others.
func withoutSecrets(all catalog.Schema) catalog.Schema {
	rest := slices.Clone(all)
	for i := range rest {
		rest[i].Attrs = maps.Clone(rest[i].Attrs)
		maps.DeleteFunc(rest[i].Attrs, func(name, _ string) bool { return strings.HasPrefix(name, catalog.Secret) })
	}
	return rest
}

// differences are those of one object and of what is folded under it.
func differences(c report.Change) []report.Difference {
	var all []report.Difference
	what := c.Kind + " " + c.Name
	switch c.Action {
	case compare.Added:
		return []report.Difference{{What: what, Staging: "present"}}
	case compare.Dropped:
		return []report.Difference{{What: what, Source: "present"}}
	}
	for _, a := range c.Attributes {
		all = append(all, report.Difference{What: what + ", " + a.Name, Source: oneLine(a.Before), Staging: oneLine(a.After)})
	}
	for _, child := range c.Children {
		all = append(all, differences(child)...)
	}
	return all
}

// oneLine shortens PostgreSQL's own text for a line of the report.
func oneLine(text string) string {
	const limit = 160
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > limit {
		line = append(line[:limit-1], '…')
	}
	return cmp.Or(string(line), "none")
}
