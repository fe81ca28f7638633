-- Service levels of documents: what becomes of them, and what is said of those that cannot be read.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_contract;
SET pg_contract.ddl_guard = off;

CREATE TABLE tab1 (id int, txn_ref_dt date, at timestamptz);
CREATE TABLE tab2 (id int, at timestamp);
CREATE FUNCTION document(levels text, version text DEFAULT '1.0.0') RETURNS text LANGUAGE sql AS $$
	SELECT E'apiVersion: v3.1.0\nkind: DataContract\nid: levels\nversion: ' || version || E'\nstatus: active\nschema:\n'
		'- {name: tab1, properties: [{name: id, physicalType: int}, {name: txn_ref_dt, physicalType: date}, {name: at, physicalType: timestamptz}]}\n'
		'- {name: tab2, properties: [{name: id, physicalType: int}, {name: at, physicalType: timestamp}]}\n'
		'slaDefaultElement: tab1.txn_ref_dt\nslaProperties:\n' || levels
$$;
CREATE VIEW made AS SELECT dataset, rule, columns, parameters, severity, action
FROM contract.rules WHERE contract_id = 'levels' AND kind IN ('fresh', 'lifecycle') ORDER BY dataset, rule COLLATE "C";

-- the standard's example (docs/examples/sla/database-table-sla.odcs.yaml)
SELECT document($$- property: latency # Property, see list of values in DP QoS
  value: 4
  unit: d # d, day, days for days; y, yr, years for years
  element: tab1.txn_ref_dt
- property: generalAvailability
  value: "2022-05-12T09:30:10-08:00"
  description: "Initial GA date 15.5.22"
- property: endOfSupport
  value: "2932-05-12T09:30:10-08:00"
- property: endOfLife
  value: "2942-05-12T09:30:10-08:00"
- property: retention
  value: 3
  unit: y
  element: tab1.txn_ref_dt
- property: frequency
  value: 1
  valueExt: 1
  unit: d
  element: tab1.txn_ref_dt
- property: timeOfAvailability
  value: 09:00-08:00
  element: tab1.txn_ref_dt
  driver: regulatory # Describes the importance of the SLA: [regulatory|analytics|operational|...]
- property: timeOfAvailability
  value: 08:00-08:00
  element: tab1.txn_ref_dt
  driver: analytics
$$) AS example \gset
SELECT * FROM contract.lint(:'example');
SELECT path, change, enforced, message FROM contract.apply(:'example') WHERE path LIKE 'sla%' OR path = '';
SELECT * FROM made;
SELECT rule, status, message FROM contract.check('tab2');
-- once more: nothing changes
SELECT count(*) FROM contract.apply(:'example') WHERE change <> 'none';

-- how a time of day may be written; what says no zone is in that of pg_contract.timezone
SELECT contract.drop_contract('levels');
SELECT document($$
- {property: timeOfAvailability, value: "06:00", id: plain}
- {property: TimeOfAvailability, value: "06:00Z", id: zulu}
- {property: timeOfAvailability, value: "6:00 Europe/Berlin", element: "tab1.at, tab2.at", id: named, schedule: 0 6 * * MON-fri}
- {property: timeOfAvailability, value: 06:00, unit: asia/kathmandu, id: as_unit, schedule: "@daily"}
- {property: timeOfAvailability, value: "06:00:00.000+0530", id: offset}
- {property: timeOfAvailability, value: "23:59 UTC-8", id: utc_offset}
- {property: timeOfAvailability, value: "06:00+5", id: hours, schedule: nonsense}
- {property: fy, value: 90, unit: minutes, element: tab1.at}
- {property: frequency, value: P1D, element: tab2.at, id: iso}
- {property: el, value: 2999-12-31, id: the_end}
- {property: ES, value: 2999-01-01T12:00:00 Europe/Berlin}
- {property: ga, value: 2999-01-01}
$$) AS ways \gset
SELECT * FROM contract.lint(:'ways');
SELECT path, change, enforced, message FROM contract.apply(:'ways') WHERE path LIKE 'sla%' OR path = '';
SELECT * FROM made;

-- what cannot be read
SELECT line, column_number, severity, path, message FROM contract.lint(document($$
- {property: timeOfAvailability, value: noon}
- {property: timeOfAvailability, value: "24:00"}
- {property: timeOfAvailability, value: "06:60"}
- {property: timeOfAvailability, value: "06:00:30"}
- {property: timeOfAvailability, value: "06:00 Mars/Olympus"}
- {property: timeOfAvailability, value: "06:00+16:00"}
- {property: timeOfAvailability, value: "06:00Z", unit: Europe/Berlin}
- {property: timeOfAvailability, value: 6, unit: h}
- {property: timeOfAvailability, value: "06:00", schedule: 0 6 1 * *}
- {property: timeOfAvailability, value: "06:00", valueExt: "07:00"}
- {property: frequency, value: 1, valueExt: 2, unit: d}
- {property: frequency, value: often}
- {property: frequency, value: 4 lightyears}
- {property: frequency, value: -1, unit: d}
- {property: endOfLife, value: never}
- {property: endOfLife, value: 2030-02-31}
- {property: endOfLife, value: 2030-02-28T25:00}
- {property: generalAvailability, value: Q1 2030}
- {property: endOfSupport, value: 2020-01-01}
- {property: endOfLife, value: 2021-01-01T00:00:00Z}
- {property: timeOfAvailability, value: "06:00", element: tab1.id}
- {property: availability, value: 99.9, valueExt: 1}
$$ || '- {property: frequency, value: P1D, id: ' || repeat('x', 250) || '}'));

-- an end that has come
SELECT contract.drop_contract('levels');
SELECT path, change, enforced, message FROM contract.apply(document($$
- {property: endOfSupport, value: 2020-01-01}
- {property: endOfLife, value: 2021-01-01T00:00:00Z}
$$)) WHERE path LIKE 'sla%' OR path = '';
SELECT rule, status, observed ? 'value' AS observed, expected, regexp_replace(message, ' is \d.*, not', ' is ..., not') AS message, executor
FROM contract.check('tab1') WHERE kind = 'lifecycle';
SELECT contract.add_rule('tab2', 'lifecycle', '{}', '{"ends": "2020-01-01 00:00+00"}', name => 'own');
SELECT rule, kind, parameters, severity FROM contract.rules WHERE rule = 'own';
SELECT contract.failing_rows('tab2', 'own');
SELECT considered, failed FROM contract.preview('tab2', 'lifecycle', '{}', '{"ends": "2999-01-01"}');
SELECT contract.add_rule('tab2', 'lifecycle', '{}', '{"ends": "soon"}');
SELECT contract.add_rule('tab2', 'lifecycle', '{}', '{}');
SELECT contract.add_rule('tab2', 'lifecycle', '{id}', '{"ends": "2020-01-01"}');
SELECT contract.drop_contract('levels');

DROP TABLE tab1, tab2;
DROP VIEW made;
DROP FUNCTION document;
