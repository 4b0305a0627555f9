-- +goose Up
-- Customers who registered twice keep the older account's address; the newer account is parked until support has merged the two.
-- A trigger adds the address to former_emails, which is named so that whoever reads this knows.
UPDATE shop.customers newer
SET email = 'duplicate-' || newer.id || '@customers.invalid', former_emails = newer.former_emails
WHERE EXISTS (SELECT FROM shop.customers older WHERE older.email = newer.email AND older.id < newer.id);

-- +goose Down
UPDATE shop.customers
SET email = former_emails[cardinality(former_emails)]
WHERE email = 'duplicate-' || id || '@customers.invalid';

-- The trigger has noted both changes.
UPDATE shop.customers
SET former_emails = former_emails[:cardinality(former_emails) - 2]
WHERE former_emails[cardinality(former_emails)] = 'duplicate-' || id || '@customers.invalid';
