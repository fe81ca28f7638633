/* pg_contract--0.1.0.sql: catalog, functions and views of pg_contract 0.1.0 */

\echo Use "CREATE EXTENSION pg_contract" to load this file. \quit

CREATE SCHEMA contract;
COMMENT ON SCHEMA contract IS 'data contracts: rules on tables, their violations, quarantine and audits';
GRANT USAGE ON SCHEMA contract TO PUBLIC;

/*
 * The catalog.  Names are the truth: what pg_dump carries holds names as text;
 * OIDs and attribute numbers live only in contract.binding, which is not
 * dumped and is rebuilt by name.  Only the C code in src/catalog touches these
 * tables; users get the functions and views below.  No foreign keys: they would
 * look with the transaction's snapshot, while contracts are read and changed
 * with the latest one, like a system catalog.
 */
CREATE TABLE contract.contract (
	contract_id text PRIMARY KEY,
	version text,
	status text NOT NULL DEFAULT 'active'
		CHECK (status IN ('proposed', 'draft', 'active', 'deprecated', 'retired')),
	owner text,
	description text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	documented text[] NOT NULL DEFAULT '{}'	-- fields that its document says, and nobody changed in SQL since
);
COMMENT ON TABLE contract.contract IS 'an agreement with id, version, status and owner; may cover several datasets';

/* The newest row of a contract is the document in force; a contract made in SQL has none. */
CREATE SEQUENCE contract.contract_version_id_seq;
CREATE TABLE contract.contract_version (
	version_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('contract.contract_version_id_seq'),
	contract_id text NOT NULL,
	version text NOT NULL,
	status text NOT NULL,
	source text NOT NULL,
	document jsonb NOT NULL,
	level text CHECK (level IN ('major', 'minor', 'patch')),
	changes integer NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	applied_by name NOT NULL
);
CREATE INDEX contract_version_contract_idx ON contract.contract_version (contract_id, version_id);
COMMENT ON TABLE contract.contract_version IS
'each document that was applied, verbatim; level and changes against the one before';

CREATE TABLE contract.dataset (
	dataset_id integer PRIMARY KEY,
	schema_name name NOT NULL,
	table_name name NOT NULL,
	name text NOT NULL GENERATED ALWAYS AS
		(pg_catalog.quote_ident(schema_name::text) OPERATOR(pg_catalog.||) '.'
		 OPERATOR(pg_catalog.||) pg_catalog.quote_ident(table_name::text)) STORED,
	contract_id text NOT NULL,
	description text,
	write_path text NOT NULL DEFAULT 'bulk' CHECK (write_path IN ('bulk', 'oltp')),
	on_apply text NOT NULL DEFAULT 'enforce' CHECK (on_apply IN ('enforce', 'warn')),
	documented text[],	-- as contract.documented, and 'dataset' if a document made it; null: it is in no document
	author name NOT NULL,	-- owner of its relation when it was last bound, else who made it
	UNIQUE (schema_name, table_name)
);
COMMENT ON TABLE contract.dataset IS 'one table, partitioned table, foreign table, view or materialized view under contract';

CREATE TABLE contract.binding (
	dataset_id integer PRIMARY KEY,
	relid oid UNIQUE,	-- null: another dataset took it in this transaction
	attnums int2[] NOT NULL,
	attnames name[] NOT NULL,
	names name[] NOT NULL,	-- the columns as the guard last accepted them
	types oid[] NOT NULL,
	typmods integer[] NOT NULL,
	not_null boolean[] NOT NULL
);
COMMENT ON TABLE contract.binding IS 'which relation stands under a dataset''s name, and its columns by number; not dumped, rebuilt by name';

CREATE SEQUENCE contract.rule_id_seq;
CREATE TABLE contract.rule (
	rule_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('contract.rule_id_seq'),
	dataset_id integer NOT NULL,
	name text NOT NULL,
	kind text NOT NULL,
	columns name[] NOT NULL,
	parameters jsonb NOT NULL,
	filter text,
	severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
	action text NOT NULL CHECK (action IN ('audit', 'warn', 'quarantine', 'reject')),
	tolerance numeric NOT NULL CHECK (tolerance BETWEEN 0 AND 1),
	description text,
	source text NOT NULL DEFAULT 'sql' CHECK (source IN ('sql', 'document')),
	schedule text,
	runbook text,
	UNIQUE (dataset_id, name)
);
CREATE INDEX rule_watched_idx ON contract.rule (dataset_id) WHERE kind IN ('fresh', 'volume');
COMMENT ON TABLE contract.rule IS 'one assertion about a dataset';

CREATE TABLE contract.column_annotation (
	dataset_id integer NOT NULL,
	column_name name NOT NULL,
	description text,
	classification text,
	pii_category text,
	tags text[],
	documented text[] NOT NULL DEFAULT '{}',	-- as contract.documented
	PRIMARY KEY (dataset_id, column_name)
);
COMMENT ON TABLE contract.column_annotation IS 'what is known of a column: description, classification, category of personal data, tags';

/*
 * History.  A run is an audit, or what one statement's writes failed; results
 * hold exact counts, violations at most pg_contract.violation_samples rows a
 * rule.  The rows are written by heap multi-inserts.  Columns are filled by position in src/catalog/history.c.
 */
CREATE SEQUENCE contract.run_id_seq;
CREATE TABLE contract.run (
	run_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('contract.run_id_seq'),
	dataset_id integer NOT NULL,
	source text NOT NULL CHECK (source IN ('write', 'audit')),
	operation text,
	executor text,
	at timestamptz NOT NULL,
	elapsed interval,
	role name NOT NULL,
	application text,
	xid xid8,	-- null: a row was refused before the transaction had one
	query_id bigint,
	considered bigint,
	failed bigint,
	origin text	-- of a change that logical replication refused: its origin and LSN
);
CREATE INDEX run_dataset_idx ON contract.run (dataset_id, at);
COMMENT ON TABLE contract.run IS 'an audit of a dataset, or the failures of one writing statement; considered and failed count rows';

CREATE TABLE contract.result (
	run_id bigint NOT NULL,
	rule text NOT NULL,
	kind text NOT NULL,
	columns name[] NOT NULL,
	action text NOT NULL,
	status text NOT NULL CHECK (status IN ('pass', 'warn', 'fail', 'error', 'skipped')),
	considered bigint,
	failed bigint,
	observed jsonb,
	expected jsonb,
	message text,
	PRIMARY KEY (run_id, rule)
);
COMMENT ON TABLE contract.result IS 'what a run found for one rule';

CREATE SEQUENCE contract.violation_id_seq;
CREATE TABLE contract.violation (
	id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('contract.violation_id_seq'),
	run_id bigint NOT NULL,
	dataset_id integer NOT NULL,
	rule text NOT NULL,
	kind text NOT NULL,
	columns name[] NOT NULL,
	at timestamptz NOT NULL,
	action text NOT NULL,
	key jsonb,
	"row" jsonb,
	value text,
	message text
);
CREATE INDEX violation_dataset_idx ON contract.violation (dataset_id, at);
CREATE INDEX violation_run_idx ON contract.violation (run_id);
COMMENT ON TABLE contract.violation IS 'evidence: one failing row of one rule, personal data masked';

CREATE SEQUENCE contract.quarantine_id_seq;
CREATE TABLE contract.quarantine (
	id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('contract.quarantine_id_seq'),
	dataset_id integer NOT NULL,
	operation text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE')),
	rules text[] NOT NULL,
	at timestamptz NOT NULL,
	role name NOT NULL,
	application text,
	xid xid8 NOT NULL,
	query_id bigint,
	key jsonb,
	changed name[],
	"row" jsonb NOT NULL
);
COMMENT ON TABLE contract.quarantine IS 'rows kept out of their table; each column as its type''s output text, so that nothing is lost on release';

/*
 * What audits remember of the pages of a heap, for the next audit; see
 * src/audit/state.c.  About relations by OID and pages by LSN: not dumped.
 */
CREATE TABLE contract.audit_state (
	dataset_id integer NOT NULL,
	relid oid NOT NULL,
	identity text NOT NULL,
	lsn pg_lsn NOT NULL,
	PRIMARY KEY (dataset_id, relid)
);
COMMENT ON TABLE contract.audit_state IS 'when a heap was last audited, and what the counters of its pages are about; not dumped';

CREATE TABLE contract.audit_part (
	dataset_id integer NOT NULL,
	relid oid NOT NULL,
	part integer NOT NULL,
	blocks integer NOT NULL,
	settled boolean NOT NULL,
	totals bigint[] NOT NULL,
	pages bytea NOT NULL,
	PRIMARY KEY (dataset_id, relid, part)
);
ALTER TABLE contract.audit_part ALTER COLUMN pages SET STORAGE EXTERNAL;
COMMENT ON TABLE contract.audit_part IS 'what an audit counted on each of 4096 pages of a heap; not dumped';

CREATE TABLE contract.metric (
	run_id bigint NOT NULL,
	dataset_id integer NOT NULL,
	column_name name,
	metric text NOT NULL CHECK (metric IN ('rows', 'nulls', 'distinct', 'min', 'max', 'mean')),
	number numeric,
	value text NOT NULL,
	at timestamptz NOT NULL,
	UNIQUE (run_id, column_name, metric)
);
CREATE INDEX metric_dataset_idx ON contract.metric (dataset_id, at);
COMMENT ON TABLE contract.metric IS
'profiles: what an audit measured of a dataset (no column) and of its columns; number is the value if it is one';

/*
 * What the database's worker keeps.  Without a dump: what is about this server,
 * and what it finds out again.
 */
CREATE TABLE contract.schedule (
	dataset_id integer PRIMARY KEY,
	every interval,
	cron text,
	time_zone text NOT NULL,
	mode text NOT NULL,
	profile boolean NOT NULL,
	timeout interval,
	since timestamptz NOT NULL DEFAULT pg_catalog.now(),	-- first run after this
	CHECK ((every IS NULL) <> (cron IS NULL))
);
COMMENT ON TABLE contract.schedule IS 'when a dataset is audited, as said in SQL; rules of documents have schedules of their own';

CREATE TABLE contract.schedule_state (
	dataset_id integer NOT NULL,
	expression text NOT NULL,	-- of the schedule of SQL: sql; of a document's: cron expression and time zone
	next_run timestamptz,	-- null: never
	attempts integer NOT NULL DEFAULT 0,	-- audits begun for this run
	last_run timestamptz,
	last_elapsed interval,
	last_status text,
	last_message text,
	PRIMARY KEY (dataset_id, expression)
);
CREATE INDEX schedule_state_next_run_idx ON contract.schedule_state (next_run);
COMMENT ON TABLE contract.schedule_state IS 'when a schedule ran last and will run next; not dumped';

CREATE TABLE contract.last_write (
	dataset_id integer PRIMARY KEY,
	relid oid NOT NULL,
	counters bigint[] NOT NULL,	-- see src/catalog/writes.c
	sampled_at timestamptz NOT NULL,	-- when these counters were seen first
	written_at timestamptz,	-- when the last write was noticed; null: none since sampling began
	since timestamptz NOT NULL	-- sampling began
);
COMMENT ON TABLE contract.last_write IS 'when a dataset was written to last, from PostgreSQL''s statistics; not dumped';

CREATE TABLE contract.freshness_state (
	dataset_id integer NOT NULL,
	rule text NOT NULL,
	status text NOT NULL CHECK (status IN ('fresh', 'late', 'empty', 'all_null', 'low', 'high', 'unknown', 'error')),
	newest timestamptz,
	rows bigint,
	since timestamptz NOT NULL,	-- has this status
	checked_at timestamptz NOT NULL,
	next_check timestamptz NOT NULL DEFAULT '-infinity',
	message text,
	rule_id bigint,
	definition xid,	-- xmin of the rule: another one is another rule
	zone text,	-- of its days
	good_until timestamptz,	-- fresh until then, whatever happens; of late: when it turned
	deadline timestamptz,	-- the last
	next_deadline timestamptz,
	not_before timestamptz,	-- a look before this would take more than its share of time
	accounted_at timestamptz,	-- up to when contract.sla_day knows
	due timestamptz NOT NULL DEFAULT '-infinity',	-- when the worker must come: to look, or to account
	PRIMARY KEY (dataset_id, rule)
);
CREATE INDEX freshness_state_due_idx ON contract.freshness_state (due);
COMMENT ON TABLE contract.freshness_state IS 'what was found last for rules about time; not dumped';

CREATE TABLE contract.sla_day (
	dataset_id integer NOT NULL,
	rule text NOT NULL,
	day date NOT NULL,	-- in the rule's time zone
	observed interval NOT NULL,
	attained interval NOT NULL,
	breaches integer NOT NULL,
	deadlines integer NOT NULL,
	deadlines_met integer NOT NULL,
	PRIMARY KEY (dataset_id, rule, day)
);
COMMENT ON TABLE contract.sla_day IS 'for how long of a day a rule about time was observed and kept';

CREATE SEQUENCE contract.incident_id_seq;
CREATE TABLE contract.incident (
	incident_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('contract.incident_id_seq'),
	dataset_id integer NOT NULL,
	status text NOT NULL CHECK (status IN ('open', 'closed')),
	severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),	-- the worst that it had
	rules text[] NOT NULL,	-- that fail, or failed last
	all_rules text[] NOT NULL,	-- that failed at any time
	opened_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	closed_at timestamptz,
	passing_since timestamptz,	-- still open, though nothing fails
	reopened integer NOT NULL DEFAULT 0,
	notified text CHECK (notified IN ('open', 'escalate', 'reopen', 'close')),	-- event of the last message about it
	notified_at timestamptz,
	judge_at timestamptz,	-- looked at again then, though nothing happens
	acknowledged_at timestamptz,
	acknowledged_by name,
	note text,
	muted_until timestamptz,
	root_cause jsonb	-- for what lineage finds: the dataset upstream that failed first
);
CREATE UNIQUE INDEX incident_open_idx ON contract.incident (dataset_id) WHERE status = 'open';
CREATE INDEX incident_dataset_idx ON contract.incident (dataset_id, opened_at);
COMMENT ON TABLE contract.incident IS 'the failing rules of a dataset from when the first failed until all pass';

CREATE TABLE contract.incident_due (
	dataset_id integer,	-- null: all of them
	due timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX incident_due_dataset_idx ON contract.incident_due (dataset_id);
COMMENT ON TABLE contract.incident_due IS 'datasets of which something changed that incidents are made of; not dumped';

CREATE TABLE contract.retention (
	dataset_id integer NOT NULL,
	history text NOT NULL CHECK (history IN ('violations', 'results', 'metrics', 'quarantine', 'incidents', 'sla')),
	max_age interval,
	max_rows bigint CHECK (max_rows >= 0),
	PRIMARY KEY (dataset_id, history)
);
COMMENT ON TABLE contract.retention IS 'how long, and how many rows, a dataset''s history is kept where that differs from the settings';

CREATE TABLE contract.retention_state (
	dataset_id integer PRIMARY KEY,
	next_look timestamptz NOT NULL
);
COMMENT ON TABLE contract.retention_state IS 'when the worker looks next for history of a dataset that is too old or too much; not dumped';

/* What the runs up to contract.counted have counted; several rows of the same are to be added up.  See src/catalog/total.c. */
CREATE TABLE contract.total (
	dataset_id integer NOT NULL,
	counter text NOT NULL CHECK (counter IN ('audits', 'rows', 'failures', 'open')),
	detail text NOT NULL,	-- of rows and failures: the action; of open: the audit since which they were written
	value numeric NOT NULL
);
CREATE INDEX total_dataset_idx ON contract.total (dataset_id);
COMMENT ON TABLE contract.total IS 'sums over the runs, also over those that were pruned';

CREATE TABLE contract.counted (run_id bigint NOT NULL);
COMMENT ON TABLE contract.counted IS 'the runs up to this one are in contract.total; no row: none';

CREATE TABLE contract.counting_mark (
	run_id bigint NOT NULL,
	xid xid8 NOT NULL
);
COMMENT ON TABLE contract.counting_mark IS
'runs up to this one can be counted when no transaction older than this one is left; not dumped';

CREATE TABLE contract.reject_position (
	queue bigint NOT NULL,	-- which incarnation of the queue
	entry bigint NOT NULL,	-- which counter in it; 0: its samples
	recorded bigint NOT NULL,	-- how much of it is in the history
	PRIMARY KEY (queue, entry)
);
COMMENT ON TABLE contract.reject_position IS 'how much of the queue of refused rows is recorded, so that each is once; not dumped';

/*
 * Lineage.  Definitions are what the catalogs say (views, generated columns, functions): by OIDs, made anew where they
 * are restored.  Statements are what was seen to run: by names, since nothing else knows of them.
 */
CREATE TABLE contract.lineage_definition (
	classid oid NOT NULL,	-- pg_class (view, materialized view, table with generated columns), pg_proc
	objid oid NOT NULL,	-- whose definition it is
	operation text NOT NULL,	-- view, materialized view, generated, function
	source_relid oid NOT NULL,
	source_column smallint NOT NULL,
	target_classid oid NOT NULL,	-- pg_class, or pg_proc: the function's result
	target_objid oid NOT NULL,
	target_column smallint NOT NULL,	-- 0: all rows
	subtype text NOT NULL,
	immediate boolean NOT NULL,
	base boolean NOT NULL,
	masking boolean NOT NULL,
	nullable boolean NOT NULL,
	expression bigint NOT NULL,
	PRIMARY KEY (classid, objid, source_relid, source_column, target_classid, target_objid, target_column, subtype)
);
CREATE INDEX lineage_definition_source_idx ON contract.lineage_definition (source_relid, source_column);
CREATE INDEX lineage_definition_target_idx ON contract.lineage_definition (target_objid, target_column);
COMMENT ON TABLE contract.lineage_definition IS 'lineage of views, materialized views, generated columns and functions, as their definitions say; not dumped, made anew';

CREATE TABLE contract.lineage_derived (
	classid oid NOT NULL,	-- pg_class, pg_proc; 0: of what follows is the server's identifier
	objid oid NOT NULL,
	digest bigint NOT NULL,	-- of its edges
	unresolved text,	-- what could not be followed
	PRIMARY KEY (classid, objid)
);
COMMENT ON TABLE contract.lineage_derived IS 'definitions whose lineage is in lineage_definition; a row''s lock is the right to derive it anew; not dumped, made anew';

CREATE SEQUENCE contract.lineage_node_id_seq;
CREATE TABLE contract.lineage_node (
	node_id bigint NOT NULL DEFAULT pg_catalog.nextval('contract.lineage_node_id_seq') PRIMARY KEY,
	place text NOT NULL DEFAULT 'relation' CHECK (place IN ('relation', 'routine', 'file', 'program')),
	schema_name text,	-- null: a file, a program
	table_name text NOT NULL,
	column_name text	-- null: all rows
);
CREATE INDEX lineage_node_name_idx ON contract.lineage_node (table_name, schema_name, column_name);
COMMENT ON TABLE contract.lineage_node IS 'columns that statements with lineage have read or written, and relations of which they have written rows';

CREATE TABLE contract.lineage_binding (
	relid oid NOT NULL,
	attnum smallint NOT NULL,	-- 0: all rows
	node_id bigint NOT NULL,
	PRIMARY KEY (relid, attnum)
);
CREATE INDEX lineage_binding_node_idx ON contract.lineage_binding (node_id);
COMMENT ON TABLE contract.lineage_binding IS 'which column is which node now; not dumped, made anew by names';

CREATE SEQUENCE contract.lineage_statement_id_seq;
CREATE TABLE contract.lineage_statement (
	statement_id bigint NOT NULL DEFAULT pg_catalog.nextval('contract.lineage_statement_id_seq') PRIMARY KEY,
	digest uuid NOT NULL UNIQUE,	-- of its edges, operation, routine and role
	operation text NOT NULL,
	query_id bigint,
	statement text,	-- constants replaced
	routine text,	-- outermost, with schema and argument types
	role name,
	application text,	-- of the last execution
	unresolved text,	-- what could not be followed
	first_seen timestamptz NOT NULL,
	last_seen timestamptz NOT NULL,
	executions bigint NOT NULL,
	rows bigint NOT NULL
);
CREATE INDEX lineage_statement_last_seen_idx ON contract.lineage_statement (last_seen);
COMMENT ON TABLE contract.lineage_statement IS 'statements that moved data from columns to columns; a row however often they ran';

CREATE TABLE contract.lineage_edge (
	statement_id bigint NOT NULL,
	source_id bigint NOT NULL,
	target_id bigint NOT NULL,
	subtype text NOT NULL,
	immediate boolean NOT NULL,
	base boolean NOT NULL,
	masking boolean NOT NULL,
	nullable boolean NOT NULL,
	expression bigint NOT NULL,
	historic_since timestamptz,	-- one end is gone; null: it is not
	source_gone boolean NOT NULL DEFAULT false,	-- which one; another relation may have the name now
	target_gone boolean NOT NULL DEFAULT false,
	PRIMARY KEY (statement_id, source_id, target_id, subtype)
);
CREATE INDEX lineage_edge_source_idx ON contract.lineage_edge (source_id);
CREATE INDEX lineage_edge_target_idx ON contract.lineage_edge (target_id);
COMMENT ON TABLE contract.lineage_edge IS 'which column fed which, in a statement';

CREATE TABLE contract.lineage_due (
	relid oid NOT NULL,	-- 0: all; 1: all definitions
	due timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE contract.lineage_due IS 'relations whose nodes are to be compared with the catalogs, and when all are, and when all definitions are to be derived; not dumped';

SELECT pg_catalog.pg_extension_config_dump('contract.contract', '');
SELECT pg_catalog.pg_extension_config_dump('contract.contract_version', '');
SELECT pg_catalog.pg_extension_config_dump('contract.contract_version_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.dataset', '');
SELECT pg_catalog.pg_extension_config_dump('contract.rule', '');
SELECT pg_catalog.pg_extension_config_dump('contract.rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.column_annotation', '');
SELECT pg_catalog.pg_extension_config_dump('contract.run', '');
SELECT pg_catalog.pg_extension_config_dump('contract.run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.result', '');
SELECT pg_catalog.pg_extension_config_dump('contract.violation', '');
SELECT pg_catalog.pg_extension_config_dump('contract.violation_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.metric', '');
SELECT pg_catalog.pg_extension_config_dump('contract.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('contract.quarantine_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.schedule', '');
SELECT pg_catalog.pg_extension_config_dump('contract.sla_day', '');
SELECT pg_catalog.pg_extension_config_dump('contract.incident', '');
SELECT pg_catalog.pg_extension_config_dump('contract.incident_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.retention', '');
SELECT pg_catalog.pg_extension_config_dump('contract.total', '');
SELECT pg_catalog.pg_extension_config_dump('contract.counted', '');
SELECT pg_catalog.pg_extension_config_dump('contract.lineage_node', '');
SELECT pg_catalog.pg_extension_config_dump('contract.lineage_node_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.lineage_statement', '');
SELECT pg_catalog.pg_extension_config_dump('contract.lineage_statement_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('contract.lineage_edge', '');

/*
 * For autovacuum.  The history grows at one end and is pruned at the other, in the order of its indexes: a fifth of a
 * large table as dead rows, which is the default, would lie in front of what each batch of deletes looks for.
 */
ALTER TABLE contract.run SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE contract.result SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE contract.violation SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE contract.metric SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
/*
 * One row a thing, updated again and again in columns without index: with room on the page the new version stays there (HOT),
 * and pages clean themselves without a vacuum.  States with a time in an index get nothing from that; they are small, and
 * autovacuum's own habits do for them.
 */
ALTER TABLE contract.last_write SET (fillfactor = 50);
ALTER TABLE contract.sla_day SET (fillfactor = 80);	-- only today's rows are updated
ALTER TABLE contract.retention_state SET (fillfactor = 50);
ALTER TABLE contract.reject_position SET (fillfactor = 50);
/* An audit writes whole parts anew, kilobytes each, which lie in the TOAST table. */
ALTER TABLE contract.audit_part SET (toast.autovacuum_vacuum_scale_factor = 0.05);

/*
 * Annotating.  Only the owner of the relation, or a member of its role, may.
 */
CREATE FUNCTION contract.describe(
	relation regclass,
	owner text DEFAULT NULL,
	description text DEFAULT NULL,
	version text DEFAULT NULL,
	status text DEFAULT NULL,
	contract_id text DEFAULT NULL,
	write_path text DEFAULT NULL,
	on_apply text DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_describe';
COMMENT ON FUNCTION contract.describe(regclass, text, text, text, text, text, text, text) IS
'puts a relation under contract, or changes what is said of it; null leaves a field as it is; returns the dataset';

CREATE FUNCTION contract.describe_column(
	relation regclass,
	column_name name,
	description text DEFAULT NULL,
	classification text DEFAULT NULL,
	tags text[] DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_describe_column';
COMMENT ON FUNCTION contract.describe_column(regclass, name, text, text, text[]) IS
'describes a column; null leaves a field as it is, an empty text clears it';

CREATE FUNCTION contract.pii(
	relation regclass,
	column_name name,
	category text DEFAULT 'personal',
	classification text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_pii';
COMMENT ON FUNCTION contract.pii(regclass, name, text, text) IS
'marks a column as personal data: its values are masked in violations; a null category takes the mark away';

CREATE FUNCTION contract.add_rule(
	relation regclass,
	kind text,
	columns name[],
	parameters jsonb DEFAULT '{}',
	on_violation text DEFAULT NULL,
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL,
	runbook text DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_add_rule';
COMMENT ON FUNCTION contract.add_rule(regclass, text, name[], jsonb, text, text, text, numeric, text, text, text) IS
'adds a rule of any kind and returns its name; without on_violation a row rule warns and a set rule is for audits only; runbook: what to do when it fails';

CREATE FUNCTION contract.alter_rule(
	relation regclass,
	rule text,
	parameters jsonb DEFAULT NULL,
	on_violation text DEFAULT NULL,
	severity text DEFAULT NULL,
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT NULL,
	name text DEFAULT NULL,
	description text DEFAULT NULL,
	runbook text DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_alter_rule';
COMMENT ON FUNCTION contract.alter_rule(regclass, text, jsonb, text, text, text, numeric, text, text, text) IS
'changes a rule; null leaves a field as it is, an empty filter, description or runbook clears it; returns the rule''s name';

CREATE FUNCTION contract.drop_rule(dataset text, rule text)
RETURNS void LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_drop_rule';
COMMENT ON FUNCTION contract.drop_rule(text, text) IS 'drops a rule of a dataset, whose table may be gone';

CREATE FUNCTION contract.drop_contract(dataset text, discard_quarantine boolean DEFAULT false)
RETURNS void LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_drop_contract';
COMMENT ON FUNCTION contract.drop_contract(text, boolean) IS
'takes a dataset out of contract with its rules, annotations and history, or ends a contract, of that id, with all its datasets and documents; refused while rows are in quarantine';

CREATE FUNCTION contract.enforce(relation regclass)
RETURNS text LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_enforce';
COMMENT ON FUNCTION contract.enforce(regclass) IS
'makes the triggers of a dataset anew, for instance after they were dropped or disabled by hand, and accepts a contract that waits because another role made it; returns the dataset';

CREATE FUNCTION contract.prune(
	older_than interval DEFAULT '90 days',
	keep_violations bigint DEFAULT NULL,
	dataset text DEFAULT NULL)
RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_prune';
COMMENT ON FUNCTION contract.prune(interval, bigint, text) IS
'deletes runs and violations that are older, or beyond the newest so many violations of a dataset, for datasets of the caller; the last audit and the quarantine stay; returns the rows deleted';

/*
 * Documents.
 */
CREATE FUNCTION contract.lint(document text)
RETURNS TABLE (line integer, column_number integer, severity text, path text, message text, hint text)
LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_lint';
COMMENT ON FUNCTION contract.lint(text) IS
'what is to be said of a contract written as a document (ODCS): errors keep it from being applied';

CREATE FUNCTION contract.diff(
	old text,
	new text,
	OUT path text,
	OUT change text,
	OUT old text,
	OUT new text,
	OUT breaks_producer boolean,
	OUT breaks_consumer boolean,
	OUT level text,
	OUT enforced boolean,
	OUT message text)
RETURNS SETOF record LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_diff_documents';
COMMENT ON FUNCTION contract.diff(text, text) IS
'what changes from one document to another, for whom, and by how much the version must rise: major, minor or patch';

CREATE FUNCTION contract.apply(
	document text,
	dry_run boolean DEFAULT false,
	server text DEFAULT NULL,
	allow_breaking boolean DEFAULT false)
RETURNS TABLE(path text, change text, old text, new text, breaks_producer boolean, breaks_consumer boolean, level text,
	enforced boolean, message text)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_apply';
COMMENT ON FUNCTION contract.apply(text, boolean, text, boolean) IS
'makes a document (ODCS, YAML) the contract of its relations, which may not be there yet; returns the differences to the document in force, the changes made, what is not enforced, and a sum; dry_run changes nothing';

CREATE FUNCTION contract.apply_file(
	file text,
	dry_run boolean DEFAULT false,
	server text DEFAULT NULL,
	allow_breaking boolean DEFAULT false)
RETURNS TABLE(path text, change text, old text, new text, breaks_producer boolean, breaks_consumer boolean, level text,
	enforced boolean, message text)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_apply_file';
COMMENT ON FUNCTION contract.apply_file(text, boolean, text, boolean) IS
'contract.apply for a file of the server, in UTF-8; for roles with the privileges of pg_read_server_files';

CREATE FUNCTION contract.convert(document text, format text)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_convert';
COMMENT ON FUNCTION contract.convert(text, text) IS
'a contract (ODCS, YAML) from a document of another format: dbt, a property file (schema.yml); warns of what it cannot carry';

CREATE FUNCTION contract.history(contract_id text)
RETURNS TABLE(version text, status text, level text, changes integer, applied_at timestamptz, applied_by name, document text)
LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_history';
COMMENT ON FUNCTION contract.history(text) IS
'the documents of a contract as they were applied, the newest first, for those who may see one of its datasets, with their text for those who may see all; level and changes against the one before';

CREATE FUNCTION contract.export(name text)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_export_named';
COMMENT ON FUNCTION contract.export(text) IS
'a contract, by its id or the name of one of its datasets, as a document (ODCS, YAML): what was applied, verbatim, if nothing was changed in SQL since';

CREATE FUNCTION contract.export(relation regclass)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_export_relation';
COMMENT ON FUNCTION contract.export(regclass) IS 'the contract of a relation as a document';

CREATE FUNCTION contract.infer(relation regclass)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_infer_document';
COMMENT ON FUNCTION contract.infer(regclass) IS
'a first document (ODCS, YAML) of a relation, from the catalogs: types, NOT NULL, keys, CHECKs, comments';

/*
 * Row rules.  Each ends in contract.add_rule and returns the name of the rule.
 */
CREATE FUNCTION contract.not_null(
	relation regclass,
	column_name name,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'not_null', ARRAY[column_name],
	'{}',
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.not_null(regclass, name, text, text, text, numeric, text, text) IS
'adds a rule: the column is never null';

CREATE FUNCTION contract.not_blank(
	relation regclass,
	column_name name,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'not_blank', ARRAY[column_name],
	'{}',
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.not_blank(regclass, name, text, text, text, numeric, text, text) IS
'adds a rule: the text is neither null nor empty nor white space only';

CREATE FUNCTION contract.accepted_values(
	relation regclass,
	column_name name,
	accepted anycompatiblearray,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
AS $$
	SELECT contract.add_rule(relation, 'accepted_values', ARRAY[column_name],
		pg_catalog.jsonb_build_object('values', accepted::pg_catalog.text[]),
		on_violation, severity, filter, tolerance, name, description)
$$;
COMMENT ON FUNCTION contract.accepted_values(regclass, name, anycompatiblearray, text, text, text, numeric, text, text) IS
'adds a rule: the value is one of those listed';

CREATE FUNCTION contract.forbidden_values(
	relation regclass,
	column_name name,
	forbidden anycompatiblearray,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
AS $$
	SELECT contract.add_rule(relation, 'forbidden_values', ARRAY[column_name],
		pg_catalog.jsonb_build_object('values', forbidden::pg_catalog.text[]),
		on_violation, severity, filter, tolerance, name, description)
$$;
COMMENT ON FUNCTION contract.forbidden_values(regclass, name, anycompatiblearray, text, text, text, numeric, text, text) IS
'adds a rule: the value is none of those listed';

CREATE FUNCTION contract.between(
	relation regclass,
	column_name name,
	minimum anycompatible,
	maximum anycompatible,
	exclusive_minimum boolean DEFAULT false,
	exclusive_maximum boolean DEFAULT false,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
AS $$
	SELECT contract.add_rule(relation, 'between', ARRAY[column_name],
		pg_catalog.jsonb_build_object('minimum', minimum::pg_catalog.text, 'maximum', maximum::pg_catalog.text,
			'exclusive_minimum', exclusive_minimum, 'exclusive_maximum', exclusive_maximum),
		on_violation, severity, filter, tolerance, name, description)
$$;
COMMENT ON FUNCTION contract.between(regclass, name, anycompatible, anycompatible, boolean, boolean, text, text, text, numeric, text, text) IS
'adds a rule: the value lies between the bounds, which belong to the range unless excluded; a null bound is open';

CREATE FUNCTION contract.length_between(
	relation regclass,
	column_name name,
	minimum integer,
	maximum integer,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'length_between', ARRAY[column_name],
	jsonb_build_object('minimum', minimum, 'maximum', maximum),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.length_between(regclass, name, integer, integer, text, text, text, numeric, text, text) IS
'adds a rule: the text has so many characters; a null bound is open';

CREATE FUNCTION contract.matches(
	relation regclass,
	column_name name,
	pattern text,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'matches', ARRAY[column_name],
	jsonb_build_object('pattern', pattern),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.matches(regclass, name, text, text, text, text, numeric, text, text) IS
'adds a rule: the text matches the regular expression (operator ~)';

CREATE FUNCTION contract.not_matches(
	relation regclass,
	column_name name,
	pattern text,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'not_matches', ARRAY[column_name],
	jsonb_build_object('pattern', pattern),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.not_matches(regclass, name, text, text, text, text, numeric, text, text) IS
'adds a rule: the text does not match the regular expression (operator !~)';

CREATE FUNCTION contract.format(
	relation regclass,
	column_name name,
	format text,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'format', ARRAY[column_name],
	jsonb_build_object('format', format),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.format(regclass, name, text, text, text, text, numeric, text, text) IS
'adds a rule: the text has a well-known format: email, uuid, ipv4, ipv6, url, hostname, date, timestamp, time, json, credit_card, iban, phone, country_code, currency_code';

CREATE FUNCTION contract.multiple_of(
	relation regclass,
	column_name name,
	divisor numeric,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'multiple_of', ARRAY[column_name],
	jsonb_build_object('divisor', divisor),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.multiple_of(regclass, name, numeric, text, text, text, numeric, text, text) IS
'adds a rule: the number is a whole multiple of the divisor';

CREATE FUNCTION contract.satisfies(
	relation regclass,
	expression text,
	on_violation text DEFAULT 'warn',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'satisfies', '{}',
	jsonb_build_object('expression', expression),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.satisfies(regclass, text, text, text, text, numeric, text, text) IS
'adds a rule: the SQL expression over the row is not false';

/*
 * Set rules: about more than one row, so audits alone evaluate them.
 */
CREATE FUNCTION contract.unique(
	relation regclass,
	columns name[],
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'unique', columns,
	'{}',
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.unique(regclass, name[], text, text, text, numeric, text, text) IS
'adds a rule: no two rows have the same values in the columns; rows with a null in them pass';

CREATE FUNCTION contract.references(
	relation regclass,
	columns name[],
	referenced regclass,
	referenced_columns name[],
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'references', columns,
	pg_catalog.jsonb_build_object(
		'referenced_relation', (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, referenced, 0)).identity,
		'referenced_columns', referenced_columns),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.references(regclass, name[], regclass, name[], text, text, text, numeric, text, text) IS
'adds a rule: the values of the columns are found in another relation, together; rows with a null in them pass';

CREATE FUNCTION contract.row_count(
	relation regclass,
	minimum bigint DEFAULT NULL,
	maximum bigint DEFAULT NULL,
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'row_count', '{}',
	jsonb_build_object('minimum', minimum, 'maximum', maximum),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.row_count(regclass, bigint, bigint, text, text, text, numeric, text, text) IS
'adds a rule: the number of rows lies between the bounds, each widened by tolerance as a fraction of it; a null bound is open';

CREATE FUNCTION contract.fresh(
	relation regclass,
	column_name name DEFAULT NULL,
	max_age interval DEFAULT NULL,
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	name text DEFAULT NULL,
	description text DEFAULT NULL,
	by time DEFAULT NULL,
	days text DEFAULT NULL,
	time_zone text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'fresh', array_remove(ARRAY[column_name], NULL),
	jsonb_build_object('max_age', max_age::text, 'by', by::text, 'days', days, 'time_zone', time_zone),
	on_violation, severity, filter, 0, name, description);
COMMENT ON FUNCTION contract.fresh(regclass, name, interval, text, text, text, text, text, time, text, text) IS
'adds a rule: the newest value of a column of dates or timestamps (without a column: the last write) is not older than max_age; with a time of day, by: at the last such time, on those days of the week as cron writes them, and without max_age it is of that day';

CREATE FUNCTION contract.volume(
	relation regclass,
	column_name name,
	per interval,
	minimum bigint DEFAULT NULL,
	maximum bigint DEFAULT NULL,
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL,
	time_zone text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'volume', ARRAY[column_name],
	jsonb_build_object('per', per::text, 'minimum', minimum, 'maximum', maximum, 'time_zone', time_zone),
	on_violation, severity, filter, tolerance, name, description);
COMMENT ON FUNCTION contract.volume(regclass, name, interval, bigint, bigint, text, text, text, numeric, text, text, text) IS
'adds a rule: the number of rows whose date or timestamp lies in the last interval before now is within the bounds, each widened by tolerance as a fraction of it; a null bound is open';

CREATE FUNCTION contract.metric(
	relation regclass,
	column_name name,
	metric text,
	minimum anycompatible DEFAULT NULL,
	maximum anycompatible DEFAULT NULL,
	exclusive_minimum boolean DEFAULT false,
	exclusive_maximum boolean DEFAULT false,
	quantile double precision DEFAULT NULL,
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	filter text DEFAULT NULL,
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
AS $$
	SELECT contract.add_rule(relation, 'metric', ARRAY[column_name],
		pg_catalog.jsonb_build_object('metric', metric, 'minimum', minimum::pg_catalog.text,
			'maximum', maximum::pg_catalog.text, 'exclusive_minimum', exclusive_minimum,
			'exclusive_maximum', exclusive_maximum, 'quantile', quantile),
		on_violation, severity, filter, tolerance, name, description)
$$;
COMMENT ON FUNCTION contract.metric(regclass, name, text, anycompatible, anycompatible, boolean, boolean, double precision, text, text, text, numeric, text, text) IS
'adds a rule: min, max, avg, sum, stddev, quantile, distinct_count (approximate) or null_fraction of a column lies between the bounds, each widened by tolerance as a fraction of it; a null bound is open';

CREATE FUNCTION contract.query(
	relation regclass,
	query text,
	minimum numeric DEFAULT NULL,
	maximum numeric DEFAULT NULL,
	exclusive_minimum boolean DEFAULT false,
	exclusive_maximum boolean DEFAULT false,
	on_violation text DEFAULT 'audit',
	severity text DEFAULT 'error',
	tolerance numeric DEFAULT 0,
	name text DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS text LANGUAGE sql VOLATILE
RETURN contract.add_rule(relation, 'query', '{}',
	jsonb_build_object('query', query, 'minimum', minimum, 'maximum', maximum,
		'exclusive_minimum', exclusive_minimum, 'exclusive_maximum', exclusive_maximum),
	on_violation, severity, NULL, tolerance, name, description);
COMMENT ON FUNCTION contract.query(regclass, text, numeric, numeric, boolean, boolean, text, text, numeric, text, text) IS
'adds a rule: the SELECT returns no row, or with a bound: one number between the bounds; run with the rights of the relation''s owner, names as schema.name';

CREATE FUNCTION contract.distinct_add(state bytea, value "any")
RETURNS bytea LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_distinct_add';
COMMENT ON FUNCTION contract.distinct_add(bytea, "any") IS 'transition function of contract.approximate_distinct_count';

CREATE FUNCTION contract.distinct_combine(state bytea, other bytea)
RETURNS bytea LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_distinct_combine';
COMMENT ON FUNCTION contract.distinct_combine(bytea, bytea) IS 'combine function of contract.approximate_distinct_count';

CREATE FUNCTION contract.distinct_result(state bytea)
RETURNS bigint LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_distinct_result';
COMMENT ON FUNCTION contract.distinct_result(bytea) IS 'final function of contract.approximate_distinct_count';

CREATE AGGREGATE contract.approximate_distinct_count(value "any") (
	SFUNC = contract.distinct_add,
	STYPE = bytea,
	SSPACE = 16388,
	COMBINEFUNC = contract.distinct_combine,
	FINALFUNC = contract.distinct_result,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE contract.approximate_distinct_count("any") IS
'how many distinct values that are not null, by HyperLogLog; standard error 0.81 %';

/*
 * Checking.
 */
CREATE FUNCTION contract.has_format(value text, format text)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_has_format';
COMMENT ON FUNCTION contract.has_format(text, text) IS
'does a text have a format that the rule kind format knows?';

CREATE FUNCTION contract.check(
	dataset text,
	mode text DEFAULT 'auto',
	profile boolean DEFAULT false,
	OUT rule text,
	OUT kind text,
	OUT columns name[],
	OUT status text,
	OUT considered bigint,
	OUT failed bigint,
	OUT observed jsonb,
	OUT expected jsonb,
	OUT message text,
	OUT executor text,
	OUT elapsed interval)
RETURNS SETOF record LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_check';
COMMENT ON FUNCTION contract.check(text, text, boolean) IS
'audits a dataset: evaluates all its rules on all its rows, stores and returns a result a rule';

CREATE FUNCTION contract.check_all(
	owner text DEFAULT NULL,
	tag text DEFAULT NULL,
	contract_id text DEFAULT NULL,
	mode text DEFAULT 'auto',
	profile boolean DEFAULT false,
	OUT dataset text,
	OUT rule text,
	OUT kind text,
	OUT columns name[],
	OUT status text,
	OUT considered bigint,
	OUT failed bigint,
	OUT observed jsonb,
	OUT expected jsonb,
	OUT message text,
	OUT executor text,
	OUT elapsed interval)
RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_check_all';
COMMENT ON FUNCTION contract.check_all(text, text, text, text, boolean) IS
'audits all datasets that you may read, or those of an owner, with a column of a tag, or of a contract; one that breaks off does not keep the others from being audited';

CREATE FUNCTION contract.audits_in_progress(
	OUT pid integer,
	OUT dataset_id integer,
	OUT started_at timestamptz,
	OUT phase text,
	OUT blocks_total bigint,
	OUT blocks_done bigint,
	OUT rows bigint)
RETURNS SETOF record LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_audits_in_progress';
COMMENT ON FUNCTION contract.audits_in_progress() IS 'of the view contract.progress: the audits that run in this database';

CREATE FUNCTION contract.failing_rows(relation regclass, rule text)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_failing_rows';
COMMENT ON FUNCTION contract.failing_rows(regclass, text) IS
'a SELECT of all rows that fail a rule, in the order of the primary key; run it, with your own rights, or put it into a FROM';

CREATE FUNCTION contract.preview(
	relation regclass,
	kind text,
	columns name[],
	parameters jsonb DEFAULT '{}',
	filter text DEFAULT NULL,
	OUT considered bigint,
	OUT failed bigint,
	OUT examples jsonb)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_preview';
COMMENT ON FUNCTION contract.preview(regclass, text, name[], jsonb, text) IS
'how many rows a rule would fail today, with examples; stores nothing';

CREATE FUNCTION contract.evaluate(dataset_id integer, rules text[], columns name[], VARIADIC "any")
RETURNS bigint LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_evaluate';
COMMENT ON FUNCTION contract.evaluate(integer, text[], name[], "any") IS
'judges a row, given the values of the columns named, by row rules of a dataset: two bits a rule, 1 fails, 2 not considered by its filter';

CREATE FUNCTION contract.tally_step(bytea, bigint)
RETURNS bytea LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_tally_step';
CREATE FUNCTION contract.tally_combine(bytea, bytea)
RETURNS bytea LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_tally_combine';
CREATE FUNCTION contract.tally_final(bytea)
RETURNS bigint[] LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_tally_final';
COMMENT ON FUNCTION contract.tally_step(bytea, bigint) IS 'of the aggregate contract.tally: counts one row';
COMMENT ON FUNCTION contract.tally_combine(bytea, bytea) IS 'of the aggregate contract.tally: adds what two processes counted';
COMMENT ON FUNCTION contract.tally_final(bytea) IS 'of the aggregate contract.tally: the counts';

CREATE AGGREGATE contract.tally(bigint) (
	SFUNC = contract.tally_step,
	STYPE = bytea,
	COMBINEFUNC = contract.tally_combine,
	FINALFUNC = contract.tally_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE contract.tally(bigint) IS
'counts what contract.evaluate says: rows, rows that fail any rule, rows that fail each of 31 rules, rows that the filter of each does not consider';

/*
 * Quarantine.
 */
CREATE FUNCTION contract.release(
	relation regclass,
	ids bigint[] DEFAULT NULL,
	OUT id bigint,
	OUT released boolean,
	OUT rules text[],
	OUT message text)
RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_release';
COMMENT ON FUNCTION contract.release(regclass, bigint[]) IS
'checks quarantined rows (all if ids is null) under today''s rules, writes those that pass now and says why the rest stays';

CREATE FUNCTION contract.repair(id bigint, patch jsonb)
RETURNS text[] LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_repair';
COMMENT ON FUNCTION contract.repair(bigint, jsonb) IS
'changes columns of a quarantined row and returns the rules that it still fails';

CREATE FUNCTION contract.discard(relation regclass, ids bigint[])
RETURNS bigint LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_discard';
COMMENT ON FUNCTION contract.discard(regclass, bigint[]) IS
'deletes quarantined rows for good and returns how many';

/*
 * The write path.  These are called by triggers that the rule functions make;
 * a trigger on a relation that is not the dataset's own does nothing but warn.
 */
CREATE FUNCTION contract.conforms(dataset_id integer, VARIADIC "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_conforms';
COMMENT ON FUNCTION contract.conforms(integer, "any") IS
'WHEN condition of the INSERT trigger: does the new row pass? Raises for rules that refuse';

CREATE FUNCTION contract.conforms_update(dataset_id integer, VARIADIC "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pgc_conforms_update';
COMMENT ON FUNCTION contract.conforms_update(integer, "any") IS
'WHEN condition of the UPDATE trigger: does the new row pass? The trigger function judges what was changed';

CREATE FUNCTION contract.record()
RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pgc_record';
COMMENT ON FUNCTION contract.record() IS 'AFTER trigger: records or refuses a failing row';

CREATE FUNCTION contract.divert()
RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pgc_divert';
COMMENT ON FUNCTION contract.divert() IS 'BEFORE trigger: puts a failing row into quarantine';

/*
 * DDL.
 */
CREATE FUNCTION contract.drift(
	dataset text,
	OUT column_name name,
	OUT problem text,
	OUT expected text,
	OUT found text,
	OUT message text)
RETURNS SETOF record LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_drift';
COMMENT ON FUNCTION contract.drift(text) IS
'how a dataset differs from its contract now: columns missing, extra, retyped, reordered or nullable, triggers lost, partitions that are not covered, the relation gone; no row: no drift';

CREATE FUNCTION contract.follow_ddl()
RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pgc_follow_ddl';
COMMENT ON FUNCTION contract.follow_ddl() IS 'keeps contracts on the relations that bear their names, and notes what the guard judges at commit';
REVOKE ALL ON FUNCTION contract.follow_ddl() FROM PUBLIC;

CREATE EVENT TRIGGER pg_contract_start ON ddl_command_start
	WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER INDEX', 'ALTER SCHEMA',
		'ALTER TRIGGER', 'DROP TRIGGER', 'DROP TABLE', 'DROP FOREIGN TABLE', 'DROP VIEW', 'DROP MATERIALIZED VIEW',
		'DROP SCHEMA', 'DROP OWNED', 'DROP TYPE', 'DROP DOMAIN')
	EXECUTE FUNCTION contract.follow_ddl();
CREATE EVENT TRIGGER pg_contract_end ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER INDEX', 'ALTER SCHEMA',
		'ALTER TRIGGER', 'ALTER TYPE', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA',
		'CREATE VIEW', 'CREATE MATERIALIZED VIEW', 'CREATE SCHEMA', 'CREATE RULE', 'CREATE FUNCTION', 'CREATE PROCEDURE',
		'ALTER FUNCTION', 'ALTER PROCEDURE', 'ALTER ROUTINE')
	EXECUTE FUNCTION contract.follow_ddl();
CREATE EVENT TRIGGER pg_contract_drop ON sql_drop
	EXECUTE FUNCTION contract.follow_ddl();
ALTER EVENT TRIGGER pg_contract_start ENABLE ALWAYS;
ALTER EVENT TRIGGER pg_contract_end ENABLE ALWAYS;
ALTER EVENT TRIGGER pg_contract_drop ENABLE ALWAYS;

/*
 * In the background: rounds of the worker.
 */
CREATE PROCEDURE contract.tend()
LANGUAGE c AS 'MODULE_PATHNAME', 'pgc_tend';
COMMENT ON PROCEDURE contract.tend() IS
'does once all that the database''s worker does: due audits, freshness, incidents, retention; for servers that do not preload the library';
REVOKE ALL ON PROCEDURE contract.tend() FROM PUBLIC;

CREATE FUNCTION contract.worker_activity(
	OUT pid integer,
	OUT database_oid oid,
	OUT duty text,
	OUT state text,
	OUT doing text,
	OUT started_at timestamptz,
	OUT next_due timestamptz,
	OUT last_run timestamptz,
	OUT last_elapsed interval,
	OUT failures integer,
	OUT last_error text)
RETURNS SETOF record LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_workers';
COMMENT ON FUNCTION contract.worker_activity() IS 'of the view contract.workers: launcher and workers of the whole server';

CREATE FUNCTION contract.reject_queue(OUT waiting bigint, OUT samples integer, OUT room integer, OUT lost bigint)
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_reject_queue';
COMMENT ON FUNCTION contract.reject_queue() IS
'the server''s queue of refused rows: how many wait to be recorded, evidence of how many there is and can be, and how many could not be counted; nulls without preload';

/*
 * In the background: schedules.
 */
CREATE FUNCTION contract.next_run(
	cron text,
	time_zone text DEFAULT NULL,
	after timestamptz DEFAULT pg_catalog.now())
RETURNS timestamptz LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_next_run';
COMMENT ON FUNCTION contract.next_run(text, text, timestamptz) IS
'when a cron expression comes next, in pg_contract.timezone unless a time zone is given; null: never';

CREATE FUNCTION contract.schedule(
	relation regclass,
	every interval DEFAULT NULL,
	cron text DEFAULT NULL,
	time_zone text DEFAULT NULL,
	mode text DEFAULT 'auto',
	profile boolean DEFAULT false,
	timeout interval DEFAULT NULL)
RETURNS timestamptz LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_schedule';
COMMENT ON FUNCTION contract.schedule(regclass, interval, text, text, text, boolean, interval) IS
'has the worker audit a dataset every so often or by a cron expression, instead of as said before; returns the next run';

CREATE FUNCTION contract.unschedule(dataset text)
RETURNS boolean LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_unschedule';
COMMENT ON FUNCTION contract.unschedule(text) IS
'ends the schedule of a dataset that was said in SQL; returns whether there was one';

CREATE FUNCTION contract.default_time_zone()
RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_default_time_zone';
COMMENT ON FUNCTION contract.default_time_zone() IS
'for the views: pg_contract.timezone, also in a session that has not loaded the library yet';

/*
 * In the background: freshness.
 */

/*
 * In the background: incidents.
 */
CREATE FUNCTION contract.acknowledge(incident bigint, note text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_acknowledge';
COMMENT ON FUNCTION contract.acknowledge(bigint, text) IS
'says that somebody, you, looks after an open incident of a dataset that you own; kept until it is closed';

CREATE FUNCTION contract.mute(incident bigint, until timestamptz)
RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_mute';
COMMENT ON FUNCTION contract.mute(bigint, timestamptz) IS
'sends no messages about an open incident until then, and one then if it is still open';

CREATE FUNCTION contract.unmute(incident bigint)
RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_unmute';
COMMENT ON FUNCTION contract.unmute(bigint) IS 'ends contract.mute now';

/*
 * In the background: retention.
 */
CREATE FUNCTION contract.retain(
	relation regclass,
	history text,
	max_age interval DEFAULT NULL,
	max_rows bigint DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_retain';
COMMENT ON FUNCTION contract.retain(regclass, text, interval, bigint) IS
'how long, and how many rows, a history of a dataset is kept (violations, results, metrics, quarantine, incidents, sla); 0: no limit, null: as the settings say; returns the dataset';

/*
 * Lineage: definitions.
 */

/*
 * Lineage: of a statement that is not run.
 */

/*
 * Lineage: walking it.
 */
CREATE FUNCTION contract.upstream(
	relation regclass,
	"column" name DEFAULT NULL,
	INOUT depth integer DEFAULT 10,
	OUT source_schema text,
	OUT source_table text,
	OUT source_column text,
	OUT target_schema text,
	OUT target_table text,
	OUT target_column text,
	OUT kind text,
	OUT subtype text,
	OUT masking boolean,
	OUT path text[])
RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_upstream';
COMMENT ON FUNCTION contract.upstream(regclass, name, integer) IS
'the columns that a column, or any column of a relation, comes from in at most so many steps, and those that conditions on the way look at; each once, with the shortest of its best paths';

CREATE FUNCTION contract.downstream(
	relation regclass,
	"column" name DEFAULT NULL,
	INOUT depth integer DEFAULT 10,
	OUT source_schema text,
	OUT source_table text,
	OUT source_column text,
	OUT target_schema text,
	OUT target_table text,
	OUT target_column text,
	OUT kind text,
	OUT subtype text,
	OUT masking boolean,
	OUT path text[])
RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_downstream';
COMMENT ON FUNCTION contract.downstream(regclass, name, integer) IS
'the columns that a column, or any column of a relation, feeds in at most so many steps, and relations whose rows depend on it (no target_column); each once, with the shortest of its best paths';

CREATE FUNCTION contract.impact(
	relation regclass,
	"column" name DEFAULT NULL,
	OUT object_type text,
	OUT object text,
	OUT column_name text,
	OUT depth integer,
	OUT path text[],
	OUT detail jsonb)
RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_impact';
COMMENT ON FUNCTION contract.impact(regclass, name) IS
'what depends on a column, or on any column of a relation: columns, views, materialized views, tables, functions, statements that were seen to run, contracts, rules and schedules, with the path there';

/*
 * Lineage: pictures and OpenLineage.
 */
CREATE FUNCTION contract.lineage_dot(relation regclass DEFAULT NULL, "column" name DEFAULT NULL, depth integer DEFAULT 3)
RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_lineage_dot';
COMMENT ON FUNCTION contract.lineage_dot(regclass, name, integer) IS
'a picture, for graphviz, of so many steps upstream and downstream of a column, or of all columns of a relation; without relation of all lineage';

CREATE FUNCTION contract.lineage_mermaid(relation regclass DEFAULT NULL, "column" name DEFAULT NULL, depth integer DEFAULT 3)
RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_lineage_mermaid';
COMMENT ON FUNCTION contract.lineage_mermaid(regclass, name, integer) IS
'a picture, for Mermaid, of so many steps upstream and downstream of a column, or of all columns of a relation; without relation of all lineage';

/*
 * Lineage: personal data, nulls, duplicates.
 */
CREATE FUNCTION contract.derived_pii(
	OUT relid oid,
	OUT dataset text,
	OUT column_name name,
	OUT category text,
	OUT classification text,
	OUT path text[])
RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pgc_derived_pii';
COMMENT ON FUNCTION contract.derived_pii() IS
'columns, of relations that you may select from, that personal data was copied into without being masked, though they are not tagged; see contract.pii_columns';

/*
 * Who sees what.  Helpers of the views: run as the caller.
 */
CREATE FUNCTION contract.visible(dataset_id integer)
RETURNS boolean LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_visible';
COMMENT ON FUNCTION contract.visible(integer) IS 'may the caller select from the dataset?';

CREATE FUNCTION contract.masked(dataset_id integer, "row" jsonb)
RETURNS jsonb LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_masked_row';
COMMENT ON FUNCTION contract.masked(integer, jsonb) IS
'a row with the columns masked that the caller may not read; null where row security hides rows from the caller';

CREATE FUNCTION contract.masked(dataset_id integer, columns name[], value text)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_masked_value';
COMMENT ON FUNCTION contract.masked(integer, name[], text) IS
'a value, masked if it comes from a column that the caller may not read';

CREATE FUNCTION contract.problem(dataset_id integer)
RETURNS text LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'pgc_problem';
COMMENT ON FUNCTION contract.problem(integer) IS
'why a dataset is not enforced as its rules say: relation missing, triggers missing or disabled; null if all is well';

/*
 * Views for BI tools.
 */
CREATE VIEW contract.rules WITH (security_barrier) AS
SELECT d.name AS dataset, r.name AS rule, r.kind, r.columns, r.parameters, r.filter, r.severity, r.action,
	r.tolerance, r.source, d.contract_id, r.description, d.dataset_id, r.schedule, r.runbook
FROM contract.rule r JOIN contract.dataset d USING (dataset_id)
WHERE contract.visible(d.dataset_id);
COMMENT ON VIEW contract.rules IS 'the rules of the datasets that you may select from';

CREATE VIEW contract.violations WITH (security_barrier) AS
SELECT v.id, d.name AS dataset, v.rule, v.kind, v.at, n.source, v.action, n.operation, n.role, n.application,
	n.xid, n.query_id, contract.masked(v.dataset_id, v.key) AS key, contract.masked(v.dataset_id, v."row") AS "row",
	contract.masked(v.dataset_id, v.columns, v.value) AS value,
	contract.masked(v.dataset_id, v.columns, v.message) AS message
FROM contract.violation v JOIN contract.run n USING (run_id) JOIN contract.dataset d ON d.dataset_id = v.dataset_id
WHERE contract.visible(v.dataset_id);
COMMENT ON VIEW contract.violations IS 'failing rows, found on write or by an audit; exact counts are in contract.results';

CREATE VIEW contract.results WITH (security_barrier) AS
SELECT d.name AS dataset, r.rule, r.kind, r.columns, n.at, n.source, n.operation, r.action, r.status, r.considered,
	r.failed,
	CASE WHEN r.kind NOT IN ('metric', 'fresh', 'query') OR contract.masked(n.dataset_id, c.columns, '') = '' THEN r.observed END AS observed,
	r.expected, contract.masked(n.dataset_id, c.columns, r.message) AS message, n.role, n.application, n.xid, n.query_id, n.executor, n.elapsed, n.run_id
FROM contract.result r JOIN contract.run n USING (run_id) JOIN contract.dataset d USING (dataset_id)
-- a query may have looked at any column: no column is called so, hence only who may read all of them may read it
CROSS JOIN LATERAL (SELECT CASE WHEN r.kind = 'query' THEN ARRAY['']::name[] ELSE r.columns END AS columns) c
WHERE contract.visible(n.dataset_id);
COMMENT ON VIEW contract.results IS 'exact counts, a row per rule and audit, or per rule and writing statement that had failing rows';

CREATE VIEW contract.quarantined WITH (security_barrier) AS
SELECT q.id, d.name AS dataset, q.rules, q.at, q.role, q.application, contract.masked(q.dataset_id, q."row") AS "row",
	q.operation, contract.masked(q.dataset_id, q.key) AS key, q.changed, q.xid, q.query_id
FROM contract.quarantine q JOIN contract.dataset d USING (dataset_id)
WHERE contract.visible(q.dataset_id);
COMMENT ON VIEW contract.quarantined IS 'rows kept out of their table, with every rule that they fail';

CREATE VIEW contract.pii_columns WITH (security_barrier) AS
SELECT d.name AS dataset, a.column_name, a.pii_category AS category, a.classification, a.description, a.tags,
	false AS derived, NULL::text[] AS path
FROM contract.column_annotation a JOIN contract.dataset d USING (dataset_id)
WHERE a.pii_category IS NOT NULL AND contract.visible(d.dataset_id)
UNION ALL
SELECT p.dataset, p.column_name, p.category, p.classification, a.description, a.tags, true, p.path
FROM contract.derived_pii() p LEFT JOIN contract.binding b USING (relid)
LEFT JOIN contract.column_annotation a ON a.dataset_id = b.dataset_id AND a.column_name = p.column_name;
COMMENT ON VIEW contract.pii_columns IS
'columns that hold personal data: tagged, or derived, with the columns through which it came from a tagged one';

CREATE VIEW contract.metrics WITH (security_barrier) AS
SELECT d.name AS dataset, m.column_name, m.metric, CASE WHEN s.value = m.value THEN m.number END AS number,
	s.value, m.at, m.run_id
FROM contract.metric m
JOIN contract.dataset d USING (dataset_id)
LEFT JOIN contract.column_annotation a ON a.dataset_id = m.dataset_id AND a.column_name = m.column_name
CROSS JOIN LATERAL (SELECT CASE
	WHEN m.column_name IS NULL THEN m.value
	WHEN m.metric IN ('min', 'max', 'mean') AND a.pii_category IS NOT NULL THEN '***'
	ELSE contract.masked(m.dataset_id, ARRAY[m.column_name], m.value) END AS value) s
WHERE contract.visible(m.dataset_id);
COMMENT ON VIEW contract.metrics IS
'profiles over time: rows of a dataset (no column), and nulls, distinct values (approximate), min, max and mean of its columns';

/* Of all datasets, whoever looks: under the views scorecard and prometheus. */
CREATE VIEW contract.score AS
SELECT d.dataset_id, d.name AS dataset, d.contract_id, c.owner,
	CASE
		WHEN contract.problem(d.dataset_id) IS NOT NULL OR a.errors > 0 THEN 'error'
		WHEN a.run_id IS NULL THEN 'unknown'
		WHEN a.failures > 0 THEN 'fail'
		WHEN a.failing > 0 THEN 'warn'
		ELSE 'pass'
	END AS status,
	(SELECT pg_catalog.count(*) FROM contract.rule r WHERE r.dataset_id = d.dataset_id) AS rules,
	a.failing, a.evaluated,
	CASE WHEN a.considered > 0 THEN pg_catalog.round(1 - a.failed::numeric / a.considered, 6) END AS good_fraction,
	a.at AS last_audit,
	COALESCE(a.open, 0) + COALESCE((
		SELECT pg_catalog.sum(r.failed) FROM contract.run w JOIN contract.result r USING (run_id)
		WHERE w.dataset_id = d.dataset_id AND w.source = 'write' AND r.action NOT IN ('quarantine', 'reject')
			AND (a.at IS NULL OR w.at > a.at)), 0) + COALESCE((
		SELECT pg_catalog.sum(t.value) FROM contract.total t	-- of those, what was pruned
		WHERE t.dataset_id = d.dataset_id AND t.counter = 'open' AND t.detail = COALESCE(a.run_id, 0)::text), 0) AS open_violations,
	COALESCE(h.held, 0) AS quarantined,
	contract.problem(d.dataset_id) AS problem,
	(SELECT i.incident_id FROM contract.incident i WHERE i.dataset_id = d.dataset_id AND i.status = 'open') AS incident,
	a.run_id, a.elapsed
FROM contract.dataset d
JOIN contract.contract c USING (contract_id)
LEFT JOIN (SELECT q.dataset_id, pg_catalog.count(*) AS held FROM contract.quarantine q GROUP BY 1) h
	ON h.dataset_id = d.dataset_id
LEFT JOIN LATERAL (
	SELECT n.run_id, n.at, n.elapsed, n.considered, n.failed,
		pg_catalog.count(*) FILTER (WHERE r.status IN ('fail', 'warn')) AS failing,
		pg_catalog.count(*) FILTER (WHERE r.status = 'fail') AS failures,
		pg_catalog.count(*) FILTER (WHERE r.status = 'error') AS errors,
		pg_catalog.count(*) FILTER (WHERE r.status IN ('pass', 'warn', 'fail')) AS evaluated,
		pg_catalog.sum(r.failed) AS open
	FROM (SELECT * FROM contract.run n
		WHERE n.dataset_id = d.dataset_id AND n.source = 'audit' AND n.operation IS NULL ORDER BY n.at DESC, n.run_id DESC LIMIT 1) n
	LEFT JOIN contract.result r USING (run_id)
	GROUP BY n.run_id, n.at, n.elapsed, n.considered, n.failed) a ON true;
COMMENT ON VIEW contract.score IS 'of the views scorecard and prometheus';

CREATE VIEW contract.scorecard WITH (security_barrier) AS
SELECT s.dataset, s.contract_id, s.owner, s.status, s.rules, s.failing, s.evaluated, s.good_fraction, s.last_audit,
	s.open_violations, s.quarantined, s.problem, s.incident
FROM contract.score s
WHERE contract.visible(s.dataset_id);
COMMENT ON VIEW contract.scorecard IS 'a row per dataset: does it keep its contract?';

CREATE VIEW contract.progress WITH (security_barrier) AS
SELECT p.pid, d.name AS dataset, p.started_at, p.phase, p.blocks_total, p.blocks_done, p.rows
FROM contract.audits_in_progress() p JOIN contract.dataset d USING (dataset_id)
WHERE contract.visible(d.dataset_id);
COMMENT ON VIEW contract.progress IS 'audits that are running now, and how far they are';

/*
 * Views of what runs in the background: workers.
 */
CREATE VIEW contract.workers WITH (security_barrier) AS
SELECT w.pid, b.datname AS database, w.duty, w.state, w.doing, w.started_at, w.next_due, w.last_run, w.last_elapsed, w.failures,
	w.last_error
FROM contract.worker_activity() w
LEFT JOIN pg_catalog.pg_database b ON b.oid = w.database_oid
WHERE w.database_oid IS NULL OR b.oid IS NOT NULL;
COMMENT ON VIEW contract.workers IS
'what runs in the background, in all databases of the server: the launcher, and the duties of each database; empty if the library is not preloaded';
GRANT SELECT ON contract.workers TO PUBLIC;

/*
 * Schedules.
 */
CREATE VIEW contract.schedules WITH (security_barrier) AS
SELECT d.name AS dataset, s.source, s.every, s.cron, s.time_zone, s.mode, s.profile, s.timeout,
	t.next_run, t.last_run, t.last_elapsed, t.last_status,
	CASE WHEN t.last_status = 'error' THEN contract.masked(s.dataset_id, ARRAY['']::name[], t.last_message)
		ELSE t.last_message END AS last_message,
	s.rules, s.dataset_id
FROM (
	SELECT c.dataset_id, 'sql' AS expression, 'sql' AS source, c.every, c.cron, c.time_zone, c.mode, c.profile, c.timeout,
		NULL::text[] AS rules
	FROM contract.schedule c
	UNION ALL
	SELECT r.dataset_id, pg_catalog.concat(r.schedule, ' ', z), 'document', NULL, r.schedule, z, 'auto', false, NULL,
		pg_catalog.array_agg(r.name ORDER BY r.rule_id)
	FROM contract.rule r, contract.default_time_zone() z
	WHERE r.schedule IS NOT NULL
	GROUP BY r.dataset_id, r.schedule, z) s
JOIN contract.dataset d USING (dataset_id)
LEFT JOIN contract.schedule_state t USING (dataset_id, expression)
WHERE contract.visible(s.dataset_id);
COMMENT ON VIEW contract.schedules IS
'when datasets are audited by the worker: as said in SQL, or by a document for some rules; when next, and how it went last';
GRANT SELECT ON contract.schedules TO PUBLIC;

/*
 * Freshness and attainment.  Values of personal data are not shown, nor what they could be reckoned from.
 */
CREATE VIEW contract.freshness WITH (security_barrier) AS
SELECT d.name AS dataset, r.name AS rule, r.columns[1] AS column_name, COALESCE(s.status, 'unknown') AS status,
	CASE WHEN m.open THEN m.newest END AS newest,
	CASE WHEN m.open AND pg_catalog.isfinite(m.newest) THEN pg_catalog.now() - m.newest END AS age,
	CAST(r.parameters->>'max_age' AS interval) AS max_age, s.deadline, s.next_deadline,
	CASE WHEN m.open THEN s.since END AS since, s.checked_at,
	CASE WHEN m.open THEN NULLIF(s.next_check, '-infinity') END AS next_check,
	CASE WHEN s.rule_id IS NOT NULL THEN contract.masked(r.dataset_id, r.columns, s.message)
		WHEN c.status NOT IN ('active', 'deprecated') THEN 'not watched: the contract is ' OPERATOR(pg_catalog.||) c.status
		ELSE 'not looked at yet' END AS message,
	CAST(r.parameters->>'per' AS interval) AS per, s.rows, CAST(r.parameters->>'minimum' AS numeric) AS minimum,
	CAST(r.parameters->>'maximum' AS numeric) AS maximum
FROM contract.rule r JOIN contract.dataset d USING (dataset_id) JOIN contract.contract c USING (contract_id)
LEFT JOIN contract.freshness_state s ON s.rule_id = r.rule_id AND c.status IN ('active', 'deprecated')
LEFT JOIN contract.last_write w ON w.dataset_id = r.dataset_id AND r.columns = '{}'
CROSS JOIN LATERAL (SELECT COALESCE(w.written_at, s.newest) AS newest,
	contract.masked(r.dataset_id, r.columns, '') = '' AND NOT EXISTS (SELECT FROM contract.column_annotation a
		WHERE a.dataset_id = r.dataset_id AND a.column_name = ANY (r.columns) AND a.pii_category IS NOT NULL) AS open) m
WHERE r.kind IN ('fresh', 'volume') AND contract.visible(r.dataset_id);
COMMENT ON VIEW contract.freshness IS 'rules about time: how each stands, since when, and when it is looked at again';

CREATE VIEW contract.sla_history WITH (security_barrier) AS
SELECT d.name AS dataset, s.rule, s.day,
	CASE WHEN s.observed > '0' THEN pg_catalog.round((pg_catalog.date_part('epoch', s.attained)
		/ pg_catalog.date_part('epoch', s.observed))::numeric, 6) END AS attainment,
	s.observed, s.attained, s.breaches, s.deadlines, s.deadlines_met
FROM contract.sla_day s JOIN contract.dataset d USING (dataset_id)
WHERE contract.visible(s.dataset_id);
COMMENT ON VIEW contract.sla_history IS
'for which part of the time that it was observed a rule about time was kept, a row per rule and day of its time zone';

/*
 * Incidents.
 */
CREATE VIEW contract.incidents WITH (security_barrier) AS
SELECT i.incident_id AS id, d.name AS dataset, d.contract_id, c.owner, i.status, i.severity, i.rules, i.all_rules,
	i.opened_at, i.updated_at, i.closed_at, i.acknowledged_at, i.acknowledged_by, i.note, i.muted_until, i.reopened,
	(SELECT pg_catalog.jsonb_object_agg(r.name, r.runbook) FROM contract.rule r
		WHERE r.dataset_id = i.dataset_id AND r.name = ANY (i.rules) AND r.runbook IS NOT NULL) AS runbooks,
	i.root_cause, i.passing_since, i.notified, i.notified_at
FROM contract.incident i JOIN contract.dataset d USING (dataset_id) JOIN contract.contract c USING (contract_id)
WHERE contract.visible(i.dataset_id);
COMMENT ON VIEW contract.incidents IS 'datasets with failing rules, from when the first failed until all pass';

/*
 * Lineage.
 */
CREATE FUNCTION contract.statement_lineage(
	statement text,
	OUT source_schema text,
	OUT source_table text,
	OUT source_column text,
	OUT target_schema text,
	OUT target_table text,
	OUT target_column text,
	OUT kind text,
	OUT subtype text,
	OUT hop text,
	OUT masking boolean,
	OUT nullable boolean)
RETURNS SETOF record LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pgc_statement_lineage';
COMMENT ON FUNCTION contract.statement_lineage(text) IS
'which columns a statement would read, and what would become of them; it is analysed, not run';

/* Columns of the results of functions, by number. */
CREATE VIEW contract.routine_column AS
SELECT p.oid AS routine, a.number, a.column_name
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_type t ON t.oid = p.prorettype
CROSS JOIN LATERAL (
	SELECT pg_catalog.row_number() OVER (ORDER BY a.position), a.name
	FROM ROWS FROM (pg_catalog.unnest(p.proargnames), pg_catalog.unnest(p.proargmodes)) WITH ORDINALITY AS a (name, mode, position)
	WHERE a.mode IN ('o', 'b', 't')
	UNION ALL
	SELECT a.attnum, a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0
	UNION ALL
	SELECT 1, p.proname WHERE t.typrelid = 0 AND p.proallargtypes IS NULL) a (number, column_name);
COMMENT ON VIEW contract.routine_column IS 'of the view lineage';

CREATE VIEW contract.lineage WITH (security_barrier) AS
SELECT e.source_schema, e.source_table, e.source_column, e.target_schema, e.target_table, e.target_column,
	CASE WHEN e.subtype IN ('identity', 'transformation', 'aggregation') THEN 'direct' ELSE 'indirect' END AS kind,
	e.subtype, h.hop, e.query_id, e.statement, e.routine, e.role, e.application, e.first_seen, e.last_seen, e.executions, e.rows,
	e.masking, e.nullable, e.operation, e.historic_since, e.source_place, e.target_place, e.digest
FROM (
	SELECT sn.nspname::text AS source_schema, sc.relname::text AS source_table, sa.attname::text AS source_column,
		tn.nspname::text AS target_schema, COALESCE(tc.relname::text,
			pg_catalog.format('%s(%s)', tp.proname, pg_catalog.oidvectortypes(tp.proargtypes))) AS target_table,
		COALESCE(ta.attname::text, (SELECT r.column_name FROM contract.routine_column r
			WHERE r.routine = tp.oid AND r.number = d.target_column)) AS target_column,
		d.subtype, d.immediate, d.base, NULL::bigint AS query_id, NULL::text AS statement,
		CASE WHEN d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN (
			SELECT pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes))
			FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
			WHERE p.oid = d.objid) END AS routine,
		NULL::name AS role, NULL::text AS application, NULL::timestamptz AS first_seen, NULL::timestamptz AS last_seen,
		NULL::bigint AS executions, NULL::bigint AS rows, d.masking, d.nullable, d.operation,
		NULL::timestamptz AS historic_since, 'relation' AS source_place,
		CASE WHEN tp.oid IS NULL THEN 'relation' ELSE 'routine' END AS target_place,
		sc.oid AS source_relid, tc.oid AS target_relid, NULL::uuid AS digest
	FROM contract.lineage_definition d
	JOIN pg_catalog.pg_class sc ON sc.oid = d.source_relid
	JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
	JOIN pg_catalog.pg_attribute sa ON sa.attrelid = d.source_relid AND sa.attnum = d.source_column
	LEFT JOIN pg_catalog.pg_class tc
		ON d.target_classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND tc.oid = d.target_objid
	LEFT JOIN pg_catalog.pg_attribute ta ON ta.attrelid = tc.oid AND ta.attnum = d.target_column
	LEFT JOIN pg_catalog.pg_proc tp
		ON d.target_classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND tp.oid = d.target_objid
	JOIN pg_catalog.pg_namespace tn ON tn.oid = COALESCE(tc.relnamespace, tp.pronamespace)
	UNION ALL
	SELECT sn.schema_name, sn.table_name, sn.column_name, tn.schema_name, tn.table_name, tn.column_name,
		e.subtype, e.immediate, e.base, CASE WHEN m.allowed THEN s.query_id END,
		CASE WHEN m.allowed OR s.statement IS NULL THEN s.statement ELSE '<insufficient privilege>' END,
		s.routine, s.role, CASE WHEN m.allowed THEN s.application END, s.first_seen, s.last_seen, s.executions, s.rows,
		e.masking, e.nullable, s.operation, e.historic_since, sn.place, tn.place, sb.relid, tb.relid, s.digest
	FROM contract.lineage_edge e
	JOIN contract.lineage_statement s USING (statement_id)
	JOIN contract.lineage_node sn ON sn.node_id = e.source_id
	JOIN contract.lineage_node tn ON tn.node_id = e.target_id
	LEFT JOIN contract.lineage_binding sb ON sb.node_id = e.source_id
	LEFT JOIN contract.lineage_binding tb ON tb.node_id = e.target_id
	LEFT JOIN pg_catalog.pg_roles r ON r.rolname = s.role
	CROSS JOIN LATERAL (SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
		OR COALESCE(pg_catalog.pg_has_role(r.oid, 'USAGE'), false) AS allowed) m) e
JOIN (VALUES ('immediate'), ('base')) h (hop) ON CASE h.hop WHEN 'base' THEN e.base ELSE e.immediate END
WHERE pg_catalog.has_any_column_privilege(e.source_relid, 'SELECT')
	OR pg_catalog.has_any_column_privilege(e.target_relid, 'SELECT')
	-- nobody is left to ask: both ends are gone
	OR e.source_relid IS NULL AND e.target_relid IS NULL AND pg_catalog.pg_has_role('pg_read_all_data', 'USAGE');
COMMENT ON VIEW contract.lineage IS
'which column feeds which, as definitions say and as statements did, with the columns that conditions look at; hop immediate: as written, base: views looked through; of what you may select the source or the target of';
GRANT SELECT ON contract.lineage TO PUBLIC;

/*
 * Lineage: as events of OpenLineage.
 */
CREATE VIEW contract.datasets WITH (security_barrier) AS
SELECT d.name AS dataset, d.schema_name, d.table_name, d.contract_id, c.version, c.status, c.owner, d.description
FROM contract.dataset d JOIN contract.contract c USING (contract_id)
WHERE contract.visible(d.dataset_id);
COMMENT ON VIEW contract.datasets IS 'the relations under contract that you may select from, and who answers for them';
GRANT SELECT ON contract.datasets TO PUBLIC;

CREATE FUNCTION contract.openlineage_facet(facet text, version text, body jsonb)
RETURNS jsonb LANGUAGE sql STABLE
RETURN pg_catalog.jsonb_build_object(
	'_producer', pg_catalog.concat('https://pgxn.org/dist/pg_contract/',
		(SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_contract')),
	'_schemaURL', pg_catalog.format('https://openlineage.io/spec/facets/%s/%s.json#/$defs/%s', version, facet, facet))
	OPERATOR(pg_catalog.||) body;
COMMENT ON FUNCTION contract.openlineage_facet(text, text, jsonb) IS 'of openlineage: a facet, with where it comes from and what describes it';

CREATE FUNCTION contract.openlineage_run(job text, at timestamptz)
RETURNS uuid LANGUAGE sql STABLE
RETURN OVERLAY(OVERLAY(pg_catalog.md5(pg_catalog.concat_ws(' ', job, pg_catalog.date_part('epoch', at)))
	PLACING '3' FROM 13) PLACING '8' FROM 17)::uuid;
COMMENT ON FUNCTION contract.openlineage_run(text, timestamptz) IS
'of openlineage: the UUID, of version 3, of an execution; always the same one';

CREATE FUNCTION contract.openlineage_dataset(relation oid)
RETURNS jsonb LANGUAGE sql STABLE
RETURN (
	SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
		'schema', contract.openlineage_facet('SchemaDatasetFacet', '1-2-0', pg_catalog.jsonb_build_object('fields', (
			SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', a.attname,
				'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
				'description', pg_catalog.col_description(a.attrelid, a.attnum)) ORDER BY a.attnum)
			FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))),
		'datasetType', contract.openlineage_facet('DatasetTypeDatasetFacet', '1-0-1', pg_catalog.jsonb_build_object(
			'datasetType', CASE WHEN c.relkind IN ('v', 'm') THEN 'VIEW' ELSE 'TABLE' END,
			'subType', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED' WHEN 'p' THEN 'PARTITIONED' WHEN 'f' THEN 'EXTERNAL' END)),
		'ownership', (
			SELECT contract.openlineage_facet('OwnershipDatasetFacet', '1-0-1', pg_catalog.jsonb_build_object('owners',
				pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', d.owner, 'type', 'OWNER'))))
			FROM contract.datasets d
			WHERE d.schema_name = n.nspname AND d.table_name = c.relname AND d.owner IS NOT NULL)))
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = relation);
COMMENT ON FUNCTION contract.openlineage_dataset(oid) IS 'of openlineage: the facets of a relation but for its lineage and its tags';

CREATE FUNCTION contract.openlineage(since timestamptz DEFAULT '-infinity')
RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
WITH namespace AS MATERIALIZED (
	SELECT s.namespace, pg_catalog.regexp_replace(s.namespace, '^[^:]*://|:[0-9]+$', '', 'g') AS host,
		pg_catalog.current_database() AS database
	FROM (SELECT COALESCE(NULLIF(pg_catalog.current_setting('pg_contract.lineage_namespace', true), ''),
		pg_catalog.format(CASE pg_catalog.family(pg_catalog.inet_server_addr()) WHEN 6 THEN 'postgres://[%s]:%s' ELSE 'postgres://%s:%s' END,
			COALESCE(pg_catalog.host(pg_catalog.inet_server_addr()), 'localhost'),
			pg_catalog.current_setting('port'))) AS namespace) s),
edge AS MATERIALIZED (	-- from column to column; what came through variables of a routine is not named, so it is a base edge
	SELECT l.*
	FROM (
		SELECT l.*, pg_catalog.bool_or(l.hop = 'immediate') OVER (
			PARTITION BY l.digest, l.target_place, l.target_schema, l.target_table, l.target_column) AS named
		FROM contract.lineage l
		WHERE l.historic_since IS NULL AND (l.last_seen >= since
			OR l.operation IN ('view', 'materialized view', 'generated'))) l
	WHERE l.hop = 'immediate' OR NOT l.named),
place AS MATERIALIZED (	-- whatever is the end of an edge
	SELECT p.*, c.relation,
		CASE p.place WHEN 'file' THEN 'file://' OPERATOR(pg_catalog.||) s.host
			WHEN 'program' THEN 'program://' OPERATOR(pg_catalog.||) s.host ELSE s.namespace END AS namespace,
		CASE WHEN p.schema_name IS NULL THEN p.table_name
			ELSE pg_catalog.concat_ws('.', s.database, p.schema_name, p.table_name) END AS name
	FROM namespace s CROSS JOIN (
		SELECT e.source_place, e.source_schema, e.source_table FROM edge e
		UNION
		SELECT e.target_place, e.target_schema, e.target_table FROM edge e) p (place, schema_name, table_name)
	LEFT JOIN (
		SELECT n.nspname::text, c.relname::text, c.oid
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace) c (schema_name, table_name, relation)
		ON p.place = 'relation' AND c.schema_name = p.schema_name AND c.table_name = p.table_name),
tag AS (
	SELECT p.dataset, contract.openlineage_facet('TagsDatasetFacet', '1-0-0', pg_catalog.jsonb_build_object('tags',
		pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('key', t.key, 'value', t.value,
			'source', 'pg_contract', 'field', p.column_name)) ORDER BY p.column_name, t.key, t.value))) AS facet
	FROM contract.pii_columns p CROSS JOIN LATERAL (VALUES ('pii', p.category), ('classification', p.classification)) t (key, value)
	WHERE t.value IS NOT NULL
	GROUP BY p.dataset),
dataset AS MATERIALIZED (
	SELECT p.place, p.schema_name, p.table_name, p.namespace, p.name,
		pg_catalog.jsonb_build_object('namespace', p.namespace, 'name', p.name) AS identity,
		CASE WHEN p.relation IS NOT NULL THEN pg_catalog.jsonb_strip_nulls(contract.openlineage_dataset(p.relation)
			OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('tags', t.facet))
		WHEN p.place = 'file' THEN pg_catalog.jsonb_build_object('datasetType',
			contract.openlineage_facet('DatasetTypeDatasetFacet', '1-0-1', '{"datasetType": "FILE"}'))
		ELSE '{}' END AS facets
	FROM place p
	LEFT JOIN tag t ON t.dataset = pg_catalog.concat(pg_catalog.quote_ident(p.schema_name), '.', pg_catalog.quote_ident(p.table_name))),
input_field AS (	-- how a column is used in another one, or for all rows
	SELECT e.digest, e.target_place, e.target_schema, e.target_table, e.target_column,
		d.identity OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('field', COALESCE(e.source_column, '*'), 'transformations',
			pg_catalog.jsonb_agg(DISTINCT pg_catalog.jsonb_build_object('type', pg_catalog.upper(e.kind),
				'subtype', pg_catalog.upper(e.subtype), 'masking', e.masking))) AS field
	FROM edge e JOIN dataset d
		ON d.place = e.source_place AND d.schema_name IS NOT DISTINCT FROM e.source_schema AND d.table_name = e.source_table
	GROUP BY e.digest, e.target_place, e.target_schema, e.target_table, e.target_column, d.identity, e.source_column),
field AS (
	SELECT i.digest, i.target_place, i.target_schema, i.target_table, i.target_column,
		pg_catalog.jsonb_agg(i.field ORDER BY i.field) AS fields
	FROM input_field i GROUP BY 1, 2, 3, 4, 5),
output AS MATERIALIZED (	-- a dataset with its lineage, by statement
	SELECT f.digest, d.identity, d.facets OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('columnLineage',
		contract.openlineage_facet('ColumnLineageDatasetFacet', '1-2-0', pg_catalog.jsonb_strip_nulls(
			pg_catalog.jsonb_build_object('fields', f.fields, 'dataset', f.rows)))) AS facets
	FROM (
		SELECT f.digest, f.target_place, f.target_schema, f.target_table,
			COALESCE(pg_catalog.jsonb_object_agg(f.target_column, pg_catalog.jsonb_build_object('inputFields', f.fields))
				FILTER (WHERE f.target_column IS NOT NULL), '{}') AS fields,
			pg_catalog.jsonb_agg(f.fields) FILTER (WHERE f.target_column IS NULL)->0 AS rows
		FROM field f GROUP BY 1, 2, 3, 4) f
	JOIN dataset d
		ON d.place = f.target_place AND d.schema_name IS NOT DISTINCT FROM f.target_schema AND d.table_name = f.target_table),
input AS (
	SELECT e.digest, pg_catalog.jsonb_agg(d.identity OPERATOR(pg_catalog.||)
		pg_catalog.jsonb_build_object('facets', d.facets) ORDER BY d.identity) AS datasets
	FROM (SELECT DISTINCT e.digest, e.source_place, e.source_schema, e.source_table FROM edge e WHERE e.digest IS NOT NULL) e
	JOIN dataset d
		ON d.place = e.source_place AND d.schema_name IS NOT DISTINCT FROM e.source_schema AND d.table_name = e.source_table
	GROUP BY e.digest),
statement AS (
	SELECT DISTINCT ON (e.digest) e.digest, e.operation, e.statement, e.query_id, e.routine, e.role, e.last_seen, e.executions,
		e.rows, e.target_schema, e.target_table
	FROM edge e
	WHERE e.digest IS NOT NULL
	ORDER BY e.digest, e.target_schema, e.target_table),
outputs AS (
	SELECT s.digest, pg_catalog.jsonb_agg(o.identity OPERATOR(pg_catalog.||) pg_catalog.jsonb_strip_nulls(
		pg_catalog.jsonb_build_object('facets', o.facets,
			'outputFacets', CASE WHEN s.executions = 1 THEN pg_catalog.jsonb_build_object('outputStatistics',
				contract.openlineage_facet('OutputStatisticsOutputDatasetFacet', '1-0-2',
					pg_catalog.jsonb_build_object('rowCount', s.rows))) END)) ORDER BY o.identity) AS datasets
	FROM statement s JOIN output o ON o.digest = s.digest
	GROUP BY s.digest),
run AS (
	SELECT s.*,
		pg_catalog.jsonb_build_object('eventTime', s.last_seen, 'producer', f.engine->'_producer',
			'schemaURL', 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
			'run', pg_catalog.jsonb_build_object('runId', contract.openlineage_run(s.digest::text, s.last_seen), 'facets', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
				'processing_engine', f.engine,
				'externalQuery', CASE WHEN s.query_id IS NOT NULL THEN contract.openlineage_facet('ExternalQueryRunFacet', '1-0-2',
					pg_catalog.jsonb_build_object('externalQueryId', s.query_id::text, 'source', 'postgresql')) END,
				'parent', CASE WHEN s.routine IS NOT NULL THEN contract.openlineage_facet('ParentRunFacet', '1-2-0',
					pg_catalog.jsonb_build_object('run', pg_catalog.jsonb_build_object('runId',
						contract.openlineage_run(pg_catalog.concat_ws(' ', s.routine, s.role), s.last_seen)), 'job',
						pg_catalog.jsonb_build_object('namespace', n.namespace,
							'name', pg_catalog.concat_ws('.', n.database, s.routine)))) END))),
			'job', pg_catalog.jsonb_build_object('namespace', n.namespace,
				'name', CASE WHEN s.operation = 'REFRESH MATERIALIZED VIEW'
					THEN pg_catalog.concat_ws('.', n.database, s.target_schema, s.target_table)
					ELSE pg_catalog.concat_ws('.', n.database, 'query', COALESCE(pg_catalog.to_hex(s.query_id), s.digest::text)) END,
				'facets', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
					'sql', CASE WHEN s.statement <> '<insufficient privilege>' THEN contract.openlineage_facet('SQLJobFacet', '1-1-0',
						pg_catalog.jsonb_build_object('query', s.statement, 'dialect', 'postgres')) END,
					'jobType', contract.openlineage_facet('JobTypeJobFacet', '2-0-4', pg_catalog.jsonb_build_object(
						'processingType', 'BATCH', 'integration', 'POSTGRESQL', 'jobType', 'QUERY')))))) AS event
	FROM statement s CROSS JOIN namespace n CROSS JOIN (SELECT contract.openlineage_facet('ProcessingEngineRunFacet', '1-1-1', pg_catalog.jsonb_build_object(
		'name', 'PostgreSQL', 'version', pg_catalog.current_setting('server_version'),
		'openlineageAdapterVersion', (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_contract'))) AS engine) f)
SELECT e.event
FROM (
	SELECT pg_catalog.jsonb_build_object('eventTime', pg_catalog.now(),
		'producer', o.facets->'columnLineage'->'_producer',
		'schemaURL', 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent',
		'dataset', o.identity OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('facets', o.facets)) AS event,
		'-infinity'::timestamptz AS at, 0 AS number, o.identity AS what
	FROM output o WHERE o.digest IS NULL
	UNION ALL
	SELECT r.event OPERATOR(pg_catalog.||) '{"eventType": "START"}', r.last_seen, 1, r.event->'run' FROM run r
	UNION ALL
	SELECT r.event OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('eventType', 'COMPLETE',
		'inputs', i.datasets, 'outputs', o.datasets), r.last_seen, 2, r.event->'run'
	FROM run r JOIN input i ON i.digest = r.digest JOIN outputs o ON o.digest = r.digest) e
ORDER BY e.at, e.what, e.number;
END;
COMMENT ON FUNCTION contract.openlineage(timestamptz) IS
'events of OpenLineage: of statements seen running since then, a start and a completion of the last time each, and of views as datasets';

CREATE FUNCTION contract.refresh_lineage()
RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pgc_refresh_lineage';
COMMENT ON FUNCTION contract.refresh_lineage() IS
'derives the lineage of all views, materialized views, generated columns and functions anew, which event triggers else keep up; returns how many';
REVOKE ALL ON FUNCTION contract.refresh_lineage() FROM PUBLIC;

CREATE VIEW contract.nullable_feeds WITH (security_barrier) AS
SELECT d.name AS dataset, l.target_column AS column_name, r.name AS rule, r.action, r.severity, r.filter,
	l.source_schema, l.source_table, l.source_column, l.subtype, l.operation, l.statement, l.routine, l.role, l.last_seen
FROM contract.lineage l
JOIN contract.dataset d ON d.schema_name = l.target_schema::name AND d.table_name = l.target_table::name
JOIN contract.rule r ON r.dataset_id = d.dataset_id AND r.kind IN ('not_null', 'not_blank') AND l.target_column = ANY (r.columns)
WHERE l.kind = 'direct' AND l.hop = 'base' AND l.nullable AND l.target_place = 'relation' AND l.historic_since IS NULL
	AND contract.visible(d.dataset_id);
COMMENT ON VIEW contract.nullable_feeds IS
'columns under a rule that they must not be null which are fed by columns that may be, as far as constraints, joins and conditions tell';
GRANT SELECT ON contract.nullable_feeds TO PUBLIC;

/*
 * What a column of a table is made of is known by hashes of expressions over base columns.  A pair is listed from four fifths on
 * of the columns of the one with fewer, and two at least; where all are mere copies, of the one with more: two tables
 * that each take some columns of a third one repeat nothing.
 */
CREATE VIEW contract.duplicate_pipelines WITH (security_barrier) AS
WITH feed AS MATERIALIZED (
	SELECT d.target_objid AS relid, d.target_column AS attnum, d.source_relid, d.subtype, d.expression
	FROM contract.lineage_definition d WHERE d.base AND d.operation = 'materialized view'
	UNION
	SELECT t.relid, t.attnum, s.relid, e.subtype, e.expression
	FROM contract.lineage_edge e JOIN contract.lineage_binding t ON t.node_id = e.target_id
	LEFT JOIN contract.lineage_binding s ON s.node_id = e.source_id
	WHERE e.base AND e.historic_since IS NULL),
made AS MATERIALIZED (	-- a row for each way in which a column is made
	SELECT f.relid, f.attnum, f.expression, pg_catalog.bool_and(f.subtype = 'identity') AS copied
	FROM feed f JOIN pg_catalog.pg_class c ON c.oid = f.relid
	WHERE c.relkind IN ('r', 'p', 'm', 'f') AND f.attnum > 0 AND f.subtype IN ('identity', 'transformation', 'aggregation')
		AND f.source_relid IS DISTINCT FROM f.relid AND pg_catalog.has_any_column_privilege(f.relid, 'SELECT')
	GROUP BY f.relid, f.attnum, f.expression),
sized AS MATERIALIZED (
	SELECT m.relid, m.attnum, m.expression, m.copied, s.columns
	FROM made m JOIN (SELECT n.relid, pg_catalog.count(DISTINCT n.attnum) AS columns FROM made n GROUP BY n.relid) s USING (relid)),
same AS (	-- of several columns that are made alike, one of the other table
	SELECT m.relid, m.attnum, m.columns, o.relid AS other, pg_catalog.min(o.attnum) AS other_attnum, o.columns AS other_columns,
		pg_catalog.bool_and(m.copied) AS copied
	FROM sized m JOIN sized o ON o.expression = m.expression AND o.relid > m.relid
	GROUP BY m.relid, m.attnum, m.columns, o.relid, o.columns),
pair AS (
	SELECT s.relid, s.columns, s.other, s.other_columns, pg_catalog.count(DISTINCT s.other_attnum) AS same_columns,
		pg_catalog.bool_and(s.copied) AS copied, pg_catalog.array_agg(s.attnum) AS attnums, pg_catalog.array_agg(s.other_attnum) AS other_attnums
	FROM same s GROUP BY s.relid, s.columns, s.other, s.other_columns HAVING pg_catalog.count(DISTINCT s.other_attnum) >= 2),
condition AS MATERIALIZED (
	SELECT f.relid, pg_catalog.array_agg(DISTINCT f.expression) AS expressions
	FROM feed f WHERE f.attnum = 0 AND f.subtype IN ('filter', 'join', 'group_by') GROUP BY f.relid)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS dataset, pg_catalog.format('%I.%I', m.nspname, o.relname) AS other,
	p.columns, p.other_columns, p.same_columns, f.fraction, x.expressions IS NOT DISTINCT FROM y.expressions AS same_filters, p.copied, (
		SELECT pg_catalog.jsonb_object_agg(a.attname, b.attname)
		FROM ROWS FROM (pg_catalog.unnest(p.attnums), pg_catalog.unnest(p.other_attnums)) AS u (attnum, other_attnum)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = p.relid AND a.attnum = u.attnum
		JOIN pg_catalog.pg_attribute b ON b.attrelid = p.other AND b.attnum = u.other_attnum) AS matches
FROM pair p
CROSS JOIN LATERAL (SELECT pg_catalog.round(p.same_columns::numeric
	/ CASE WHEN p.copied THEN GREATEST(p.columns, p.other_columns) ELSE LEAST(p.columns, p.other_columns) END, 3) AS fraction) f
JOIN pg_catalog.pg_class c ON c.oid = p.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class o ON o.oid = p.other JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace
LEFT JOIN condition x ON x.relid = p.relid LEFT JOIN condition y ON y.relid = p.other
WHERE f.fraction >= 0.8
	-- partitions of one table
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_inherits j USING (inhparent)
		WHERE i.inhrelid = p.relid AND j.inhrelid = p.other);
COMMENT ON VIEW contract.duplicate_pipelines IS
'pairs of tables, materialized views included, whose columns come from the same columns by the same expressions, of what you may select from';
GRANT SELECT ON contract.duplicate_pipelines TO PUBLIC;

CREATE FUNCTION contract.lineage_queue(OUT statements integer, OUT room integer, OUT waiting bigint, OUT lost bigint)
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pgc_lineage_queue';
COMMENT ON FUNCTION contract.lineage_queue() IS
'the server''s memory of statements with lineage: how many it knows, of how many it has room for, how many executions wait to be recorded, and how many could not be counted; nulls without preload';

/*
 * For Prometheus.  Names and numbers, and of a row nothing but the newest time of rules about time, unless it is
 * personal data.
 */
CREATE VIEW contract.prometheus WITH (security_barrier) AS
WITH score AS (
	SELECT s.dataset_id, s.dataset, s.contract_id, s.owner, s.status, s.rules, s.evaluated, s.good_fraction, s.last_audit,
		s.quarantined, s.run_id, s.elapsed, c.version, c.status AS contract_status
	FROM contract.score s JOIN contract.contract c USING (contract_id)
	WHERE pg_catalog.pg_has_role('pg_monitor', 'USAGE') OR contract.visible(s.dataset_id)),
line AS (SELECT COALESCE(pg_catalog.max(run_id), 0) AS run_id FROM contract.counted),
-- sums over the history, whether pruned or not, and what came since they were made
counted (dataset_id, counter, detail, value) AS (
	TABLE contract.total
	UNION ALL
	SELECT n.dataset_id, 'audits', '', 1
	FROM line CROSS JOIN contract.run n
	WHERE n.run_id > line.run_id AND n.source = 'audit' AND n.operation IS DISTINCT FROM 'freshness'
	UNION ALL
	SELECT n.dataset_id, v.counter, r.action, v.value
	FROM line CROSS JOIN contract.run n CROSS JOIN LATERAL (
		SELECT pg_catalog.min(action) AS action, pg_catalog.sum(failed) AS failures FROM contract.result r WHERE r.run_id = n.run_id) r
	CROSS JOIN LATERAL (VALUES ('rows', n.failed), ('failures', r.failures)) v (counter, value)
	WHERE n.run_id > line.run_id AND n.source = 'write')
SELECT s.metric, s.labels, s.value::double precision AS value, m.type, m.help
FROM (
	SELECT v.metric, pg_catalog.jsonb_build_object('dataset', s.dataset), v.value
	FROM score s CROSS JOIN LATERAL (VALUES
		('pg_contract_dataset_rules', s.rules::double precision),
		('pg_contract_dataset_evaluated_rules', s.evaluated),
		('pg_contract_dataset_good_ratio', s.good_fraction),
		('pg_contract_dataset_last_audit_timestamp_seconds', pg_catalog.date_part('epoch', s.last_audit)),
		('pg_contract_dataset_last_audit_duration_seconds', pg_catalog.date_part('epoch', s.elapsed)),
		('pg_contract_dataset_quarantined_rows', s.quarantined)) v (metric, value)
	UNION ALL
	SELECT 'pg_contract_dataset_info', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('dataset', s.dataset,
		'contract', s.contract_id, 'version', s.version, 'status', s.contract_status, 'owner', s.owner)), 1
	FROM score s
	UNION ALL
	SELECT 'pg_contract_dataset_status', pg_catalog.jsonb_build_object('dataset', s.dataset, 'status', v.status),
		(s.status = v.status)::integer
	FROM score s CROSS JOIN pg_catalog.unnest('{pass,warn,fail,error,unknown}'::text[]) AS v (status)
	UNION ALL
	SELECT 'pg_contract_dataset_failing_rules', pg_catalog.jsonb_build_object('dataset', s.dataset, 'severity', v.severity), (
		SELECT pg_catalog.count(*) FROM contract.result f JOIN contract.rule r ON r.dataset_id = s.dataset_id AND r.name = f.rule
		WHERE f.run_id = s.run_id AND f.status IN ('warn', 'fail', 'error') AND r.severity = v.severity)
	FROM score s CROSS JOIN pg_catalog.unnest('{info,warning,error}'::text[]) AS v (severity)
	UNION ALL
	SELECT 'pg_contract_dataset_open_incidents', pg_catalog.jsonb_build_object('dataset', s.dataset, 'severity', v.severity), (
		SELECT pg_catalog.count(*) FROM contract.incident i
		WHERE i.dataset_id = s.dataset_id AND i.status = 'open' AND i.severity = v.severity)
	FROM score s CROSS JOIN pg_catalog.unnest('{info,warning,error}'::text[]) AS v (severity)
	UNION ALL
	SELECT 'pg_contract_dataset_unacknowledged_incidents', pg_catalog.jsonb_build_object('dataset', s.dataset), (
		SELECT pg_catalog.count(*) FROM contract.incident i WHERE i.dataset_id = s.dataset_id AND i.status = 'open'
			AND i.acknowledged_at IS NULL AND (i.muted_until IS NULL OR i.muted_until <= pg_catalog.now()))
	FROM score s
	UNION ALL
	SELECT 'pg_contract_audits_total', pg_catalog.jsonb_build_object('dataset', s.dataset), COALESCE(pg_catalog.sum(c.value), 0)
	FROM score s LEFT JOIN counted c ON c.dataset_id = s.dataset_id AND c.counter = 'audits'
	GROUP BY s.dataset
	UNION ALL
	SELECT v.metric, pg_catalog.jsonb_build_object('dataset', s.dataset, 'action', a.action), COALESCE(pg_catalog.sum(c.value), 0)
	FROM score s CROSS JOIN pg_catalog.unnest('{warn,quarantine,reject}'::text[]) AS a (action)
	CROSS JOIN (VALUES ('pg_contract_failed_rows_total', 'rows'), ('pg_contract_violations_total', 'failures')) v (metric, counter)
	LEFT JOIN counted c ON c.dataset_id = s.dataset_id AND c.detail = a.action AND c.counter = v.counter
	GROUP BY v.metric, s.dataset, a.action
	UNION ALL
	SELECT 'pg_contract_sla_attainment_ratio', pg_catalog.jsonb_build_object('dataset', s.dataset, 'rule', d.rule),
		pg_catalog.date_part('epoch', d.attained) / NULLIF(pg_catalog.date_part('epoch', d.observed), 0)
	FROM score s JOIN contract.rule r USING (dataset_id) CROSS JOIN LATERAL (
		SELECT * FROM contract.sla_day d WHERE d.dataset_id = r.dataset_id AND d.rule = r.name ORDER BY d.day DESC LIMIT 1) d
	UNION ALL
	SELECT v.metric, pg_catalog.jsonb_build_object('dataset', s.dataset, 'rule', r.name), v.value
	FROM score s JOIN contract.rule r USING (dataset_id) JOIN contract.freshness_state f USING (rule_id)
	LEFT JOIN contract.last_write w ON w.dataset_id = s.dataset_id AND r.columns = '{}'
	CROSS JOIN LATERAL (SELECT COALESCE(w.written_at, f.newest) AS newest, NOT EXISTS (
		SELECT FROM contract.column_annotation a
		WHERE a.dataset_id = s.dataset_id AND a.column_name = ANY (r.columns) AND a.pii_category IS NOT NULL) AS open) m
	CROSS JOIN LATERAL (VALUES
		('pg_contract_freshness_failing', (f.status NOT IN ('fresh', 'unknown'))::integer::double precision),
		('pg_contract_freshness_newest_timestamp_seconds',
			CASE WHEN m.open AND pg_catalog.isfinite(m.newest) THEN pg_catalog.date_part('epoch', m.newest) END),
		('pg_contract_freshness_max_age_seconds',
			pg_catalog.date_part('epoch', CAST(r.parameters->>'max_age' AS interval)))) v (metric, value)
	UNION ALL
	SELECT v.metric, pg_catalog.jsonb_build_object('dataset', s.dataset), v.value
	FROM score s JOIN (
		SELECT t.dataset_id, pg_catalog.date_part('epoch', pg_catalog.min(t.next_run)) AS next_run,
			pg_catalog.count(*) FILTER (WHERE t.last_status IN ('error', 'timeout')) AS failing
		FROM contract.schedule_state t GROUP BY t.dataset_id) t USING (dataset_id)
	CROSS JOIN LATERAL (VALUES
		('pg_contract_schedule_next_run_timestamp_seconds', t.next_run),
		('pg_contract_schedule_failing', t.failing)) v (metric, value)
	UNION ALL
	SELECT v.metric, '{}', v.value
	FROM contract.reject_queue() q CROSS JOIN LATERAL (VALUES
		('pg_contract_refused_rows_waiting', q.waiting),
		('pg_contract_refused_rows_lost_total', q.lost)) v (metric, value)
	UNION ALL
	SELECT v.metric, '{}', v.value
	FROM contract.lineage_queue() q CROSS JOIN LATERAL (VALUES
		('pg_contract_lineage_waiting', q.waiting),
		('pg_contract_lineage_lost_total', q.lost)) v (metric, value)
	UNION ALL
	SELECT 'pg_contract_launcher_up', '{}', pg_catalog.count(w.pid)
	FROM contract.workers w WHERE w.duty = 'launcher'
	UNION ALL
	SELECT 'pg_contract_worker_failures', pg_catalog.jsonb_build_object('duty', w.duty), w.failures
	FROM contract.workers w WHERE w.database = pg_catalog.current_database()
	UNION ALL
	SELECT v.metric, pg_catalog.jsonb_build_object('table', c.relname), v.value
	FROM pg_catalog.pg_class c CROSS JOIN LATERAL (VALUES
		('pg_contract_history_bytes', pg_catalog.pg_total_relation_size(c.oid)),
		('pg_contract_history_rows', pg_catalog.pg_stat_get_live_tuples(c.oid))) v (metric, value)
	WHERE c.relnamespace = 'contract'::regnamespace
		AND c.relname IN ('run', 'result', 'violation', 'metric', 'quarantine', 'incident', 'sla_day', 'audit_part')) s (metric, labels, value)
JOIN (VALUES
	('pg_contract_dataset_info', 'gauge', 'What a dataset belongs to and who answers for it; always 1.'),
	('pg_contract_dataset_status', 'gauge', 'Status of the last audit, and of enforcement: 1 for the one that it is.'),
	('pg_contract_dataset_rules', 'gauge', 'Rules of the dataset.'),
	('pg_contract_dataset_evaluated_rules', 'gauge', 'Rules that the last audit could evaluate.'),
	('pg_contract_dataset_failing_rules', 'gauge', 'Rules that the last audit found failing, by severity.'),
	('pg_contract_dataset_good_ratio', 'gauge', 'Part of the rows that failed no rule in the last audit.'),
	('pg_contract_dataset_last_audit_timestamp_seconds', 'gauge', 'When the last audit began.'),
	('pg_contract_dataset_last_audit_duration_seconds', 'gauge', 'How long the last audit took.'),
	('pg_contract_dataset_quarantined_rows', 'gauge', 'Rows in quarantine.'),
	('pg_contract_dataset_open_incidents', 'gauge', 'Open incidents, by severity.'),
	('pg_contract_dataset_unacknowledged_incidents', 'gauge', 'Open incidents that nobody has acknowledged or muted.'),
	('pg_contract_audits_total', 'counter', 'Audits of the dataset.'),
	('pg_contract_failed_rows_total', 'counter', 'Rows that failed on write, by what was done with them.'),
	('pg_contract_violations_total', 'counter', 'Failures on write, by what was done with the row; a failure is a row and a rule.'),
	('pg_contract_sla_attainment_ratio', 'gauge', 'Part of the time of its last day in which a rule about time was kept.'),
	('pg_contract_freshness_failing', 'gauge', 'Is a rule about time not kept now?'),
	('pg_contract_freshness_newest_timestamp_seconds', 'gauge', 'The newest value that a rule about time has seen, or the last write.'),
	('pg_contract_freshness_max_age_seconds', 'gauge', 'How old that may be.'),
	('pg_contract_schedule_next_run_timestamp_seconds', 'gauge', 'When the next scheduled audit is due.'),
	('pg_contract_schedule_failing', 'gauge', 'Schedules whose last audit ended with an error or a timeout.'),
	('pg_contract_refused_rows_waiting', 'gauge', 'Refused rows, of the whole server, that no worker has recorded yet.'),
	('pg_contract_refused_rows_lost_total', 'counter', 'Refused rows, of the whole server, that could not be counted.'),
	('pg_contract_lineage_waiting', 'gauge', 'Executions of statements with lineage, of the whole server, that no worker has counted yet.'),
	('pg_contract_lineage_lost_total', 'counter', 'Executions of statements with lineage, of the whole server, that could not be counted.'),
	('pg_contract_launcher_up', 'gauge', 'Does the launcher of the workers run?'),
	('pg_contract_worker_failures', 'gauge', 'How often a duty of this database has failed in a row.'),
	('pg_contract_history_bytes', 'gauge', 'Size of a table of the history, with indexes.'),
	('pg_contract_history_rows', 'gauge', 'Rows of a table of the history, estimated.')) m (metric, type, help)
	USING (metric)
WHERE s.value IS NOT NULL;
COMMENT ON VIEW contract.prometheus IS
'metrics for Prometheus, of the datasets that you may select from, or of all for members of pg_monitor; labels are texts';
GRANT SELECT ON contract.prometheus TO PUBLIC;

GRANT SELECT ON contract.progress, contract.rules, contract.violations, contract.results, contract.quarantined,
	contract.pii_columns, contract.metrics, contract.scorecard, contract.freshness, contract.sla_history, contract.incidents TO PUBLIC;

/*
 * Last, when all that follows DDL is there: the lineage of what was there before the extension.
 */
SELECT contract.refresh_lineage();
