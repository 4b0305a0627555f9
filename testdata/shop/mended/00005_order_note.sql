-- +goose Up
ALTER TABLE shop.orders ADD COLUMN note text;

-- +goose Down
ALTER TABLE shop.orders DROP COLUMN note;
