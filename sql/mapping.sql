-- What a document asks for: the rules that come out, and what is said of it.
SET client_min_messages = warning;
CREATE SCHEMA regress_shop;
SET search_path = regress_shop, public;

-- remarks of a document that has this schema and these further fields
CREATE FUNCTION remarks(schema text, further text DEFAULT '', api text DEFAULT 'v3.1.0')
RETURNS TABLE (line int, severity text, message text, hint text) LANGUAGE sql AS
$$SELECT line, severity, message, hint FROM contract.lint(
    'apiVersion: ' || api || e'\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\n' || further || e'\nschema:\n' || schema)$$;

-- remarks of a property with these fields
CREATE FUNCTION property(fields text, api text DEFAULT 'v3.1.0')
RETURNS TABLE (severity text, message text, hint text) LANGUAGE sql AS
$$SELECT severity, message, hint FROM remarks('- {name: t, properties: [{name: c, ' || fields || '}]}', '', api)$$;

-- the rules of a contract's documents
CREATE VIEW planned AS
SELECT contract_id, dataset, concat_ws(' ', rule || ':', kind, columns::text, parameters::text, 'filter ' || filter, action, severity,
    'tolerance ' || NULLIF(tolerance, 0), 'schedule ' || schedule, '"' || description || '"') AS rule
FROM contract.rules WHERE source = 'document';

--
-- every field that becomes a rule
--
CREATE TABLE orders (id bigint, line int, code text, amount numeric(10,2), day date, at timestamptz, uid uuid,
    tags text[], doc jsonb, state varchar(10), customer int, zone timestamp, size int8, ratio float8, old json);
CREATE TABLE customers (id int, kind int, e_mail text, net inet);
INSERT INTO customers VALUES (1, 1, 'a@b.de', '10.0.0.1'), (2, 2, 'x', NULL);
INSERT INTO orders (id, line, code, amount, day, at, uid, tags, doc, state, customer, zone, size, ratio, old) VALUES
    (1, 2, 'a.b', 3, current_date, now(), '11111111-1111-1111-1111-111111111111', '{a}', '{"a": 1, "b''c": 2}', 'new', 1, '2020-01-01', 5, 1.5, '[1, 2]'),
    (1, 2, 'a.b', 3, '2020-01-01', '2020-01-01', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '{a,a,NULL,NULL}', '[1]', 'new', 1, '2031-01-01', 3000000000, 1e39, '[1, 1]'),
    (2, 101, '-', 1, '2019-01-01', NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL, '{}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

SELECT $yaml$
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
description: {purpose: All that maps}
team: {name: sales, members: [{username: bob, role: reader}, {username: ann, role: Owner}]}
servers:
- {server: prod, type: postgresql, host: db.example.com, port: 5432, database: shop, schema: regress_shop}
customProperties:
- {property: onViolation, value: quarantine}
schema:
- name: orders
  id: orders_obj
  physicalType: table
  properties:
  - {name: id, id: order_id, physicalType: bigint, primaryKey: true, primaryKeyPosition: 2}
  - {name: line, physicalType: int, primaryKey: true, primaryKeyPosition: 1, logicalType: integer,
     logicalTypeOptions: {minimum: 1, exclusiveMaximum: 100.0, multipleOf: 2, format: u8}}
  - {name: code, physicalType: text, logicalType: string, unique: true, required: true,
     logicalTypeOptions: {minLength: 2, maxLength: 10, pattern: '^\w+\b', format: hostname}}
  - {name: amount, physicalType: 'numeric(10,2)', logicalType: number,
     logicalTypeOptions: {minimum: 1.10, maximum: 100, exclusiveMinimum: 2, multipleOf: 0.01}}
  - {name: day, physicalType: date, logicalType: date, logicalTypeOptions: {minimum: '2020-01-01', format: yyyy-MM-dd}}
  - {name: at, physicalType: timestamptz, logicalType: timestamp, logicalTypeOptions: {timezone: true}}
  - {name: uid, physicalType: uuid, logicalType: string, logicalTypeOptions: {format: uuid, pattern: '^[0-8]', minLength: 36}}
  - {name: tags, physicalType: 'text[]', logicalType: array, items: {name: tag, logicalType: string, logicalTypeOptions: {maxLength: 3}},
     logicalTypeOptions: {minItems: 1, maxItems: 3, uniqueItems: true}}
  - {name: doc, physicalType: jsonb, logicalType: object, logicalTypeOptions: {minProperties: 1, maxProperties: 9, required: [a, "b'c"]},
     properties: [{name: a, required: true}, {name: b}]}
  - {name: state, physicalType: 'varchar[10]', logicalType: string, tags: [x, Sensitive]}
  - {name: zone, logicalType: timestamp, logicalTypeOptions: {timezone: false, maximum: '2030-01-01 00:00:00'}}
  - {name: size, logicalType: integer, logicalTypeOptions: {format: i32}}
  - {name: ratio, logicalType: number, logicalTypeOptions: {format: f32}}
  - {name: old, physicalType: json, logicalType: array, logicalTypeOptions: {maxItems: 2, uniqueItems: true}}
  - name: customer
    physicalType: int
    classification: restricted
    description: Who ordered
    relationships: [{to: customers.id}]
    customProperties: [{property: onViolation, value: warn}]
    quality:
    - {metric: nullValues, mustBe: 0, name: customer_there, severity: low, customProperties: [{property: onViolation, value: reject}]}
    - {metric: nullValues, mustBeLessOrEqualTo: 2.5, unit: percent}
    - {metric: nullValues, mustBeLessThan: 1, customProperties: [{property: tolerance, value: 0.1}, {property: filter, value: line > 1}]}
    - {metric: nullValues, mustBeLessThan: 5}
    - {metric: nullValues, mustBeGreaterThan: 5, unit: percent, customProperties: [{property: filter, value: line > 1 -- one}]}
    - {metric: nullValues, mustNotBe: 5}
    - {metric: missingValues, mustBe: 0, arguments: {missingValues: [null]}}
    - {metric: missingValues, mustBe: 0, arguments: {missingValues: [null, -1, 999]}}
    - {metric: missingValues, mustBe: 0, arguments: {missingValues: ['N/A']}}
    - {metric: missingValues, mustBeLessThan: 3, arguments: {missingValues: ['N/A']}}
    - {metric: invalidValues, mustBe: 0, arguments: {validValues: [1, 2]}}
    - {metric: invalidValues, mustBe: 0, arguments: {invalidValues: [3], pattern: '^\d+$'}}
    - {metric: invalidValues, mustBeLessOrEqualTo: 1.5, unit: percent, arguments: {validValues: [1, 2], pattern: '^\d+$'}}
    - {metric: invalidValues, mustBeBetween: [1, 5], arguments: {validValues: [1, 2], pattern: '^\d+$'}}
    - {metric: invalidValues, mustBe: 0}
    - {metric: invalidValues, mustBe: 0, arguments: {minimum: 3}}
    - {metric: duplicateValues, mustBe: 0}
    - {metric: duplicateValues, mustBeLessThan: 10}
    - {metric: rowCount, mustBeLessOrEqualTo: 100}
    - {type: sql, query: 'SELECT count(*) FROM {table} WHERE {column} < 0;', mustBe: 0}
    - {type: sql, query: "SELECT count(*) FROM ${schema}.'${object}' WHERE \"{property}\" < 0 -- none", mustNotBeBetween: [3, 4]}
    - {type: sql, query: 'SELECT true', mustBe: true, name: truth, description: The truth, severity: info}
    - {type: sql, query: 'SELECT count(*) FROM nowhere.t', mustBe: 1}
    - {type: sql, query: 'SELECT count(*) FROM orders', mustBe: 1}
    - {type: text, description: Be nice}
    - {type: custom, engine: soda, implementation: x}
    - {type: custom, engine: pg_contract, implementation: {kind: metric, parameters: {metric: avg, maximum: 10}}}
    - {type: custom, engine: pg_contract, implementation: {kind: satisfies, parameters: {expression: amount > 0}, filter: line > 1, tolerance: 0.5}}
    - {type: custom, engine: pg_contract, implementation: {kind: not_blank, columns: [code]}}
  quality:
  - {metric: rowCount, mustBeBetween: [1, 10], schedule: 0 20 * * *, scheduler: cron}
  - {metric: rowCount, mustBeGreaterThan: 1.5, schedule: daily, scheduler: airflow}
  - {metric: rowCount, mustNotBe: 3}
  - {metric: nullValues, mustBe: 0}
  - {metric: duplicateValues, mustBe: 0}
  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [code, customer]}}
  - {metric: duplicateValues, mustBeLessOrEqualTo: 3, unit: percent, arguments: {properties: [code, customer]}}
  relationships:
  - {from: [orders.line, orders.id], to: [customers.id, customers.kind]}
- name: customers
  id: customers_obj
  customProperties: [{property: onViolation, value: reject}, {property: strictColumns, value: true}]
  properties:
  - {name: id, physicalType: int, primaryKey: true, unique: true}
  - {name: kind, physicalType: int, relationships: [{to: schema/orders_obj/properties/order_id}, {to: nowhere.id}, {to: 'other.yaml#/schema/a/properties/b'}]}
  - {name: email, physicalName: e_mail, physicalType: text, logicalType: string, logicalTypeOptions: {format: email},
     customProperties: [{property: piiCategory, value: email}]}
  - {name: net, logicalType: string, tags: [secret], customProperties: [{property: pii, value: false}], logicalTypeOptions: {format: ipv4}}
slaProperties:
- {property: latency, value: 4, unit: d, element: 'orders.at, orders.day', schedule: 0 * * * *, description: Every day}
- {property: freshness, value: PT12H, element: orders.at, id: fresh_orders}
- {property: RE, value: P3Y, element: orders.at}
- {property: retention, value: 3, unit: m, element: orders.day}
- {property: latency, value: 4, unit: d, element: orders.none}
- {property: latency, value: 4, element: orders.at}
- {property: latency, value: four, unit: d, element: orders.at}
- {property: latency, value: 4, unit: fortnights, element: orders.at}
- {property: latency, value: 4, unit: d}
- {property: availability, value: 99.9, unit: '%'}
- {property: frequency, value: 1, unit: d}
- {property: happiness, value: 1}
$yaml$ AS shop \gset

SELECT path, message FROM contract.apply(:'shop') WHERE NOT enforced OR path = '' ORDER BY path COLLATE "C", message COLLATE "C";
\pset format unaligned
\pset tuples_only on
SELECT rule FROM planned WHERE dataset = 'regress_shop.orders' ORDER BY rule COLLATE "C";
SELECT rule FROM planned WHERE dataset = 'regress_shop.customers' ORDER BY rule COLLATE "C";
\pset format aligned
\pset tuples_only off
SELECT contract_id, version, status, owner FROM contract.contract WHERE contract_id = 'shop';
SELECT dataset, column_name, category, classification FROM contract.pii_columns ORDER BY 1, 2;

-- all of them can be evaluated, and say what they should
SELECT rule, status, considered, failed FROM contract.check('regress_shop.orders') ORDER BY rule COLLATE "C";

--
-- before v3.1: exclusive bounds are booleans, metrics are called rule
--
CREATE TABLE old (n int, m int, s text);
SELECT path, message FROM contract.apply($yaml$
apiVersion: v3.0.2
kind: DataContract
id: old
version: 1.0.0
status: active
schema:
- name: old
  properties:
  - {name: n, physicalType: int, logicalType: integer, logicalTypeOptions: {minimum: 1, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: false}}
  - {name: m, physicalType: int, logicalType: integer, logicalTypeOptions: {exclusiveMinimum: true}}
  - name: s
    quality:
    - {rule: nullCheck, mustBe: 0}
    - {rule: nullCheck}
    - {rule: duplicateCount, mustBe: 0, unit: rows}
    - {rule: validValues, mustBe: 0, validValues: [a, no]}
    - {rule: between}
  quality:
  - {rule: countCheck, mustBeGreaterThan: 0}
  - {rule: rowCount, mustBeLessThan: 10.5}
$yaml$) WHERE NOT enforced;
\pset format unaligned
\pset tuples_only on
SELECT rule FROM planned WHERE dataset = 'regress_shop.old' ORDER BY rule COLLATE "C";

-- v3.2: enum
CREATE TABLE newer (e text);
SELECT message FROM contract.apply($yaml$
apiVersion: v3.2.0
kind: DataContract
id: newer
version: 1.0.0
status: active
schema:
- {name: newer, properties: [{name: e, logicalType: string, enum: [{value: a}, {value: no, label: No}]}]}
$yaml$) WHERE message LIKE '% enforced';
SELECT rule FROM planned WHERE dataset = 'regress_shop.newer' ORDER BY rule COLLATE "C";
\pset format aligned
\pset tuples_only off

--
-- patterns: ECMA-262 read by PostgreSQL
--
CREATE TABLE patterns (id int GENERATED ALWAYS AS IDENTITY, pattern text);
INSERT INTO patterns (pattern) VALUES
    ('^[A-Z]{2}\d+$'), ('\bfoo\B'), ('a.c'), ('^\s*\S$'), ('[\d\-x]'), ('[\w-.]'), ('[^\W_]'), ('[\s\S]*'), ('[\b]'), ('[[:alpha:]]'),
    ('[]'), ('[^]x'), ('a{2}'), ('a{,2}'), ('a{2'), ('{x}'), ('x]}'), ('a**'), ('a*+'), ('*a'), ('***=a'), ('^*'), ('(?=a)*'), ('a{300}'), ('a{3,2}'),
    ('(?i)a'), ('(?i:a)'), ('(?#c)a'), ('(?:a)(?=b)(?!c)(?<=d)(?<!e)'), ('(?<year>\d)'), ('\k<year>'), ('\p{L}'), ('[\p{L}]'),
    ('\Aa'), ('a\Z'), ('a\z'), ('\ya'), ('\ma'), ('\M'), ('\qa'), ('a\'), ('\x41b'), ('\x4'), ('\u00e9'), ('\u4'), ('\ud83d\ude00'), ('\ud83d'),
    ('\u{1F600}'), ('\cA'), ('\c1'), ('\0'), ('\012'), ('(.)\1'), ('(.)\11'), ('(.)\1(?:1)'), ('\1'), ('(a)?\1'), ('(a)\1|b'), ('(?=(a))b\1'), ('(a)(?=\1)'),
    ('('), (')'), ('['), ('[b-a]'), ('a/\/b\.'), ('é+[à-ü]'), ('');
SELECT string_agg(format('  - {name: c%s, physicalType: text, logicalType: string, logicalTypeOptions: {pattern: ''%s''}}', id, pattern), e'\n' ORDER BY id) AS properties
FROM patterns \gset
CREATE TEMP TABLE remarked AS SELECT r.line - 9 AS id, r.message, r.hint FROM remarks(e'- name: t\n  properties:\n' || :'properties') AS r;
SELECT p.pattern, r.message, r.hint FROM remarked r JOIN patterns p USING (id) ORDER BY p.id;

DELETE FROM patterns WHERE id IN (SELECT id FROM remarked);
SELECT string_agg(format('  - {name: c%s, physicalType: text, logicalType: string, logicalTypeOptions: {pattern: ''%s''}}', id, pattern), e'\n' ORDER BY id) AS properties,
    string_agg(format('c%s text', id), ', ' ORDER BY id) AS columns
FROM patterns \gset
CREATE TABLE texts (:columns);
SELECT message FROM contract.apply(e'apiVersion: v3.1.0\nkind: DataContract\nid: texts\nversion: 1.0.0\nstatus: active\nschema:\n- name: texts\n  properties:\n' || :'properties')
WHERE message LIKE '% enforced';
CREATE VIEW translated AS
SELECT p.id, p.pattern, r.parameters->>'pattern' AS postgresql FROM patterns p
JOIN contract.rules r ON r.dataset = 'regress_shop.texts' AND r.columns = ARRAY['c' || p.id]::name[] AND r.kind = 'matches';
SELECT pattern, postgresql FROM translated ORDER BY id;

-- where they would not say what JavaScript says
SELECT t.pattern, v.value, v.javascript FROM (VALUES
    ('\bfoo\B', 'a foobar', true), ('\bfoo\B', 'foo', false), ('a.c', e'a\nc', false), ('a.c', 'abc', true), ('^\s*\S$', e'\u00a0x', true),
    ('[\d\-x]', '٣', false), ('[\w-.]', '-', true), ('[^\W_]', '_', false), ('[\s\S]*', e'\n', true), ('[\b]', 'b', false),
    ('[[:alpha:]]', ':]', true), ('[[:alpha:]]', 'b]', false), ('[^]x', e'\nx', true), ('a{,2}', 'a{,2}', true), ('a{,2}', 'aa', false), ('a{2', 'aa', false),
    ('\x41b', 'Ab', true), ('\ud83d\ude00', '😀', true), ('(.)\1', 'abb', true), ('(.)\1', 'aba', false), ('é+[à-ü]', 'éü', true)) AS v (pattern, value, javascript)
LEFT JOIN translated t USING (pattern)
WHERE (v.value ~ t.postgresql) IS DISTINCT FROM v.javascript;

--
-- remarks
--
\pset format unaligned
\pset tuples_only on
SELECT * FROM property('physicalType: double, logicalType: number');
SELECT * FROM property('physicalType: string');
SELECT * FROM property('physicalType: any');
SELECT * FROM property('physicalType: pg_class.relname%TYPE');
SELECT * FROM property('physicalType: "varchar(0)", logicalType: string');
SELECT * FROM property('physicalType: "varchar[20000000]"');
SELECT * FROM property('physicalType: "varchar[50]"');
SELECT * FROM property('physicalType: int, logicalType: integer, logicalTypeOptions: {minimum: 5, maximum: 1}');
SELECT * FROM property('physicalType: int, logicalType: integer, logicalTypeOptions: {minimum: 0.5}');
SELECT * FROM property('physicalType: smallint, logicalType: integer, logicalTypeOptions: {maximum: 40000}');
SELECT * FROM property('physicalType: date, logicalType: date, logicalTypeOptions: {minimum: "2020-13-01"}');
SELECT * FROM property('logicalType: string, logicalTypeOptions: {minLength: 5, maxLength: 1}');
SELECT * FROM property('logicalType: string, logicalTypeOptions: {format: color}');
SELECT * FROM property('physicalType: int, logicalType: string, logicalTypeOptions: {format: email}');
SELECT * FROM property('physicalType: text, logicalType: date, logicalTypeOptions: {format: yyyy-MM-dd}');
SELECT * FROM property('physicalType: text, logicalType: array, logicalTypeOptions: {minItems: 1}');
SELECT * FROM property('physicalType: text, logicalType: object, logicalTypeOptions: {required: [a]}');
SELECT * FROM property('physicalType: text, logicalType: integer, logicalTypeOptions: {multipleOf: 2}');
SELECT * FROM property('physicalType: text, logicalType: integer, logicalTypeOptions: {maximum: 2}');
SELECT * FROM property('physicalType: json, unique: true');
SELECT * FROM property('logicalType: integer, logicalTypeOptions: {exclusiveMaximum: true}', 'v3.0.1');
SELECT * FROM property('logicalType: string, enum: []', 'v3.2.0');
SELECT * FROM property('physicalType: int, quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: [1, x]}}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBe: none}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBe: 1e999}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBe: [1]}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBeLessOrEqualTo: 5, unit: percent, customProperties: [{property: tolerance, value: 0.1}]}]');
SELECT * FROM property('quality: [{metric: rowCount, mustBe: 1, unit: percent}]');
SELECT * FROM property('quality: [{metric: missingValues, mustBe: 0, arguments: {values: [x]}}]');
SELECT * FROM property('quality: [{metric: invalidValues, mustBe: 0, arguments: {pattern: "\\p{L}"}}]');
SELECT * FROM property('quality: [{metric: duplicateValues, mustBe: 0, arguments: {properties: [c, d]}}]');
SELECT * FROM property('quality: [{metric: duplicateValues, mustBe: 0, arguments: {columns: [c]}}]');
SELECT * FROM property('quality: [{type: sql, query: "SELECT ${x}", mustBe: 0}]');
SELECT * FROM property('quality: [{type: sql, query: "SELECT {x}", mustBe: 0}]');
SELECT * FROM property('quality: [{type: sql, query: "DELETE FROM {table}", mustBe: 0}]');
SELECT * FROM property('quality: [{type: sql, query: "SELECT 1; SELECT 2", mustBe: 0}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: "kind: unique"}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: nonsense}}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: unique, column: c}}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: unique, columns: c}}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: unique, columns: [d]}}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: between, parameters: 1}}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: between, parameters: {low: 1}}}]');
SELECT * FROM property('quality: [{type: custom, engine: pg_contract, implementation: {kind: satisfies, parameters: {expression: d > 1}, tolerance: 2}}]');
SELECT * FROM property('quality: [{metric: duplicateValues, mustBe: 0, customProperties: [{property: onViolation, value: reject}]}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBe: 0, customProperties: [{property: tolerance, value: high}, {property: filter, value: [a]}]}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBe: 0, customProperties: [{property: filter, value: "d >"}]}]');
SELECT * FROM property('quality: [{metric: nullValues, mustBe: 0, name: ' || repeat('n', 250) || '}]');
SELECT * FROM property('customProperties: [{property: onViolation, value: drop}]');
SELECT * FROM property('customProperties: [{property: pii, value: [a]}]');
SELECT * FROM property('physicalName: ' || repeat('n', 64));
SELECT * FROM property('relationships: [{to: t.d}]');
SELECT * FROM property('relationships: [{to: u.c}]');
SELECT * FROM property('relationships: [{to: schema/t/properties/c}]');
SELECT * FROM property('physicalType: json, relationships: [{to: t.c}]');
SELECT * FROM property('relationships: [{to: [t.c, t.c]}]');
SELECT line, message FROM remarks('- {name: t, properties: [{name: a}, {name: b, physicalName: a}]}');
SELECT line, message FROM remarks(e'- {name: t}\n- {name: u, physicalName: t}');
SELECT line, message, hint FROM remarks('- {name: t, physicalName: a.b.c.d}');
SELECT line, message, hint FROM remarks('- {name: t, physicalName: ''"a'', customProperties: [{property: strictColumns, value: 1}, {property: writePath, value: x}, {property: onApply, value: x}]}');
SELECT line, message FROM remarks('- {name: t, properties: [' || (SELECT string_agg('{name: c' || i || '}', ', ') FROM generate_series(1, 1601) i) || ']}');
SELECT line, message, hint FROM remarks(e'- {name: t, properties: [{name: a}, {name: b}], relationships: [{from: u.a, to: t.b}, {from: t.a, to: x.b}, {from: [t.a, t.b], to: [t.a, u.a]}, {from: [t.a, t.b], to: [t.a]}]}\n- {name: u, properties: [{name: a}]}');
SELECT line, severity, message FROM remarks('- {name: t, physicalType: topic, properties: [{name: a, required: true}]}');
SELECT severity, message FROM remarks('- {name: t, properties: [{name: a, physicalType: int}]}', 'slaProperties: [{property: retention, value: 3, unit: y, element: a}]');
SELECT severity, message FROM remarks('- {name: t, properties: [{name: a, physicalType: int}]}', 'slaProperties: [{property: latency, value: 3, unit: d, element: t.a}]');
SELECT severity, message FROM remarks('- {name: t, properties: [{name: a, physicalType: date}]}', 'slaProperties: [{property: latency, value: never, element: t.a}]');
SELECT message FROM remarks(' []', 'customProperties: [{property: owner, value: ""}]');
SELECT severity, message, hint FROM contract.lint(e'apiVersion: v3.1.0\nkind: DataContract\nid: ' || repeat('i', 256) || e'\nversion: 1.0.0\nstatus: blue');
\pset format aligned
\pset tuples_only off

--
-- status: what drafts and retired contracts do
--
\set head 'kind: DataContract\nversion: 1.0.0\napiVersion: v3.1.0\n'
CREATE TABLE stated (a int);
SELECT message FROM contract.apply(e'id: d\nstatus: Development\n' || :'head' || e'customProperties: [{property: onViolation, value: reject}]\nschema: [{name: stated, properties: [{name: a, physicalType: int, required: true, quality: [{metric: nullValues, mustBe: 0, severity: info}]}]}]')
WHERE message LIKE '% enforced';
SELECT rule FROM planned WHERE contract_id = 'd' ORDER BY rule COLLATE "C";
SELECT contract.drop_contract('d');
SELECT path, message FROM contract.apply(e'id: d\nstatus: retired\n' || :'head' || 'schema: [{name: stated, properties: [{name: a, physicalType: int, required: true}]}]') WHERE NOT enforced;
SELECT contract.drop_contract('d');

--
-- which relation
--
CREATE SCHEMA "Regress.Two";
CREATE TABLE "Regress.Two"."Upper" (a int, "B" int);
CREATE TABLE "Regress.Two".lower (a int);
CREATE VIEW "Regress.Two".seen AS SELECT 1 AS a;
CREATE SEQUENCE "Regress.Two".counted;
CREATE FUNCTION bound(name text, fields text DEFAULT '', server text DEFAULT NULL, servers text DEFAULT '') RETURNS TABLE (change text, message text) LANGUAGE sql AS
$$SELECT change, message FROM contract.apply(e'id: b\nstatus: active\nkind: DataContract\nversion: 1.0.0\napiVersion: v3.1.0\n' || servers || e'\nschema: [{name: x, physicalName: ''' || name || '''' || fields || '}]',
    dry_run => true, server => server) WHERE change = 'dataset added'$$;
SELECT * FROM bound('"Regress.Two"."Upper"');
SELECT * FROM bound('"Regress.Two".LOWER', ', properties: [{name: A}]');
SELECT * FROM bound('NAMED');
SELECT * FROM bound('db.regress_shop.Named');
SELECT * FROM bound('"Regress.Two".waits');
SELECT * FROM bound('"Regress.Two"."Upper"', ', properties: [{name: A}, {name: b}]');
SELECT * FROM bound('"Regress.Two"."Upper"', ', properties: [{name: a}, {name: A}]');
SELECT * FROM bound('"Regress.Two".counted');
SELECT * FROM bound('"Regress.Two".seen', ', physicalType: table');
SELECT * FROM bound('"Regress.Two".seen', ', physicalType: view, properties: [{name: a, required: true, customProperties: [{property: onViolation, value: reject}]}]');
\set servers 'servers: [{server: p, type: postgres, environment: prod, host: h, port: 1, database: d, schema: regress_shop}, {server: q, type: postgres, environment: test, host: h, port: 1, database: d, schema: Regress.Two}, {server: k, type: kafka, host: h}]'
SELECT * FROM bound('lower', '', NULL, :'servers');
SELECT * FROM bound('lower', '', 'test', :'servers');
SELECT * FROM bound('named', '', 'p', :'servers');
SELECT * FROM bound('named', '', 'k', :'servers');
SELECT * FROM bound('named', '', 'p');
SET search_path = '';
SELECT * FROM regress_shop.bound('named');
SET search_path = regress_shop, public;

--
-- names: rules made in SQL keep theirs; one that says the same counts as the document's
--
CREATE TABLE named (a int, b int);
SELECT contract.not_null('named', 'a');
SELECT contract.not_null('named', 'b', on_violation => 'reject');
SELECT change, path, message FROM contract.apply(e'id: n\nstatus: active\n' || :'head' || 'schema: [{name: named, properties: [{name: a, physicalType: int, required: true}, {name: b, physicalType: int, required: true}]}]')
WHERE change LIKE 'rule%' ORDER BY 1, 2;
SELECT rule, source, action FROM contract.rules WHERE dataset = 'regress_shop.named' ORDER BY 1;

-- rows and counts agree on what a value is, however it would be written: as of its type, and a char(n) without its blanks
CREATE TABLE held (n numeric(10,2), f float8, d date, s varchar(2), c char(4));
INSERT INTO held VALUES (0, 0.5, '1900-01-01', '-', 'ab'), (-99.9, 1, '2024-01-01', 'N/', 'abc');
SET datestyle = 'German';
CREATE FUNCTION held_property(name text, metric text, bad int) RETURNS text LANGUAGE sql AS
$$SELECT format('{name: %s, quality: [{metric: %s, mustBe: 0}, {metric: %2$s, mustBe: %s}]}', name, metric, bad)$$;
SELECT change, path, message FROM contract.apply(e'id: held\nstatus: active\n' || :'head' || 'schema: [{name: held, customProperties: [{property: checkTypes, value: false}], properties: [' || concat_ws(', ',
	held_property('n', 'missingValues, arguments: {missingValues: [0, -99.9, N/A]}', 2), held_property('f', 'invalidValues, arguments: {invalidValues: [0.50]}', 1),
	held_property('d', 'missingValues, arguments: {missingValues: ["1900-01-01", ""]}', 1), held_property('s', 'missingValues, arguments: {missingValues: ["-", N/A]}', 1),
	held_property('c', 'invalidValues, arguments: {pattern: "^ab$"}', 1)) || ']}]') WHERE change = 'none';
SELECT rule FROM planned WHERE contract_id = 'held' ORDER BY rule COLLATE "C";
SELECT rule, status, failed FROM contract.check('held') ORDER BY rule COLLATE "C";
RESET datestyle;

-- a bound without time zone is in the property's, else in UTC, whatever the session's is
CREATE TABLE zoned (a timestamptz, b timestamptz, c timestamptz, d timestamp, e timestamptz);
SELECT change, path, message FROM contract.apply(e'id: zoned\nstatus: active\n' || :'head' || 'schema: [{name: zoned, properties: [
  {name: a, logicalType: timestamp, logicalTypeOptions: {minimum: 2024-07-01, exclusiveMaximum: "2024-07-02 12:00"}},
  {name: b, logicalType: timestamp, logicalTypeOptions: {minimum: "2024-07-01T00:00:00.5", defaultTimezone: Europe/Berlin}},
  {name: c, logicalType: timestamp, logicalTypeOptions: {minimum: "2024-07-01T00:00:00-04:00", defaultTimezone: Europe/Berlin}},
  {name: d, logicalType: timestamp, logicalTypeOptions: {minimum: "2024-07-01T00:00:00", timezone: false, defaultTimezone: Europe/Berlin}}]}]') WHERE change = 'none';
SELECT rule FROM planned WHERE contract_id = 'zoned' AND rule LIKE 'between%' ORDER BY rule COLLATE "C";
SELECT contract.export('zoned') AS zoned \gset
SET timezone = 'Asia/Tokyo';
SELECT change, path, message FROM contract.apply(:'zoned');
RESET timezone;
SELECT message FROM contract.apply(e'id: zoned\nstatus: active\n' || replace(:'head', '1.0.0', '2.0.0') || 'schema: [{name: zoned, properties: [
  {name: e, logicalType: timestamp, logicalTypeOptions: {minimum: "2024-07-01T00:00:00", defaultTimezone: Europe/Nowhere}}]}]');

-- generated columns cannot be judged before the row is there
CREATE TABLE generated (a int, g int GENERATED ALWAYS AS (a + 1) STORED);
SELECT * FROM contract.apply(e'id: g\nstatus: active\n' || :'head' || 'schema: [{name: generated, properties: [{name: g, physicalType: int, required: true, customProperties: [{property: onViolation, value: quarantine}]}]}]');

SELECT contract.drop_contract(id) FROM unnest('{shop,old,newer,texts,n,held,zoned}'::text[]) AS id;
DROP SCHEMA "Regress.Two" CASCADE;
DROP SCHEMA regress_shop CASCADE;
