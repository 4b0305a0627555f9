-- +goose Up
-- int is full at 21,474,836.47
ALTER TABLE shop.orders ALTER COLUMN total TYPE bigint;

-- +goose Down
ALTER TABLE shop.orders ALTER COLUMN total TYPE int;
