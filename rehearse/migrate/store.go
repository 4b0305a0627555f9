package migrate

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3/database"
)

// versionStore is goose's own store for PostgreSQL, but for how it looks for its table: goose cuts the name at the first dot and
// compares the parts with the catalog as they are written, so that it does not find a table whose name needs quotes.
type versionStore struct{ database.Store }

// newVersionStore is a store on a table, named as SQL names it.
func newVersionStore(table string) (database.Store, error) {
	s, err := database.NewStore(database.DialectPostgres, table)
	if err != nil {
		return nil, err
	}
	return versionStore{s}, nil
}

// TableExists implements [database.StoreExtender].
func (s versionStore) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	if err := db.QueryRowContext(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", s.Tablename()).Scan(&exists); err != nil {
		return false, fmt.Errorf("look for version table %s: %w", s.Tablename(), err)
	}
	return exists, nil
}
