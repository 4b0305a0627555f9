-- +goose Up
ALTER TABLE shop.orders ADD COLUMN currency char(3);

UPDATE shop.orders o
SET currency = CASE c.country_code WHEN 'US' THEN 'USD' WHEN 'GB' THEN 'GBP' ELSE 'EUR' END
FROM shop.customers c
WHERE c.id = o.customer_id;

-- +goose Down
ALTER TABLE shop.orders DROP COLUMN currency;
