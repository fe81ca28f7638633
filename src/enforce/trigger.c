/*
 * src/enforce/trigger.c
 *		How a row is judged on its way in.
 *
 * bulk:  AFTER INSERT/UPDATE ... WHEN (NOT contract.conforms(dataset, NEW.c,
 *        ...)) EXECUTE FUNCTION contract.record(...).  conforms() runs the
 *        program on its arguments, raises for an INSERT that is refused, and
 *        lets only failing rows queue an event for record().
 * oltp:  AFTER INSERT OR UPDATE, no WHEN: record() judges each row.
 * both:  BEFORE INSERT OR UPDATE contract.divert(...) while a quarantine rule
 *        exists.
 *
 * conforms() only decides whether record() must look: when in doubt (unknown
 * dataset, arguments that do not fit) it says no, and record() judges from the
 * row itself, by column names.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "enforce/enforce.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_conforms);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_conforms_update);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_record);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_divert);

/* make_row allocates arrays for a row, in one piece: single-row statements pay. */
static Datum *
make_row(int ncolumns, bool **nulls, AttrNumber **attnos)
{
	char	   *memory = palloc(ncolumns * (sizeof(Datum) + sizeof(AttrNumber) + sizeof(bool)) + 1);

	*attnos = (AttrNumber *) (memory + ncolumns * sizeof(Datum));
	*nulls = (bool *) (memory + ncolumns * (sizeof(Datum) + sizeof(AttrNumber)));
	return (Datum *) memory;
}

/* One call site of conforms(): what its arguments are.  In fn_extra. */
typedef struct Call
{
	PgcEntry   *entry;			/* or NULL: dataset unknown */
	uint64		generation;
	bool		usable;			/* the arguments are the program's layout */
	Datum	   *values;
	bool	   *nulls;
	AttrNumber *attnos;			/* of a whole row's columns */
} Call;

/* fits: are the arguments, one by one, what the program's layout says? */
static bool
fits(FunctionCallInfo fcinfo, const PgcLayout *layout)
{
	if (PG_NARGS() != layout->ncolumns + 1 || get_fn_expr_variadic(fcinfo->flinfo))
		return false;
	for (int i = 0; i < layout->ncolumns; i++)
	{
		if (get_fn_expr_argtype(fcinfo->flinfo, i + 1) != layout->columns[i].type)
			return false;
	}
	return true;
}

/* map_row finds the layout's columns in the row type of the only argument. */
static bool
map_row(FunctionCallInfo fcinfo, Call *call, const PgcLayout *layout)
{
	Oid			type = PG_NARGS() == 2 ? get_fn_expr_argtype(fcinfo->flinfo, 1) : InvalidOid;
	Oid			relid = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;

	if (relid != call->entry->relid)
		return false;
	for (int i = 0; i < layout->ncolumns; i++)
	{
		call->attnos[i] = get_attnum(relid, NameStr(layout->columns[i].name));
		if (call->attnos[i] <= 0)
			return false;
	}
	return true;
}

/*
 * may_ask: conforms() may be called by hand, and must not answer questions
 * about the owner's expressions to those who could not write a row anyway.
 */
static bool
may_ask(const PgcEntry *entry)
{
	const AclMode write = ACL_INSERT | ACL_UPDATE;

	return !entry->has_expressions ||
		pg_class_aclmask(entry->relid, GetUserId(), write, ACLMASK_ANY) != 0 ||
		pg_attribute_aclcheck_all(entry->relid, GetUserId(), write, ACLMASK_ANY) == ACLCHECK_OK;
}

/* look_up fits a call to the dataset's program as it is now. */
static void
look_up(FunctionCallInfo fcinfo, Call *call)
{
	MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	const PgcLayout *layout;

	call->usable = false;
	call->entry = PG_ARGISNULL(0) ? NULL : pgc_cache_get(PG_GETARG_INT32(0));
	if (call->entry != NULL)
	{
		layout = &call->entry->program->layout;
		call->generation = call->entry->generation;
		call->values = make_row(layout->ncolumns, &call->nulls, &call->attnos);
		call->usable = may_ask(call->entry) &&
			(call->entry->whole_row ? map_row(fcinfo, call, layout) : fits(fcinfo, layout));
	}
	MemoryContextSwitchTo(caller);
}

/* call_of returns this call site's state, up to date. */
static inline Call *
call_of(FunctionCallInfo fcinfo)
{
	Call	   *call = fcinfo->flinfo->fn_extra;

	if (unlikely(call == NULL))
	{
		call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Call));
		AcceptInvalidationMessages();
		look_up(fcinfo, call);
		fcinfo->flinfo->fn_extra = call;
	}
	else if (unlikely(call->entry == NULL || !call->entry->valid ||
					  call->generation != call->entry->generation))
		look_up(fcinfo, call);
	return call;
}

/* deform_row spreads a whole-row argument into the layout's arrays. */
static void
deform_row(FunctionCallInfo fcinfo, Call *call)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(1);
	TupleDesc	descriptor = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
													HeapTupleHeaderGetTypMod(header));
	Datum	   *values = palloc(descriptor->natts * sizeof(Datum));
	bool	   *nulls = palloc(descriptor->natts * sizeof(bool));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, descriptor, values, nulls);
	for (int i = 0; i < call->entry->program->layout.ncolumns; i++)
	{
		call->values[i] = values[call->attnos[i] - 1];
		call->nulls[i] = nulls[call->attnos[i] - 1];
	}
	ReleaseTupleDesc(descriptor);
}

/* strongest returns the strongest effective action of the failing rules. */
static PgcAction
strongest(const PgcEntry *entry, const PgcVerdict *verdict)
{
	PgcAction	result = PGC_AUDIT;

	for (int i = 0; i < verdict->nfailed; i++)
		result = Max(result, pgc_effective_action(entry, verdict->failed[i]));
	return result;
}

/*
 * The last row that divert() let through with every rule passed, where nothing
 * can change it any more: conforms(), which comes next for the same row, need
 * not judge it again.  divert() sets or clears this for each row; command and
 * generation keep it from outliving the statement or the rules.
 */
static struct
{
	const PgcEntry *entry;
	uint64		generation;
	CommandId	command;
	SubTransactionId subtransaction;
}			passed;

/*
 * An UPDATE that moves a row to another partition comes as BEFORE UPDATE and
 * BEFORE DELETE of the same row, then BEFORE INSERT elsewhere.  The INSERT half
 * must not divert: the old row is gone by then.  Any other UPDATE leaves no
 * version under the old tid to delete, unless it was diverted or rolled back:
 * both forget it here.
 */
static struct
{
	Oid			relid;			/* of the leaf, or InvalidOid */
	ItemPointerData tid;
	SubTransactionId subtransaction;
	bool		deleted;
}			moving;

/* pgc_trigger_abort_sub forgets an UPDATE that is rolled back. */
void
pgc_trigger_abort_sub(SubTransactionId subid)
{
	passed.entry = NULL;
	if (moving.subtransaction >= subid)
		moving.relid = InvalidOid;
}

/* pgc_trigger_end forgets what belongs to a transaction that ends. */
void
pgc_trigger_end(void)
{
	passed.entry = NULL;
	moving.relid = InvalidOid;
}

/* has_passed: was this row judged a moment ago? */
static inline bool
has_passed(const PgcEntry *entry)
{
	bool		result = passed.entry == entry && passed.generation == entry->generation &&
	passed.command == GetCurrentCommandId(false) &&
	passed.subtransaction == GetCurrentSubTransactionId();

	passed.entry = NULL;
	return result;
}

/* conforms judges a row by its arguments; raises, if it may, for a refused row. */
static inline bool
conforms(FunctionCallInfo fcinfo, bool may_raise)
{
	Call	   *call = call_of(fcinfo);
	PgcEntry   *entry = call->entry;

	if (unlikely(!call->usable))
		return false;
	if (may_raise && passed.entry != NULL && has_passed(entry))
		return true;
	if (unlikely(entry->whole_row))
	{
		if (PG_ARGISNULL(1))
			return false;
		deform_row(fcinfo, call);
	}
	else
	{
		int			ncolumns = entry->program->layout.ncolumns;

		for (int i = 0; i < ncolumns; i++)
		{
			call->values[i] = fcinfo->args[i + 1].value;
			call->nulls[i] = fcinfo->args[i + 1].isnull;
		}
	}
	if (likely(pgc_program_run(entry->program, call->values, call->nulls,
							   PGC_ERRORS_CATCH_WARN, entry->verdict)))
		return true;
	if (may_raise && strongest(entry, entry->verdict) >= PGC_QUARANTINE)
	{
		PgcFailure	failure = {.entry = entry,.verdict = entry->verdict,.taken = PGC_REJECT,
		.layout_values = call->values,.layout_nulls = call->nulls};

		pgc_report_reject(&failure, entry->relid, false);
	}
	return false;
}

/* pgc_conforms is contract.conforms(dataset_id, VARIADIC "any"). */
Datum
pgc_conforms(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(conforms(fcinfo, true));
}

/* pgc_conforms_update is contract.conforms_update(dataset_id, VARIADIC "any"). */
Datum
pgc_conforms_update(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(conforms(fcinfo, false));
}

/* The relation that a trigger fires on, seen by a dataset.  In fn_extra. */
typedef struct Target
{
	int32		dataset_id;
	PgcEntry   *entry;			/* or NULL: not this database's, or not its
								 * relation */
	uint64		generation;
	AttrNumber *attnos;			/* of the layout's columns */
	AttrNumber	highest;
	Datum	   *values;			/* a row in the layout's order */
	bool	   *nulls;
	bool		is_final;		/* nothing changes a row after divert() */
	PgcWriter  *writer;			/* made when the first row fails */
} Target;

/* covers: is the relation the dataset's, or one of its partitions? */
static bool
covers(const PgcEntry *entry, Relation relation)
{
	if (RelationGetRelid(relation) == entry->relid)
		return true;
	return relation->rd_rel->relispartition &&
		list_member_oid(get_partition_ancestors(RelationGetRelid(relation)), entry->relid);
}

/*
 * find_attno returns the number of a layout column in the relation, or 0: in
 * the dataset's own relation it is known, in a partition it goes by name.
 */
static AttrNumber
find_attno(const PgcEntry *entry, Relation relation, const PgcColumn *column)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	if (RelationGetRelid(relation) == entry->relid)
		return column->attno;
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), NameStr(column->name)) == 0)
			return attribute->attnum;
	}
	return InvalidAttrNumber;
}

/* is_final: does the row stay as it is after our BEFORE trigger? */
static bool
is_final(Relation relation, const PgcLayout *layout, const Trigger *ours)
{
	const TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype) &&
			strcmp(trigger->tgname, ours->tgname) > 0)
			return false;
	}
	for (int i = 0; i < layout->ncolumns; i++)
	{
		if (layout->columns[i].generated)
			return false;
	}
	return true;
}

/* aim fits a target to the dataset's program as it is now. */
static void
aim(Target *target, Relation relation, const Trigger *trigger)
{
	const PgcLayout *layout;

	target->writer = NULL;
	target->highest = 0;
	target->entry = pgc_cache_get(target->dataset_id);
	if (target->entry == NULL || !covers(target->entry, relation))
	{
		target->entry = NULL;
		return;
	}
	layout = &target->entry->program->layout;
	target->generation = target->entry->generation;
	target->is_final = TRIGGER_FOR_BEFORE(trigger->tgtype) && is_final(relation, layout, trigger);
	target->values = make_row(layout->ncolumns, &target->nulls, &target->attnos);
	for (int i = 0; i < layout->ncolumns; i++)
	{
		target->attnos[i] = find_attno(target->entry, relation, &layout->columns[i]);
		target->highest = Max(target->highest, target->attnos[i]);
	}
}

/* target_of returns the trigger's target, up to date. */
static Target *
target_of(FunctionCallInfo fcinfo, const TriggerData *data)
{
	Target	   *target = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (target != NULL && target->entry != NULL && target->entry->valid &&
		target->generation == target->entry->generation)
		return target;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (target == NULL)
	{
		target = palloc0(sizeof(Target));
		target->dataset_id = pg_strtoint32(data->tg_trigger->tgargs[0]);
		fcinfo->flinfo->fn_extra = target;
		AcceptInvalidationMessages();
	}
	aim(target, data->tg_relation, data->tg_trigger);
	MemoryContextSwitchTo(caller);
	return target;
}

/* require_trigger refuses calls that are not one of our triggers. */
static const TriggerData *
require_trigger(FunctionCallInfo fcinfo, const char *function, bool before)
{
	const TriggerData *data = (const TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		TRIGGER_FIRED_BEFORE(data->tg_event) != before ||
		(!before && TRIGGER_FIRED_BY_DELETE(data->tg_event)) ||
		data->tg_trigger->tgnargs < 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function contract.%s() is for the triggers that the rule functions make", function)));
	return data;
}

/*
 * report_unknown deals with a trigger whose dataset this database does not
 * know (half a restore) or that sits on a foreign relation: one that refuses
 * rows fails closed, any other warns once a session.
 */
static void
report_unknown(const TriggerData *data)
{
	static bool warned = false;
	const char *relation = RelationGetRelationName(data->tg_relation);
	bool		refuse = strcmp(data->tg_trigger->tgargs[1], "reject") == 0;

	if (!refuse && warned)
		return;
	warned = true;
	ereport(refuse ? ERROR : WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("trigger \"%s\" of \"%s\" belongs to a contract that is not in this database",
					data->tg_trigger->tgname, relation),
			 errhint("Restore the data of extension pg_contract, or drop the trigger.")));
}

/* gather brings a row into the layout's order; a missing column is null. */
static void
gather(Target *target, TupleTableSlot *slot)
{
	int			ncolumns = target->entry->program->layout.ncolumns;

	slot_getsomeattrs(slot, target->highest);
	for (int i = 0; i < ncolumns; i++)
	{
		AttrNumber	attno = target->attnos[i];

		target->nulls[i] = attno == InvalidAttrNumber || slot->tts_isnull[attno - 1];
		target->values[i] = target->nulls[i] ? (Datum) 0 : slot->tts_values[attno - 1];
	}
}

/* column_changed: does the column differ between two rows of a relation? */
static bool
column_changed(AttrNumber attno, TupleTableSlot *old, TupleTableSlot *new)
{
	Form_pg_attribute attribute;

	if (attno == InvalidAttrNumber)
		return false;
	slot_getsomeattrs(old, attno);
	slot_getsomeattrs(new, attno);
	attribute = TupleDescAttr(new->tts_tupleDescriptor, attno - 1);
	if (old->tts_isnull[attno - 1] || new->tts_isnull[attno - 1])
		return old->tts_isnull[attno - 1] != new->tts_isnull[attno - 1];
	return !datum_image_eq(old->tts_values[attno - 1], new->tts_values[attno - 1],
						   attribute->attbyval, attribute->attlen);
}

/* touches: did the update change a column of the rule or its filter? */
static bool
touches(const Target *target, const PgcRule *rule, TupleTableSlot *old, TupleTableSlot *new)
{
	int			column = -1;

	while ((column = bms_next_member(rule->uses, column)) >= 0)
	{
		if (column_changed(target->attnos[column], old, new))
			return true;
	}
	return false;
}

/*
 * judge returns whether the event's row passes.  The verdict keeps only rules
 * that count: those that an UPDATE touches, and before the write those that do
 * not need generated columns.
 */
static bool
judge(Target *target, const TriggerData *data, TupleTableSlot *row)
{
	PgcProgram *program = target->entry->program;
	PgcVerdict *verdict = target->entry->verdict;
	bool		update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	bool		before = TRIGGER_FIRED_BEFORE(data->tg_event);
	int			kept = 0;

	gather(target, row);
	if (pgc_program_run(program, target->values, target->nulls, PGC_ERRORS_CATCH_WARN, verdict))
		return true;
	for (int i = 0; i < verdict->nfailed; i++)
	{
		int			index = verdict->failed[i];
		const PgcRule *rule = &program->rules[index];

		if ((before && pgc_rule_uses_generated(&program->layout, rule)) ||
			(update && !touches(target, rule, data->tg_trigslot, row)))
			verdict->errors[index] = NULL;
		else
			verdict->failed[kept++] = index;
	}
	verdict->nfailed = kept;
	return kept == 0;
}

/* writer_of returns how rows of the trigger's relation are written down. */
static PgcWriter *
writer_of(FunctionCallInfo fcinfo, Target *target, Relation relation)
{
	if (target->writer == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		target->writer = pgc_writer_make(RelationGetDescr(relation), relation,
										 target->entry->contract->pii);
		MemoryContextSwitchTo(caller);
	}
	return target->writer;
}

/* failure_of describes the row that was just judged, for recording. */
static PgcFailure
failure_of(FunctionCallInfo fcinfo, Target *target, const TriggerData *data,
		   TupleTableSlot *row, PgcAction taken)
{
	PgcFailure	failure;

	slot_getallattrs(row);
	failure.entry = target->entry;
	failure.verdict = target->entry->verdict;
	failure.layout_values = target->values;
	failure.layout_nulls = target->nulls;
	failure.writer = writer_of(fcinfo, target, data->tg_relation);
	failure.values = row->tts_values;
	failure.nulls = row->tts_isnull;
	failure.tid = TRIGGER_FIRED_AFTER(data->tg_event) &&
		data->tg_relation->rd_rel->relkind == RELKIND_RELATION ? &row->tts_tid : NULL;
	failure.is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	failure.taken = taken;
	return failure;
}

/* pgc_record is contract.record(), the AFTER trigger. */
Datum
pgc_record(PG_FUNCTION_ARGS)
{
	const TriggerData *data = require_trigger(fcinfo, "record", false);
	Target	   *target = target_of(fcinfo, data);
	TupleTableSlot *row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newslot : data->tg_trigslot;
	PgcFailure	failure;

	if (target->entry == NULL)
		report_unknown(data);
	else if (!judge(target, data, row))
	{
		failure = failure_of(fcinfo, target, data, row, PGC_WARN);
		if (strongest(target->entry, target->entry->verdict) >= PGC_QUARANTINE)
			pgc_report_reject(&failure, RelationGetRelid(data->tg_relation), false);
		pgc_recording_note(&failure);
	}
	return PointerGetDatum(NULL);
}

/* note_update remembers a row that an UPDATE may be about to move. */
static void
note_update(const TriggerData *data)
{
	moving.relid = RelationGetRelid(data->tg_relation);
	moving.tid = data->tg_trigtuple->t_self;
	moving.subtransaction = GetCurrentSubTransactionId();
	moving.deleted = false;
}

/* is_insert_half follows the deletes and inserts; true for the INSERT half of a move. */
static bool
is_insert_half(const TriggerData *data)
{
	Oid			relid = RelationGetRelid(data->tg_relation);
	bool		insert_half;

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
	{
		moving.deleted = moving.relid == relid &&
			ItemPointerEquals(&moving.tid, &data->tg_trigtuple->t_self);
		return false;
	}
	insert_half = moving.deleted && OidIsValid(moving.relid) && moving.relid != relid;
	moving.deleted = false;
	return insert_half;
}

/* changed_columns returns the columns that an UPDATE changed, as a name[]. */
static Datum
changed_columns(const TriggerData *data)
{
	TupleDesc	descriptor = RelationGetDescr(data->tg_relation);
	List	   *names = NIL;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && !attribute->attgenerated &&
			column_changed(i + 1, data->tg_trigslot, data->tg_newslot))
			names = lappend(names, NameStr(attribute->attname));
	}
	return pgc_name_array(names);
}

/* divert_row puts the judged row into quarantine. */
static void
divert_row(FunctionCallInfo fcinfo, Target *target, const TriggerData *data, TupleTableSlot *row)
{
	PgcFailure	failure = failure_of(fcinfo, target, data, row, PGC_QUARANTINE);
	bool		update = failure.is_update;
	TupleTableSlot *old = update ? data->tg_trigslot : row;
	Jsonb	   *key;

	slot_getallattrs(old);
	key = pgc_evidence_key(failure.writer, old->tts_values, old->tts_isnull,
						   update ? &old->tts_tid : NULL, false);
	pgc_recording_note(&failure);
	pgc_recording_quarantine(&failure, key, update ? changed_columns(data) : (Datum) 0);
}

/* note_passed lets conforms() pass the row that comes next. */
static void
note_passed(const PgcEntry *entry)
{
	passed.entry = entry;
	passed.generation = entry->generation;
	passed.command = GetCurrentCommandId(false);
	passed.subtransaction = GetCurrentSubTransactionId();
}

/* pgc_divert is contract.divert(), the BEFORE trigger. */
Datum
pgc_divert(PG_FUNCTION_ARGS)
{
	const TriggerData *data = require_trigger(fcinfo, "divert", true);
	bool		update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	bool		insert_half = !update && is_insert_half(data);
	TupleTableSlot *row = update ? data->tg_newslot : data->tg_trigslot;
	HeapTuple	result = update ? data->tg_newtuple : data->tg_trigtuple;
	Target	   *target;
	PgcAction	action;

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		return PointerGetDatum(result);
	target = target_of(fcinfo, data);
	passed.entry = NULL;
	if (target->entry == NULL)
		report_unknown(data);
	else if (judge(target, data, row))
	{
		if (target->is_final && !update)
			note_passed(target->entry);
	}
	else
	{
		action = strongest(target->entry, target->entry->verdict);
		if (action == PGC_REJECT || (action == PGC_QUARANTINE && insert_half))
		{
			PgcFailure	failure = failure_of(fcinfo, target, data, row, PGC_REJECT);

			pgc_report_reject(&failure, RelationGetRelid(data->tg_relation), insert_half);
		}
		if (action == PGC_QUARANTINE)
		{
			divert_row(fcinfo, target, data, row);
			result = NULL;
		}
	}
	if (update)
	{
		moving.relid = InvalidOid;
		if (result != NULL)
			note_update(data);
	}
	return PointerGetDatum(result);
}
