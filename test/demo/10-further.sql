\set ECHO none
\echo '=== To look further ==========================================================='
\echo
\echo '  make demo KEEP=1                                 this, with the server left running'
\echo '  \\d orders                                        the triggers that check it'
\echo '  SELECT * FROM contract.rules;                    the contract as a table'
\echo '  SELECT * FROM contract.scorecard;                a row per dataset, for a dashboard'
\echo '  SELECT * FROM contract.results;                  exact counts over time'
\echo '  SELECT * FROM contract.violations;               failing rows'
\echo '  SELECT * FROM contract.quarantined;              rows kept out'
\echo '  SELECT contract.export(\'shop-orders\');           the contract as a document'
\echo '  \\df contract.*                                   all functions; README.md explains them'
