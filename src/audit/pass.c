/*
 * src/audit/pass.c
 *		One pass over the rows of a relation: every rule of a program on every
 *		row, through a plain SELECT.
 *
 * The query's rows come straight from the executor into a DestReceiver; memory
 * stays flat.  It runs as a given role in a security-restricted operation.
 */
#include "postgres.h"

#include "access/table.h"
#include "audit/audit.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "engine/rights.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Judges the rows of a query: ctid, then the columns of the layout. */
typedef struct Judge
{
	DestReceiver receiver;		/* must be first */
	PgcPass    *pass;
	PgcVerdict *verdict;
	PgcWriter  *writer;
	MemoryContext row_context;	/* reset for each row */
	int			natts;			/* of the relation */
	AttrNumber *attnos;			/* of the layout's columns in the relation */
	bool		has_filters;
} Judge;

/* spread puts a row of the layout where the relation has its columns. */
static void
spread(const Judge *judge, const Datum *values, const bool *nulls, Datum *row, bool *row_nulls)
{
	memset(row_nulls, true, judge->natts * sizeof(bool));
	for (int i = 0; i < judge->pass->program->layout.ncolumns; i++)
	{
		row[judge->attnos[i] - 1] = values[i];
		row_nulls[judge->attnos[i] - 1] = nulls[i];
	}
}

/* take_sample keeps the failing row for a rule. */
static void
take_sample(const Judge *judge, int rule, TupleTableSlot *slot)
{
	PgcPass    *pass = judge->pass;
	const Datum *values = slot->tts_values + 1;
	const bool *nulls = slot->tts_isnull + 1;
	Datum	   *row = palloc0(judge->natts * sizeof(Datum));
	bool	   *row_nulls = palloc(judge->natts * sizeof(bool));
	ItemPointer tid = slot->tts_isnull[0] ? NULL : (ItemPointer) DatumGetPointer(slot->tts_values[0]);
	MemoryContext caller = MemoryContextSwitchTo(pass->context);
	PgcSample  *sample = palloc(sizeof(PgcSample));

	spread(judge, values, nulls, row, row_nulls);
	sample->row = pgc_evidence_row(judge->writer, row, row_nulls);
	sample->key = pgc_evidence_key(judge->writer, row, row_nulls, tid, true);
	sample->value = pgc_evidence_value(pass->contract, pass->program, rule, values, nulls, true);
	pass->tallies[rule].samples = lappend(pass->tallies[rule].samples, sample);
	MemoryContextSwitchTo(caller);
}

/* note_error keeps the first error of a rule. */
static void
note_error(PgcPass *pass, int rule, const char *error)
{
	if (pass->tallies[rule].error == NULL)
		pass->tallies[rule].error = MemoryContextStrdup(pass->context, error);
}

/* note_failures counts the failing rules of a row. */
static void
note_failures(Judge *judge, TupleTableSlot *slot)
{
	PgcPass    *pass = judge->pass;
	const PgcVerdict *verdict = judge->verdict;

	for (int i = 0; i < verdict->nfailed; i++)
	{
		int			rule = verdict->failed[i];
		PgcTally   *tally = &pass->tallies[rule];

		if (verdict->errors[rule] != NULL)
		{
			note_error(pass, rule, verdict->errors[rule]);
			continue;
		}
		tally->failed++;
		if (list_length(tally->samples) < pass->max_samples)
			take_sample(judge, rule, slot);
	}
	pass->failed++;
}

/* count_considered counts the rules whose filter calls the row TRUE. */
static void
count_considered(const Judge *judge, const Datum *values, const bool *nulls)
{
	PgcPass    *pass = judge->pass;
	PgcProgram *program = pass->program;

	for (int i = 0; i < program->nrules; i++)
	{
		char	   *error = NULL;

		if (program->rules[i].filter != NULL &&
			pgc_program_considers(program, i, values, nulls, &error))
			pass->tallies[i].considered++;
		if (error != NULL)
			note_error(pass, i, error);
	}
}

/* receive_row judges one row. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	Judge	   *judge = (Judge *) receiver;
	PgcPass    *pass = judge->pass;
	MemoryContext caller = MemoryContextSwitchTo(judge->row_context);
	const Datum *values;
	const bool *nulls;

	slot_getallattrs(slot);
	values = slot->tts_values + 1;
	nulls = slot->tts_isnull + 1;
	pass->rows++;
	if (!pgc_program_run(pass->program, values, nulls, PGC_ERRORS_CATCH, judge->verdict))
		note_failures(judge, slot);
	if (judge->has_filters)
		count_considered(judge, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(judge->row_context);
	return true;
}

static void
receive_start(DestReceiver *receiver, int operation, TupleDesc descriptor)
{
}

static void
receive_nothing(DestReceiver *receiver)
{
}

/* make_judge prepares the receiver of a pass. */
static Judge *
make_judge(PgcPass *pass, Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	Judge	   *judge = palloc0(sizeof(Judge));
	int			ncolumns = 0;

	judge->receiver.receiveSlot = receive_row;
	judge->receiver.rStartup = receive_start;
	judge->receiver.rShutdown = receive_nothing;
	judge->receiver.rDestroy = receive_nothing;
	judge->receiver.mydest = DestNone;
	judge->pass = pass;
	judge->verdict = pgc_verdict_make(pass->program);
	judge->writer = pgc_writer_make(descriptor, relation, pass->contract->pii);
	judge->row_context = AllocSetContextCreate(CurrentMemoryContext, "pg_contract audit row",
											   ALLOCSET_DEFAULT_SIZES);
	judge->natts = descriptor->natts;
	judge->attnos = palloc(Max(descriptor->natts, 1) * sizeof(AttrNumber));
	for (int i = 0; i < descriptor->natts; i++)
	{
		if (!TupleDescAttr(descriptor, i)->attisdropped)
			judge->attnos[ncolumns++] = i + 1;
	}
	for (int i = 0; i < pass->program->nrules; i++)
		judge->has_filters |= pass->program->rules[i].filter != NULL;
	return judge;
}

/* query_of returns the SELECT over the relation's rows: ctid and all columns. */
static char *
query_of(Relation relation, const PgcLayout *layout)
{
	char		kind = relation->rd_rel->relkind;
	bool		has_ctid = kind == RELKIND_RELATION || kind == RELKIND_MATVIEW;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, has_ctid ? "SELECT ctid" : "SELECT NULL::pg_catalog.tid");
	for (int i = 0; i < layout->ncolumns; i++)
		appendStringInfo(&sql, ", %s", quote_identifier(NameStr(layout->columns[i].name)));
	/* inheritance children are not covered, partitions are */
	appendStringInfo(&sql, " FROM %s%s", kind == RELKIND_RELATION ? "ONLY " : "",
					 pgc_catalog_name(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation)));
	return sql.data;
}

/* finish_considered: rules without a filter consider every row. */
static void
finish_considered(PgcPass *pass)
{
	for (int i = 0; i < pass->program->nrules; i++)
	{
		if (pass->program->rules[i].filter == NULL)
			pass->tallies[i].considered = pass->rows;
	}
}

/* note_broken: rules that do not compile are errors even of an empty table. */
static void
note_broken(PgcPass *pass)
{
	for (int i = 0; i < pass->program->nrules; i++)
	{
		if (pass->program->rules[i].broken != NULL)
			pass->tallies[i].error = pstrdup(pass->program->rules[i].broken);
	}
}

/*
 * pgc_pass_run judges all rows of a relation, read with the rights of role,
 * and fills the pass.  Errors other than the rules' own are thrown.
 */
void
pgc_pass_run(PgcPass *pass, Relation relation, Oid role)
{
	SPIExecuteOptions options = {0};
	PgcRights	saved;

	pass->context = CurrentMemoryContext;
	pass->tallies = palloc0(Max(pass->program->nrules, 1) * sizeof(PgcTally));
	note_broken(pass);
	options.read_only = true;
	options.dest = (DestReceiver *) make_judge(pass, relation);

	pgc_rights_enter(&saved, role, true);
	/* rows that a policy hides would pass in silence: an error instead */
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	if (SPI_execute_extended(query_of(relation, &pass->program->layout), &options) < 0)
		elog(ERROR, "could not read \"%s\"", RelationGetRelationName(relation));
	SPI_finish();
	pgc_rights_leave(&saved);
	finish_considered(pass);
}
