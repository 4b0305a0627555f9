-- What belongs to a database itself: beside rest.sql, in a database called :database.
ALTER EVENT TRIGGER a_always DISABLE;
COMMENT ON DATABASE :database IS 'production''s \ own';
ALTER DATABASE :database CONNECTION LIMIT 77;
REVOKE TEMPORARY ON DATABASE :database FROM public;
GRANT CREATE ON DATABASE :database TO "wei""rd \role" WITH GRANT OPTION;
ALTER DATABASE :database SET work_mem = '7MB';
ALTER DATABASE :database SET app.secret = 'never in staging';
ALTER ROLE "wei""rd \role" IN DATABASE :database SET search_path = rest, "s '""\ $1 ; -- /* é,.%s{}[]:";
SELECT lo_from_bytea(4711, '\x00ff'), lo_from_bytea(4712, ''), lo_put(lo_from_bytea(4713, decode(repeat('00ff80', 500000), 'hex')), 3000000, 'after a hole');
SELECT lo_from_bytea(5000 + i, convert_to('object ' || i, 'UTF8')) FROM generate_series(1, 100) i;
ALTER LARGE OBJECT 4711 OWNER TO "wei""rd \role";
GRANT SELECT ON LARGE OBJECT 4712 TO PUBLIC;
GRANT UPDATE ON LARGE OBJECT 4713 TO "wei""rd \role" WITH GRANT OPTION;
COMMENT ON LARGE OBJECT 4711 IS 'the first';
ALTER EVENT TRIGGER a_always ENABLE ALWAYS;
