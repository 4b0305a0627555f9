-- +goose Up
SET LOCAL lock_timeout = '2s'; -- nobody waits for longer behind it
ALTER TABLE shop.orders ADD COLUMN note text;

-- +goose Down
ALTER TABLE shop.orders DROP COLUMN note;
