-- +goose Up
SET LOCAL lock_timeout = '2s'; -- nobody waits for longer behind it
ALTER TABLE shop.customers ADD CONSTRAINT customers_email_key UNIQUE USING INDEX customers_email_key;

-- +goose Down
ALTER TABLE shop.customers DROP CONSTRAINT customers_email_key;
CREATE UNIQUE INDEX customers_email_key ON shop.customers (email);
