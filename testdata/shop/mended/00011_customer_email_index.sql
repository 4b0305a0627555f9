-- +goose NO TRANSACTION
-- +goose Up
CREATE UNIQUE INDEX CONCURRENTLY customers_email_key ON shop.customers (email);

-- +goose Down
DROP INDEX CONCURRENTLY shop.customers_email_key;
