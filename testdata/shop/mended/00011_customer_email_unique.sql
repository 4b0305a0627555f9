-- +goose NO TRANSACTION
-- +goose Up
CREATE UNIQUE INDEX CONCURRENTLY customers_email_key ON shop.customers (email);

ALTER TABLE shop.customers ADD CONSTRAINT customers_email_key UNIQUE USING INDEX customers_email_key;

-- +goose Down
ALTER TABLE shop.customers DROP CONSTRAINT customers_email_key;
