-- Beside the shop: what every major from 13 on has, and copies differently.
CREATE SCHEMA extra;
CREATE TYPE extra.mood AS ENUM ('sad', 'happy');
CREATE DOMAIN extra.small AS int CHECK (value < 1000);
CREATE TABLE extra.kinds (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b bool, by bytea, f float8, n numeric(12, 3), d date, ts timestamp(3), tz timestamptz,
  i interval, u uuid, j jsonb, a text[], m extra.mood, s extra.small, r int4range, ip inet, mac macaddr, v tsvector, g point
);
INSERT INTO extra.kinds (b, by, f, n, d, ts, tz, i, u, j, a, m, s, r, ip, mac, v, g)
SELECT x % 2 = 0, decode(md5(x::text), 'hex'), x / 7.0, x / 3.0, date '0044-03-15 BC' + x * 1000, timestamp '1999-12-31 23:59' + x * interval '1 min',
  timestamptz '2024-01-01' - x * interval '1 day', x * interval '1 month 1 hour', md5(x::text)::uuid, jsonb_build_object('k', x, 'l', ARRAY[x]),
  ARRAY[x::text, NULL, ''], (ARRAY['sad', 'happy'])[1 + x % 2]::extra.mood, x, int4range(x, x + 5), '10.0.0.0'::inet + x, '08:00:2b:01:02:03', to_tsvector('simple', 'a b ' || x), point(x, -x)
FROM generate_series(1, 500) x;
INSERT INTO extra.kinds (f, n, d, ts, tz) VALUES ('NaN', 'NaN', 'infinity', '-infinity', 'infinity');
CREATE TABLE extra.as_text (id int, x xml, c regclass); -- types that COPY's binary format is not used for
INSERT INTO extra.as_text SELECT i, '<a/>', 'extra.kinds' FROM generate_series(1, 100) i;
CREATE TABLE extra.log (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE extra.log_old PARTITION OF extra.log FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
CREATE TABLE extra.log_rest PARTITION OF extra.log DEFAULT;
INSERT INTO extra.log SELECT date '2024-06-01' + i, 'line ' || i FROM generate_series(1, 400) i;
CREATE MATERIALIZED VIEW extra.days AS SELECT at, count(*) FROM extra.log GROUP BY 1;
CREATE INDEX ON extra.kinds USING gin (j);
CREATE STATISTICS extra.kinds_s (dependencies) ON b, m FROM extra.kinds;
COMMENT ON TABLE extra.log IS 'of every major';
CREATE TABLE extra.rates (k int PRIMARY KEY, rate int); -- read by a function for a generated column of a table that is larger
INSERT INTO extra.rates VALUES (1, 10), (2, 20);
CREATE FUNCTION extra.rate(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT rate FROM extra.rates WHERE k = n); END';
CREATE TABLE extra.rated (k int REFERENCES extra.rates, pad text, rate int GENERATED ALWAYS AS (extra.rate(k)) STORED);
INSERT INTO extra.rated SELECT 1 + i % 2, repeat('x', 100) FROM generate_series(1, 500) i;
ALTER TABLE extra.rated DISABLE TRIGGER ALL;
DO $$ BEGIN IF current_setting('server_version_num')::int >= 180000 THEN -- NOT NULL can be not valid, and rows break it
  CREATE TABLE extra.nulls (k text, v int) PARTITION BY LIST (k);
  CREATE TABLE extra.nulls_a PARTITION OF extra.nulls FOR VALUES IN ('a', NULL);
  INSERT INTO extra.nulls VALUES (NULL, 1), ('a', NULL);
  EXECUTE 'ALTER TABLE extra.nulls ADD CONSTRAINT must NOT NULL v NOT VALID, ADD CONSTRAINT k_must NOT NULL k NOT VALID';
END IF; END $$;
