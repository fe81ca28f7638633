/*
 * src/audit/sample.c
 *		Failing rows as evidence, personal data masked.
 */
#include "postgres.h"

#include "audit/audit.h"
#include "utils/acl.h"

struct PgcSampler
{
	const PgcAudit *audit;
	PgcWriter  *writer;
	bool		allowed;		/* whole rows are readable */
	Datum	   *values;			/* a row in the order of the layout */
	bool	   *nulls;
	int			natts;
	Datum	   *row;			/* the same in the order of the attributes */
	bool	   *row_nulls;
};

/* pgc_sampler_make returns what takes samples for an audit, in the current context. */
PgcSampler *
pgc_sampler_make(const PgcAudit *audit)
{
	PgcSampler *sampler = palloc(sizeof(PgcSampler));
	int			ncolumns = Max(audit->program->layout.ncolumns, 1);

	sampler->audit = audit;
	sampler->allowed = pg_class_aclcheck(RelationGetRelid(audit->relation), audit->role, ACL_SELECT) == ACLCHECK_OK;
	sampler->natts = RelationGetDescr(audit->relation)->natts;
	sampler->writer = pgc_writer_make(RelationGetDescr(audit->relation), audit->relation, audit->contract->pii);
	sampler->values = palloc(ncolumns * sizeof(Datum));
	sampler->nulls = palloc(ncolumns * sizeof(bool));
	sampler->row = palloc0(Max(sampler->natts, 1) * sizeof(Datum));
	sampler->row_nulls = palloc(Max(sampler->natts, 1) * sizeof(bool));
	return sampler;
}

/*
 * pgc_sampler_wants: are there not yet enough samples of the rule?  There are none
 * for a role that may not read whole rows.
 */
bool
pgc_sampler_wants(const PgcSampler *sampler, int rule)
{
	return sampler->allowed && list_length(sampler->audit->tallies[rule].samples) < sampler->audit->max_samples;
}

/* spread puts the row of the layout where the relation has its columns. */
static void
spread(PgcSampler *sampler)
{
	const PgcLayout *layout = &sampler->audit->program->layout;

	memset(sampler->row_nulls, true, sampler->natts * sizeof(bool));
	for (int i = 0; i < layout->ncolumns; i++)
	{
		sampler->row[layout->columns[i].attno - 1] = sampler->values[i];
		sampler->row_nulls[layout->columns[i].attno - 1] = sampler->nulls[i];
	}
}

/* copy_jsonb copies a jsonb, or NULL, into a context. */
static Jsonb *
copy_jsonb(MemoryContext context, const Jsonb *jsonb)
{
	Jsonb	   *copy;

	if (jsonb == NULL)
		return NULL;
	copy = MemoryContextAlloc(context, VARSIZE(jsonb));
	memcpy(copy, jsonb, VARSIZE(jsonb));
	return copy;
}

/*
 * pgc_sampler_take keeps a row as a sample of a rule, in the audit's context.  A
 * row of a partition has no ctid that would find it in its parent.
 */
void
pgc_sampler_take(PgcSampler *sampler, int rule, const PgcRows *rows, int row)
{
	const PgcAudit *audit = sampler->audit;
	bool		has_tid = rows->tids != NULL && rows->relation == RelationGetRelid(audit->relation);
	PgcSample  *sample = MemoryContextAlloc(audit->context, sizeof(PgcSample));
	char	   *value;
	MemoryContext caller;

	rows->form(rows, row, sampler->values, sampler->nulls);
	spread(sampler);
	sample->row = copy_jsonb(audit->context,
							 pgc_evidence_row(sampler->writer, sampler->row, sampler->row_nulls));
	sample->key = copy_jsonb(audit->context,
							 pgc_evidence_key(sampler->writer, sampler->row, sampler->row_nulls,
											  has_tid ? &rows->tids[row] : NULL, true));
	value = pgc_evidence_value(audit->contract, audit->program, rule, sampler->values, sampler->nulls, true);
	sample->value = value ? MemoryContextStrdup(audit->context, value) : NULL;
	caller = MemoryContextSwitchTo(audit->context);
	audit->tallies[rule].samples = lappend(audit->tallies[rule].samples, sample);
	MemoryContextSwitchTo(caller);
}
