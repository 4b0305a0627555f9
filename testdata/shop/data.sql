-- The shop's production data: about 300,000 rows, every value a function of its row number, so that two loads are equal.
-- Customers who registered twice (every 500th) are what only production has: no test fixture does.
SET synchronous_commit = off;
SET timezone = 'UTC';

CREATE FUNCTION pg_temp.h(n bigint, salt int) RETURNS bigint LANGUAGE sql IMMUTABLE
    AS $$ SELECT hashint8extended(n, salt) & 9223372036854775807 $$;
CREATE FUNCTION pg_temp.pick(list text[], n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT list[1 + n % cardinality(list)] $$;
CREATE FUNCTION pg_temp.first(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.pick(
    '{Anna,Ben,Chloé,David,Elif,Farah,Giulia,Hugo,Inés,Jonas,Katarzyna,Liam,Mia,Noah,Olga,Pedro,Rania,Søren,Tomás,Zoë}', pg_temp.h(n, 1)) $$;
CREATE FUNCTION pg_temp.last(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.pick(
    '{Smith,García,Müller,Rossi,Novak,Kowalski,Jensen,Silva,Dubois,Ivanov,Yılmaz,Nguyen,Kim,Okafor,Andersson,O''Brien,Petrović,Horváth}', pg_temp.h(n, 2)) $$;
CREATE FUNCTION pg_temp.mail(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT
    lower(translate(pg_temp.first(n) || '.' || pg_temp.last(n), 'éíáøöüćğıëñÉ'' ', 'eiaooucgieneE')) || n || '@' ||
    pg_temp.pick('{webmail.test,post.test,office.test,uni.test}', pg_temp.h(n, 3)) $$;
CREATE FUNCTION pg_temp.card(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT body || (10 - s % 10) % 10 FROM (SELECT '4' || lpad((pg_temp.h(n, 4) % 100000000000000)::text, 14, '0') AS body) b,
    LATERAL (SELECT sum(CASE WHEN i % 2 = 1 THEN d * 2 / 10 + d * 2 % 10 ELSE d END) AS s
             FROM generate_series(1, 15) i, LATERAL (SELECT substr(body, i, 1)::int AS d) x) y $$;

INSERT INTO shop.countries VALUES
    ('AT', 'Austria'), ('DE', 'Germany'), ('ES', 'Spain'), ('FR', 'France'), ('GB', 'United Kingdom'), ('IT', 'Italy'), ('PL', 'Poland'), ('US', 'United States');

INSERT INTO shop.customers (id, public_id, email, first_name, last_name, phone, birth_date, national_id, country_code,
                            profile, former_emails, password_hash, newsletter, created_at)
SELECT i, md5('c' || i)::uuid, pg_temp.mail(m), pg_temp.first(m), pg_temp.last(m),
       CASE WHEN i % 9 > 0 THEN '+44 7' || lpad((pg_temp.h(i, 5) % 1000000000)::text, 9, '0') END,
       CASE WHEN i % 11 > 0 THEN date '1945-01-01' + (pg_temp.h(i, 6) % 22000)::int END,
       CASE WHEN i % 3 = 0 THEN 'ID' || lpad((pg_temp.h(i, 7) % 100000000)::text, 8, '0') END,
       pg_temp.pick('{AT,DE,ES,FR,GB,IT,PL,US}', pg_temp.h(i, 8)),
       jsonb_build_object('email', pg_temp.mail(m), 'name', jsonb_build_object('first', pg_temp.first(m), 'last', pg_temp.last(m)),
                          'phones', jsonb_build_array('+44 7' || lpad((pg_temp.h(i, 5) % 1000000000)::text, 9, '0')),
                          'locale', pg_temp.pick('{de,en,es,fr,it,pl}', pg_temp.h(i, 9)), 'points', pg_temp.h(i, 10) % 5000),
       CASE WHEN i % 20 = 0 THEN ARRAY[pg_temp.mail(i + 1000000)] ELSE '{}' END,
       '$argon2id$v=19$m=65536,t=3,p=4$' || md5('salt' || i), i % 4 = 0,
       timestamptz '2021-01-01Z' + (pg_temp.h(i, 11) % 150000000) * interval '1 second'
FROM generate_series(1::bigint, 20000) i, LATERAL (SELECT CASE WHEN i % 500 = 0 THEN i - 7 ELSE i END AS m) dup;

INSERT INTO shop.addresses (id, customer_id, recipient, street, city, postcode, country_code, instructions)
SELECT i, 1 + (i - 1) % 20000, pg_temp.first(i) || ' ' || pg_temp.last(i),
       1 + pg_temp.h(i, 20) % 250 || ' ' || pg_temp.pick('{High Street,Station Road,Rue de la Paix,Hauptstraße,Via Roma,Calle Mayor}', pg_temp.h(i, 21)),
       pg_temp.pick('{London,Paris,Berlin,Roma,Madrid,Wien,Warszawa,Austin}', pg_temp.h(i, 22)),
       lpad((pg_temp.h(i, 23) % 100000)::text, 5, '0'), pg_temp.pick('{AT,DE,ES,FR,GB,IT,PL,US}', pg_temp.h(i, 8)),
       CASE i % 6 WHEN 0 THEN E'leave with neighbour\nring twice\tplease' WHEN 1 THEN '' WHEN 2 THEN 'call +44 7700 9' || 10000 + i % 1000 END
FROM generate_series(1::bigint, 25000) i;

INSERT INTO shop.categories VALUES (1, NULL, 'Home'), (2, 1, 'Kitchen'), (3, 1, 'Garden'), (4, NULL, 'Clothing'), (5, 4, 'Shoes');

INSERT INTO shop.products (category_id, sku, name, price, attributes)
SELECT 1 + i % 5, 'SKU-' || lpad(i::text, 6, '0'),
       initcap(pg_temp.pick('{oak,steel,glass,linen,leather}', pg_temp.h(i, 30)) || ' ' || pg_temp.pick('{chair,lamp,bag,mug,clock,kettle}', pg_temp.h(i, 31))),
       1 + pg_temp.h(i, 32) % 30000 / 100.0, jsonb_build_object('weight_g', pg_temp.h(i, 33) % 9000)
FROM generate_series(1::bigint, 1000) i;

INSERT INTO shop.orders (id, customer_id, address_id, status, contact_email, total, placed_at)
SELECT i, c, c, (enum_range(NULL::shop.order_status))[1 + pg_temp.h(i, 41) % 6], pg_temp.mail(c), 100 + pg_temp.h(i, 42) % 90000,
       timestamptz '2025-01-01Z' + (i * 480) * interval '1 second'
FROM generate_series(1::bigint, 60000) i, LATERAL (SELECT 1 + pg_temp.h(i, 40) % 20000 AS c) v;

INSERT INTO shop.order_items
SELECT o, l, 1 + pg_temp.h(o * 4 + l, 50) % 1000, 1 + pg_temp.h(o * 4 + l, 51) % 4, 1 + pg_temp.h(o * 4 + l, 52) % 30000 / 100.0
FROM generate_series(1::bigint, 60000) o, generate_series(1, 3) l WHERE l <= 1 + o % 3;

INSERT INTO shop.payments (id, order_id, card_number, card_holder, amount, paid_at)
SELECT i, i, CASE WHEN i % 5 > 0 THEN pg_temp.card(i) END, CASE WHEN i % 5 > 0 THEN upper(pg_temp.first(i) || ' ' || pg_temp.last(i)) END,
       pg_temp.h(i, 60) % 90000 / 100.0, timestamptz '2025-01-01Z' + (i * 480 + 90) * interval '1 second'
FROM generate_series(1::bigint, 45000) i;

INSERT INTO shop.tickets (id, customer_id, subject, body, opened_at)
SELECT i, c, 'Order ' || 1 + pg_temp.h(i, 71) % 60000,
       E'Hello,\n\nmy parcel never came. Please write to ' || pg_temp.mail(c) || E' or call +44 7700 9' || 10000 + pg_temp.h(i, 72) % 90000
       || E'.\n\tThanks', timestamptz '2025-03-01Z' + (i * 2400) * interval '1 second'
FROM generate_series(1::bigint, 10000) i, LATERAL (SELECT 1 + pg_temp.h(i, 70) % 20000 AS c) v;

INSERT INTO shop.reviews (id, product_id, customer_id, stars, signed_as, text)
SELECT i, 1 + pg_temp.h(i, 80) % 1000, CASE WHEN i % 7 > 0 THEN 1 + pg_temp.h(i, 81) % 20000 END, 1 + pg_temp.h(i, 82) % 5,
       pg_temp.first(i) || ' ' || pg_temp.last(i), CASE WHEN i % 2 = 0 THEN 'Good value. C:\shop\N, as they say.' END
FROM generate_series(1::bigint, 10000) i;

INSERT INTO shop.subscribers SELECT pg_temp.mail(i * 3), timestamptz '2025-01-01Z' + i * interval '1 hour' FROM generate_series(1::bigint, 5000) i;

INSERT INTO shop.audit
SELECT i, timestamptz '2025-01-02Z' + (i * 1900) * interval '1 second', pg_temp.mail(c), '203.0.113.' || pg_temp.h(i, 91) % 256,
       pg_temp.pick('{login,logout,order,refund,export}', pg_temp.h(i, 92)),
       jsonb_build_object('user', jsonb_build_object('id', c, 'email', pg_temp.mail(c)), 'ms', pg_temp.h(i, 93) % 900)
FROM generate_series(1::bigint, 20000) i, LATERAL (SELECT 1 + pg_temp.h(i, 90) % 20000 AS c) v;

SELECT setval(pg_get_serial_sequence('shop.' || t, 'id'), n)
FROM (VALUES ('customers', 20000), ('addresses', 25000), ('orders', 60000), ('payments', 45000), ('tickets', 10000), ('reviews', 10000)) v(t, n);
SELECT setval('shop.invoice_no', 55000);
REFRESH MATERIALIZED VIEW shop.daily_sales;
ANALYZE;
