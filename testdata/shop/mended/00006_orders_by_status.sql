-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY orders_status_idx ON shop.orders (status, placed_at);

-- +goose Down
DROP INDEX CONCURRENTLY shop.orders_status_idx;
