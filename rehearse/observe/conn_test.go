package observe

import "testing"

func TestControl(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"BEGIN": "begin", "begin;": "begin", "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY": "begin", "BEGIN /* tool */ READ WRITE ;": "begin",
		"begin transaction": "begin", "COMMIT;": "commit", "END": "commit", "commit work": "commit", "ROLLBACK;": "rollback", "abort transaction": "rollback",
		"ROLLBACK TO SAVEPOINT a": "", "COMMIT AND CHAIN": "", "BEGIN; ALTER TABLE t ADD x int": "", "COMMIT PREPARED 'x'": "", "END LOOP": "", "SET x = 1": "",
	} {
		if got := control(sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

func TestReadsCatalog(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"SHOW server_version": true,
		"SELECT c.relname, pg_catalog.format_type(a.atttypid, -1) FROM pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid": true,
		"select table_name from information_schema.tables where table_schema in ('public')":                                             true,
		"SELECT count(*) FROM (SELECT 1 FROM pg_index) x":                                                                               true,
		"SELECT version FROM schema_migrations":                                                                                         false,
		"SELECT pg_advisory_lock(1)":                                                                                                    false,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity":                                                                        false,
		"SELECT drop_all(tablename) FROM pg_tables":                                                                                     false,
		"SELECT 1 FROM pg_class, customers":                                                                                             false,
		"SELECT 1 FROM pg_class c, pg_namespace n WHERE n.oid = c.relnamespace":                                                         true,
		"SELECT 1 FROM pg_class c LEFT JOIN customers ON true":                                                                          false,
		"SELECT relname INTO copy FROM pg_class":                                                                                        false,
		"SELECT * FROM pg_class FOR UPDATE":                                                                                             false,
		"WITH gone AS (DELETE FROM customers RETURNING 1) SELECT 1 FROM pg_class":                                                       false,
		"SELECT 1 FROM pg_class; DROP TABLE t":                                                                                          false,
		"ALTER TABLE pg_thing ADD x int":                                                                                                false,
		"SELECT my_migration()":                                                                                                         false,
	} {
		if got := ReadsCatalog(sql); got != want {
			t.Errorf("%s: %v, want %v", sql, got, want)
		}
	}
}
