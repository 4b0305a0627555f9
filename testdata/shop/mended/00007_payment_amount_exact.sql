-- +goose Up
-- Foreign currencies are settled in fractions of a cent: a second column beside the first, which the next release fills and reads.
SET LOCAL lock_timeout = '2s'; -- nobody waits for longer behind it
ALTER TABLE shop.payments ADD COLUMN exact_amount numeric(14,4);

-- +goose Down
ALTER TABLE shop.payments DROP COLUMN exact_amount;
