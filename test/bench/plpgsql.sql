-- The ten rules in a plpgsql trigger that diverts failing rows of :table, as one would write it by hand.
SET client_min_messages = warning;

CREATE TABLE IF NOT EXISTS quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rules text[] NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    role name NOT NULL DEFAULT current_user,
    "row" jsonb NOT NULL
);

CREATE OR REPLACE FUNCTION divert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (NEW.id IS NOT NULL
            AND NEW.customer_id > 0
            AND NEW.status IN ('new', 'paid', 'shipped', 'cancelled', 'returned')
            AND NEW.amount BETWEEN 0 AND 1000000
            AND NEW.qty BETWEEN 1 AND 1000
            AND NEW.price >= 0
            AND NEW.created_at <= '2030-01-01 00:00:00+00'
            AND length(NEW.country) = 2
            AND NEW.email ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'
            AND length(NEW.note) <= 200) THEN
        INSERT INTO quarantine (rules, "row") VALUES (array_remove(ARRAY[
            CASE WHEN NEW.id IS NULL THEN 'id' END,
            CASE WHEN NOT NEW.customer_id > 0 THEN 'customer_id' END,
            CASE WHEN NEW.status NOT IN ('new', 'paid', 'shipped', 'cancelled', 'returned') THEN 'status' END,
            CASE WHEN NEW.amount NOT BETWEEN 0 AND 1000000 THEN 'amount' END,
            CASE WHEN NEW.qty NOT BETWEEN 1 AND 1000 THEN 'qty' END,
            CASE WHEN NOT NEW.price >= 0 THEN 'price' END,
            CASE WHEN NEW.created_at > '2030-01-01 00:00:00+00' THEN 'created_at' END,
            CASE WHEN length(NEW.country) <> 2 THEN 'country' END,
            CASE WHEN NEW.email !~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$' THEN 'email' END,
            CASE WHEN length(NEW.note) > 200 THEN 'note' END], NULL), to_jsonb(NEW));
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER divert BEFORE INSERT OR UPDATE ON :table FOR EACH ROW EXECUTE FUNCTION divert();

CREATE OR REPLACE VIEW failures AS
SELECT 'quarantined' AS fate, unnest(rules) AS rule, count(*) AS failed FROM quarantine GROUP BY 2;
CREATE OR REPLACE PROCEDURE reset() LANGUAGE sql AS $$
    TRUNCATE orders, orders_part, source;
    TRUNCATE quarantine;
$$;
