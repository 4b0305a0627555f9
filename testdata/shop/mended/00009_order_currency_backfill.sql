-- +goose Up
-- Apart from the ALTER TABLE before it, so that nobody waits for more than the row he wants to write himself.
UPDATE shop.orders o
SET currency = CASE c.country_code WHEN 'US' THEN 'USD' WHEN 'GB' THEN 'GBP' ELSE 'EUR' END
FROM shop.customers c
WHERE c.id = o.customer_id;

-- +goose Down
UPDATE shop.orders SET currency = NULL;
