/*
 * contract.convert(document, 'dbt'): a contract from a dbt property file.
 */
\pset format unaligned
\pset tuples_only on

-- what a usual file has
SELECT $yaml$version: 2

models:
  - name: orders
    description: One row per order
    config:
      materialized: incremental
      contract: {enforced: true}
      tags: [nightly]
      meta: {owner: sales-data}
    tags: finance
    constraints:
      - type: primary_key
        columns: [id, line]
      - type: check
        name: positive
        expression: "amount > 0"
      - {type: unique, columns: [customer_id, ordered_at]}
      - {type: foreign_key, columns: [customer_id, region], to: ref('customers'), to_columns: [id, region]}
    columns:
      - name: id
        data_type: integer
        description: Number of the order
        constraints: [{type: not_null}]
        data_tests:
          - unique
          - not_null
      - name: line
        data_type: int
      - name: customer_id
        data_type: bigint
        meta: {pii: true}
        tests:
          - relationships:
              to: ref('customers')
              field: id
          - relationships:
              arguments: {to: "source('raw', 'people')", field: person_id}
              config: {severity: warn, where: "ordered_at > date '2024-01-01'"}
      - {name: region, data_type: varchar(10)}
      - name: status
        data_type: text
        data_tests:
          - accepted_values:
              arguments:
                values: [placed, shipped, "no"]
          - accepted_values:
              name: new_ones
              values: [placed]
              config: {severity: warn, where: "ordered_at > date '2024-01-01'"}
          - not_null:
              config: {error_if: ">100", warn_if: ">= 10"}
          - not_null:
              config: {severity: warn, warn_if: "between 1 and 5"}
          - unique:
              name: rare
              error_if: "> 5"
      - name: amount
        data_type: numeric(10,2)
        data_tests:
          - dbt_utils.accepted_range: {min_value: 0, max_value: 1000000}
          - dbt_utils.accepted_range: {min_value: 0, inclusive: false}
          - dbt_utils.accepted_range: {max_value: "line * 1000"}
          - dbt_utils.expression_is_true:
              expression: "< 5000000"
          - dbt_utils.not_null_proportion: {at_least: 0.95}
          - dbt_expectations.expect_column_values_to_be_between:
              min_value: 0
              row_condition: "status = 'placed'"
              strictly: true
      - name: ordered_at
        data_type: timestamp
      - name: code
        data_type: varchar
        data_tests:
          - dbt_expectations.expect_column_values_to_match_regex: {regex: '^[A-Z]{2}\d+$'}
          - dbt_expectations.expect_column_values_to_match_regex: {regex: '\yA'}
          - dbt_expectations.expect_column_value_lengths_to_be_between: {min_value: 2, max_value: 12}
          - dbt_expectations.expect_column_value_lengths_to_equal: {value: 5}
          - dbt_expectations.expect_column_values_to_be_in_set: {value_set: [A1, B2]}
          - dbt_expectations.expect_column_values_to_not_be_in_set: {value_set: [X]}
          - dbt_utils.not_empty_string
    data_tests:
      - dbt_utils.unique_combination_of_columns:
          combination_of_columns: [customer_id, ordered_at]
      - dbt_utils.expression_is_true:
          name: sums
          expression: amount >= line
          config: {severity: warn}
      - dbt_utils.expression_is_true:
          arguments: {expression: amount <> line}
          config: {error_if: "> 3", where: "line > 1"}
      - dbt_expectations.expect_table_row_count_to_be_between: {min_value: 1, max_value: 100}
      - unique: {column_name: code}
  - name: customers
    config: {materialized: view}
    columns:
      - name: id
        tests: [not_null, unique]
      - name: score
        tests:
          - dbt_utils.accepted_range: {min_value: 0}
          - test_name: dbt_utils.accepted_range
            name: low
            max_value: 10

seeds:
  - name: countries
    config: {alias: Country List}
    columns: [{name: code, data_type: char(2)}]

snapshots:
  - name: orders_history

sources:
  - name: raw
    schema: landing
    loaded_at_field: loaded_at
    freshness:
      error_after: {count: 24, period: hour}
    tables:
      - name: people
        identifier: people_v2
        columns:
          - name: person_id
            constraints:
              - {type: foreign_key, expression: "public.customers (id)"}
      - name: orders
        freshness: null
$yaml$ AS file \gset
SELECT contract.convert(:'file', 'dbt') AS result \gset
\echo :result
-- which is clean
SELECT count(*), string_agg(concat_ws(' ', severity, path, message), E'\n') FROM contract.lint(:'result') WHERE severity <> 'info';

-- what cannot be carried is said, with its line
SELECT $yaml$version: 2
exposures: [{name: weekly}]
models:
  - name: a
    description: "{{ doc('a') }}"
    latest_version: 2
    columns:
      - name: x
        data_type: "{{ var('t') }}"
        policy_tags: [p]
        constraints:
          - {type: custom, expression: MASKING POLICY p}
          - {type: foreign_key, to: "{{ ref(var('a')) }}", to_columns: [id]}
          - {type: check, expression: "x > {{ var('y') }}"}
        tests:
          - my_package.my_test
          - not_null: {config: {enabled: false}}
          - not_null: {config: {where: "{{ var('w') }}"}}
          - not_null: {config: {fail_calc: sum(x)}}
          - not_null: {config: {limit: 10}}
          - not_null: {config: {warn_if: "> a"}}
          - accepted_values: {values: "{{ var('v') }}"}
          - accepted_values: {values: x}
          - accepted_values: {values: [1], config: {error_if: ">3"}}
          - relationships: {to: "ref('b', v=1)", field: id}
          - relationships: {to: "{{ ref('b') }}", field: id, config: {error_if: ">3"}}
          - dbt_utils.accepted_range: {min_value: 0, group_by_columns: [y]}
          - dbt_utils.accepted_range
          - dbt_utils.expression_is_true
          - dbt_utils.not_null_proportion: {at_least: 2}
          - dbt_expectations.expect_column_values_to_match_regex: {regex: a, flags: i}
          - {not_null: {}, unique: {}}
          - {}
      - description: none
    tests:
      - not_null
      - "not_null\n# injected: true"
  - name: b
    config: {materialized: ephemeral}
  - name: c
    config: {enabled: false}
  - name: "{{ x }}"
sources:
  - name: s
    schema: "{{ target.schema }}"
    tables:
      - name: a
        external: {location: x}
        freshness: {warn_after: {count: 1, period: day}, error_after: {count: 2, period: day}}
        loaded_at_field: "at::timestamp"
      - name: d
        identifier: "{{ y }}"
$yaml$ AS file \gset
SELECT contract.convert(:'file', 'dbt') AS result \gset
\echo :result
SELECT count(*), string_agg(concat_ws(' ', severity, path, message), E'\n') FROM contract.lint(:'result') WHERE severity <> 'info';

-- conditions name columns that are not described; what would be an error of the contract is left out
SELECT $yaml$models:
  - name: orders
    meta: {filter: x, pii: [], owner: ann, color: red}
    columns:
      - name: id
        data_type: int
        tests:
          - not_null: {config: {where: "lower(state) = 'new' -- only these"}}
          - not_null: {config: {where: "state ="}}
          - dbt_utils.accepted_range: {max_value: "limits.most + 1"}
          - dbt_utils.accepted_range: {max_value: "1 +"}
          - dbt_utils.expression_is_true: {expression: "in (select 1"}
          - dbt_utils.expression_is_true: {expression: "+ 1"}
          - dbt_utils.expression_is_true: {expression: "> no_such_function(id)"}
      - name: created
        data_type: date
        tests:
          - dbt_expectations.expect_column_values_to_match_regex: {regex: '('}
          - dbt_utils.expression_is_true: {expression: "> 5"}
      - name: code
        data_type: text
        tests:
          - dbt_expectations.expect_column_values_to_match_regex: {regex: '('}
          - dbt_expectations.expect_column_values_to_match_regex: {regex: '(?<a>b)'}
    constraints:
      - {type: check, expression: "id > least(a, b)"}
      - {type: check, expression: "id >"}
  - name: orders
$yaml$ AS file \gset
SELECT contract.convert(:'file', 'dbt') AS result \gset
\echo :result
SELECT count(*), string_agg(concat_ws(' ', severity, path, message), E'\n') FROM contract.lint(:'result') WHERE severity <> 'info';

-- errors
SELECT contract.convert('models: []', 'soda');
SELECT contract.convert('a: b', 'dbt');
SELECT contract.convert('models: []', 'dbt');
SELECT contract.convert('[', 'dbt');
SELECT contract.convert(NULL, 'dbt') IS NULL;
