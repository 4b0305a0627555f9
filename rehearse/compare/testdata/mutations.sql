-- One change of the schema in everything.sql each, under its name. Each is applied to a database of its own.
-- schema_add
CREATE SCHEMA extra;
-- schema_owner
ALTER SCHEMA app OWNER TO app_owner;
-- table_add
CREATE TABLE app.newt (id int);
-- table_drop
DROP TABLE app.scratch CASCADE;
-- table_rename
ALTER TABLE app.base_thing RENAME TO base_thing2;
-- table_owner
ALTER TABLE app.orders OWNER TO app_owner;
-- table_storage_param
ALTER TABLE app.customer SET (fillfactor=70);
-- table_autovacuum_param
ALTER TABLE app.customer SET (autovacuum_enabled=false);
-- table_logged
ALTER TABLE app.scratch SET LOGGED;
-- table_replica_identity
ALTER TABLE app.customer REPLICA IDENTITY FULL;
-- table_comment
COMMENT ON TABLE app.customer IS 'changed';
-- table_tablespace
ALTER TABLE app.scratch SET TABLESPACE ts1;
-- table_cluster_on
ALTER TABLE app.orders CLUSTER ON orders_pkey;
-- column_add
ALTER TABLE app.customer ADD COLUMN x int;
-- column_drop
ALTER TABLE app.customer DROP COLUMN note;
-- column_rename
ALTER TABLE app.customer RENAME COLUMN note TO note2;
-- column_type
ALTER TABLE app.base_thing ALTER COLUMN id TYPE bigint;
-- column_typmod
ALTER TABLE app.customer ALTER COLUMN note TYPE varchar(80);
-- column_numeric_typmod
ALTER TABLE app.base_thing ADD n numeric(10,2); ALTER TABLE app.base_thing ALTER n TYPE numeric(12,2);
-- column_array_type
ALTER TABLE app.customer ALTER COLUMN tags TYPE varchar[];
-- column_default
ALTER TABLE app.customer ALTER COLUMN score SET DEFAULT 5;
-- column_notnull
ALTER TABLE app.customer ALTER COLUMN score SET NOT NULL;
-- column_identity_kind
ALTER TABLE app.customer ALTER COLUMN id SET GENERATED ALWAYS;
-- column_identity_opts
ALTER TABLE app.customer ALTER COLUMN id SET INCREMENT BY 2;
-- column_generated
ALTER TABLE app.customer DROP COLUMN full_name; ALTER TABLE app.customer ADD COLUMN full_name text GENERATED ALWAYS AS (name || '?') STORED;
-- column_collation
ALTER TABLE app.customer ALTER COLUMN name_c TYPE text COLLATE "C";
-- column_storage
ALTER TABLE app.customer ALTER COLUMN name SET STORAGE EXTERNAL;
-- column_compression
ALTER TABLE app.customer ALTER COLUMN name SET COMPRESSION pglz;
-- column_stats_target
ALTER TABLE app.customer ALTER COLUMN name SET STATISTICS 500;
-- column_comment
COMMENT ON COLUMN app.customer.score IS 'changed';
-- column_order
ALTER TABLE app.base_thing RENAME COLUMN label TO zz; ALTER TABLE app.base_thing DROP COLUMN id CASCADE; ALTER TABLE app.base_thing ADD COLUMN id int; ALTER TABLE app.base_thing RENAME COLUMN zz TO label;
-- pk_drop
ALTER TABLE app.scratch DROP CONSTRAINT scratch_pkey;
-- unique_add
ALTER TABLE app.orders ADD CONSTRAINT u1 UNIQUE (customer_id, amount);
-- unique_deferrable
ALTER TABLE app.customer DROP CONSTRAINT customer_email_key, ADD CONSTRAINT customer_email_key UNIQUE (email) DEFERRABLE INITIALLY DEFERRED;
-- unique_nulls_not_distinct
ALTER TABLE app.customer DROP CONSTRAINT customer_email_key, ADD CONSTRAINT customer_email_key UNIQUE NULLS NOT DISTINCT (email);
-- fk_ondelete
ALTER TABLE app.orders DROP CONSTRAINT orders_customer_id_fkey, ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES app.customer(id) ON DELETE SET NULL;
-- fk_not_valid
ALTER TABLE app.orders DROP CONSTRAINT orders_customer_id_fkey, ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES app.customer(id) ON DELETE CASCADE NOT VALID;
-- fk_deferrable
ALTER TABLE app.orders ALTER CONSTRAINT orders_customer_id_fkey DEFERRABLE;
-- check_change
ALTER TABLE app.orders DROP CONSTRAINT orders_amount_check, ADD CONSTRAINT orders_amount_check CHECK (amount > 0);
-- check_not_valid
ALTER TABLE app.orders DROP CONSTRAINT orders_amount_check, ADD CONSTRAINT orders_amount_check CHECK (amount >= 0) NOT VALID;
-- exclusion_drop
ALTER TABLE app.orders DROP CONSTRAINT no_overlap;
-- exclusion_change
ALTER TABLE app.orders DROP CONSTRAINT no_overlap, ADD CONSTRAINT no_overlap EXCLUDE USING gist (customer_id WITH =, during WITH -|-);
-- index_add
CREATE INDEX i_new ON app.orders (amount);
-- index_drop
DROP INDEX app.orders_status_idx;
-- index_predicate
DROP INDEX app.orders_status_idx; CREATE INDEX orders_status_idx ON app.orders (status) WHERE amount > 20;
-- index_expr
DROP INDEX app.customer_lower_idx; CREATE INDEX customer_lower_idx ON app.customer (upper(name));
-- index_include
DROP INDEX app.customer_incl_idx; CREATE INDEX customer_incl_idx ON app.customer (score) INCLUDE (tags);
-- index_desc
DROP INDEX app.customer_incl_idx; CREATE INDEX customer_incl_idx ON app.customer (score DESC) INCLUDE (note);
-- index_opclass
DROP INDEX app.customer_lower_idx; CREATE INDEX customer_lower_idx ON app.customer (lower(name) text_pattern_ops);
-- index_method
DROP INDEX app.customer_incl_idx; CREATE INDEX customer_incl_idx ON app.customer USING hash (score);
-- index_storage_param
ALTER INDEX app.customer_lower_idx SET (fillfactor=60);
-- index_invalid
UPDATE pg_index SET indisvalid=false WHERE indexrelid='app.customer_lower_idx'::regclass;
-- partition_add
CREATE TABLE app.event_2026 PARTITION OF app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
-- partition_detach
ALTER TABLE app.event DETACH PARTITION app.event_2025;
-- partition_bound
ALTER TABLE app.event DETACH PARTITION app.event_2025; ALTER TABLE app.event ATTACH PARTITION app.event_2025 FOR VALUES FROM ('2025-01-01') TO ('2025-12-01');
-- inherit_drop
ALTER TABLE app.child_thing NO INHERIT app.base_thing;
-- view_change
CREATE OR REPLACE VIEW app.v_orders WITH (security_barrier) AS SELECT o.id, c.name, o.amount FROM app.orders o JOIN app.customer c ON c.id=o.customer_id WHERE o.amount>0;
-- view_option
ALTER VIEW app.v_orders SET (security_invoker=true);
-- view_drop
DROP VIEW app.v_orders;
-- matview_change
DROP MATERIALIZED VIEW app.mv_totals; CREATE MATERIALIZED VIEW app.mv_totals AS SELECT customer_id, count(*) total FROM app.orders GROUP BY 1; CREATE UNIQUE INDEX mv_totals_idx ON app.mv_totals (customer_id);
-- matview_index
DROP INDEX app.mv_totals_idx;
-- function_body
CREATE OR REPLACE FUNCTION app.add1(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT a+b+0 $$;
-- function_volatility
ALTER FUNCTION app.add1(int,int) VOLATILE;
-- function_secdef
ALTER FUNCTION app.add1(int,int) SECURITY DEFINER;
-- function_config
ALTER FUNCTION app.add1(int,int) SET search_path = app;
-- function_owner
ALTER FUNCTION app.add1(int,int) OWNER TO app_owner;
-- function_grant
REVOKE EXECUTE ON FUNCTION app.add1(int,int) FROM PUBLIC;
-- procedure_body
CREATE OR REPLACE PROCEDURE app.do_nothing(x int) LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'x'; END $$;
-- aggregate_change
DROP AGGREGATE app.mysum(int); CREATE AGGREGATE app.mysum(int) (SFUNC = int4pl, STYPE = int, INITCOND = '1');
-- aggregate_drop
DROP AGGREGATE app.mysum(int);
-- operator_drop
DROP OPERATOR app.=== (text,text);
-- cast_drop
DROP CAST (int AS app.status);
-- trigger_change
DROP TRIGGER customer_upd ON app.customer; CREATE TRIGGER customer_upd BEFORE UPDATE OR INSERT ON app.customer FOR EACH ROW EXECUTE FUNCTION app.set_updated();
-- trigger_disable
ALTER TABLE app.customer DISABLE TRIGGER customer_upd;
-- trigger_drop
DROP TRIGGER customer_upd ON app.customer;
-- rule_drop
DROP RULE scratch_ro ON app.scratch;
-- enum_add_value
ALTER TYPE app.status ADD VALUE 'void';
-- enum_rename_value
ALTER TYPE app.status RENAME VALUE 'done' TO 'finished';
-- domain_check
ALTER DOMAIN app.email ADD CONSTRAINT len CHECK (length(VALUE) < 100);
-- domain_default
ALTER DOMAIN app.email SET DEFAULT 'c@d';
-- domain_notnull
ALTER DOMAIN app.email SET NOT NULL;
-- composite_add_attr
ALTER TYPE app.addr ADD ATTRIBUTE city text CASCADE;
-- range_drop
DROP TYPE app.frange;
-- sequence_incr
ALTER SEQUENCE app.ticket_seq INCREMENT 10;
-- sequence_owned
ALTER SEQUENCE app.ticket_seq OWNED BY app.customer.score;
-- sequence_type
ALTER SEQUENCE app.orders_id_seq AS bigint;
-- extension_add
CREATE EXTENSION hstore;
-- extension_drop
DROP EXTENSION btree_gist CASCADE;
-- rls_enable
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
-- rls_force
ALTER TABLE app.customer FORCE ROW LEVEL SECURITY;
-- policy_change
ALTER POLICY cust_pol ON app.customer USING (score > 1);
-- policy_drop
DROP POLICY cust_pol ON app.customer;
-- grant_table
GRANT UPDATE ON app.orders TO app_reader;
-- grant_column
GRANT UPDATE (status) ON app.orders TO app_reader;
-- grant_schema
GRANT CREATE ON SCHEMA app TO app_reader;
-- grant_sequence
GRANT USAGE ON SEQUENCE app.ticket_seq TO app_reader;
-- grant_type
REVOKE USAGE ON TYPE app.status FROM PUBLIC;
-- default_privileges
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO app_reader;
-- publication_change
ALTER PUBLICATION pub_a ADD TABLE app.customer;
-- publication_drop
DROP PUBLICATION pub_a;
-- event_trigger_disable
ALTER EVENT TRIGGER et_a DISABLE;
-- event_trigger_drop
DROP EVENT TRIGGER et_a;
-- collation_add
CREATE COLLATION app.c2 (provider = icu, locale = 'de');
-- statistics_drop
DROP STATISTICS app.orders_stats;
-- statistics_kind
DROP STATISTICS app.orders_stats; CREATE STATISTICS app.orders_stats (ndistinct) ON customer_id, status FROM app.orders;
-- fdw_server_opt
ALTER SERVER dummy_srv OPTIONS (SET host 'y');
-- foreign_table_drop
DROP FOREIGN TABLE app.ft;
-- tsconfig_drop
DROP TEXT SEARCH CONFIGURATION app.tsc;
-- db_setting
ALTER DATABASE :"DBNAME" SET work_mem = '8MB';
