-- Beside everything.sql and odd.sql: what pg_dump leaves out, what gets in the way of a load, and what fires when it should not.
CREATE ROLE "wei""rd \role";
COMMENT ON ROLE "wei""rd \role" IS 'weird''s own';
CREATE SCHEMA rest;

-- Names of 63 bytes with everything in them that a name can hold.
CREATE SCHEMA "s '""\ $1 ; -- /* é,.%s{}[]:";
CREATE TABLE "s '""\ $1 ; -- /* é,.%s{}[]:"."t
	'""\ ü ÷ 63 bytes....................................." (
  "c
	'""\ %d ; --" text, "Ünïcode 漢字 name" int PRIMARY KEY, "select" int, """" text GENERATED ALWAYS AS ('x' || "select") STORED,
  CONSTRAINT "k
'\" CHECK ("select" > 0));

-- Invalid indexes: of a CREATE INDEX CONCURRENTLY that failed, and of a partitioned table one of whose partitions lacks it.
CREATE TABLE rest.twice (a int, b text);
INSERT INTO rest.twice SELECT i % 7, 'b' || i FROM generate_series(1, 20) i;
CREATE INDEX twice_a ON rest.twice (a) INCLUDE (b) WHERE a >= 0;
CREATE INDEX twice_b ON rest.twice (lower(b));
UPDATE pg_index SET indisvalid = false, indisunique = true WHERE indexrelid = 'rest.twice_a'::regclass;
UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'rest.twice_b'::regclass;
CREATE TABLE rest.parted (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE rest.parted_1 PARTITION OF rest.parted FOR VALUES FROM (0) TO (10);
CREATE TABLE rest.parted_2 (b int, gone text, a int);
ALTER TABLE rest.parted_2 DROP COLUMN gone;
ALTER TABLE rest.parted ATTACH PARTITION rest.parted_2 FOR VALUES FROM (10) TO (20);
INSERT INTO rest.parted SELECT i, -i FROM generate_series(0, 19) i;
CREATE INDEX parted_only ON ONLY rest.parted (b);
CREATE INDEX parted_1_b ON rest.parted_1 (b);
ALTER INDEX rest.parted_only ATTACH PARTITION rest.parted_1_b;

-- Columns that a parent got after its child.
CREATE TABLE rest.mother (a int);
CREATE TABLE rest.daughter (z int) INHERITS (rest.mother);
ALTER TABLE rest.mother ADD COLUMN later text DEFAULT 'l';
INSERT INTO rest.daughter VALUES (1, 2, 'x');

-- Triggers in every state, on a parent and on its partitions.
CREATE FUNCTION rest.never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger fired: % % %', TG_OP, TG_TABLE_NAME, TG_NAME; END $$;
CREATE TABLE rest.fires (id int PRIMARY KEY, other int);
INSERT INTO rest.fires VALUES (1, 1), (2, 2);
CREATE TRIGGER of_origin BEFORE INSERT ON rest.fires FOR EACH ROW EXECUTE FUNCTION rest.never();
CREATE TRIGGER of_replica BEFORE INSERT ON rest.fires FOR EACH ROW EXECUTE FUNCTION rest.never();
CREATE TRIGGER of_always BEFORE INSERT ON rest.fires FOR EACH ROW EXECUTE FUNCTION rest.never();
CREATE TRIGGER of_never BEFORE INSERT ON rest.fires FOR EACH ROW EXECUTE FUNCTION rest.never();
CREATE TRIGGER truncates BEFORE TRUNCATE ON rest.fires EXECUTE FUNCTION rest.never();
ALTER TABLE rest.fires ENABLE REPLICA TRIGGER of_replica, ENABLE ALWAYS TRIGGER of_always, DISABLE TRIGGER of_never, ENABLE ALWAYS TRIGGER truncates;
CREATE TRIGGER parted_t AFTER INSERT ON rest.parted FOR EACH ROW EXECUTE FUNCTION rest.never();
ALTER TABLE rest.parted_1 DISABLE TRIGGER parted_t;
ALTER TABLE rest.parted_2 ENABLE ALWAYS TRIGGER parted_t;

-- Rules that would lead rows elsewhere, and in every state.
CREATE TABLE rest.ruled (a int);
INSERT INTO rest.ruled VALUES (1), (2);
CREATE RULE elsewhere AS ON INSERT TO rest.ruled DO INSTEAD NOTHING;
CREATE RULE off AS ON UPDATE TO rest.ruled DO INSTEAD NOTHING;
ALTER TABLE rest.ruled ENABLE ALWAYS RULE elsewhere, DISABLE RULE off;

-- Row security that binds the owner too.
CREATE TABLE rest.hidden (a int);
INSERT INTO rest.hidden VALUES (1), (2), (3);
ALTER TABLE rest.hidden OWNER TO "wei""rd \role";
ALTER TABLE rest.hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON rest.hidden AS RESTRICTIVE TO public USING (false) WITH CHECK (false);

-- Materialised views that read one another through functions, which no dependency tells.
CREATE TABLE rest.plain (a int);
INSERT INTO rest.plain VALUES (1), (2), (3);
CREATE MATERIALIZED VIEW rest.z_first AS SELECT sum(a) AS s FROM rest.plain;
CREATE FUNCTION rest.via() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT s FROM rest.z_first); END $$;
CREATE MATERIALIZED VIEW rest.a_second AS SELECT rest.via() AS v;
CREATE VIEW rest.m_view AS SELECT v, rest.via() FROM rest.a_second;
CREATE MATERIALIZED VIEW rest.b_third AS SELECT * FROM rest.m_view WITH DATA;
CREATE UNIQUE INDEX ON rest.b_third (v);

-- A CHECK that asks another table, which the schema allows and a restore in any order does not.
CREATE TABLE rest.limits (most int);
INSERT INTO rest.limits VALUES (100);
CREATE FUNCTION rest.within(n int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM rest.limits WHERE most >= n); END $$;
CREATE TABLE rest.a_limited (n int CONSTRAINT in_limits CHECK (rest.within(n)), pad text);
INSERT INTO rest.a_limited SELECT i, repeat('x', 2000) FROM generate_series(1, 100) i;
CREATE DOMAIN rest.a_limit AS int CONSTRAINT in_limits CHECK (rest.within(value)) CONSTRAINT small CHECK (value < 1000);
COMMENT ON CONSTRAINT in_limits ON DOMAIN rest.a_limit IS 'asks limits';
CREATE TABLE rest.a_of_domain (n rest.a_limit);
INSERT INTO rest.a_of_domain SELECT generate_series(1, 100);
CREATE TABLE rest.unsure (n int);
INSERT INTO rest.unsure VALUES (-1);
ALTER TABLE rest.unsure ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;

CREATE FUNCTION rest.share(n int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT n::float8 / most FROM rest.limits); END $$;
CREATE TABLE rest.a_share (n int, pad text, of float8 GENERATED ALWAYS AS (rest.share(n)) STORED);
INSERT INTO rest.a_share SELECT i, repeat('x', 2000) FROM generate_series(1, 100) i;

-- Keys: circles, deferrable, of partitions, into partitions, not valid, and rows without a parent.
CREATE TABLE rest.egg (id int PRIMARY KEY, hen int);
CREATE TABLE rest.hen (id int PRIMARY KEY, egg int REFERENCES rest.egg DEFERRABLE INITIALLY DEFERRED);
INSERT INTO rest.egg VALUES (1, 1), (2, 2);
INSERT INTO rest.hen VALUES (1, 1), (2, 2);
ALTER TABLE rest.egg ADD FOREIGN KEY (hen) REFERENCES rest.hen ON DELETE SET NULL;
CREATE TABLE rest.self (id int PRIMARY KEY, up int REFERENCES rest.self ON UPDATE CASCADE);
INSERT INTO rest.self SELECT i, i + 1 FROM generate_series(1, 9) i UNION ALL SELECT 10, NULL ORDER BY 1 DESC;
CREATE TABLE rest.to_parted (id int PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE rest.to_parted_0 PARTITION OF rest.to_parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE rest.to_parted_1 PARTITION OF rest.to_parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO rest.to_parted SELECT generate_series(1, 10);
CREATE TABLE rest.from_parted (id int REFERENCES rest.to_parted, k text) PARTITION BY LIST (k);
CREATE TABLE rest.from_parted_a PARTITION OF rest.from_parted FOR VALUES IN ('a', NULL);
INSERT INTO rest.from_parted SELECT i, 'a' FROM generate_series(1, 10) i;
CREATE TABLE rest.not_valid (id int);
INSERT INTO rest.not_valid VALUES (77);
ALTER TABLE rest.not_valid ADD CONSTRAINT to_egg FOREIGN KEY (id) REFERENCES rest.egg NOT VALID;
CREATE TABLE rest.unenforced (id int REFERENCES rest.egg);
ALTER TABLE rest.unenforced DISABLE TRIGGER ALL;
CREATE TABLE rest.deferred (a int UNIQUE DEFERRABLE, b int, CONSTRAINT apart EXCLUDE USING btree (b WITH =) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO rest.deferred SELECT i, i FROM generate_series(1, 10) i;
CREATE UNIQUE INDEX nulls_too ON rest.deferred (a, b) NULLS NOT DISTINCT;
ALTER TABLE rest.deferred REPLICA IDENTITY FULL;
CREATE TABLE rest.clustered (a int PRIMARY KEY, b int NOT NULL);
CREATE UNIQUE INDEX clustered_b ON rest.clustered (b) WITH (fillfactor = 70);
ALTER TABLE rest.clustered CLUSTER ON clustered_b, REPLICA IDENTITY USING INDEX clustered_b;
ALTER TABLE rest.clustered ALTER b SET STATISTICS 7, ALTER b SET (n_distinct = 5);
CREATE STATISTICS rest.stat (ndistinct, mcv) ON a, b FROM rest.clustered;
ALTER STATISTICS rest.stat SET STATISTICS 11;
CREATE STATISTICS rest.stat_e ON (a + b) FROM rest.clustered;
COMMENT ON STATISTICS rest.stat IS 'with a target';

-- Values: extremes, escapes, and types whose binary form does not travel.
CREATE TYPE rest.pair AS (a int, b text);
CREATE DOMAIN rest.pairs AS rest.pair CHECK ((value).a > 0);
CREATE DOMAIN rest.many AS int[] CHECK (cardinality(value) < 5);
CREATE TYPE rest.letter AS ENUM ('a', 'b"', 'c''', '');
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE TABLE rest.extreme (d date, ts timestamp, tz timestamptz, n numeric, f4 float4, f8 float8, t text, by bytea, m money, i interval, x xml,
  r daterange, mr int8multirange, p rest.pair, ps rest.pair[], pd rest.pairs, md rest.many, l rest.letter, ls rest.letter[], h hstore, lt ltree,
  c citext, b bit(3), vb varbit, ch char(5), q "char", o oid, rc regclass, rp regprocedure, tq tsquery, g tsvector, jp jsonpath, u uuid, bx box, pgl pg_lsn, ts3 time(3) with time zone, x8 xid8, tid tid);
INSERT INTO rest.extreme (d, ts, tz, n, f4, f8, t, by, i, ch) VALUES
  ('-infinity', '-infinity', 'infinity', 'NaN', 'NaN', '-Infinity', '', '', '-178000000 years', ''),
  ('4713-01-01 BC', '294276-12-31 23:59:59.999999', '4714-11-24 00:00:00+00 BC', 'Infinity', '1e-45', '5e-324', E'\\N', '\x00ff0a5c', '0', 'a'),
  ('5874897-12-31', NULL, NULL, '-Infinity', '-0', '1.7976931348623157e308', E'\\.\n\r\t\b\f\v\\', NULL, NULL, NULL),
  (NULL, NULL, NULL, '1e-16383', NULL, NULL, NULL, NULL, '00:00:00.000001', NULL),
  (NULL, NULL, NULL, 10::numeric ^ 131071, NULL, NULL, E'\u00a0\ufeff\u202e😀', NULL, NULL, 'ü');
INSERT INTO rest.extreme (m, x, r, mr, p, ps, pd, md, l, ls, h, lt, c, b, vb, q, o, rc, rp, tq, g, jp, u, bx, pgl, ts3, x8, tid) VALUES
  ('-92233720368547758.08', '<?xml version="1.0"?><a>&amp;ü</a>', '(-infinity,infinity]', '{(,1),[5,)}', '(,"")', ARRAY['(1,"a\\b")', NULL, '(,)']::rest.pair[], '(1,)', '[-1:1]={1,NULL,3}',
   '', '{"b\"",c'',NULL,""}', '"a b"=>NULL, c=>"\"\\"', 'a.b.c', 'CiText', '101', '', '\200', 4294967295, 'pg_class', 'rest.within(int)', '''a'' & !b:*',
   'a:1A b:2,3', '$.a[*] ? (@ > 1)', '00000000-0000-0000-0000-000000000000', '(1,2),(0,0)', 'FFFFFFFF/FFFFFFFF', '24:00:00+15:59', '18446744073709551615', '(4294967295,65535)'),
  (NULL, '<!-- only --> text', 'empty', '{}', NULL, '{}', NULL, '{}', NULL, '{{a,NULL},{NULL,c''}}', '', '', '', NULL, B'1', '', 0, NULL, NULL, '', '', 'strict $', NULL, NULL, '0/0', NULL, NULL, NULL);
CREATE TABLE rest.empty ();
INSERT INTO rest.empty SELECT FROM generate_series(1, 1000);
CREATE TABLE rest.emptied (a int, b int);
INSERT INTO rest.emptied VALUES (1, 2);
ALTER TABLE rest.emptied DROP COLUMN a, DROP COLUMN b;
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE rest.wide (' || string_agg(format('c%s %s', i, (ARRAY['int', 'bool', 'smallint'])[1 + i % 3]), ', ') || ')' FROM generate_series(1, 1600) i);
  EXECUTE (SELECT 'INSERT INTO rest.wide (c1, c3, c1599, c1600) VALUES (false, 7, 8, true)'); END $$;
CREATE TABLE rest.wide_kept (LIKE rest.wide);
CREATE TYPE rest.typed AS (a int, b text);
CREATE TABLE rest.of_type OF rest.typed (a DEFAULT 7, PRIMARY KEY (a));
INSERT INTO rest.of_type DEFAULT VALUES;
CREATE SEQUENCE rest.cached CACHE 10;
CREATE UNLOGGED TABLE rest.unlogged (id bigint GENERATED BY DEFAULT AS IDENTITY, s smallserial);
INSERT INTO rest.unlogged VALUES (DEFAULT), (DEFAULT);
CREATE SEQUENCE rest.spent AS smallint MINVALUE -5 MAXVALUE 5 START 4 CYCLE CACHE 3;
SELECT nextval('rest.spent'), nextval('rest.spent'), nextval('rest.spent');
CREATE SEQUENCE rest.fresh;

-- A view and its table of one OID each, operators without a function, casts, transforms and the like have no rows; pg_dump carries them.
CREATE FUNCTION rest.same(rest.pair, rest.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a = $2.a';
CREATE OPERATOR rest.<=> (LEFTARG = rest.pair, RIGHTARG = rest.pair, FUNCTION = rest.same, NEGATOR = OPERATOR(rest.<!>));
CREATE PUBLICATION all_of_it FOR TABLES IN SCHEMA rest WITH (publish = 'insert, truncate');
CREATE PUBLICATION some_of_it FOR TABLE rest.clustered (a) WHERE (a > 0);
CREATE FOREIGN DATA WRAPPER rest_fdw;
CREATE SERVER far TYPE 't' VERSION '1' FOREIGN DATA WRAPPER rest_fdw OPTIONS (host 'db.example', port '5432');
CREATE USER MAPPING FOR public SERVER far OPTIONS (user 'u', password 'never in staging');
CREATE FOREIGN TABLE rest.far (a int OPTIONS (column_name 'x') NOT NULL) SERVER far OPTIONS (table_name 'y');
ALTER DEFAULT PRIVILEGES FOR ROLE "wei""rd \role" REVOKE EXECUTE ON FUNCTIONS FROM public;
GRANT SELECT (a), INSERT ON rest.clustered TO "wei""rd \role" WITH GRANT OPTION;
REVOKE ALL ON rest.plain FROM postgres;

-- Event triggers, of which one fires in a session that is a replica as well.
CREATE FUNCTION rest.no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an event trigger fired: % %', tg_event, tg_tag; END $$;
CREATE EVENT TRIGGER a_always ON ddl_command_start EXECUTE FUNCTION rest.no_ddl();
CREATE EVENT TRIGGER b_replica ON ddl_command_end WHEN TAG IN ('REFRESH MATERIALIZED VIEW', 'ALTER TABLE') EXECUTE FUNCTION rest.no_ddl();
CREATE EVENT TRIGGER c_never ON sql_drop EXECUTE FUNCTION rest.no_ddl();
CREATE EVENT TRIGGER d_origin ON table_rewrite EXECUTE FUNCTION rest.no_ddl();
ALTER EVENT TRIGGER a_always ENABLE ALWAYS;
ALTER EVENT TRIGGER b_replica ENABLE REPLICA;
ALTER EVENT TRIGGER c_never DISABLE;
COMMENT ON EVENT TRIGGER a_always IS 'fires always';
