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

--
-- every field that becomes a rule
--
CREATE TABLE orders (id bigint, line int, code text, amount numeric(10,2), day date, at timestamptz, uid uuid,
    tags text[], doc jsonb, state varchar(10), customer int, zone timestamp, size int8, ratio float8, old json);
CREATE TABLE customers (id int, kind int, e_mail text, net inet);

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
  - {name: email, physicalName: e_mail, physicalType: text, logicalType: string, logicalTypeOptions: {format: email, enum: [a@b.de, no]},
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

SELECT path, message FROM contract.apply(:'shop') WHERE NOT enforced OR path = '' ORDER BY 1, 2;
SELECT dataset, rule, kind, columns, parameters, filter, severity, action, tolerance, schedule, description
FROM contract.rules WHERE contract_id = 'shop' ORDER BY dataset, rule \gx
