/*
 * src/lineage/extract/flow.c
 *		Flows: what a value comes from, column by column.
 *
 * While it is made a flow is a list that anything is appended to; it is sorted
 * and merged when it is finished, or when it outgrows its room.  Nothing here
 * knows queries.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "common/hashfn.h"
#include "lineage/extract/extract.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* pgc_flow_make returns an empty flow in the current context. */
PgcFlow *
pgc_flow_make(void)
{
	PgcFlow    *flow = palloc0(sizeof(PgcFlow));

	flow->recursion = PGC_NO_RECURSION;
	return flow;
}

static int
source_compare(const void *a, const void *b)
{
	return ((const PgcFlowItem *) a)->column - ((const PgcFlowItem *) b)->column;
}

/* effect_merge adds other ways between the same two. */
static void
effect_merge(PgcEffect *into, const PgcEffect *from)
{
	into->direct = Max(into->direct, from->direct);
	into->indirect |= from->indirect;
	into->open |= from->open;
	into->nullable |= from->nullable;
}

/* flow_compact sorts what was appended and merges what is there twice. */
static void
flow_compact(PgcFlow *flow)
{
	int			n = 0;

	if (flow->nsources < 2)
		return;
	qsort(flow->sources, flow->nsources, sizeof(PgcFlowItem), source_compare);
	for (int i = 1; i < flow->nsources; i++)
	{
		PgcFlowItem *last = &flow->sources[n];

		if (flow->sources[i].column != last->column)
			flow->sources[++n] = flow->sources[i];
		else
		{
			for (int hop = 0; hop < PGC_HOPS; hop++)
				effect_merge(&last->effects[hop], &flow->sources[i].effects[hop]);
		}
	}
	flow->nsources = n + 1;
}

/* flow_append makes room for one more source, which is zero. */
static PgcFlowItem *
flow_append(PgcFlow *flow)
{
	if (flow->nsources == flow->capacity)
	{
		flow_compact(flow);
		if (flow->nsources > flow->capacity / 2 || flow->capacity == 0)
		{
			flow->capacity = Max(4, flow->capacity * 2);
			flow->sources = flow->sources == NULL ?
				palloc(flow->capacity * sizeof(PgcFlowItem)) :
				repalloc_huge(flow->sources, flow->capacity * sizeof(PgcFlowItem));
		}
	}
	memset(&flow->sources[flow->nsources], 0, sizeof(PgcFlowItem));
	return &flow->sources[flow->nsources++];
}

/* effect_pass is what an effect becomes when its result is used so. */
static PgcEffect
effect_pass(PgcEffect effect, PgcHow how)
{
	if (PGC_IS_DIRECT(how.subtype))
	{
		if (effect.direct > 0)
			effect.direct = Max(effect.direct, how.subtype + 1);
		effect.open &= !how.masking;
		return effect;
	}
	if (effect.direct > 0 || effect.indirect != 0)
	{
		memset(&effect, 0, sizeof(effect));
		effect.indirect = 1 << (how.subtype - PGC_JOIN);
	}
	return effect;
}

/* pgc_flow_add: a value, used so, takes part in another. */
void
pgc_flow_add(PgcFlow *into, const PgcFlow *from, PgcHow how)
{
	for (int i = 0; i < from->nsources; i++)
	{
		PgcFlowItem *source = flow_append(into);

		source->column = from->sources[i].column;
		for (int hop = 0; hop < PGC_HOPS; hop++)
			source->effects[hop] = effect_pass(from->sources[i].effects[hop], how);
	}
}

/* pgc_flow_add_base adds what is seen when views are looked through. */
void
pgc_flow_add_base(PgcFlow *into, const PgcFlow *from)
{
	for (int i = 0; i < from->nsources; i++)
	{
		PgcEffect	effect = from->sources[i].effects[PGC_HOP_BASE];
		PgcFlowItem *source;

		if (effect.direct == 0 && effect.indirect == 0)
			continue;
		source = flow_append(into);
		source->column = from->sources[i].column;
		source->effects[PGC_HOP_BASE] = effect;
	}
}

/* pgc_flow_set_nullable: whatever it comes from, a null may or cannot arrive. */
void
pgc_flow_set_nullable(PgcFlow *flow, bool nullable)
{
	for (int i = 0; i < flow->nsources; i++)
	{
		for (int hop = 0; hop < PGC_HOPS; hop++)
			flow->sources[i].effects[hop].nullable = nullable && flow->sources[i].effects[hop].direct > 0;
	}
}

/* pgc_flow_finish: nothing will be added any more. */
void
pgc_flow_finish(PgcFlow *flow)
{
	flow_compact(flow);
}

/* pgc_flow_free: nobody looks at the flow any more. */
void
pgc_flow_free(PgcFlow *flow)
{
	if (flow->sources != NULL)
		pfree(flow->sources);
	pfree(flow);
}

/* pgc_flow_equal: do two finished flows come from the same in the same ways? */
bool
pgc_flow_equal(const PgcFlow *a, const PgcFlow *b)
{
	return a->nullable == b->nullable && a->nsources == b->nsources &&
		(a->nsources == 0 || memcmp(a->sources, b->sources, a->nsources * sizeof(PgcFlowItem)) == 0);
}

/* column_number adds a column to those that the extraction knows. */
static void
column_number(PgcExtract *extract, PgcLeaf *column)
{
	if (extract->ncolumns == extract->capacity)
	{
		extract->capacity = Max(16, extract->capacity * 2);
		extract->columns = extract->columns == NULL ?
			palloc(extract->capacity * sizeof(PgcLeaf *)) :
			repalloc(extract->columns, extract->capacity * sizeof(PgcLeaf *));
	}
	column->number = extract->ncolumns;
	extract->columns[extract->ncolumns++] = column;
}

/* hash_name adds a name, or NULL, to a hash. */
static uint64
hash_name(const char *name, uint64 seed)
{
	return name == NULL ? seed : hash_bytes_extended((const unsigned char *) name, strlen(name), seed);
}

/* hash_relation hashes a relation's name.  Temporary ones are all alike: each session has its own, which may be called anything. */
static uint64
hash_relation(Oid relid)
{
	Oid			schema = get_rel_namespace(relid);

	return isAnyTempNamespace(schema) ? 0 :
		hash_name(get_rel_name(relid), hash_name(get_namespace_name(schema), 0));
}

/* column_describe sets the flow of a column: itself, called by its name. */
static void
column_describe(PgcLeaf *column)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(column->relid), Int16GetDatum(column->attnum));
	PgcEffect	effect = {.direct = PGC_IDENTITY + 1,.open = true,.nullable = true};
	uint64		hash = hash_relation(column->relid);

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute attribute = (Form_pg_attribute) GETSTRUCT(tuple);

		hash = hash_name(NameStr(attribute->attname), hash);
		effect.nullable = !attribute->attnotnull;
		ReleaseSysCache(tuple);
	}
	column->source.column = column->number;
	column->source.effects[PGC_HOP_IMMEDIATE] = effect;
	column->source.effects[PGC_HOP_BASE] = effect;
	column->flow.nsources = 1;
	column->flow.sources = &column->source;
	column->flow.expression = column->flow.shape = hash;
	column->flow.nullable = effect.nullable;
	column->flow.recursion = PGC_NO_RECURSION;
}

typedef struct ColumnKey
{
	Oid			relid;
	int32		attnum;
} ColumnKey;

typedef struct ColumnEntry
{
	ColumnKey	key;
	PgcLeaf    *column;
} ColumnEntry;

static PgcLeaf *
column_of(PgcExtract *extract, Oid relid, AttrNumber attnum)
{
	ColumnKey	key = {relid, attnum};
	ColumnEntry *entry;
	bool		found;

	if (extract->column_hash == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(ColumnKey),.entrysize = sizeof(ColumnEntry),.hcxt = CurrentMemoryContext};

		extract->column_hash = hash_create("pg_contract lineage columns", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(extract->column_hash, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->column = palloc0(sizeof(PgcLeaf));
		entry->column->relid = relid;
		entry->column->attnum = attnum;
		entry->column->node = -1;
		column_number(extract, entry->column);
		column_describe(entry->column);
	}
	return entry->column;
}

/* pgc_column_flow is the flow of a column of a table. */
const PgcFlow *
pgc_column_flow(PgcExtract *extract, Oid relid, AttrNumber attnum)
{
	return &column_of(extract, relid, attnum)->flow;
}

/*
 * pgc_flow_add_view adds a column of a view: immediately itself; with views looked
 * through, what it is made of.
 */
void
pgc_flow_add_view(PgcExtract *extract, PgcFlow *into, Oid relid, AttrNumber attnum, const PgcFlow *inner)
{
	PgcLeaf    *column = column_of(extract, relid, attnum);
	PgcFlowItem *source = flow_append(into);

	*source = column->source;
	source->effects[PGC_HOP_IMMEDIATE].nullable = inner->nullable;
	memset(&source->effects[PGC_HOP_BASE], 0, sizeof(PgcEffect));
	pgc_flow_add_base(into, inner);
}
