/*
 * contract.diff: what changes between two documents, for whom, and how much the
 * version must rise.
 */
\pset null '-'

-- a contract over one object with the property amount, whose fields are given
CREATE FUNCTION pg_temp.doc(fields text, rest text DEFAULT '') RETURNS text LANGUAGE sql AS $$
SELECT E'apiVersion: v3.2.0\nkind: DataContract\nid: shop\nversion: 1.0.0\nstatus: active\nschema:\n'
	'- name: orders\n  properties:\n  - {name: amount, ' || fields || E'}\n' || rest
$$;
-- what a change does: P and C are broken, (p) and (c) should know
CREATE FUNCTION pg_temp.changes(before text, after text)
RETURNS TABLE (path text, change text, old text, new text, breaks text, level text, message text) LANGUAGE sql AS $$
SELECT path, change, old, new, concat(CASE WHEN breaks_producer THEN 'P' END, CASE WHEN breaks_consumer THEN 'C' END),
	level, message
FROM contract.diff(before, after)
$$;
CREATE FUNCTION pg_temp.fields(before text, after text)
RETURNS TABLE (path text, change text, old text, new text, breaks text, level text, message text) LANGUAGE sql AS $$
SELECT regexp_replace(path, '^schema.orders.properties.', ''), change, old, new, breaks, level, message
FROM pg_temp.changes(pg_temp.doc(before), pg_temp.doc(after))
$$;

-- nothing
SELECT * FROM pg_temp.fields('logicalType: string', 'logicalType: string');
-- order of keys and of elements, false and null and absent, numbers written in another way: nothing
SELECT * FROM pg_temp.fields('logicalType: number, required: false, tags: [a, b], criticalDataElement: true, logicalTypeOptions: {minimum: 10, maximum: 20}',
	'tags: [b, a], criticalDataElement: True, logicalTypeOptions: {maximum: 2e1, minimum: 10.0}, logicalType: number, primaryKeyPosition: -1');
-- the columns
SELECT * FROM contract.diff(pg_temp.doc('required: false'), pg_temp.doc('required: true'));
\df contract.diff

-- each field, from one value to another and back
CREATE TEMP TABLE pairs (n int GENERATED ALWAYS AS IDENTITY, a text, b text);
INSERT INTO pairs (a, b) VALUES
	('', 'required: true'),
	('', 'unique: true'),
	('', 'primaryKey: true'),
	('required: true, unique: true', 'primaryKey: true'),
	('required: true, primaryKey: true', 'primaryKey: true'),
	('', 'logicalType: string'),
	('logicalType: integer', 'logicalType: number'),
	('logicalType: date', 'logicalType: timestamp'),
	('', 'physicalType: text'),
	('physicalType: smallint', 'physicalType: int4'),
	('physicalType: int', 'physicalType: serial'),
	('physicalType: int', 'physicalType: bigint'),
	('physicalType: bigint', 'physicalType: numeric'),
	('physicalType: bigint', 'physicalType: "numeric(19, 0)"'),
	('physicalType: bigint', 'physicalType: "numeric(18)"'),
	('physicalType: "numeric(10,2)"', 'physicalType: "decimal( 12 , 3 )"'),
	('physicalType: "numeric(10,2)"', 'physicalType: "numeric(10,4)"'),
	('physicalType: "numeric(5)"', 'physicalType: int'),
	('physicalType: "numeric(5,2)"', 'physicalType: int'),
	('physicalType: real', 'physicalType: double  precision'),
	('physicalType: float(24)', 'physicalType: real'),
	('physicalType: varchar(10)', 'physicalType: character varying (20)'),
	('physicalType: "varchar[10]"', 'physicalType: varchar(10)'),
	('physicalType: varchar(10)', 'physicalType: VARCHAR'),
	('physicalType: varchar', 'physicalType: text'),
	('physicalType: char(3)', 'physicalType: char(5)'),
	('physicalType: "int[]"', 'physicalType: "int[][]"'),
	('physicalType: "int[]"', 'physicalType: "bigint[3]"'),
	('physicalType: date', 'physicalType: timestamp'),
	('physicalType: timestamp(3) with time zone', 'physicalType: timestamptz'),
	('physicalType: timestamp', 'physicalType: timestamptz'),
	('physicalType: bit(3)', 'physicalType: bit(4)'),
	('physicalType: "geometry(Point,4326)"', 'physicalType: "geometry(Polygon,4326)"'),
	('physicalType: STRUCT<a>', 'physicalType: struct<a>'),
	('physicalType: "((("', 'physicalType: "varchar(10"'),
	('logicalType: integer', 'logicalType: integer, logicalTypeOptions: {minimum: 0}'),
	('logicalType: integer, logicalTypeOptions: {minimum: 0}', 'logicalType: integer, logicalTypeOptions: {minimum: 10}'),
	('logicalType: integer, logicalTypeOptions: {minimum: 0}', 'logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 0}'),
	('logicalType: integer, logicalTypeOptions: {maximum: 9}', 'logicalType: integer, logicalTypeOptions: {maximum: 10}'),
	('logicalType: integer, logicalTypeOptions: {maximum: 9, exclusiveMaximum: 12}', 'logicalType: integer, logicalTypeOptions: {maximum: 20, exclusiveMaximum: 10}'),
	('logicalType: date, logicalTypeOptions: {minimum: "2024-01-01"}', 'logicalType: date, logicalTypeOptions: {minimum: "2023-12-31"}'),
	('logicalType: date, logicalTypeOptions: {minimum: "2024-01-01"}', 'logicalType: date, logicalTypeOptions: {minimum: "1/2/2024"}'),
	('logicalType: string, logicalTypeOptions: {maxLength: 5}', 'logicalType: string, logicalTypeOptions: {maxLength: 50}'),
	('logicalType: string, logicalTypeOptions: {minLength: 5}', 'logicalType: string, logicalTypeOptions: {minLength: 50}'),
	('logicalType: string', 'logicalType: string, logicalTypeOptions: {pattern: ^a}'),
	('logicalType: string, logicalTypeOptions: {pattern: ^a}', 'logicalType: string, logicalTypeOptions: {pattern: ^b}'),
	('logicalType: string', 'logicalType: string, logicalTypeOptions: {format: email}'),
	('logicalType: string, logicalTypeOptions: {format: email}', 'logicalType: string, logicalTypeOptions: {format: uri}'),
	('logicalType: integer, logicalTypeOptions: {format: i8}', 'logicalType: integer, logicalTypeOptions: {format: i16}'),
	('logicalType: integer, logicalTypeOptions: {format: u8}', 'logicalType: integer, logicalTypeOptions: {format: i8}'),
	('logicalType: integer, logicalTypeOptions: {format: u8}', 'logicalType: integer, logicalTypeOptions: {format: i16}'),
	('logicalType: integer', 'logicalType: integer, logicalTypeOptions: {multipleOf: 3}'),
	('logicalType: integer, logicalTypeOptions: {multipleOf: 3}', 'logicalType: integer, logicalTypeOptions: {multipleOf: 6}'),
	('logicalType: integer, logicalTypeOptions: {multipleOf: 3}', 'logicalType: integer, logicalTypeOptions: {multipleOf: 5}'),
	('logicalType: string', 'logicalType: string, logicalTypeOptions: {enum: [a, b]}'),
	('logicalType: string, logicalTypeOptions: {enum: [a, b]}', 'logicalType: string, logicalTypeOptions: {enum: [b, c]}'),
	('logicalType: array', 'logicalType: array, logicalTypeOptions: {uniqueItems: true}'),
	('logicalType: array', 'logicalType: array, logicalTypeOptions: {maxItems: 3}'),
	('logicalType: object', 'logicalType: object, logicalTypeOptions: {required: [a]}'),
	('logicalType: object, logicalTypeOptions: {required: [a, b]}', 'logicalType: object, logicalTypeOptions: {required: [b]}'),
	('logicalType: timestamp', 'logicalType: timestamp, logicalTypeOptions: {timezone: true}'),
	('logicalType: timestamp, logicalTypeOptions: {timezone: false}', 'logicalType: timestamp, logicalTypeOptions: {timezone: true}'),
	('logicalType: timestamp, logicalTypeOptions: {timezone: true}', 'logicalType: timestamp, logicalTypeOptions: {timezone: true, defaultTimezone: CET}'),
	('', 'classification: restricted'),
	('classification: internal', 'classification: Restricted'),
	('classification: restricted', 'classification: secret sauce'),
	('classification: open', 'classification: public'),
	('', 'encryptedName: amount_x'),
	('', 'description: what it costs'),
	('description: a', 'description: b'),
	('partitioned: true, partitionKeyPosition: 1', 'criticalDataElement: true'),
	('', 'examples: [1, 2]'),
	('', 'tags: [money]'),
	('', 'relationships: [{to: customers.id}]'),
	('relationships: [{to: customers.id}]', 'relationships: [{to: customers.key}]'),
	('logicalType: array', 'logicalType: array, items: {logicalType: string}'),
	('logicalType: array, items: {logicalType: integer}', 'logicalType: array, items: {logicalType: number}'),
	('logicalType: object, properties: [{name: a}]', 'logicalType: object, properties: [{name: a, required: true}, {name: b}]');
SELECT p.n, way, f.*
FROM pairs AS p, (VALUES (1, '->'), (2, '<-')) AS w (i, way),
	pg_temp.fields('businessName: x, ' || CASE i WHEN 1 THEN a ELSE b END, 'businessName: x, ' || CASE i WHEN 1 THEN b ELSE a END) AS f
ORDER BY p.n, i, f.path;

-- documents that differ in one part: given in full after the root's fields
CREATE FUNCTION pg_temp.root(rest text, fields text DEFAULT '') RETURNS text LANGUAGE sql AS $$
SELECT E'apiVersion: v3.1.0\nkind: DataContract\nid: shop\nversion: 1.0.0\n' || coalesce(nullif(fields, ''), 'status: active') || E'\n' || rest
$$;
CREATE FUNCTION pg_temp.roots(before text, after text)
RETURNS TABLE (path text, change text, old text, new text, breaks text, level text, message text) LANGUAGE sql AS $$
SELECT * FROM pg_temp.changes(pg_temp.root(before), pg_temp.root(after))
$$;

-- objects: added, removed, renamed with and without an id, moved
SELECT * FROM pg_temp.roots('schema: [{name: a}, {name: b}]', 'schema: [{name: b}, {name: c, properties: [{name: x}]}]');
SELECT * FROM pg_temp.roots('schema: [{name: a, id: o1}]', 'schema: [{name: b, id: o1}]');
SELECT * FROM pg_temp.roots('schema: [{name: a, id: o1, physicalName: t}]', 'schema: [{name: b, id: o1, physicalName: t}]');
SELECT * FROM pg_temp.roots('schema: [{name: a, physicalName: t, physicalType: table}]', 'schema: [{name: a, physicalName: u, physicalType: view}]');
SELECT * FROM pg_temp.roots('schema: [{name: a}]', 'schema: [{name: a, physicalName: a, physicalType: table}]');
SELECT * FROM pg_temp.roots('schema: [{name: a}]', 'schema: [{name: a, id: o1, businessName: A}]');
-- properties: the same, and their order
SELECT * FROM pg_temp.roots('schema: [{name: o, properties: [{name: a, id: p1}, {name: b}, {name: c}]}]',
	'schema: [{name: o, properties: [{name: z, id: p1, physicalName: a}, {name: c}, {name: b}, {name: n, required: true}]}]');
SELECT * FROM pg_temp.roots('schema: [{name: o, properties: [{name: a, id: p1}, {name: b, id: p2}]}]',
	'schema: [{name: o, properties: [{name: b, id: p1}, {name: a, id: p2}]}]');
-- primary keys: a member less makes what stays stricter
SELECT * FROM pg_temp.roots(
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}, {name: b, primaryKey: true, primaryKeyPosition: 2}, {name: c}]}]',
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}, {name: b}, {name: c}]}]');
SELECT * FROM pg_temp.roots(
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}, {name: b}]}]',
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}, {name: b, primaryKey: true, primaryKeyPosition: 2}]}]');
SELECT * FROM pg_temp.roots(
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}, {name: b, primaryKey: true, primaryKeyPosition: 2}]}]',
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 2}, {name: b, primaryKey: true, primaryKeyPosition: 1}]}]');
SELECT * FROM pg_temp.roots(
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}, {name: b, primaryKey: true, primaryKeyPosition: 2}]}]',
	'schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}]}]');
SELECT * FROM pg_temp.roots('schema: [{name: o, properties: [{name: a, primaryKey: true, primaryKeyPosition: 1}]}]',
	'schema: [{name: o, properties: [{name: a, primaryKey: true}]}]');

-- the values of version 3.2's enum are described
SELECT * FROM pg_temp.fields('enum: [{value: a, label: A}, {value: b}]',
	'deprecated: true, enum: [{value: a, label: The A}, {value: c}]');

-- quality
TRUNCATE pairs RESTART IDENTITY;
INSERT INTO pairs (a, b) VALUES
	('', '{metric: nullValues, mustBe: 0}'),
	('', '{metric: nullValues, mustBe: 0, severity: warning}'),
	('', '{type: text, description: be good}'),
	('', '{type: custom, engine: soda, implementation: "a < 5"}'),
	('', '{type: custom, engine: pg_contract, implementation: {kind: not_null}}'),
	('{metric: nullValues, mustBe: 0}', '{metric: nullValues, mustBeLessThan: 1}'),
	('{metric: nullValues, mustBe: 0}', '{metric: nullValues, mustBeLessThan: 5}'),
	('{metric: nullValues, mustBe: 0, unit: percent}', '{metric: nullValues, mustBeLessThan: 1, unit: percent}'),
	('{metric: nullValues, mustBe: 5}', '{metric: nullValues, mustBe: 5, unit: percent}'),
	('{metric: nullValues, mustBe: 5}', '{metric: nullValues, mustBe: 5, unit: rows}'),
	('{metric: nullValues, mustBeLessThan: 5}', '{metric: nullValues, mustBeLessThan: 3}'),
	('{metric: nullValues, mustBeLessThan: 5, severity: low}', '{metric: nullValues, mustBeLessThan: 3, severity: low}'),
	('{metric: rowCount, mustBeGreaterThan: 5}', '{metric: rowCount, mustBeGreaterOrEqualTo: 6}'),
	('{metric: rowCount, mustBeBetween: [5, 9]}', '{metric: rowCount, mustBeBetween: [1, 8]}'),
	('{metric: rowCount, mustNotBeBetween: [5, 9]}', '{metric: rowCount, mustNotBeBetween: [5, 8]}'),
	('{metric: rowCount, mustNotBe: 5}', '{metric: rowCount, mustBe: 8}'),
	('{type: sql, query: SELECT 1, mustBe: 1}', '{type: sql, query: SELECT 2, mustBe: 1}'),
	('{type: sql, query: SELECT 1, mustBe: 1}', '{name: one, type: sql, query: SELECT 1, mustBe: 1}'),
	('{name: one, metric: nullValues, mustBe: 0}', '{name: one, metric: duplicateValues, mustBe: 0}'),
	('{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}', '{metric: invalidValues, arguments: {validValues: [b, c]}, mustBe: 0}'),
	('{metric: missingValues, arguments: {missingValues: [x]}, mustBe: 0}', '{metric: missingValues, arguments: {missingValues: [x, y]}, mustBe: 0}'),
	('{metric: invalidValues, arguments: {pattern: a}, mustBe: 0}', '{metric: invalidValues, arguments: {pattern: b}, mustBe: 0}'),
	('{metric: nullValues, mustBe: 0, severity: info}', '{metric: nullValues, mustBe: 0, severity: warning}'),
	('{metric: nullValues, mustBe: 0, severity: warning}', '{metric: nullValues, mustBe: 0}'),
	('{metric: nullValues, mustBe: 0, severity: high}', '{metric: nullValues, mustBe: 0, severity: urgent}'),
	('{metric: nullValues, mustBe: 0, dimension: completeness}', '{metric: nullValues, mustBe: 0, description: all of them}'),
	('{metric: nullValues, mustBe: 0}', '{metric: nullValues, mustBe: 0, schedule: 0 6 * * *, scheduler: cron}'),
	('{metric: nullValues, mustBe: 0}', '{metric: nullValues, mustBe: 0, customProperties: [{property: onViolation, value: warn}]}'),
	('{metric: nullValues, mustBe: 0}', '{metric: nullValues, mustBe: 0, customProperties: [{property: onViolation, value: reject}]}'),
	('{metric: nullValues, mustBe: 0, customProperties: [{property: onViolation, value: quarantine}]}',
		'{metric: nullValues, mustBe: 0, customProperties: [{property: onViolation, value: audit}]}'),
	('{metric: nullValues, mustBe: 0}', '{metric: nullValues, mustBe: 0, customProperties: [{property: filter, value: a > 1}]}'),
	('{metric: nullValues, mustBe: 0, customProperties: [{property: tolerance, value: 0.1}]}',
		'{metric: nullValues, mustBe: 0, customProperties: [{property: tolerance, value: 0.2}]}'),
	('{metric: nullValues, mustBe: 0}, {metric: rowCount, mustBeGreaterThan: 1}', '{metric: rowCount, mustBeGreaterThan: 1}, {metric: nullValues, mustBe: 0}');
SELECT p.n, way, regexp_replace(f.path, '^schema.orders.properties.amount.', '') AS path, change, old, new, breaks, level, message
FROM pairs AS p, (VALUES (1, '->'), (2, '<-')) AS w (i, way),
	pg_temp.changes(pg_temp.doc('quality: [' || CASE WHEN i = 1 THEN a ELSE b END || ']'),
		pg_temp.doc('quality: [' || CASE WHEN i = 1 THEN b ELSE a END || ']')) AS f
ORDER BY p.n, i, f.path;

-- what a write does is inherited
SELECT * FROM pg_temp.roots(
	'schema: [{name: o, customProperties: [{property: onViolation, value: reject}], properties: [{name: a}]}]',
	'customProperties: [{property: onViolation, value: reject}]
schema: [{name: o, properties: [{name: a, customProperties: [{property: onViolation, value: warn}]}]}]');
SELECT * FROM pg_temp.roots('schema: [{name: o}]',
	'schema: [{name: o, customProperties: [{property: strictColumns, value: true}, {property: checkTypes, value: false}, {property: color, value: red}]}]');
SELECT * FROM pg_temp.roots(
	'schema: [{name: o, customProperties: [{property: strictColumns, value: true}, {property: checkTypes, value: false}, {property: color, value: red}]}]',
	'schema: [{name: o, customProperties: [{property: color, value: {r: 255}}]}]');

-- service levels
TRUNCATE pairs RESTART IDENTITY;
INSERT INTO pairs (a, b) VALUES
	('', '{property: freshness, value: 1, unit: d, element: o.t}'),
	('', '{property: availability, value: 99.9, unit: percent}'),
	('', '{property: endOfLife, value: "2030-01-01"}'),
	('', '{property: generalAvailability, value: "2030-01-01"}'),
	('{property: freshness, value: 1, unit: d}', '{property: freshness, value: 24, unit: hours}'),
	('{property: freshness, value: 1, unit: d}', '{property: freshness, value: PT12H}'),
	('{property: freshness, value: 1, unit: d}', '{property: freshness, value: 2, unit: d}'),
	('{property: freshness, value: 1, unit: d}', '{property: freshness, value: 1, unit: moon}'),
	('{property: freshness, value: 90, unit: m}', '{property: freshness, value: 1, unit: h}'),
	('{property: retention, value: 3, unit: y}', '{property: re, value: 30, unit: m}'),
	('{property: latency, value: 1, unit: d}', '{property: ly, value: 1, unit: d, driver: regulatory}'),
	('{property: availability, value: 99, unit: percent}', '{property: availability, value: 99.9, unit: percent}'),
	('{property: throughput, value: 1, unit: MB/s}', '{property: throughput, value: 2, unit: GB/s}'),
	('{property: endOfSupport, value: "2030-01-01"}', '{property: endOfSupport, value: "2029-01-01"}'),
	('{property: generalAvailability, value: "2030-01-01"}', '{property: generalAvailability, value: "2029-01-01"}'),
	('{property: timeOfAvailability, value: "09:00"}', '{property: timeOfAvailability, value: "08:00"}'),
	('{property: timeOfAvailability, value: "09:00-08:00"}', '{property: timeOfAvailability, value: "13:00", unit: UTC-5}'),
	('{property: timeOfAvailability, value: "06:00Z"}', '{property: timeOfAvailability, value: "06:00 utc"}'),
	('{property: timeOfAvailability, value: "06:00 Europe/Berlin"}', '{property: timeOfAvailability, value: "5:30 Europe/Berlin"}'),
	('{property: timeOfAvailability, value: "06:00 Europe/Berlin"}', '{property: timeOfAvailability, value: "06:00"}'),
	('{property: timeOfAvailability, value: "06:00 Europe/Berlin"}', '{property: timeOfAvailability, value: "06:00 Asia/Tokyo"}'),
	('{property: timeOfAvailability, value: "06:00"}', '{property: timeOfAvailability, value: noon}'),
	('{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * mon-fri}', '{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * 1-6}'),
	('{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * mon-fri}', '{property: timeOfAvailability, value: "06:00"}'),
	('{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * mon-fri}', '{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * sat}'),
	('{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * mon-fri}', '{property: timeOfAvailability, value: "06:00", schedule: 0 7 * * 1-5}'),
	('{property: timeOfAvailability, value: "06:00", schedule: 0 6 * * mon-fri}', '{property: timeOfAvailability, value: "06:00", schedule: daily}'),
	('{property: latency, value: 1, unit: d, schedule: 0 6 * * mon}', '{property: latency, value: 1, unit: d, schedule: 0 6 * * *}'),
	('{property: frequency, value: 1, unit: d}', '{property: frequency, value: 1, unit: h}'),
	('{property: freshness, value: 1, unit: d, element: o.t}', '{property: freshness, value: 1, unit: d, element: o.u}'),
	('{property: freshness, value: 1, unit: d, element: o.t}, {property: freshness, value: 2, unit: d, element: o.u}',
		'{property: freshness, value: 3, unit: d, element: o.u}, {property: freshness, value: 1, unit: d, element: o.t}');
SELECT p.n, way, f.*
FROM pairs AS p, (VALUES (1, '->'), (2, '<-')) AS w (i, way),
	pg_temp.roots('slaProperties: [' || CASE WHEN i = 1 THEN a ELSE b END || ']',
		'slaProperties: [' || CASE WHEN i = 1 THEN b ELSE a END || ']') AS f
ORDER BY p.n, i, f.path;

-- the root
SELECT b.status AS before, a.status AS after, f.breaks, f.level, f.message
FROM (VALUES (1, 'draft'), (2, 'active'), (3, 'Production'), (4, 'deprecated'), (5, 'retired')) AS b (i, status),
	(VALUES (1, 'draft'), (2, 'active'), (3, 'Production'), (4, 'deprecated'), (5, 'retired')) AS a (i, status),
	pg_temp.changes(pg_temp.root('', 'status: ' || b.status), pg_temp.root('', 'status: ' || a.status)) AS f
ORDER BY b.i, a.i;
SELECT * FROM pg_temp.changes(pg_temp.root('description: {purpose: a, usage: b}
servers: [{server: s1, type: postgres, host: h, port: 5432, database: d, schema: r}]
tags: [x]
price: {priceAmount: 1, priceCurrency: EUR}
support: [{channel: "#a", url: "https://a"}, {channel: "#b"}]
team: {name: shop, members: [{username: ann, role: owner}]}
roles: [{role: reader, access: read}]'),
	replace(pg_temp.root('description: {purpose: b, limitations: c}
servers: [{server: s2, type: postgres, host: h, port: 5432, database: d, schema: r}, {server: s1, type: postgres, host: i, port: 5432, database: d, schema: s}]
price: {priceAmount: 1.0, priceCurrency: USD}
support: [{channel: "#b"}]
team: {name: shop, members: [{username: bob}, {username: ann, role: reviewer}]}
domain: sales
roles: [{role: reader, access: write}]'), '1.0.0', '1.0.1'));

-- one meaning in two versions of the standard
SELECT * FROM contract.diff('apiVersion: v3.0.2
kind: DataContract
id: shop
version: 1.0.0
status: active
slaDefaultElement: orders.at
slaProperties:
- {property: latency, value: 4, unit: d}
- {property: endOfLife, value: "2030-01-01"}
team:
- {username: ann, role: owner}
schema:
- name: orders
  properties:
  - name: amount
    logicalType: number
    logicalTypeOptions: {minimum: 0, exclusiveMinimum: true, maximum: 10, exclusiveMaximum: false}
    quality:
    - {type: library, rule: nullCheck}
    - {type: library, rule: duplicateCount, mustBeLessThan: 10, unit: rows}
  - name: at
    logicalType: date
',
'apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
team:
  members:
  - {username: ann, role: owner}
schema:
- name: orders
  properties:
  - name: amount
    logicalType: number
    logicalTypeOptions: {exclusiveMinimum: 0, maximum: 10}
    quality:
    - {metric: duplicateValues, mustBeLessThan: 10, unit: rows}
    - {metric: nullValues, mustBe: 0}
  - name: at
    logicalType: date
slaProperties:
- {property: endOfLife, value: "2030-01-01"}
- {property: ly, value: 4, unit: d, element: orders.at}
');

-- what is no document
SELECT * FROM contract.diff('a: [', pg_temp.root(''));
SELECT * FROM contract.diff(pg_temp.root(''), 'kind: DataContract');
SELECT * FROM contract.diff(pg_temp.root(''), '');
SELECT * FROM contract.diff(NULL, pg_temp.root(''));

-- how much a version must rise: apply goes by it; a change of a level and what came of it, all undone
CREATE FUNCTION pg_temp.rise(before text, after text, level text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	document text := E'apiVersion: v3.1.0\nkind: DataContract\nid: shop\nversion: "%s"\nstatus: %s\nschema:\n- name: waiting\n  properties: [{name: a%s}]\n';
	result text := 'enough';
BEGIN
	PERFORM contract.apply(format(document, before, 'active', ''));
	BEGIN
		PERFORM contract.apply(format(document, after, CASE level WHEN 'minor' THEN 'deprecated' ELSE 'active' END,
			CASE level WHEN 'major' THEN ', required: true' WHEN 'patch' THEN ', description: d' ELSE '' END));
	EXCEPTION WHEN OTHERS THEN
		result := SQLERRM;
	END;
	RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = result;
EXCEPTION WHEN SQLSTATE 'P0099' THEN
	RETURN SQLERRM;
END
$$;
SELECT before, after, level, pg_temp.rise(before, after, level)
FROM (VALUES (1, '1.2.3', '1.2.4', 'patch'), (2, '1.2.3', '1.2.3', 'patch'), (3, '1.2.3', '1.2.4', 'minor'),
	(4, '1.2.3', '1.3.0', 'minor'), (5, '1.2.3', '1.9.9', 'major'), (6, '1.2.3', '2.0.0', 'major'),
	(7, '1.9.0', '1.10.0', 'minor'), (8, 'v1.2', 'v1.3', 'minor'), (9, '1.2', '1.2.1', 'patch'), (10, '1.2', '1.3', 'major'),
	(11, '1.2.3', '1.2.2', 'patch'),
	-- before 1.0.0
	(12, '0.3.1', '0.3.2', 'minor'), (13, '0.3.1', '0.3.2', 'major'), (14, '0.3.1', '0.4.0', 'major'), (15, '0.3.1', '1.0.0', 'major'),
	-- pre-releases and builds
	(16, '1.2.3', '2.0.0-rc.1', 'major'), (17, '2.0.0-rc.2', '2.0.0-rc.10', 'major'), (18, '2.0.0-rc.1', '2.0.0', 'major'),
	(19, '2.0.0', '2.0.0-rc.1', 'patch'), (20, '1.0.0+a', '1.0.0+b', 'patch'),
	-- what is no semantic version
	(21, '2024-06', '2024-10', 'major'), (22, '2024-10', '2024-9', 'patch'), (23, '9', '12', 'major'), (24, '12', '12', 'patch'),
	(25, '2024.6.1', '2024.7.0', 'major'), (26, '1.2.03', '1.2.4', 'major')) AS v (i, before, after, level)
ORDER BY i;
