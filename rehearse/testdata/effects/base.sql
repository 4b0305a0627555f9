-- What every case of this directory begins with. Each runs in a copy of its own.
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE DOMAIN label AS text;
CREATE TABLE p (id int PRIMARY KEY, x int);
INSERT INTO p SELECT g, g FROM generate_series(1, 500) g;
CREATE TABLE t (
	id int PRIMARY KEY, a int, b text, v varchar(50), n numeric(10,2), at timestamp, m mood, l label, j json, p int
);
INSERT INTO t SELECT g, g, 'b' || g, 'v' || g, g, '2024-01-01', 'calm', 'x', '{}', 1 + g % 500 FROM generate_series(1, 3000) g;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_b ON t (b);
ALTER TABLE t ADD CONSTRAINT a_known CHECK (a IS NOT NULL) NOT VALID;
ALTER TABLE t ADD CONSTRAINT p_there FOREIGN KEY (p) REFERENCES p NOT VALID;
CREATE TABLE parted (id int NOT NULL, d date NOT NULL) PARTITION BY RANGE (d);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO parted SELECT g, '2024-02-01' FROM generate_series(1, 200) g;
CREATE TABLE loose (id int NOT NULL, d date NOT NULL);
INSERT INTO loose SELECT g, '2026-02-01' FROM generate_series(1, 200) g;
CREATE TABLE mother (id int, note text);
CREATE TABLE child (extra int) INHERITS (mother);
INSERT INTO child SELECT g, 'x', g FROM generate_series(1, 100) g;
CREATE UNLOGGED TABLE scratch (k text PRIMARY KEY, v text);
INSERT INTO scratch VALUES ('a', 'b');
CREATE SEQUENCE tickets;
CREATE VIEW seen AS SELECT id, x FROM p;
CREATE MATERIALIZED VIEW totals AS SELECT id, x FROM p;
CREATE UNIQUE INDEX totals_id ON totals (id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION touch();
