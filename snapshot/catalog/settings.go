package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Setting is a server setting in force.
type Setting struct {
	Name   string
	Value  string // with its unit, as SHOW gives it and SET takes it: "4MB"
	Source string // pg_settings.source: "default", "configuration file", "client", ...
	Why    string // why a rehearsal should have the same
}

// Mattering are the settings whose value changes what a migration does or how long it takes, each with the reason.
// Settings of connections, replication, archiving, logging, files and authentication are not among them: a staging server has its own.
var Mattering = map[string]string{
	"work_mem":                            "size of sorts and hashes before they spill",
	"hash_mem_multiplier":                 "size of hashes before they spill",
	"maintenance_work_mem":                "speed of index builds and of foreign key validation",
	"shared_buffers":                      "what stays cached between statements",
	"temp_buffers":                        "temporary tables in memory",
	"effective_cache_size":                "choice of plans",
	"max_worker_processes":                "upper limit of parallelism",
	"max_parallel_workers":                "upper limit of parallelism",
	"max_parallel_workers_per_gather":     "parallel plans",
	"max_parallel_maintenance_workers":    "parallel index builds",
	"min_parallel_table_scan_size":        "parallel plans",
	"min_parallel_index_scan_size":        "parallel plans",
	"parallel_setup_cost":                 "choice of plans",
	"parallel_tuple_cost":                 "choice of plans",
	"parallel_leader_participation":       "parallel plans",
	"random_page_cost":                    "choice of plans",
	"seq_page_cost":                       "choice of plans",
	"cpu_tuple_cost":                      "choice of plans",
	"cpu_index_tuple_cost":                "choice of plans",
	"cpu_operator_cost":                   "choice of plans",
	"effective_io_concurrency":            "prefetching of bitmap scans",
	"maintenance_io_concurrency":          "prefetching of maintenance",
	"default_statistics_target":           "what ANALYZE knows, hence plans",
	"from_collapse_limit":                 "choice of plans",
	"join_collapse_limit":                 "choice of plans",
	"geqo":                                "choice of plans",
	"geqo_threshold":                      "choice of plans",
	"plan_cache_mode":                     "choice of plans",
	"constraint_exclusion":                "choice of plans",
	"enable_partition_pruning":            "choice of plans",
	"enable_partitionwise_join":           "choice of plans",
	"enable_partitionwise_aggregate":      "choice of plans",
	"jit":                                 "compilation of expressions in long statements",
	"jit_above_cost":                      "compilation of expressions in long statements",
	"wal_level":                           "how much is logged: some statements skip WAL under minimal",
	"wal_compression":                     "volume of WAL",
	"wal_buffers":                         "speed of writing",
	"wal_log_hints":                       "volume of WAL",
	"max_wal_size":                        "how often a long write is interrupted by a checkpoint",
	"min_wal_size":                        "recycling of WAL files",
	"checkpoint_timeout":                  "full page images in the WAL",
	"checkpoint_completion_target":        "spread of writes",
	"synchronous_commit":                  "time of a commit",
	"commit_delay":                        "time of a commit",
	"autovacuum":                          "who else works on the tables",
	"default_toast_compression":           "size of new values",
	"default_table_access_method":         "storage of new tables",
	"default_tablespace":                  "place of new tables",
	"temp_tablespaces":                    "place of sorts",
	"gin_pending_list_limit":              "speed of writes to GIN indexes",
	"gin_fuzzy_search_limit":              "results of GIN scans",
	"max_locks_per_transaction":           "migrations over many partitions fail without room in the lock table",
	"max_prepared_transactions":           "PREPARE TRANSACTION fails without",
	"max_stack_depth":                     "deep expressions fail beyond",
	"temp_file_limit":                     "sorts fail beyond",
	"statement_timeout":                   "statements are cancelled beyond",
	"lock_timeout":                        "waits are cancelled beyond",
	"idle_in_transaction_session_timeout": "sessions are ended beyond",
	"transaction_timeout":                 "transactions are cancelled beyond",
	"deadlock_timeout":                    "when deadlocks are looked for",
	"default_transaction_isolation":       "what statements see, and serialisation failures",
	"default_transaction_deferrable":      "what statements see",
	"search_path":                         "what unqualified names mean",
	"check_function_bodies":               "whether CREATE FUNCTION fails on a bad body",
	"row_security":                        "whether policies hide rows or fail",
	"session_replication_role":            "whether triggers and foreign keys fire",
	"array_nulls":                         "meaning of array literals",
	"backslash_quote":                     "meaning of string literals",
	"escape_string_warning":               "noise of string literals",
	"standard_conforming_strings":         "meaning of string literals",
	"lo_compat_privileges":                "access to large objects",
	"quote_all_identifiers":               "generated SQL",
	"synchronize_seqscans":                "order of rows without ORDER BY",
	"transform_null_equals":               "meaning of = NULL",
	"xmlbinary":                           "text of binary values in XML",
	"xmloption":                           "meaning of XML casts",
	"bytea_output":                        "text of bytea",
	"DateStyle":                           "meaning and text of dates",
	"IntervalStyle":                       "text of intervals",
	"TimeZone":                            "timestamp to timestamptz: the values, and whether the table is rewritten",
	"timezone_abbreviations":              "meaning of zone names",
	"extra_float_digits":                  "text of floats",
	"client_encoding":                     "text that cannot be converted fails",
	"lc_messages":                         "language of messages",
	"lc_monetary":                         "text of money",
	"lc_numeric":                          "text of to_char",
	"lc_time":                             "text of to_char",
	"default_text_search_config":          "meaning of to_tsvector without a configuration",
	"password_encryption":                 "hash of CREATE ROLE ... PASSWORD",
	"createrole_self_grant":               "memberships made by CREATE ROLE",
	"event_triggers":                      "whether event triggers fire on the migration",
	"allow_in_place_tablespaces":          "CREATE TABLESPACE without a directory",
	"session_preload_libraries":           "code loaded into every session",
	"shared_preload_libraries":            "code loaded into the server",
	"local_preload_libraries":             "code loaded into every session",
	"ignore_checksum_failure":             "reading damaged pages",
	"data_checksums":                      "cost of writing pages",
	"full_page_writes":                    "volume of WAL",
	"fsync":                               "time of a commit",
	"block_size":                          "sizes",
	"server_encoding":                     "what text can be stored",
	"integer_datetimes":                   "text of dates",
	"vacuum_cost_delay":                   "speed of VACUUM",
	"vacuum_cost_limit":                   "speed of VACUUM",
	"vacuum_buffer_usage_limit":           "speed of VACUUM and ANALYZE",
	"autovacuum_vacuum_cost_delay":        "how much autovacuum disturbs",
	"backend_flush_after":                 "spread of writes",
	"io_method":                           "speed of reading",
	"io_workers":                          "speed of reading",
	"io_combine_limit":                    "speed of reading",
	"huge_pages":                          "speed of memory",
	"track_io_timing":                     "cost of measuring",
	"icu_validation_level":                "whether CREATE COLLATION fails on a bad locale",
	"restrict_nonsystem_relation_kind":    "whether views and foreign tables may be read",
	"recursive_worktable_factor":          "choice of plans",
	"cursor_tuple_fraction":               "choice of plans",
	"enable_seqscan":                      "choice of plans",
	"enable_indexscan":                    "choice of plans",
	"enable_indexonlyscan":                "choice of plans",
	"enable_bitmapscan":                   "choice of plans",
	"enable_hashjoin":                     "choice of plans",
	"enable_mergejoin":                    "choice of plans",
	"enable_nestloop":                     "choice of plans",
	"enable_hashagg":                      "choice of plans",
	"enable_sort":                         "choice of plans",
	"enable_incremental_sort":             "choice of plans",
	"enable_material":                     "choice of plans",
	"enable_memoize":                      "choice of plans",
	"enable_tidscan":                      "choice of plans",
	"enable_gathermerge":                  "choice of plans",
	"enable_parallel_append":              "choice of plans",
	"enable_parallel_hash":                "choice of plans",
	"enable_async_append":                 "choice of plans",
	"enable_presorted_aggregate":          "choice of plans",
	"enable_group_by_reordering":          "choice of plans",
	"enable_distinct_reordering":          "choice of plans",
	"enable_self_join_elimination":        "choice of plans",
}

// The names are qualified because this one query runs as the session is, not under a search_path of ours.
const settingsSQL = `SELECT s.name,
  CASE WHEN s.source <> 'session' THEN pg_catalog.current_setting(s.name)
       WHEN s.unit IS NULL OR s.reset_val IN ('0', '-1') THEN s.reset_val
       WHEN s.unit ~ '^[0-9]' THEN (s.reset_val::bigint * pg_catalog.substring(s.unit, '^[0-9]+')::bigint)::text || pg_catalog.substring(s.unit, '[A-Za-z]+$')
       ELSE s.reset_val || s.unit END,
  s.source
FROM pg_catalog.pg_settings s ORDER BY s.name`

// Settings lists those of [Mattering] that the server knows and the current role may see, by name, with the value in force in this
// session. What the session itself has set shows with Source "session" and the value it had before, that of RESET. Source: pg_settings.
func Settings(ctx context.Context, q Querier) ([]Setting, error) {
	rows, err := q.Query(ctx, settingsSQL, pgx.QueryExecModeExec)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Setting, err error) {
		err = row.Scan(&s.Name, &s.Value, &s.Source)
		s.Why = Mattering[s.Name]
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	return slices.DeleteFunc(all, func(s Setting) bool { return s.Why == "" }), nil
}
