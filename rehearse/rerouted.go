package rehearse

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// reroute tells which partitions have other counts of rows in the copy than at the source, where the partition key is masked, or
// hashed otherwise.
func (r *rehearsal) reroute(ctx context.Context, w *work, server staging.Server) error {
	were := map[string]map[string]int64{} // rows of partitions, by their root
	for _, t := range w.rerouted {
		root := rootOf(w.desc.Tables, t.Schema, t.Name)
		if were[root] == nil {
			were[root] = map[string]int64{}
		}
		were[root][qualified(t.Schema, t.Name)] = t.Rows
	}
	if len(were) == 0 {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, inUTF8(server.Config()))
	if err != nil {
		return &StagingError{Err: fmt.Errorf("connect to staging: %w", err)}
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, root := range slices.Sorted(maps.Keys(were)) {
		are, err := byPartition(ctx, conn, root)
		if err != nil {
			return &StagingError{Err: fmt.Errorf("count the rows of the partitions of %s: %w", root, err)}
		}
		var there, here []string
		for _, leaf := range slices.Sorted(maps.Keys(were[root])) {
			if before, after := were[root][leaf], are[leaf]; before != after {
				there = append(there, leaf+" "+report.Digits(before))
				here = append(here, leaf+" "+report.Digits(after))
			}
		}
		if len(there) > 0 {
			r.differ(report.Difference{
				What: "rows in the partitions of " + root, Source: list(there), Staging: list(here),
				Effect: "the partition key is masked, or no two servers hash it the same: what a migration does to one partition meets other rows, and another number of them, than in production",
			})
		}
	}
	return nil
}

// byPartition counts the rows of a partitioned table by the partition that they are in; empty ones are left out.
func byPartition(ctx context.Context, conn *pgx.Conn, root string) (map[string]int64, error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname::text, c.relname::text, t.rows FROM (SELECT tableoid AS oid, count(*) AS rows FROM `+root+` GROUP BY 1) t
  JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	var schema, name string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&schema, &name, &n}, func() error {
		counts[qualified(schema, name)] = n
		return nil
	})
	return counts, err
}
