-- +goose Up
-- Foreign currencies are settled in fractions of a cent.
ALTER TABLE shop.payments ALTER COLUMN amount TYPE numeric(14,4);

-- +goose Down
ALTER TABLE shop.payments ALTER COLUMN amount TYPE numeric(12,2);
