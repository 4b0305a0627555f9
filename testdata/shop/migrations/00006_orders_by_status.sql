-- +goose Up
CREATE INDEX orders_status_idx ON shop.orders (status, placed_at);

-- +goose Down
DROP INDEX shop.orders_status_idx;
