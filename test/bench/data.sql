-- Writes the files :clean and :bad, :rows rows each, the same on every run.  In the second, every tenth row fails one
-- rule, in turn: row 10 the one on customer_id, row 20 the one on status, ... row 100 the one on id.
\ir clean.sql

CREATE TEMP VIEW bad AS
SELECT CASE WHEN rule IS DISTINCT FROM 0 THEN id END AS id,
    CASE rule WHEN 1 THEN 0 ELSE customer_id END AS customer_id,
    CASE rule WHEN 2 THEN 'lost' ELSE status END AS status,
    CASE rule WHEN 3 THEN 1000000.01 ELSE amount END AS amount,
    CASE rule WHEN 4 THEN 1001 ELSE qty END AS qty,
    CASE rule WHEN 5 THEN -price - 1 ELSE price END AS price,
    CASE rule WHEN 6 THEN timestamptz '2030-01-01 00:00:01+00' ELSE created_at END AS created_at,
    CASE rule WHEN 7 THEN country || 'X' ELSE country END AS country,
    CASE rule WHEN 8 THEN replace(email, '@', ' at ') ELSE email END AS email,
    CASE rule WHEN 9 THEN repeat('x', 201) ELSE note END AS note
FROM (SELECT *, CASE WHEN id % 10 = 0 THEN id / 10 % 10 END AS rule FROM clean) c;

COPY (SELECT * FROM clean) TO :'clean';
COPY (SELECT * FROM bad) TO :'bad';
