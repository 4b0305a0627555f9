-- +goose Up
CREATE TABLE shop.audit (
    id          bigint NOT NULL,
    happened_at timestamptz NOT NULL,
    actor_email text,
    client_ip   text,
    action      text NOT NULL,
    payload     jsonb NOT NULL,
    PRIMARY KEY (happened_at, id)
) PARTITION BY RANGE (happened_at);
CREATE TABLE shop.audit_2025 PARTITION OF shop.audit FOR VALUES FROM ('2025-01-01 00:00Z') TO ('2026-01-01 00:00Z');
CREATE TABLE shop.audit_2026 PARTITION OF shop.audit FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2027-01-01 00:00Z');

CREATE VIEW shop.customer_totals AS
    SELECT c.id, c.email, count(o.id) AS orders, coalesce(sum(o.total), 0) AS total
    FROM shop.customers c LEFT JOIN shop.orders o ON o.customer_id = c.id
    GROUP BY c.id, c.email;

CREATE MATERIALIZED VIEW shop.daily_sales AS
    SELECT (placed_at AT TIME ZONE 'UTC')::date AS day, count(*) AS orders, sum(total) AS total
    FROM shop.orders GROUP BY 1;
CREATE UNIQUE INDEX daily_sales_day_idx ON shop.daily_sales (day);

-- +goose StatementBegin
CREATE FUNCTION shop.note_email_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.former_emails := NEW.former_emails || OLD.email::text;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER customers_email_change BEFORE UPDATE OF email ON shop.customers
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION shop.note_email_change();

-- +goose Down
DROP TRIGGER customers_email_change ON shop.customers;
DROP FUNCTION shop.note_email_change();
DROP MATERIALIZED VIEW shop.daily_sales;
DROP VIEW shop.customer_totals;
DROP TABLE shop.audit;
