-- One transaction of pgbench: a row; after the warm-up and at the end, the CPU time that the backend has used.
\set id :id + 1
INSERT INTO orders VALUES (:id, :customer_id, :status, :amount, :qty, :price, :created_at, :country, :email, :note);
\if :id = :warmup
SELECT pg_backend_pid() AS pid \gset
\shell "$BENCH"/cpu.sh :pid
\elif :id = :last
\shell "$BENCH"/cpu.sh :pid
\endif
