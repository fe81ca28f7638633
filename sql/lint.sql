SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
RESET client_min_messages;

/*
 * What lint says of a document's structure, each message once; what it says of
 * its meaning is in mapping.sql, what the reader refuses in documents_yaml.sql.
 */
\a
\set head 'apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\n'
\set head30 'apiVersion: v3.0.2\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\n'
\set head32 'apiVersion: v3.2.0\nkind: DataContract\nid: orders\nversion: 1.0.0\n'

/*
 * The whole document
 */
-- nothing to say
SELECT * FROM contract.lint(:'head');
SELECT * FROM contract.lint(NULL);
-- the reader's problem is a row
SELECT line, column_number, severity, path FROM contract.lint('a: [');
SELECT line, column_number, severity, path FROM contract.lint('');
-- no map, another kind, no version
SELECT * FROM contract.lint('- a');
SELECT * FROM contract.lint('text');
SELECT * FROM contract.lint(E'kind: DataProduct\napiVersion: v3.1.0');
SELECT * FROM contract.lint('{}');
SELECT * FROM contract.lint('apiVersion: [v3.1.0]');
SELECT * FROM contract.lint('apiVersion: 3.1.0');
SELECT * FROM contract.lint('apiVersion: v4.0.0');
SELECT * FROM contract.lint('apiVersion: v3.-1.0');
-- v2: what to do
SELECT * FROM contract.lint(E'apiVersion: v2.2.2\nkind: DataContract\ndataset: []');
SELECT severity, path, message FROM contract.lint('dataset: []');
-- later versions of v3 are read as the last that is known
SELECT * FROM contract.lint(E'apiVersion: v3.3.0\nkind: DataContract\nid: x\nversion: 1.0.0');
SELECT * FROM contract.lint(E'apiVersion: v3.0.7\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active');
-- what must be there
SELECT * FROM contract.lint('apiVersion: v3.1.0');
SELECT * FROM contract.lint(E'{apiVersion: v3.1.0, kind: DataContract, id: "", version: "", status: active}');

/*
 * Wrong types, each of what is wanted
 */
SELECT * FROM contract.lint(:'head' || $$
name: [orders]
domain: {}
tenant:
tags: sales
description: orders of customers
price: {priceAmount: "1.5", priceCurrency: EUR}
roles: [reader]
slaProperties:
- {property: latency, value: [4]}
schema:
- name: orders
  tags: [a, [b]]
  properties:
  - {name: id, required: yes, primaryKeyPosition: 1.5, examples: 5, partitionKeyPosition: 0x10}
  - {name: kind, primaryKey: "true", transformSourceObjects: {a: b}}
  quality:
  - {type: custom, engine: soda, implementation: [a]}
  - {metric: rowCount, mustBeLessThan: .inf}
team: sales$$);
-- a long or strange value is shown in part
SELECT message FROM contract.lint(:'head' || 'tags: ' || repeat('ä', 100));

/*
 * Text is kept as it is written; other readers may see a number or a boolean
 */
SELECT line, severity, message, hint FROM contract.lint($$
apiVersion: v3.1.0
kind: DataContract
id: 014
version: 1.10
status: no
name: 1_000
tenant: true
domain: 2024-05-17
tags: [12:30:00, "yes", y, 2024-05-17T10:00:00Z]
slaProperties:
- {property: retention, value: 3, unit: y}
- {property: timeOfAvailability, value: 12:30}
schema:
- name: countries
  properties:
  - name: code
    quality:
    - {metric: invalidValues, arguments: {validValues: [de, no, "no"]}, mustBe: 0}
    - {type: sql, query: SELECT true, mustBe: on}
$$);

/*
 * Unknown fields
 */
SELECT * FROM contract.lint(:'head' || $$
dataset: []
surprise: 1
description: {aim: unknown}
schema:
- name: orders
  columns: []
  propertis: []
  properties:
  - {name: id, logical_type: integer, isNullable: false, isUnique: true, type: bigint, minLength: 5}
  - {name: other, relationships: [{from: orders.other, to: orders.id}]}
  quality:
  - {metric: rowCount, mustBeGreater: 5, mustBe: 1}
team: {members: [{username: a, comment: gone}]}
$$);
-- before 3.1 the standard allowed them in most places, and other versions' fields are told
SELECT * FROM contract.lint(:'head30' || $$
authoritativDefinitions: []
team:
- {username: a, comment: of 2.2, emial: none, id: new}
schema:
- name: orders
  relationships: []
  quality:
  - {rule: nullCheck, surprise: 1}
$$);
SELECT * FROM contract.lint(:'head' || $$
schema: [{name: orders, properties: [{name: a, enum: [{value: 1}]}]}]
$$);
SELECT * FROM contract.lint(:'head32' || $$
surprise: 1
schema: [{name: orders, synonyms: [], properties: [{name: a, enum: [{value: 1, labl: x}], semanticType: column},
  {name: b, logicalType: map, map: {key: {logicalType: string}, value: {logicalType: integer}}},
  {name: c, logicalType: vector, dimensions: 3}]}]
$$);

/*
 * Closed sets, patterns
 */
SELECT * FROM contract.lint(:'head' || $$
servers:
- {server: a, type: postgers, host: h, port: 5432}
- {server: b, type: sftp, location: "ftp://host"}
schema:
- id: "of orders"
  name: orders
  logicalType: table
  properties:
  - {name: a, logicalType: String}
  - {name: b, logicalType: vector}
  - {name: c, logicalType: integer, logicalTypeOptions: {format: int}}
  quality:
  - {metric: nullValue, mustBe: 0}
  - {metric: rowCount, mustBe: 1, dimension: completness}
$$);
SELECT severity, path, message FROM contract.lint(:'head30' || $$
servers: [{server: a, type: s3, location: "s3://a", format: avro}, {server: b, type: duckdb, databas: f}]
$$);

/*
 * logicalTypeOptions
 */
SELECT * FROM contract.lint(:'head' || $$
schema:
- name: orders
  properties:
  - {name: a, logicalType: string, logicalTypeOptions: {minLength: -1, minimum: 5}}
  - {name: b, logicalType: integer, logicalTypeOptions: {multipleOf: 0.0, exclusiveMinimum: true}}
  - {name: c, logicalType: date, logicalTypeOptions: {exclusiveMaximum: 5}}
  - {name: d, logicalTypeOptions: {minLength: 1}}
  - {name: e, logicalType: boolean, logicalTypeOptions: {minLength: 1}}
  - {name: f, logicalType: object, logicalTypeOptions: {required: []}}
  - {name: g, logicalType: object, logicalTypeOptions: {required: [a, b, a]}}
  - {name: h, logicalType: string, properties: [], items: {}}
$$);
SELECT * FROM contract.lint(:'head' || $$
schema:
- name: orders
  properties:
  - {name: a, logicalType: time, logicalTypeOptions: {timezone: false}}
  - {name: b, logicalType: integer, logicalTypeOptions: {minimum: 1, exclusiveMaximum: 5, multipleOf: 1e-3, format: i16}}
$$);
-- exclusive bounds were true or false
SELECT * FROM contract.lint(:'head30' || $$
schema:
- name: orders
  properties:
  - {name: a, logicalType: integer, logicalTypeOptions: {minimum: 1, exclusiveMinimum: true}}
  - {name: b, logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 1}}
  - {name: c, logicalType: timestamp}
team: {members: []}
$$);

/*
 * Quality
 */
SELECT * FROM contract.lint(:'head' || $$
schema:
- name: orders
  quality:
  - {metric: rowCount}
  - {metric: rowCount, mustBeGreaterThan: 1, mustBeLessThan: 9}
  - {metric: rowCount, mustBeBetween: [1]}
  - {metric: rowCount, mustBeBetween: [1, 1.0]}
  - {metric: rowCount, mustNotBeBetween: [a, 2]}
  - {query: SELECT 1, mustBe: 1}
  - {engine: soda, implementation: text}
  - {type: sql, mustBe: 1}
  - {type: text, metric: rowCount, mustBe: 1}
  - {metric: invalidValues, mustBe: 0, arguments: {validValues: de}}
  - {description: nobody checks this}
$$);
SELECT * FROM contract.lint(:'head30' || $$
schema:
- {name: orders, quality: [{rule: between}, {description: no rule}, {metric: rowCount, mustBe: 1}, {rule: a, mustBe: 1, mustNotBe: 2}]}
$$);

/*
 * Relationships
 */
SELECT * FROM contract.lint(:'head' || $$
schema:
- name: orders
  properties:
  - name: a
    relationships:
    - {to: customers}
    - {to: customers.address.id}
    - {to: 5}
    - {to: []}
    - {to: "other.yml#/schema/a/properties/b"}
    - {to: schema/a//b}
    - {to: customers.id, type: foreign_key}
    - {to: "https://host/other.yaml#schema/a-1/properties/b_2"}
  relationships:
  - {to: customers.id}
  - {from: orders.a, to: [customers.id]}
  - {from: [orders.a, orders.b], to: [customers.id]}
$$);
SELECT count(*) FROM contract.lint(:'head32' || $$
schema: [{name: orders, properties: [{name: a, relationships: [{to: customers.address.id}]}]}]
$$) WHERE message LIKE '%names no property';

/*
 * What must not be there twice
 */
SELECT * FROM contract.lint(:'head' || $$
schema:
- {id: a, name: orders, properties: [{name: x}, {name: y, id: b}, {name: x}, {name: z, id: b}]}
- {id: a, name: customers}
- {name: orders}
$$);

/*
 * An alias is the same value in several places, right in some and wrong in others
 */
SELECT line, column_number, severity, path, message FROM contract.lint(:'head' || $$
tags: &list [a, {name: b, surprise: 1}, 5]
domain: &number 5
price: {priceAmount: *number}
tenant: *number
schema: *list
roles: *list
$$);

-- all that is wrong is said at once, the meaning, too; rows are in the order of the document
SELECT line, path FROM contract.lint(:'head' || $$
zebra: 1
schema: [{name: b, zebra: 1, properties: [{zebra: 1}, {name: c, logicalType: string, logicalTypeOptions: {pattern: "("}}]}]
tags: 1
$$);

-- anybody may, in a transaction that only reads
CREATE ROLE regress_lint_reader;
SET ROLE regress_lint_reader;
BEGIN TRANSACTION READ ONLY;
SELECT count(*) FROM contract.lint(:'head');
COMMIT;
RESET ROLE;
DROP ROLE regress_lint_reader;
