/*
 * src/catalog/value.c
 *		Lineage as values: order, copies, digests, bytes.
 *
 * Looks into no catalog: the same value gives the same result in every process.
 */
#include "postgres.h"

#include "catalog/lineage.h"
#include "common/hashfn.h"
#include "compat.h"
#include "lib/stringinfo.h"

/* Bytes being read. */
typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

/* pgc_subtype_name returns the word for a subtype, as in our tables. */
const char *
pgc_subtype_name(PgcSubtype subtype)
{
	static const char *const names[] = {
		"identity", "transformation", "aggregation", "join", "filter", "group_by", "sort", "window", "conditional"
	};

	return names[subtype];
}

/* order compares two numbers. */
static int
order(int64 a, int64 b)
{
	return (a > b) - (a < b);
}

/* order_texts compares two texts by bytes; NULL is the least. */
static int
order_texts(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return order(a != NULL, b != NULL);
	return strcmp(a, b);
}

/* order_nodes compares two nodes for qsort_arg; arg is the array that they are indexes into. */
static int
order_nodes(const void *left, const void *right, void *arg)
{
	const PgcLineageNode *nodes = arg;
	const PgcLineageNode *a = &nodes[*(const int *) left];
	const PgcLineageNode *b = &nodes[*(const int *) right];
	int			result = order(a->place, b->place);

	if (result == 0)
		result = order(a->oid, b->oid);
	if (result == 0)
		result = order_texts(a->schema, b->schema);
	if (result == 0)
		result = order_texts(a->name, b->name);
	return result != 0 ? result : order(*(const int *) left, *(const int *) right);
}

/* sort_nodes sorts the nodes, and has the edges follow. */
static void
sort_nodes(PgcLineage *lineage)
{
	int		   *indexes = palloc(lineage->nnodes * sizeof(int));
	int		   *places = palloc(lineage->nnodes * sizeof(int));
	PgcLineageNode *nodes = palloc(lineage->nnodes * sizeof(PgcLineageNode));

	for (int i = 0; i < lineage->nnodes; i++)
		indexes[i] = i;
	qsort_arg(indexes, lineage->nnodes, sizeof(int), order_nodes, lineage->nodes);
	for (int i = 0; i < lineage->nnodes; i++)
	{
		nodes[i] = lineage->nodes[indexes[i]];
		places[indexes[i]] = i;
	}
	memcpy(lineage->nodes, nodes, lineage->nnodes * sizeof(PgcLineageNode));
	for (int i = 0; i < lineage->nedges; i++)
	{
		lineage->edges[i].source = places[lineage->edges[i].source];
		lineage->edges[i].target = places[lineage->edges[i].target];
	}
	pfree(nodes);
	pfree(places);
	pfree(indexes);
}

/* order_ends compares what makes an edge distinct. */
static int
order_ends(const PgcEdge *a, const PgcEdge *b)
{
	int			result = order(a->target, b->target);

	if (result == 0)
		result = order(a->target_column, b->target_column);
	if (result == 0)
		result = order(a->source, b->source);
	if (result == 0)
		result = order(a->source_column, b->source_column);
	return result != 0 ? result : order(a->subtype, b->subtype);
}

/* order_edges compares two edges for qsort. */
static int
order_edges(const void *left, const void *right)
{
	const PgcEdge *a = left;
	const PgcEdge *b = right;
	int			result = order_ends(a, b);

	if (result == 0)
		result = a->shape < b->shape ? -1 : a->shape > b->shape;
	if (result == 0)
		result = a->expression < b->expression ? -1 : a->expression > b->expression;
	return result;
}

/* add_arm adds to an edge what another one of the same ends and subtype says. */
static void
add_arm(PgcEdge *edge, const PgcEdge *other)
{
	edge->hops |= other->hops;
	edge->masking &= other->masking;
	edge->nullable |= other->nullable;
	if (edge->shape != other->shape)
		edge->shape = hash_combine64(edge->shape, other->shape);
	if (edge->expression != other->expression)
		edge->expression = hash_combine64(edge->expression, other->expression);
}

/*
 * pgc_lineage_sort puts a lineage into the one form in which equal ones are alike.  Nodes
 * get other indexes; edges with the same ends and subtype become one.
 */
void
pgc_lineage_sort(PgcLineage *lineage)
{
	int			n = 0;

	sort_nodes(lineage);
	if (lineage->nedges == 0)
		return;
	qsort(lineage->edges, lineage->nedges, sizeof(PgcEdge), order_edges);
	for (int i = 1; i < lineage->nedges; i++)
	{
		if (order_ends(&lineage->edges[n], &lineage->edges[i]) == 0)
			add_arm(&lineage->edges[n], &lineage->edges[i]);
		else
			lineage->edges[++n] = lineage->edges[i];
	}
	lineage->nedges = n + 1;
}

/* copy_text copies a text that may be NULL. */
static char *
copy_text(const char *value)
{
	return value ? pstrdup(value) : NULL;
}

/* pgc_lineage_copy copies a lineage, with all that it points to, into the current context. */
PgcLineage *
pgc_lineage_copy(const PgcLineage *lineage)
{
	PgcLineage *copy = palloc(sizeof(PgcLineage));

	*copy = *lineage;
	copy->operation = copy_text(lineage->operation);
	copy->unresolved = copy_text(lineage->unresolved);
	copy->edges = palloc(lineage->nedges * sizeof(PgcEdge));
	memcpy(copy->edges, lineage->edges, lineage->nedges * sizeof(PgcEdge));
	copy->nodes = palloc(lineage->nnodes * sizeof(PgcLineageNode));
	for (int i = 0; i < lineage->nnodes; i++)
	{
		PgcLineageNode *node = &copy->nodes[i];

		*node = lineage->nodes[i];
		node->schema = copy_text(node->schema);
		node->name = copy_text(node->name);
		node->columns = palloc(node->ncolumns * sizeof(char *));
		for (int j = 0; j < node->ncolumns; j++)
			node->columns[j] = copy_text(lineage->nodes[i].columns[j]);
	}
	return copy;
}

/* pgc_digest_add makes the digest one of what it was of and of these bytes. */
void
pgc_digest_add(PgcDigest *digest, const void *bytes, Size length)
{
	digest->high = hash_bytes_extended(bytes, length, digest->high);
	digest->low = hash_bytes_extended(bytes, length, ~digest->low);
}

/* pgc_digest_add_text does so for a text, or NULL. */
void
pgc_digest_add_text(PgcDigest *digest, const char *value)
{
	pgc_digest_add(digest, value ? value : "", value ? strlen(value) + 1 : 0);
}

/*
 * pgc_statement_digest fills what tells a statement from others in this database for now: by OIDs,
 * without names, constants, and what changes from one execution to the next.
 */
void
pgc_statement_digest(const PgcStatement *statement, PgcDigest *digest)
{
	const PgcLineage *lineage = statement->lineage;
	const Oid	who[] = {statement->routine, statement->role};

	*digest = (PgcDigest)
	{
		lineage->nnodes, lineage->nedges
	};
	pgc_digest_add(digest, who, sizeof(who));
	pgc_digest_add_text(digest, lineage->operation);
	pgc_digest_add_text(digest, lineage->unresolved);
	for (int i = 0; i < lineage->nnodes; i++)
	{
		const PgcLineageNode *node = &lineage->nodes[i];
		const uint32 what[] = {node->place, node->oid};

		pgc_digest_add(digest, what, sizeof(what));
		if (!OidIsValid(node->oid))
			pgc_digest_add_text(digest, node->name);
	}
	for (int i = 0; i < lineage->nedges; i++)
	{
		const PgcEdge *edge = &lineage->edges[i];
		const uint64 what[] = {
			(uint64) (uint16) edge->source << 48 | (uint64) (uint16) edge->target << 32 |
			(uint32) (uint16) edge->source_column << 16 | (uint16) edge->target_column,
			edge->subtype << 16 | edge->hops << 8 | edge->masking << 1 | edge->nullable,
			edge->shape
		};

		pgc_digest_add(digest, what, sizeof(what));
	}
}

/* put appends the bytes of a value. */
#define put(buffer, value) appendBinaryStringInfo(buffer, (const char *) &(value), sizeof(value))

/* put_text appends a text, or NULL. */
static void
put_text(StringInfo buffer, const char *value)
{
	int32		length = value ? (int32) strlen(value) : -1;

	put(buffer, length);
	if (value)
		appendBinaryStringInfo(buffer, value, length);
}

/* put_node appends a node, and of its columns those that have a name. */
static void
put_node(StringInfo buffer, const PgcLineageNode *node)
{
	uint8		place = node->place;
	int16		last = -1;

	put(buffer, place);
	put(buffer, node->oid);
	put(buffer, node->temporary);
	put_text(buffer, node->schema);
	put_text(buffer, node->name);
	put(buffer, node->ncolumns);
	for (int i = 0; i < node->ncolumns; i++)
	{
		int16		column = i;

		if (node->columns[i] == NULL)
			continue;
		put(buffer, column);
		put_text(buffer, node->columns[i]);
	}
	put(buffer, last);
}

/* put_edge appends an edge. */
static void
put_edge(StringInfo buffer, const PgcEdge *edge)
{
	put(buffer, edge->source);
	put(buffer, edge->target);
	put(buffer, edge->source_column);
	put(buffer, edge->target_column);
	put(buffer, edge->subtype);
	put(buffer, edge->hops);
	put(buffer, edge->masking);
	put(buffer, edge->nullable);
	put(buffer, edge->expression);
	put(buffer, edge->shape);
}

/* pgc_statement_serialize packs a statement with its lineage (palloc'd), for this server. */
bytea *
pgc_statement_serialize(const PgcStatement *statement)
{
	const PgcLineage *lineage = statement->lineage;
	StringInfoData buffer;

	initStringInfo(&buffer);
	appendStringInfoSpaces(&buffer, VARHDRSZ);
	put_text(&buffer, lineage->operation);
	put(&buffer, lineage->nnodes);
	for (int i = 0; i < lineage->nnodes; i++)
		put_node(&buffer, &lineage->nodes[i]);
	put(&buffer, lineage->nedges);
	for (int i = 0; i < lineage->nedges; i++)
		put_edge(&buffer, &lineage->edges[i]);
	put_text(&buffer, lineage->unresolved);
	put(&buffer, statement->query_id);
	put_text(&buffer, statement->text);
	put(&buffer, statement->routine);
	put(&buffer, statement->role);
	put_text(&buffer, statement->application);
	put(&buffer, statement->first);
	put(&buffer, statement->last);
	put(&buffer, statement->executions);
	put(&buffer, statement->rows);
	SET_VARSIZE(buffer.data, buffer.len);
	return (bytea *) buffer.data;
}

/* take returns so many bytes; raises an error if there are not as many. */
static const char *
take(Reader *reader, Size length)
{
	const char *at = reader->at;

	if (length > (Size) (reader->end - at))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("packed lineage is damaged")));
	reader->at += length;
	return at;
}

/* get fills a value. */
#define get(reader, value) memcpy(&(value), take(reader, sizeof(value)), sizeof(value))

/* get_text returns a text, or NULL. */
static char *
get_text(Reader *reader)
{
	int32		length;

	get(reader, length);
	return length < 0 ? NULL : pnstrdup(take(reader, length), length);
}

/* damaged raises an error. */
static void
damaged(Reader *reader)
{
	(void) take(reader, SIZE_MAX);
}

/* get_count returns a number of things that take at least so many bytes each. */
static int
get_count(Reader *reader, Size size)
{
	int			count;

	get(reader, count);
	if (count < 0 || (Size) count > (reader->end - reader->at) / size)
		damaged(reader);
	return count;
}

/* get_node fills a node. */
static void
get_node(Reader *reader, PgcLineageNode *node)
{
	uint8		place;
	int16		column;

	get(reader, place);
	node->place = place;
	get(reader, node->oid);
	get(reader, node->temporary);
	node->schema = get_text(reader);
	node->name = get_text(reader);
	get(reader, node->ncolumns);
	if (node->ncolumns < 0 || node->ncolumns > PG_INT16_MAX)
		damaged(reader);
	node->columns = palloc0(node->ncolumns * sizeof(char *));
	for (get(reader, column); column >= 0; get(reader, column))
	{
		if (column >= node->ncolumns)
			damaged(reader);
		node->columns[column] = get_text(reader);
	}
}

/* get_edge fills an edge between so many nodes. */
static void
get_edge(Reader *reader, PgcEdge *edge, int nnodes)
{
	get(reader, edge->source);
	get(reader, edge->target);
	get(reader, edge->source_column);
	get(reader, edge->target_column);
	get(reader, edge->subtype);
	get(reader, edge->hops);
	get(reader, edge->masking);
	get(reader, edge->nullable);
	get(reader, edge->expression);
	get(reader, edge->shape);
	if (edge->source < 0 || edge->source >= nnodes || edge->target < 0 || edge->target >= nnodes ||
		edge->subtype > PGC_CONDITIONAL)
		damaged(reader);
}

/* get_lineage returns a lineage. */
static PgcLineage *
get_lineage(Reader *reader)
{
	PgcLineage *lineage = palloc(sizeof(PgcLineage));

	lineage->operation = get_text(reader);
	lineage->nnodes = get_count(reader, 1);
	lineage->nodes = palloc(lineage->nnodes * sizeof(PgcLineageNode));
	for (int i = 0; i < lineage->nnodes; i++)
		get_node(reader, &lineage->nodes[i]);
	lineage->nedges = get_count(reader, 1);
	lineage->edges = palloc(lineage->nedges * sizeof(PgcEdge));
	for (int i = 0; i < lineage->nedges; i++)
		get_edge(reader, &lineage->edges[i], lineage->nnodes);
	lineage->unresolved = get_text(reader);
	return lineage;
}

/* pgc_statement_deserialize unpacks a statement, in the current context; raises an error if it is damaged. */
PgcStatement *
pgc_statement_deserialize(const bytea *bytes)
{
	Reader		reader = {VARDATA(bytes), (const char *) bytes + VARSIZE(bytes)};
	PgcStatement *statement = palloc(sizeof(PgcStatement));

	statement->lineage = get_lineage(&reader);
	get(&reader, statement->query_id);
	statement->text = get_text(&reader);
	get(&reader, statement->routine);
	get(&reader, statement->role);
	statement->application = get_text(&reader);
	get(&reader, statement->first);
	get(&reader, statement->last);
	get(&reader, statement->executions);
	get(&reader, statement->rows);
	return statement;
}
