# Events of OpenLineage are valid by the standard's own JSON schemas; graphviz and the grammar of Mermaid accept the pictures.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use Encode;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', $ENV{PGC_EXTRA_CONF} // '');
$node->append_conf('postgresql.conf', "compute_query_id = on
session_preload_libraries = 'pg_contract'
pg_contract.track_lineage = 'all'
pg_contract.lineage_sync = on
pg_contract.lineage_namespace = 'postgres://db1.example:6432'");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE "odd ""name"""');

sub run
{
	return Encode::decode('UTF-8', $node->safe_psql('odd "name"', Encode::encode('UTF-8', $_[0])));
}

# Runs a program with a text as its input; returns whether it is content, and what it says.
sub feed
{
	my ($input, @command) = @_;
	my $said = '';
	my $bytes = Encode::encode('UTF-8', $input);
	my $ok = IPC::Run::run(\@command, '<', \$bytes, '>&', \$said);

	return ($ok, Encode::decode('UTF-8', $said));
}

my $file = PostgreSQL::Test::Utils::tempdir() . '/orders.csv';
run(qq{
	CREATE EXTENSION pg_contract;
	CREATE TABLE orders (id int PRIMARY KEY, email text, amount numeric, at timestamptz);
	COMMENT ON COLUMN orders.email IS 'where the invoice goes';
	CREATE TABLE totals (day date, total numeric, customers int) PARTITION BY RANGE (day);
	CREATE TABLE totals_rest PARTITION OF totals DEFAULT;
	CREATE TABLE copied (id int, email text, hashed text);
	CREATE VIEW recent AS SELECT id, email, amount FROM orders WHERE at > '2026-01-01';
	CREATE MATERIALIZED VIEW ranked AS SELECT id, rank() OVER (PARTITION BY email ORDER BY amount DESC) AS place FROM recent;
	CREATE FUNCTION load() RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		r record;
	BEGIN
		INSERT INTO copied SELECT id, email, md5(email) FROM recent;
		FOR r IN SELECT id, email FROM orders LOOP
			INSERT INTO copied VALUES (r.id, r.email);
		END LOOP;
	END\$\$;
	SELECT contract.describe('orders', owner => 'team "sales" €', version => '1.0.0');
	SELECT contract.pii('orders', 'email', category => 'email', classification => 'confidential');
	INSERT INTO orders VALUES (1, 'a\@b', 2, '2026-02-02');
	SELECT load();
	REFRESH MATERIALIZED VIEW ranked;
	INSERT INTO totals SELECT at::date, sum(amount), count(DISTINCT email) FROM orders GROUP BY 1 HAVING sum(amount) > 0 ORDER BY 1;
	WITH gone AS (DELETE FROM copied WHERE id > 0 RETURNING id, email) INSERT INTO orders (id, email)
		SELECT id + 10 * row_number() OVER (), CASE WHEN id > 0 THEN email END FROM gone;
	DELETE FROM copied USING orders WHERE orders.id = copied.id;
	COPY (SELECT id, email FROM orders) TO '$file';
	COPY copied (id, email) FROM '$file';
	CREATE TABLE "t ""<&>'|{}[];#€" ("c "">\\&" int, "%% end" text);
	INSERT INTO "t ""<&>'|{}[];#€" SELECT id, email FROM orders;
	CREATE VIEW "graph" AS SELECT "c "">\\&" AS "end", "%% end" AS "style:#x;" FROM "t ""<&>'|{}[];#€" WHERE "%% end" <> '';
});

# Events against the schemas. Debian 12's jsonschema has RefResolver, later ones another way to the same.
my $validator = q{
import glob, json, sys, jsonschema
folder, found = sys.argv[1], {}
core = json.load(open(folder + '/OpenLineage.json'))
store, facets = {core['$id']: core}, {}
for name in glob.glob(folder + '/facets/*.json'):
    schema = json.load(open(name))
    store[schema['$id']] = schema
    for key, reference in schema.get('properties', {}).items():
        facets.setdefault(key, {})[schema['$id']] = reference

def validator(schema, base):
    checker = jsonschema.FormatChecker()
    try:
        from referencing import Registry, Resource
    except ImportError:
        resolver = jsonschema.RefResolver(base, store[base], store=store)
        return jsonschema.Draft202012Validator(schema, resolver=resolver, format_checker=checker)
    registry = Registry().with_resources((key, Resource.from_contents(value)) for key, value in store.items())
    schema = json.loads(json.dumps(schema).replace('"#/', '"%s#/' % base))
    return jsonschema.Draft202012Validator(schema, registry=registry, format_checker=checker)

def facets_of(event):
    places = [event.get('run', {}), event.get('job', {}), event.get('dataset', {})]
    for place in places + event.get('inputs', []) + event.get('outputs', []):
        for group in ('facets', 'inputFacets', 'outputFacets'):
            yield from place.get(group, {}).items()

lines = sys.stdin.read().splitlines()
for line in lines:
    event = json.loads(line)
    for error in validator(core, core['$id']).iter_errors(event):
        print(list(error.absolute_path), error.message[:300])
    for key, facet in facets_of(event):
        found[key] = found.get(key, 0) + 1
        base, _, fragment = facet['_schemaURL'].partition('#')
        if base not in facets.get(key, {}):
            print(key, 'is not described by', base)
            continue
        if facets[key][base].get('$ref') != '#' + fragment:
            print(key, 'is not', fragment)
        for error in validator(facets[key][base], base).iter_errors(facet):
            print(key, list(error.absolute_path), error.message[:300])
print('facets:', *sorted(found))
};
my $shared = ($ENV{PGC_SHARED} // '') . '/openlineage';
my @events = split /\n/, run('SELECT contract.openlineage()');
ok(@events > 20, 'there are events');
SKIP:
{
	skip 'no ../shared/openlineage', 3 unless -r "$shared/OpenLineage.json";
	skip 'python3 has no jsonschema (python3-jsonschema)', 3
		if system('python3 -c "import jsonschema; jsonschema.Draft202012Validator" 2>/dev/null') != 0;
	my ($ok, $said) = feed(join("\n", @events), 'python3', '-c', $validator, $shared);
	ok($ok, 'the validator runs') or diag $said;
	is($said, "facets: columnLineage datasetType externalQuery jobType outputStatistics ownership parent processing_engine schema sql tags\n",
		'every event is valid, and every facet by its own schema');
	my $wrong = join "\n", map { s/"runId": "/"runId": "no /r =~ s/"subtype": "IDENTITY"/"subtype": 1/gr =~ s/1-1-0/1-1-9/gr } @events;
	($ok, $said) = feed($wrong, 'python3', '-c', $validator, $shared);
	ok($said =~ /is not of type 'string'/ && $said =~ /sql is not described by/, 'which fails where something is wrong');
}

# each run begins and ends once, and is the same whenever it is asked for
is(run(q{
	SELECT string_agg(DISTINCT types, ' ') FROM (SELECT string_agg(e->>'eventType', ',' ORDER BY e->>'eventType') AS types
		FROM contract.openlineage() e WHERE e ? 'run' GROUP BY e->'run'->>'runId') t
}), 'COMPLETE,START', 'START and COMPLETE of each run');
is(run(q{SELECT count(*) FROM (SELECT e - 'eventTime' FROM contract.openlineage() e EXCEPT ALL SELECT e - 'eventTime' FROM contract.openlineage() e) e}),
	0, 'the same events again');
is(run(q{SELECT count(DISTINCT e->'job'->>'name') FROM contract.openlineage() e WHERE e->'job'->>'name' = 'odd "name".public.ranked'}),
	1, 'a refresh is a job of its materialized view');
is(run(q{
	SELECT string_agg(DISTINCT o->>'namespace' || ' ' || regexp_replace(o->>'name', '^/.*/', '/'), ', ')
	FROM contract.openlineage() e, jsonb_array_elements(e->'inputs' || (e->'outputs')) o WHERE e->>'eventType' = 'COMPLETE' AND o->>'name' LIKE '%orders%'
}), 'file://db1.example /orders.csv, postgres://db1.example:6432 odd "name".public.orders', 'namespaces of tables and files');
is(run(q{
	SELECT string_agg(DISTINCT i->>'field', ',') FROM contract.openlineage() e,
		jsonb_path_query(e, '$.outputs[*].facets.columnLineage.fields.*.inputFields[*]') i
	WHERE e->'job'->'facets'->'sql'->>'query' LIKE 'INSERT INTO copied VALUES%'
}), 'email,id', 'what came through variables is there');
is(run(q{
	SELECT count(*) FROM contract.openlineage((SELECT max(last_seen) FROM contract.lineage)) e WHERE e->>'eventType' = 'COMPLETE'
}), 1, 'only what ran since');

# The lines that lineage_mermaid may consist of; nothing that means something in a label.
my $label = qr/"(?:[^"#;:<>&`\\*%\n]|#\d+;)+"/;
my $mermaid = qr/\A
	flowchart[ ]LR\n
	(?:\tsubgraph[ ]t\d+\[$label\]\n
		(?:\t\tt\d+c0\(\["all[ ]rows"\]\)\n)?
		(?:\t\tt\d+c[1-9]\d*\[$label\]\n)*
		\tend\n)+
	(?:\tt\d+c\d+[ ](?:-->|-\.->)(?:\|"[a-z_, ]+"\|)?[ ]t\d+c\d+\n)+
	\z/x;

for my $arguments ('', q{'orders'}, q{'graph', 'end'}, q{'ranked', depth => 1})
{
	my $dot = run("SELECT contract.lineage_dot($arguments)");
	my $drawn = run("SELECT contract.lineage_mermaid($arguments)");

	like($drawn, $mermaid, "Mermaid: ($arguments)");
	SKIP:
	{
		skip 'dot is not there (Debian: package graphviz)', 3 if system('dot -V 2>/dev/null') != 0;
		my ($ok, $said) = feed($dot, 'dot', '-Tplain');
		ok($ok && $said !~ /warning|error/i, "graphviz: ($arguments)") or diag $said;
		my $edges = () = $said =~ /^edge /mg;
		is($edges, (() = $drawn =~ /-->|-\.->/g), 'as many arrows');
		my ($ok_svg, $svg) = feed($dot, 'dot', '-Tsvg');
		ok($arguments ne '' || ($svg =~ />public\.t &quot;&lt;&amp;&gt;&#39;\|\{\}\[\];#€</ && $svg =~ />c &quot;&gt;\\&amp;</), 'names as they are')
			or diag $svg;
	}
}

done_testing();
