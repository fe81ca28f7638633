/*
 * src/audit/workers.c
 *		Sharing the parts of a pass between parallel workers.
 *
 * All work under the leader's snapshot.  Each takes the next part until there is
 * none, and writes what it counted, where its failing rows are and the parts it
 * made to a temporary file, which the leader reads when all have ended.  The leader
 * works like the others: nothing may be written to tables meanwhile.
 *
 * Only for rules made of what is built in: PostgreSQL knows of nothing else
 * whether it may run in a worker, and errors cannot be caught there.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "audit/pass.h"
#include "audit/progress.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "storage/buffile.h"
#include "storage/sharedfileset.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PGDLLEXPORT void pgc_audit_worker(dsm_segment *segment, shm_toc *toc);

enum
{
	KEY_SHARED = 1, KEY_LEAVES, KEY_RULES
};

/* In shared memory: constant but for the atomics. */
typedef struct Shared
{
	Oid			relid;
	Oid			role;
	int			max_samples;
	int			nleaves;
	int			nunits;
	pg_atomic_uint32 next_unit;
	pg_atomic_uint64 blocks_done;
	SharedFileSet files;
} Shared;

/* pgc_workers_wanted returns how many workers a pass could do with; 0: none may help. */
int
pgc_workers_wanted(const PgcPass *pass)
{
	if (pass->judge->ncounters == PGC_COUNTER_FAILED + 1 || IsInParallelMode() || IsolationIsSerializable() ||
		pass->nblocks < (uint64) Max(min_parallel_table_scan_size, 0) ||
		pgc_program_can_fail(pass->audit->program) || !pgc_program_is_fixed(pass->audit->program))
		return 0;
	for (int i = 0; i < pass->nleaves; i++)
	{
		/* memory makes for little work */
		if (pass->leaves[i].state != NULL && pass->leaves[i].state->usable)
			return 0;
	}
	return Min(max_parallel_maintenance_workers, pass->nunits - 1);
}

/* write_string writes a string or NULL. */
static void
write_string(StringInfo bytes, const char *string)
{
	int			length = string ? strlen(string) : -1;

	appendBinaryStringInfo(bytes, (const char *) &length, sizeof(length));
	if (string != NULL)
		appendBinaryStringInfo(bytes, string, length + 1);
}

/* read_string reads what write_string wrote; it stays where it is. */
static char *
read_string(const char **bytes)
{
	const char *string;
	int			length;

	memcpy(&length, *bytes, sizeof(length));
	*bytes += sizeof(length);
	if (length < 0)
		return NULL;
	string = *bytes;
	*bytes += length + 1;
	return unconstify(char *, string);
}

/* write_rules writes the rules of an audit's program as workers need them. */
static void
write_rules(StringInfo bytes, const PgcAudit *audit)
{
	int			nrules = audit->program->nrules;

	appendBinaryStringInfo(bytes, (const char *) &nrules, sizeof(nrules));
	for (int i = 0; i < nrules; i++)
	{
		const PgcRuleSpec *spec = &audit->specs[i];
		const PgcRule *rule = &audit->program->rules[i];

		appendStringInfoCharMacro(bytes, rule->left_out || rule->broken != NULL);
		write_string(bytes, spec->name);
		write_string(bytes, spec->kind);
		appendBinaryStringInfo(bytes, (const char *) &spec->ncolumns, sizeof(spec->ncolumns));
		for (int j = 0; j < spec->ncolumns; j++)
			write_string(bytes, spec->columns[j]);
		write_string(bytes, JsonbToCString(NULL, &spec->parameters->root, VARSIZE(spec->parameters)));
		write_string(bytes, spec->filter);
	}
}

/* read_rules reads them; *left_out tells which the program is to leave out. */
static PgcRuleSpec *
read_rules(const char *bytes, int *nrules, bool **left_out)
{
	PgcRuleSpec *specs;

	memcpy(nrules, bytes, sizeof(int));
	bytes += sizeof(int);
	specs = palloc0(Max(*nrules, 1) * sizeof(PgcRuleSpec));
	*left_out = palloc(Max(*nrules, 1) * sizeof(bool));
	for (int i = 0; i < *nrules; i++)
	{
		(*left_out)[i] = *bytes++;
		specs[i].name = read_string(&bytes);
		specs[i].kind = read_string(&bytes);
		memcpy(&specs[i].ncolumns, bytes, sizeof(int));
		bytes += sizeof(int);
		specs[i].columns = palloc(Max(specs[i].ncolumns, 1) * sizeof(char *));
		for (int j = 0; j < specs[i].ncolumns; j++)
			specs[i].columns[j] = read_string(&bytes);
		specs[i].parameters = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(read_string(&bytes))));
		specs[i].filter = read_string(&bytes);
		specs[i].action = PGC_AUDIT;
	}
	return specs;
}

/* write_bytes writes a bytea. */
static void
write_bytes(BufFile *file, bytea *bytes)
{
	uint32		size = VARSIZE(bytes);

	BufFileWrite(file, &size, sizeof(size));
	BufFileWrite(file, bytes, size);
}

/* spool_part is PgcPass.keep of a process of a parallel pass. */
static void
spool_part(PgcPass *pass, PgcLeaf *leaf, const PgcPart *part)
{
	BufFile    *file = pass->arg;
	int			header[4];
	bytea	   *pages = pgc_part_encode(part);

	header[0] = leaf - pass->leaves;
	header[1] = part->number;
	header[2] = part->nblocks;
	header[3] = pgc_part_is_settled(part);
	BufFileWrite(file, header, sizeof(header));
	BufFileWrite(file, part->totals, part->ncounters * sizeof(int64));
	write_bytes(file, pages);
}

/* write_findings ends a process's file: no more parts, counters, failing rows. */
static void
write_findings(BufFile *file, const PgcJudge *judge)
{
	int			end[4] = {-1};

	BufFileWrite(file, end, sizeof(end));
	BufFileWrite(file, judge->totals, judge->ncounters * sizeof(int64));
	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		int			ntids = list_length(judge->tids[i]);
		ListCell   *cell;

		BufFileWrite(file, &ntids, sizeof(ntids));
		foreach(cell, judge->tids[i])
			BufFileWrite(file, lfirst(cell), sizeof(PgcTid));
	}
}

/* file_name returns the name of a worker's file, from 0. */
static const char *
file_name(int worker)
{
	return psprintf("audit %d", worker);
}

/* work takes parts until there is none; those that are made go to a file. */
static void
work(PgcPass *pass, Shared *shared, BufFile *file)
{
	pass->keep = spool_part;
	pass->arg = file;
	pgc_progress_share(&shared->blocks_done);
	for (;;)
	{
		uint32		unit = pg_atomic_fetch_add_u32(&shared->next_unit, 1);

		if (unit >= (uint32) shared->nunits)
			break;
		pgc_pass_unit(pass, unit);
	}
	pgc_progress_share(NULL);
}

/* take_leaves copies the heaps of the pass; their memory is the leader's. */
static void
take_leaves(PgcPass *pass, const Shared *shared, const PgcLeaf *leaves)
{
	pass->nleaves = shared->nleaves;
	pass->leaves = palloc(shared->nleaves * sizeof(PgcLeaf));
	memcpy(pass->leaves, leaves, shared->nleaves * sizeof(PgcLeaf));
	for (int i = 0; i < pass->nleaves; i++)
		pass->leaves[i].state = NULL;
}

/* compile makes the program that the leader has. */
static PgcProgram *
compile(Relation relation, const char *rules)
{
	bool	   *left_out;
	int			nspecs;
	PgcRuleSpec *specs = read_rules(rules, &nspecs, &left_out);
	PgcProgram *program = pgc_program_compile(CurrentMemoryContext, pgc_layout_of(relation), specs, nspecs);

	for (int i = 0; i < nspecs; i++)
		program->rules[i].left_out = left_out[i];
	return program;
}

/* pgc_audit_worker is the main function of a worker. */
void
pgc_audit_worker(dsm_segment *segment, shm_toc *toc)
{
	Shared	   *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	PgcAudit	audit = {.context = CurrentMemoryContext};
	PgcPass		pass;
	BufFile    *file;

	SharedFileSetAttach(&shared->files, segment);
	file = BufFileCreateFileSet(&shared->files.fs, file_name(ParallelWorkerNumber));
	audit.role = shared->role;
	audit.max_samples = shared->max_samples;
	audit.relation = table_open(shared->relid, AccessShareLock);
	audit.program = compile(audit.relation, shm_toc_lookup(toc, KEY_RULES, false));
	pgc_pass_begin(&pass, &audit, pgc_judge_make(&audit, true));
	take_leaves(&pass, shared, shm_toc_lookup(toc, KEY_LEAVES, false));
	work(&pass, shared, file);
	write_findings(file, pass.judge);
	BufFileExportFileSet(file);
	BufFileClose(file);
	pgc_pass_end(&pass);
	table_close(audit.relation, NoLock);
}

/* read_exactly reads from a process's file. */
static void
read_exactly(BufFile *file, void *bytes, Size size)
{
	if (BufFileRead(file, bytes, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read a temporary file of the audit: %m")));
}

/* A part as it lies in a file. */
typedef struct Spooled
{
	int			header[4];		/* leaf, number, blocks, settled */
	int64	   *totals;
	bytea	   *pages;
} Spooled;

/* next_part reads the next part, in the current context; false at the end. */
static bool
next_part(BufFile *file, int ncounters, Spooled *part)
{
	uint32		size;

	if (BufFileRead(file, part->header, sizeof(part->header)) != sizeof(part->header) || part->header[0] < 0)
		return false;
	part->totals = palloc(ncounters * sizeof(int64));
	read_exactly(file, part->totals, ncounters * sizeof(int64));
	read_exactly(file, &size, sizeof(size));
	part->pages = palloc(size);
	read_exactly(file, part->pages, size);
	return true;
}

/* copy_parts appends the parts in a worker's file to the leader's. */
static void
copy_parts(BufFile *from, BufFile *to, int ncounters)
{
	Spooled		part;

	while (next_part(from, ncounters, &part))
	{
		BufFileWrite(to, part.header, sizeof(part.header));
		BufFileWrite(to, part.totals, ncounters * sizeof(int64));
		write_bytes(to, part.pages);
		pfree(part.totals);
		pfree(part.pages);
	}
}

/* store_parts stores the parts in the leader's file. */
static void
store_parts(PgcPass *pass, BufFile *file)
{
	Spooled		part;

	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not rewind a temporary file of the audit: %m")));
	while (next_part(file, pass->judge->ncounters, &part))
	{
		pgc_state_store_part(pass->leaves[part.header[0]].state, part.header[1], part.header[2],
							 part.header[3] != 0, part.totals, part.pages);
		pfree(part.totals);
		pfree(part.pages);
	}
}

/* take_findings adds the counters and failing rows of a process. */
static void
take_findings(PgcJudge *judge, BufFile *file)
{
	int64	   *totals = palloc(judge->ncounters * sizeof(int64));
	PgcTid		tid;
	int			ntids;

	read_exactly(file, totals, judge->ncounters * sizeof(int64));
	for (int i = 0; i < judge->ncounters; i++)
		judge->totals[i] += totals[i];
	for (int i = 0; i < judge->audit->program->nrules; i++)
	{
		read_exactly(file, &ntids, sizeof(ntids));
		for (int j = 0; j < ntids; j++)
		{
			read_exactly(file, &tid, sizeof(tid));
			pgc_judge_keep_tid(judge, i, &tid);
		}
	}
}

/* fetch_samples makes evidence of the failing rows that processes have found. */
static void
fetch_samples(PgcPass *pass)
{
	PgcJudge   *judge = pass->judge;
	PgcSampler *sampler = pgc_sampler_make(pass->audit);

	for (int leaf = 0; leaf < pass->nleaves; leaf++)
	{
		Relation	relation = table_open(pass->leaves[leaf].relid, AccessShareLock);
		PgcHeap    *heap = pgc_heap_open(relation, pass->scan.layout, NULL, pass->audit->snapshot);

		for (int i = 0; i < pass->audit->program->nrules; i++)
		{
			ListCell   *cell;

			foreach(cell, judge->tids[i])
			{
				PgcTid	   *tid = lfirst(cell);

				if (tid->relid != pass->leaves[leaf].relid)
					continue;
				pgc_heap_fetch(heap, &tid->tid);
				pgc_sampler_take(sampler, i, &heap->rows, 0);
			}
		}
		pgc_heap_close(heap);
		table_close(relation, NoLock);
	}
}

/* launch starts workers with what they need in shared memory. */
static ParallelContext *
launch(const PgcPass *pass, int nworkers)
{
	ParallelContext *context = CreateParallelContext("pg_contract", "pgc_audit_worker", nworkers);
	Size		leaves_size = pass->nleaves * sizeof(PgcLeaf);
	StringInfoData rules;
	Shared	   *shared;

	initStringInfo(&rules);
	write_rules(&rules, pass->audit);
	shm_toc_estimate_chunk(&context->estimator, sizeof(Shared));
	shm_toc_estimate_chunk(&context->estimator, leaves_size);
	shm_toc_estimate_chunk(&context->estimator, rules.len);
	shm_toc_estimate_keys(&context->estimator, 3);
	InitializeParallelDSM(context);

	shared = shm_toc_allocate(context->toc, sizeof(Shared));
	shared->relid = RelationGetRelid(pass->audit->relation);
	shared->role = pass->audit->role;
	shared->max_samples = pass->audit->max_samples;
	shared->nleaves = pass->nleaves;
	shared->nunits = pass->nunits;
	pg_atomic_init_u32(&shared->next_unit, 0);
	pg_atomic_init_u64(&shared->blocks_done, 0);
	SharedFileSetInit(&shared->files, context->seg);
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	shm_toc_insert(context->toc, KEY_LEAVES,
				   memcpy(shm_toc_allocate(context->toc, leaves_size), pass->leaves, leaves_size));
	shm_toc_insert(context->toc, KEY_RULES,
				   memcpy(shm_toc_allocate(context->toc, rules.len), rules.data, rules.len));
	LaunchParallelWorkers(context);
	return context;
}

/* collect takes over what workers have written; their files go with the shared memory. */
static void
collect(PgcPass *pass, Shared *shared, int nworkers, BufFile *parts)
{
	for (int i = 0; i < nworkers; i++)
	{
		BufFile    *file = BufFileOpenFileSet(&shared->files.fs, file_name(i), O_RDONLY, false);

		copy_parts(file, parts, pass->judge->ncounters);
		take_findings(pass->judge, file);
		BufFileClose(file);
	}
}

/* pgc_workers_run does all units of a pass, with so many workers at most, and returns how many came. */
int
pgc_workers_run(PgcPass *pass, int nworkers)
{
	BufFile    *parts = BufFileCreateTemp(false);
	ParallelContext *context;
	Shared	   *shared;
	int			launched;

	pass->judge->sampler = NULL;	/* rows are fetched when writing is
									 * allowed again */
	EnterParallelMode();
	context = launch(pass, nworkers);
	shared = shm_toc_lookup(context->toc, KEY_SHARED, false);
	work(pass, shared, parts);
	WaitForParallelWorkersToFinish(context);
	launched = context->nworkers_launched;
	collect(pass, shared, launched, parts);
	DestroyParallelContext(context);
	ExitParallelMode();
	store_parts(pass, parts);
	BufFileClose(parts);
	fetch_samples(pass);
	return launched;
}
