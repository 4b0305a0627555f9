-- Beside everything.sql: names that must be quoted wherever they stand, and rows that a careless copy would spoil.
INSERT INTO app.customer (name, name_c, email, address, score, note, tags)
SELECT 'Name ' || i, 'N' || i, 'u' || i || '@x.test', ROW('Street "' || i || '"', NULL)::app.addr, i, CASE WHEN i % 3 > 0 THEN E'tab\tnew\nline\\back' END,
       CASE i % 3 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['a,b', NULL, '"q"', ''] END
FROM generate_series(1, 500) i;
INSERT INTO app.orders (customer_id, status, amount, during)
SELECT i, 'paid', i / 3.0, tstzrange(timestamptz '2025-01-01Z' + i * interval '1 hour', timestamptz '2025-01-01Z' + (i + 1) * interval '1 hour')
FROM generate_series(1, 500) i;
INSERT INTO app.event SELECT i, timestamptz '2024-06-01Z' + i * interval '1 day', jsonb_build_object('n', i, 'e', 'é\n') FROM generate_series(1, 700) i;
INSERT INTO app.base_thing VALUES (1, ''), (2, NULL), (NULL, '\N'), (3, '\.');
INSERT INTO app.child_thing VALUES (4, 'child', 7);
INSERT INTO app.scratch VALUES ('k', 'unlogged');
SELECT setval('app.ticket_seq', 455, false);
REFRESH MATERIALIZED VIEW app.mv_totals;

CREATE SCHEMA "Select from ""where""";
CREATE TYPE "Select from ""where"""."Ty.pe" AS ENUM ('A b', 'c"d', 'e''f', 'ü');
CREATE DOMAIN "Select from ""where"""."D m" AS numeric(8,3) CHECK (VALUE > -1000);
CREATE TABLE "Select from ""where"""."Order.by" (
    "user" int PRIMARY KEY,
    "Col ""umn"" 1" text DEFAULT E'it''s\\',
    "größe.x" "Select from ""where"""."Ty.pe",
    "$1" "Select from ""where"""."D m",
    "from" bytea,
    "table" float8,
    "interval" interval,
    "xml" xml,
    "bits" varbit,
    "point" point,
    "m" money,
    "ts" tsvector,
    "arr" int[][],
    "j" json,
    "generated ""g""" text GENERATED ALWAYS AS ("Col ""umn"" 1" || '!') STORED
);
INSERT INTO "Select from ""where"""."Order.by"
SELECT i, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'\\N\t\r\n\\.\b\f\v' ELSE 'plain' END,
       (enum_range(NULL::"Select from ""where"""."Ty.pe"))[1 + i % 4], i / 7.0, decode(md5(i::text), 'hex'),
       CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE random() END::float8, i * interval '1 month 2 days 3.5 s',
       '<a b="c">d</a>', B'1011', point(i, 0.1), i::numeric::money, to_tsvector('simple', 'word ' || i), ARRAY[[i, 2], [3, NULL]], '{"b" : 1,  "a": [ ]}'
FROM generate_series(1, 300) i;
GRANT USAGE ON SCHEMA "Select from ""where""" TO "Röle ""q"" x";
ALTER TABLE "Select from ""where"""."Order.by" OWNER TO "Röle ""q"" x";
GRANT SELECT ("user", "Col ""umn"" 1") ON "Select from ""where"""."Order.by" TO app_reader;
CREATE INDEX "In dex" ON "Select from ""where"""."Order.by" ("Col ""umn"" 1" DESC NULLS LAST) WHERE "user" > 3;
CREATE TABLE "Select from ""where"""."Kind" (id int GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3), parent int REFERENCES "Select from ""where"""."Order.by");
INSERT INTO "Select from ""where"""."Kind" (parent) SELECT i FROM generate_series(1, 50) i;
CREATE VIEW "Select from ""where"""."V" AS SELECT "user", "größe.x" FROM "Select from ""where"""."Order.by";
CREATE MATERIALIZED VIEW "Select from ""where"""."M 1" AS SELECT count(*) AS n FROM "Select from ""where"""."V";
CREATE MATERIALIZED VIEW "Select from ""where"""."A 2" AS SELECT n + 1 AS n FROM "Select from ""where"""."M 1";
CREATE MATERIALIZED VIEW "Select from ""where"""."Empty" AS SELECT 1 AS never WITH NO DATA;
CREATE SEQUENCE "Select from ""where"""."S.q" START 5 INCREMENT -2 MINVALUE -100 MAXVALUE 5;
SELECT nextval('"Select from ""where"""."S.q"'), nextval('"Select from ""where"""."S.q"');
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE dropped (a int, b text, c int);
ALTER TABLE dropped DROP COLUMN b;
INSERT INTO dropped VALUES (1, 2);
CREATE TABLE "Liste" (k text, v int) PARTITION BY LIST (k);
CREATE TABLE "Liste ä" PARTITION OF "Liste" FOR VALUES IN ('ä', 'a''b');
CREATE TABLE "Liste rest" PARTITION OF "Liste" DEFAULT PARTITION BY HASH (v);
CREATE TABLE "Liste rest 0" PARTITION OF "Liste rest" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "Liste rest 1" PARTITION OF "Liste rest" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO "Liste" SELECT CASE i % 3 WHEN 0 THEN 'ä' WHEN 1 THEN 'z' END, i FROM generate_series(1, 100) i;
COMMENT ON TABLE "Liste" IS E'a "comment"\nwith ''quotes''';
