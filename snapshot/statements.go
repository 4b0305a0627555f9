package snapshot

// Everything this package says to a source is in this file, in the order in which it is said. Package catalog adds its
// queries of the system catalogs; pg_dump adds its own, in a transaction that is read only as well.
const (
	// sqlSession makes a session harmless and its output exact: nothing can be written, nothing waits for long, a forgotten
	// transaction ends, one that is not forgotten may last (limits that PostgreSQL has since 14 and 17, and a role may have), policies
	// make a query fail instead of hiding rows, and text forms lose nothing.
	sqlSession = `SELECT set_config('default_transaction_read_only', 'on', false),
  set_config('idle_in_transaction_session_timeout', $1, false),
  set_config('lock_timeout', $2, false),
  set_config('statement_timeout', $3, false),
  (SELECT count(set_config(name, '0', false)) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')),
  set_config('application_name', 'rehearse', false),
  set_config('row_security', 'off', false),
  set_config('search_path', 'pg_catalog', false),
  set_config('standard_conforming_strings', 'on', false),
  set_config('client_encoding', CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false),
  set_config('DateStyle', 'ISO, MDY', false),
  set_config('IntervalStyle', 'postgres', false),
  set_config('TimeZone', 'UTC', false),
  set_config('lc_monetary', 'C', false),
  set_config('bytea_output', 'hex', false),
  set_config('extra_float_digits', '3', false),
  set_config('synchronize_seqscans', 'off', false)`

	// sqlBackend tells whether statements of a session meet one server process, and keep their settings.
	sqlBackend = `SELECT pg_backend_pid(), current_setting('default_transaction_read_only')`

	// sqlServer describes the server; reset_val is what the session had before sqlSession.
	sqlServer = `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_database(),
  current_user::text, pg_is_in_recovery(), pg_database_size(current_database()), pg_postmaster_start_time(),
  current_setting('server_encoding'), (SELECT reset_val FROM pg_settings WHERE name = 'search_path')`

	// sqlIdentity is the identity of the cluster; some hosted services refuse it.
	sqlIdentity = `SELECT system_identifier::text FROM pg_control_system()`

	// sqlBegin opens the one kind of transaction that there is.
	sqlBegin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`

	// sqlExport makes the transaction's view importable; its position in the log is for the report.
	sqlExport = `SELECT pg_export_snapshot(), now(),
  (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text`

	// sqlAdopt takes over an exported view; the identifier is made of hexadecimal digits and dashes.
	sqlAdopt = `SET TRANSACTION SNAPSHOT '%s'`

	// sqlUnlimited lets a COPY last; it is bounded by the context and CopyOptions.MaxAge.
	sqlUnlimited = `SET LOCAL statement_timeout = 0`

	// sqlPing keeps the leader's transaction from being ended as idle.
	sqlPing = `SELECT 1`

	// sqlPartitionKeys lists the columns a partition key reads, by the dependency PostgreSQL records of each of them on
	// its own table (StorePartitionKey), which covers keys that are expressions; whether there is a place for any value; and whether
	// a value's place may be another one elsewhere: enums hash by their OIDs, and arrays, composites and ranges by what is in them.
	sqlPartitionKeys = `SELECT DISTINCT d.objid, a.attname::text, p.partstrat = 'h' OR p.partdefid <> 0,
    p.partstrat = 'h' AND EXISTS (SELECT FROM pg_opclass o JOIN pg_type t ON t.oid = o.opcintype WHERE o.oid = ANY (p.partclass) AND t.typtype = 'p')
  FROM pg_partitioned_table p
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = p.partrelid AND d.objsubid > 0
   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid AND d.refobjsubid = 0 AND d.deptype = 'i'
  JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
  ORDER BY 1, 2`

	// sqlSchemas tells schemas and their owners.
	sqlSchemas = `SELECT oid, nspname::text, pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname !~ '^pg_'`

	// sqlLocked names what others have locked against everybody, after a lock was not had.
	sqlLocked = `SELECT coalesce(string_agg(DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname) ||
    CASE WHEN l.pid IS NULL THEN ' by a prepared transaction' ELSE ' by process ' || l.pid END, ', '), '')
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted AND n.nspname !~ '^pg_'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`

	// sqlSavepoint is where a session goes back to after each table, with sqlLetGo: it ends the lock, so that production waits for one
	// table at most.
	sqlSavepoint = `SAVEPOINT one_table`
	sqlLetGo     = `ROLLBACK TO one_table`

	// sqlLock locks a table as COPY does. It plans nothing: the planner reads expressions of indexes, and inlines functions of the database's own
	// that find nothing without a search path. sqlTouch is for members of extensions that a role may read column by column only.
	sqlLock  = `LOCK TABLE ONLY %s IN ACCESS SHARE MODE`
	sqlTouch = `SELECT FROM ONLY %s LIMIT 0`
	// sqlHold compares what the view shows of a locked table with what there is now: its name, its columns, its storage. Tables are read as of
	// the view, while functions of the catalog answer as of now.
	sqlHold = `SELECT (pg_identify_object(c.tableoid, c.oid, 0)).identity IS NOT DISTINCT FROM quote_ident(n.nspname) || '.' || quote_ident(c.relname),
  NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND (pg_identify_object(c.tableoid, c.oid, a.attnum)).identity
      IS DISTINCT FROM quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname)),
  pg_relation_filenode(c.oid) IS NOT DISTINCT FROM c.relfilenode, pg_relation_filenode(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %d`

	// sqlRows reads a table, sqlRowsBinary one whose types allow that, and sqlRowsAll one that has no columns to name.
	sqlRows       = `COPY %s (%s) TO STDOUT`
	sqlRowsBinary = `COPY %s (%s) TO STDOUT WITH (FORMAT binary)`
	sqlRowsAll    = `COPY %s TO STDOUT`
	// sqlRowsSome reads a table of which not all values are to leave the source: in the place of a column there is NULL, nothing but whether it
	// is NULL, or what an expression of the rules makes of the row; sqlSomeBinary does so in the binary format.
	sqlRowsSome   = `COPY (SELECT %s FROM ONLY %s) TO STDOUT`
	sqlSomeBinary = `COPY (SELECT %s FROM ONLY %s) TO STDOUT WITH (FORMAT binary)`
	// sqlRowsPart reads the part of a large table that is in some of its blocks, or rows by their places, sqlPartBinary in the binary format.
	sqlRowsPart   = `COPY (SELECT %s FROM ONLY %s WHERE %s) TO STDOUT`
	sqlPartBinary = `COPY (SELECT %s FROM ONLY %s WHERE %s) TO STDOUT WITH (FORMAT binary)`
	// sqlRowsOwn reads what the database added to an extension's configuration table, by the extension's own condition.
	sqlRowsOwn = `COPY (SELECT %s FROM %s %s) TO STDOUT`

	// A part of the rows is found as places of rows, in the view that is copied; no value leaves the server. sqlLeaves tells which partition
	// is below which table.
	sqlLeaves = `SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relispartition`
	// sqlMatching finds the rows that meet a condition, sqlAmong those of them that are among some already found.
	sqlMatching = `SELECT tableoid, ctid FROM ONLY %s WHERE (%s)`
	sqlAmong    = `SELECT tableoid, ctid FROM ONLY %s WHERE ctid = ANY ($1::tid[]) AND (%s)`
	// sqlVolatile tells which of the functions that a condition calls are volatile: they may write, where a transaction that only reads does
	// not keep them from it, and choose other rows each time.
	sqlVolatile = `SELECT DISTINCT proname::text FROM pg_proc WHERE provolatile = 'v' AND proname = ANY ($1::text[]) ORDER BY 1`
	// sqlParsed is only parsed, never run: an expression of the rules in the place of a column.
	sqlParsed = `SELECT %s FROM ONLY %s WHERE false`
	// sqlNoScalar tells which of the built-in functions that an expression calls cannot stand in one: volatile ones, those that give no or several
	// rows, or one for many, and the few that read other tables or take a transaction's number.
	sqlNoScalar = `SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY ($1::text[])
  AND (provolatile = 'v' OR proretset OR prokind <> 'f' OR proname ~ '^((table|schema|database|query|cursor)_to_xml|txid_current$|pg_current_xact_id$)') ORDER BY 1`
	// sqlChildren finds the rows that reference rows already found, sqlParents the rows that those reference, sqlAllParents the rows that any
	// row of a table references.
	sqlChildren   = `SELECT c.tableoid, c.ctid FROM ONLY %s c WHERE EXISTS (SELECT FROM ONLY %s p WHERE p.ctid = ANY ($1::tid[]) AND %s)`
	sqlParents    = `SELECT p.tableoid, p.ctid FROM %s p WHERE EXISTS (SELECT FROM ONLY %s c WHERE c.ctid = ANY ($1::tid[]) AND %s)`
	sqlAllParents = `SELECT p.tableoid, p.ctid FROM %s p WHERE EXISTS (SELECT FROM ONLY %s c WHERE %s)`
	// sqlBroken counts the rows, or of a unique key the keys, that a pending migration would break on, in the view that is copied and each in
	// no more time than sqlBounded gives: where masks may hide them. Only the count leaves the server.
	sqlBroken  = `SELECT count(*) FROM (SELECT FROM %s) broken`
	sqlBounded = `SELECT set_config('statement_timeout', $1, true)`
	// sqlCount counts the rows of a table.
	sqlCount = `SELECT count(*) FROM ONLY %s`

	// sqlTransactions tells how old the oldest transaction of another client of the database is, in seconds, and the oldest that has written, how
	// many have one, and how many sessions the role may not look into.
	sqlTransactions = `SELECT coalesce(extract(epoch FROM max(statement_timestamp() - xact_start)), 0)::float8,
  coalesce(extract(epoch FROM max(statement_timestamp() - xact_start) FILTER (WHERE backend_xid IS NOT NULL)), 0)::float8, count(xact_start),
  count(*) FILTER (WHERE query = '<insufficient privilege>' AND usesysid IS NOT NULL)
  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (backend_type = 'client backend' OR query = '<insufficient privilege>')`

	// sqlSequence reads where a sequence stands. Sequences know no snapshot: it is never behind the rows.
	sqlSequence = `SELECT last_value, is_called FROM %s`

	// sqlObjects reads the beginnings of some large objects, sqlObject a part of one, and sqlObjectSizes how large some are (262144 opens
	// for reading, 2 seeks from the end). All of them see a read-only transaction's own view.
	sqlObjects     = `SELECT o, lo_get(o, 0, $2) FROM unnest($1::oid[]) o`
	sqlObject      = `SELECT lo_get($1, $2, $3)`
	sqlObjectSizes = `SELECT o, lo_lseek64(fd, 0, 2), lo_close(fd) FROM (SELECT o, lo_open(o, 262144) AS fd FROM unnest($1::oid[]) o OFFSET 0) opened`

	// sqlSamples reads the first rows of a table for `sanitize init`.
	sqlSamples = `SELECT %s FROM %s LIMIT %d`

	// sqlFirst reads the first rows of a table for `sanitize preview`.
	sqlFirst = `COPY (SELECT %s FROM %s LIMIT %d) TO STDOUT`

	// sqlResolve finds a version table under the search path the application's sessions have.
	sqlResolve = `SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = to_regclass($1)`
	sqlSearchPath = `SELECT set_config('search_path', $1, true)`

	// sqlApplied reads goose's history, sqlVersion golang-migrate's, which is one row.
	sqlApplied = `SELECT version_id, is_applied, coalesce(tstamp::text, '') FROM %s ORDER BY id`
	sqlVersion = `SELECT version, NOT dirty, '' FROM %s LIMIT 1`

	// sqlShapesPlace finds pg_stat_statements, and whether it says since when it counts (version 1.9). sqlShapes reads the texts of queries and
	// how often each was called, sqlShapesSince the seconds since counting began.
	sqlShapesPlace = `SELECT quote_ident(n.nspname), to_regclass(quote_ident(n.nspname) || '.pg_stat_statements_info') IS NOT NULL
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`
	sqlShapes = `SELECT s.query, coalesce(pg_get_userbyid(s.userid)::text, ''), sum(s.calls)::bigint FROM %s.pg_stat_statements s
  JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND s.query IS NOT NULL AND length(s.query) <= 100000
  AND s.query !~* '^\s*(begin|commit|rollback|start|savepoint|release|set|reset|show|copy|vacuum|analyze|explain|discard|deallocate|declare|fetch|close)\y'
  GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT %d`
	sqlShapesSince = `SELECT extract(epoch FROM now() - stats_reset)::float8 FROM %s.pg_stat_statements_info`

	// sqlRelease ends a transaction.
	sqlRelease = `ROLLBACK`
)

// Statements lists, in order, every statement this package sends to a source; %s stands for names of tables and columns.
// Package catalog's queries and pg_dump's come on top.
func Statements() []string {
	return []string{
		sqlSession, sqlBackend, sqlServer, sqlIdentity, sqlBegin, sqlExport, sqlAdopt, sqlUnlimited, sqlPing,
		sqlPartitionKeys, sqlSchemas, sqlLocked, sqlSavepoint, sqlLetGo, sqlLock, sqlTouch, sqlHold, sqlRows, sqlRowsBinary, sqlRowsAll, sqlRowsSome, sqlSomeBinary, sqlRowsPart, sqlPartBinary, sqlRowsOwn,
		sqlLeaves, sqlVolatile, sqlParsed, sqlNoScalar, sqlMatching, sqlAmong, sqlChildren, sqlParents, sqlAllParents, sqlBroken, sqlBounded, sqlCount,
		sqlTransactions, sqlSequence, sqlObjects, sqlObject, sqlObjectSizes, sqlSamples, sqlFirst, sqlSearchPath, sqlResolve, sqlApplied, sqlVersion, sqlShapesPlace, sqlShapes, sqlShapesSince, sqlRelease,
	}
}
