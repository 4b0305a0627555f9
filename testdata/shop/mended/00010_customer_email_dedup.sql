-- +goose Up
-- Customers who registered twice keep the older account's address; the newer account is parked until support has merged the two.
UPDATE shop.customers newer
SET email = 'duplicate-' || newer.id || '@customers.invalid'
WHERE EXISTS (SELECT FROM shop.customers older WHERE older.email = newer.email AND older.id < newer.id);

-- +goose Down
UPDATE shop.customers
SET email = former_emails[cardinality(former_emails)]
WHERE email = 'duplicate-' || id || '@customers.invalid';
