package rehearse_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	"github.com/pressly/goose/v3"

	"github.com/rehearse-db/rehearse/rehearse"
	"github.com/rehearse-db/rehearse/rehearse/migrate"
	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot"
)

// A program with Go migrations compiled in rehearses them itself: what goose's Provider is given, rehearse.Run is given too.
func ExampleRun() {
	backfill := goose.NewGoMigration(43, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE orders SET currency = 'EUR' WHERE currency IS NULL")
		return err
	}}, nil)
	registered, err := migrate.Registered() // by packages that call goose.AddMigrationContext
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	source, err := snapshot.ParseSource(os.Getenv("REHEARSE_SOURCE_URL"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	text, err := os.ReadFile("rehearse.masks.yaml")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	rules, err := sanitize.ParseRules("rehearse.masks.yaml", text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	result, err := rehearse.Run(context.Background(), rehearse.Config{
		Source: source, Rules: rules, Migrations: os.DirFS("db/migrations"), MigrationsDir: "db/migrations",
		GoMigrations: append(registered, backfill), Policy: verdict.Policy{AllowRewriteBelow: 1 << 30},
	})
	if result != nil { // also where something could not be cleaned up
		_ = report.Text(os.Stdout, result, report.TextOptions{Width: 100})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
