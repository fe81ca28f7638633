#!/usr/bin/env bash
# An order-taking warehouse under contract: generates 300,000 orders with faults, loads them by COPY, shows what was
# refused, quarantined and warned of, audits, repairs, releases, swaps the table as dbt does, puts it under the contract of
# a document, shows what the database does by itself in the background, and where the data of a pipeline come from.
#
#   demo.sh            shows it and leaves nothing behind
#   KEEP=1 demo.sh     leaves the throw-away server running and says how to connect and how to stop it
#
# All data are generated. The server is a throw-away one in a scratch folder, reached by a socket in that folder only.
. "$(dirname "$0")/../tools/env.sh"

HERE=$ROOT/test/demo
DATABASE=shop

# Runs a chapter in the folder with the CSV files, showing its statements.
chapter() {
	(cd "$SCRATCH" && psql -X -q -d "$DATABASE" -v ECHO=queries -v ON_ERROR_STOP=1 -P pager=off -P footer=off \
		<"$HERE/$1.sql" 2>&1) || die "chapter $1 failed"
}

# Leaves the server running: what would have cleaned up does nothing, the user is told how.
keep_server() {
	local as=
	[ -z "$RUN_AS" ] || as="runuser -u $RUN_AS -- "
	trap - EXIT
	cat <<-END

		The server is still running. To connect, and to stop it and remove everything:
		  $PGBIN/psql -h $SCRATCH -U postgres $DATABASE
		  ${as}$PGBIN/pg_ctl -D $SCRATCH/data -m fast stop && rm -rf $SCRATCH
	END
}

echo "Building pg_contract and starting a throw-away server ..."
build
start_server 'shared_buffers = 128MB' "shared_preload_libraries = 'pg_contract'" 'pg_contract.naptime = 200ms'
createdb "$DATABASE"
mkdir "$SCRATCH/contracts"
cp "$ROOT"/contracts/*.yaml "$SCRATCH/contracts"
echo "Generating 300,000 orders of 20,000 customers, and their faults ..."
(cd "$SCRATCH" && psql -X -q -d "$DATABASE" -v ON_ERROR_STOP=1 -f "$HERE/generate.sql")

for name in 1-annotate 2-load 3-look 4-audit 5-repair 6-swap 7-document 8-background 9-lineage 10-further; do
	chapter "$name"
done
[ -z "${KEEP:-}" ] || keep_server
