/*
 * src/document/change.c
 *		What a document changes -> the catalog.
 */
#include "postgres.h"

#include "access/xact.h"
#include "document/apply.h"

/* change_rules writes a dataset's rules: first those that free their names. */
static void
change_rules(const PgcSettled *settled, int32 dataset_id)
{
	ListCell   *cell;

	foreach(cell, settled->gone)
		pgc_rule_delete(((PgcStoredRule *) lfirst(cell))->id);
	foreach(cell, settled->drafts)
		pgc_rule_write(dataset_id, lfirst(cell));
	if (settled->gone != NIL || settled->drafts != NIL)
		pgc_incident_due(dataset_id);
}

/* change_columns writes annotations. */
static void
change_columns(const PgcSettled *settled, int32 dataset_id)
{
	ListCell   *cell;

	foreach(cell, settled->columns)
	{
		const PgcSettledColumn *column = lfirst(cell);

		pgc_annotation_write(dataset_id, &column->name, column->fields.values, column->fields.documented);
	}
}

/* keep_dataset makes or changes a dataset of the document. */
static void
keep_dataset(const PgcApply *apply, PgcSettled *settled)
{
	const PgcPlannedDataset *planned = settled->planned;
	const char *contract_id = apply->plan->contract_id;
	int32		id = settled->wanted.dataset_id;

	if (id == 0)
		id = pgc_dataset_create(&planned->schema_name, &planned->table_name, planned->relid, contract_id);
	else if (strcmp(settled->stored->name, planned->name) != 0)
	{
		/* as its relation was, in this transaction */
		(void) pgc_dataset_rename(id, &planned->schema_name, &planned->table_name);
	}
	settled->wanted.dataset_id = id;
	if (settled->changed)
		pgc_dataset_write(id, contract_id, settled->fields.values, true, settled->fields.documented);
	change_rules(settled, id);
	change_columns(settled, id);
}

/*
 * leave_dataset takes a dataset out of the document.  One that the document made
 * goes unless something is left of it.
 */
static void
leave_dataset(PgcSettled *settled)
{
	const PgcContract *stored = settled->stored;
	bool		made = false;
	ListCell   *cell;

	foreach(cell, stored->documented)
		made = made || strcmp(lfirst(cell), "dataset") == 0;
	change_rules(settled, stored->dataset_id);
	change_columns(settled, stored->dataset_id);
	CommandCounterIncrement();
	if (made && pgc_dataset_is_empty(stored->dataset_id))
	{
		pgc_dataset_drop(stored);
		settled->wanted.relid = InvalidOid;
	}
	else
		pgc_dataset_write(stored->dataset_id, pgc_contract_make(stored->name, true), settled->fields.values,
						  false, NIL);
}

/* change_version keeps the document, unless it is the one in force. */
static void
change_version(const PgcApply *apply)
{
	PgcVersion	version = {0};
	PgcVersion *in_force = apply->in_force;

	if (in_force != NULL && apply->differences == NIL)
	{
		/* other comments, perhaps: export gives back what was applied last */
		if (VARSIZE_ANY_EXHDR(in_force->source) != VARSIZE_ANY_EXHDR(apply->source) ||
			memcmp(VARDATA_ANY(in_force->source), VARDATA_ANY(apply->source), VARSIZE_ANY_EXHDR(apply->source)) != 0)
			pgc_version_amend(in_force->id, apply->source, pgc_node_to_jsonb(apply->root));
		return;
	}
	version.version = unconstify(char *, apply->plan->version);
	version.status = unconstify(char *, apply->plan->status);
	version.source = apply->source;
	version.document = pgc_node_to_jsonb(apply->root);
	version.level = unconstify(char *, pgc_diff_level(apply->differences));
	version.changes = list_length(apply->differences);
	pgc_version_write(apply->plan->contract_id, &version);
}

/* make_triggers gives the datasets their triggers, and tells every backend. */
static void
make_triggers(const PgcApply *apply)
{
	ListCell   *cell;

	foreach(cell, apply->settled)
	{
		const PgcSettled *settled = lfirst(cell);

		if (!OidIsValid(settled->wanted.relid))
			continue;
		if (settled->changed)
			pgc_binding_make_triggers(pgc_contract_load(settled->wanted.dataset_id));
		else if (settled->columns != NIL || apply->fields.changed)
			pgc_cache_invalidate(settled->wanted.relid);
	}
}

/* pgc_change makes the changes that pgc_settle worked out. */
void
pgc_change(PgcApply *apply)
{
	ListCell   *cell;

	if (apply->agreement == NULL)
		pgc_contract_make(apply->plan->contract_id, false);
	if (apply->fields.changed)
		pgc_contract_write(apply->plan->contract_id, apply->fields.values, apply->fields.documented);
	/* those that leave free their names for those that come */
	foreach(cell, apply->settled)
	{
		if (((PgcSettled *) lfirst(cell))->planned == NULL)
			leave_dataset(lfirst(cell));
	}
	foreach(cell, apply->settled)
	{
		if (((PgcSettled *) lfirst(cell))->planned != NULL)
			keep_dataset(apply, lfirst(cell));
	}
	change_version(apply);
	pgc_contract_drop_orphans();
	CommandCounterIncrement();
	make_triggers(apply);
}
