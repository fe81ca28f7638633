-- The ten rules as CHECK constraints of :table.
ALTER TABLE :table
    ADD CONSTRAINT id CHECK (id IS NOT NULL),
    ADD CONSTRAINT customer_id CHECK (customer_id > 0),
    ADD CONSTRAINT status CHECK (status IN ('new', 'paid', 'shipped', 'cancelled', 'returned')),
    ADD CONSTRAINT amount CHECK (amount BETWEEN 0 AND 1000000),
    ADD CONSTRAINT qty CHECK (qty BETWEEN 1 AND 1000),
    ADD CONSTRAINT price CHECK (price >= 0),
    ADD CONSTRAINT created_at CHECK (created_at <= '2030-01-01 00:00:00+00'),
    ADD CONSTRAINT country CHECK (length(country) = 2),
    ADD CONSTRAINT email CHECK (email ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'),
    ADD CONSTRAINT note CHECK (length(note) <= 200);
