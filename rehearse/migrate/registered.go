package migrate

import (
	"errors"
	"fmt"
	"math"

	"github.com/pressly/goose/v3"
)

// GoMigration is a migration written in Go, made by [goose.NewGoMigration].
type GoMigration = goose.Migration

// Registered are the Go migrations that packages of this program have registered with goose while it started (goose.AddMigrationContext,
// goose.AddMigrationNoTxContext and their like), in the order of their numbers. Those that a program gives to its goose Provider itself are
// not among them: it has them at hand.
func Registered() ([]*GoMigration, error) {
	// goose has no list of them. It gives them together with the files of a directory, of which only Go files could hide any.
	all, err := goose.CollectMigrations(".", 0, math.MaxInt64)
	if errors.Is(err, goose.ErrNoMigrationFiles) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the Go migrations registered with goose: %w", err)
	}
	var inGo []*GoMigration
	for _, m := range all {
		if m.Registered && m.Type == goose.TypeGo {
			inGo = append(inGo, m)
		}
	}
	return inGo, nil
}
