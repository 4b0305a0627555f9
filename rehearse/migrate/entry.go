package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Entry is what golang-migrate's table says.
type Entry struct {
	Recorded bool // false: nothing was ever applied
	Version  int64
	Dirty    bool // the migration to that version was begun and has not ended
}

// entry reads golang-migrate's table, as it does: one row or none. Nothing is prepared, which a migration could take away (DISCARD ALL).
func entry(ctx context.Context, conn *pgx.Conn, table string) (e Entry, err error) {
	err = conn.QueryRow(ctx, "SELECT version, dirty FROM "+table+" LIMIT 1", pgx.QueryExecModeSimpleProtocol).Scan(&e.Version, &e.Dirty)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, nil
	}
	if err != nil {
		return e, fmt.Errorf("read version table %s: %w", table, bare(err))
	}
	e.Recorded = e.Version >= 0
	return e, nil
}

// Set is the SQL that makes a table say so: what `migrate force` does.
func (e Entry) Set(table string) string {
	sql := "TRUNCATE " + table + ";"
	if e.Recorded || e.Dirty {
		sql += fmt.Sprintf("\nINSERT INTO %s (version, dirty) VALUES (%d, %v);", table, e.Version, e.Dirty)
	}
	return sql
}

// Before is what golang-migrate's table says before the migration, and after its way down.
func (m Migration) Before() Entry { return Entry{Recorded: m.previous >= 0, Version: m.previous} }

// enter writes golang-migrate's entry. It is one transaction, by which one that the file has left open is committed too.
func (f *fileMigrator) enter(ctx context.Context, version int64, dirty bool) error {
	e := Entry{Recorded: version >= 0, Version: version, Dirty: dirty}
	open := f.conn.PgConn().TxStatus() != 'I'
	if err := f.control(ctx, e.Set(f.o.Table)); err != nil || !open {
		return err
	}
	return f.control(ctx, "commit")
}

// Entries reads what a migrator's table says at staging, in words that can be compared; nil for plain files, which have none.
func Entries(ctx context.Context, conn *pgx.Conn, by report.Migrator, table string) (all []string, err error) {
	switch by {
	case report.Plain:
		return nil, nil
	case report.GolangMigrate:
		e, err := entry(ctx, conn, table)
		if err != nil || !e.Recorded && !e.Dirty {
			return nil, err
		}
		word := "version " + itoa(e.Version)
		if e.Dirty {
			word += ", dirty"
		}
		return []string{word}, nil
	}
	versions, _, err := Applied(ctx, conn, table)
	for _, v := range versions {
		all = append(all, "version "+itoa(v))
	}
	return all, err
}

func isDirty(err error) bool {
	dirty := (*DirtyError)(nil)
	return errors.As(err, &dirty)
}

// recorded is what golang-migrate's table says of a migration that failed; "" where that keeps nobody from going on.
func (a *Applier) recorded(ctx context.Context, src Migration) string {
	if src.Migrator != report.GolangMigrate {
		return ""
	}
	conn, err := pgx.ConnectConfig(ctx, a.o.Watch())
	if err != nil {
		return ""
	}
	defer conn.Close(context.WithoutCancel(ctx))
	e, err := entry(ctx, conn, a.o.Table)
	if err != nil || !e.Dirty {
		return ""
	}
	return fmt.Sprintf("version %d, dirty", e.Version)
}
