-- +goose Up
ALTER TABLE shop.orders ADD COLUMN currency char(3);

-- +goose Down
ALTER TABLE shop.orders DROP COLUMN currency;
