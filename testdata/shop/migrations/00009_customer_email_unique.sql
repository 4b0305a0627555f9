-- +goose Up
ALTER TABLE shop.customers ADD CONSTRAINT customers_email_key UNIQUE (email);

-- +goose Down
ALTER TABLE shop.customers DROP CONSTRAINT customers_email_key;
