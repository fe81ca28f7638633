/*
 * src/lineage/walk/picture.c
 *		contract.lineage_dot and contract.lineage_mermaid: lineage around a column, a relation, or all of it.
 *
 * What users named is only ever in labels, escaped; everything else is numbered: t1 is
 * a table, c2 its second column, c0 its rows.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "funcapi.h"
#include "lineage/walk/graph.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_lineage_dot);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_lineage_mermaid);

/* A vertex that is drawn. */
typedef struct Cell
{
	const PgcVertex *vertex;
	int			index;			/* of the vertex */
	int			table;			/* number, from 1 */
	int			number;			/* in its table, from 1; 0: all rows */
} Cell;

typedef struct Picture
{
	PgcWalk    *walk;
	int			ncells;
	Cell	   *cells;			/* table by table */
	int		   *cell_of;		/* vertex -> index into cells, or -1 */
	StringInfoData out;
} Picture;

/* compare_texts orders what may be NULL. */
static int
compare_texts(const char *left, const char *right)
{
	return strcmp(left ? left : "", right ? right : "");
}

/* same_table: do two vertices belong to the same thing? */
static bool
same_table(const PgcVertex *left, const PgcVertex *right)
{
	return left->end.classid == right->end.classid && left->end.objid == right->end.objid &&
		compare_texts(left->schema, right->schema) == 0 && strcmp(left->table, right->table) == 0;
}

/* For qsort: by table, in it by column. */
static int
compare_cells(const void *a, const void *b)
{
	const PgcVertex *left = ((const Cell *) a)->vertex;
	const PgcVertex *right = ((const Cell *) b)->vertex;
	int			order = compare_texts(left->schema, right->schema);

	if (order == 0)
		order = strcmp(left->table, right->table);
	if (order == 0)
		order = (left->end.classid > right->end.classid) - (left->end.classid < right->end.classid);
	if (order == 0)
		order = (left->end.column > right->end.column) - (left->end.column < right->end.column);
	return order != 0 ? order : compare_texts(left->column, right->column);
}

/* For qsort. */
static int
compare_arcs(const void *a, const void *b)
{
	const PgcArc *left = a;
	const PgcArc *right = b;

	if (left->source != right->source)
		return left->source < right->source ? -1 : 1;
	if (left->target != right->target)
		return left->target < right->target ? -1 : 1;
	if (left->subtype != right->subtype)
		return left->subtype < right->subtype ? -1 : 1;
	return left->masking - right->masking;
}

/* walk_around goes both ways from where the arguments of an SQL function say, or everywhere. */
static PgcWalk *
walk_around(FunctionCallInfo fcinfo)
{
	PgcWalk    *walk = pgc_walk_begin(true);
	int			depth = PG_ARGISNULL(2) ? INT_MAX : pgc_walk_depth(PG_GETARG_INT32(2));
	Oid			relid;
	AttrNumber	column;

	if (PG_ARGISNULL(0))
	{
		pgc_walk_start_everywhere(walk);
		pgc_walk_run(walk, 1);
		return walk;
	}
	relid = PG_GETARG_OID(0);
	column = pgc_walk_column(relid, PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)));
	pgc_walk_start(walk, relid, column);
	pgc_walk_run(walk, depth);
	pgc_walk_turn(walk);
	pgc_walk_start(walk, relid, column);
	pgc_walk_run(walk, depth);
	return walk;
}

/* add_cell notes a vertex that is drawn. */
static void
add_cell(Picture *picture, int vertex)
{
	Cell	   *cell;

	if (picture->cell_of[vertex] >= 0)
		return;
	picture->cell_of[vertex] = picture->ncells;
	cell = &picture->cells[picture->ncells++];
	cell->vertex = &picture->walk->vertices[vertex];
	cell->index = vertex;
}

/* number_cells puts the cells in order, and gives tables and columns their numbers. */
static void
number_cells(Picture *picture)
{
	int			table = 0;
	int			number = 0;

	qsort(picture->cells, picture->ncells, sizeof(Cell), compare_cells);
	for (int i = 0; i < picture->ncells; i++)
	{
		Cell	   *cell = &picture->cells[i];

		if (i == 0 || !same_table(cell[-1].vertex, cell->vertex))
		{
			table++;
			number = 0;
		}
		picture->cell_of[cell->index] = i;
		cell->table = table;
		cell->number = cell->vertex->column == NULL ? 0 : ++number;
	}
}

/* make_picture collects what is drawn: the ends of all arcs, and a column that was asked for. */
static Picture *
make_picture(FunctionCallInfo fcinfo)
{
	PgcWalk    *walk = walk_around(fcinfo);
	Picture    *picture = palloc0(sizeof(Picture));
	int			narcs = 0;

	picture->walk = walk;
	picture->cells = palloc(Max(walk->nvertices, 1) * sizeof(Cell));
	picture->cell_of = palloc(Max(walk->nvertices, 1) * sizeof(int));
	memset(picture->cell_of, -1, walk->nvertices * sizeof(int));
	initStringInfo(&picture->out);
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1))
		add_cell(picture, walk->visits[0].vertex);
	for (int i = 0; i < walk->narcs; i++)
	{
		add_cell(picture, walk->arcs[i].source);
		add_cell(picture, walk->arcs[i].target);
	}
	number_cells(picture);
	for (int i = 0; i < walk->narcs; i++)
	{
		walk->arcs[i].source = picture->cell_of[walk->arcs[i].source];
		walk->arcs[i].target = picture->cell_of[walk->arcs[i].target];
	}
	qsort(walk->arcs, walk->narcs, sizeof(PgcArc), compare_arcs);

	/*
	 * the same one, also with masking, is drawn once: that without is the
	 * first
	 */
	for (int i = 0; i < walk->narcs; i++)
	{
		const PgcArc *last = narcs > 0 ? &walk->arcs[narcs - 1] : NULL;

		if (last == NULL || last->source != walk->arcs[i].source || last->target != walk->arcs[i].target ||
			last->subtype != walk->arcs[i].subtype)
			walk->arcs[narcs++] = walk->arcs[i];
	}
	walk->narcs = narcs;
	return picture;
}

/* starts_table: does another table begin with this cell? */
static bool
starts_table(const Picture *picture, int cell)
{
	return cell == 0 || picture->cells[cell - 1].table != picture->cells[cell].table;
}

/* ends_table: does the table end with this cell? */
static bool
ends_table(const Picture *picture, int cell)
{
	return cell == picture->ncells - 1 || starts_table(picture, cell + 1);
}

/* table_name returns schema.table as it is, without quotes. */
static char *
table_name(const PgcVertex *vertex)
{
	return vertex->schema ? psprintf("%s.%s", vertex->schema, vertex->table) : vertex->table;
}

/* arc_label returns what an arc says, or NULL: the value as it is. */
static char *
arc_label(const PgcArc *arc)
{
	if (arc->subtype == PGC_IDENTITY && !arc->masking)
		return NULL;
	return psprintf("%s%s", pgc_subtype_name(arc->subtype), arc->masking ? ", masking" : "");
}

/* add_escaped adds a label: control characters become blanks, and format says how those that mean something are written. */
static void
add_escaped(StringInfo out, const char *label, const char *special, const char *format)
{
	for (const char *c = label; *c != '\0'; c += pg_mblen(c))
	{
		if ((unsigned char) *c < ' ' || *c == '\177')
			appendStringInfoChar(out, ' ');
		else if (strchr(special, *c) != NULL)
			appendStringInfo(out, format, *c);
		else
			appendBinaryStringInfo(out, c, pg_mblen(c));
	}
}

/* add_html adds a label for graphviz. */
static void
add_html(StringInfo out, const char *label)
{
	add_escaped(out, label, "&<>\"", "&#%d;");
}

/* dot_cells draws the tables for graphviz. */
static void
dot_cells(Picture *picture)
{
	StringInfo	out = &picture->out;

	for (int i = 0; i < picture->ncells; i++)
	{
		const Cell *cell = &picture->cells[i];

		if (starts_table(picture, i))
		{
			appendStringInfo(out, "\tt%d [label=<<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"0\" CELLPADDING=\"4\">"
							 "<TR><TD PORT=\"c0\" BGCOLOR=\"#e0e0e0\"><B>", cell->table);
			add_html(out, table_name(cell->vertex));
			appendStringInfoString(out, "</B></TD></TR>");
		}
		if (cell->number > 0)
		{
			appendStringInfo(out, "<TR><TD PORT=\"c%d\" ALIGN=\"LEFT\">", cell->number);
			add_html(out, cell->vertex->column);
			appendStringInfoString(out, "</TD></TR>");
		}
		if (ends_table(picture, i))
			appendStringInfoString(out, "</TABLE>>];\n");
	}
}

/* dot_arcs draws the arcs for graphviz. */
static void
dot_arcs(Picture *picture)
{
	for (int i = 0; i < picture->walk->narcs; i++)
	{
		const PgcArc *arc = &picture->walk->arcs[i];
		const Cell *source = &picture->cells[arc->source];
		const Cell *target = &picture->cells[arc->target];
		const char *label = arc_label(arc);

		appendStringInfo(&picture->out, "\tt%d:c%d -> t%d:c%d", source->table, source->number, target->table, target->number);
		if (label != NULL)
			appendStringInfo(&picture->out, " [label=\"%s\"%s]", label,
							 PGC_IS_DIRECT(arc->subtype) ? "" : ", style=dashed, color=\"#808080\"");
		appendStringInfoString(&picture->out, ";\n");
	}
}

/* pgc_lineage_dot is contract.lineage_dot. */
Datum
pgc_lineage_dot(PG_FUNCTION_ARGS)
{
	Picture    *picture = make_picture(fcinfo);

	appendStringInfoString(&picture->out, "digraph lineage {\n"
						   "\trankdir=LR;\n"
						   "\tnode [shape=plaintext, fontname=\"sans-serif\", fontsize=11];\n"
						   "\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	dot_cells(picture);
	dot_arcs(picture);
	appendStringInfoString(&picture->out, "}\n");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(picture->out.data, picture->out.len));
}

/* add_entities adds a label for Mermaid, which has a syntax of its own for what HTML calls character references. */
static void
add_entities(StringInfo out, const char *label)
{
	add_escaped(out, label, "\"#&;:<>`\\*%", "#%d;");
}

/* mermaid_cells draws the tables for Mermaid. */
static void
mermaid_cells(Picture *picture)
{
	StringInfo	out = &picture->out;

	for (int i = 0; i < picture->ncells; i++)
	{
		const Cell *cell = &picture->cells[i];

		if (starts_table(picture, i))
		{
			appendStringInfo(out, "\tsubgraph t%d[\"", cell->table);
			add_entities(out, table_name(cell->vertex));
			appendStringInfoString(out, "\"]\n");
		}
		appendStringInfo(out, "\t\tt%dc%d%s\"", cell->table, cell->number, cell->number > 0 ? "[" : "([");
		add_entities(out, cell->number > 0 ? cell->vertex->column : "all rows");
		appendStringInfo(out, "\"%s\n", cell->number > 0 ? "]" : "])");
		if (ends_table(picture, i))
			appendStringInfoString(out, "\tend\n");
	}
}

/* mermaid_arcs draws the arcs for Mermaid. */
static void
mermaid_arcs(Picture *picture)
{
	for (int i = 0; i < picture->walk->narcs; i++)
	{
		const PgcArc *arc = &picture->walk->arcs[i];
		const Cell *source = &picture->cells[arc->source];
		const Cell *target = &picture->cells[arc->target];
		const char *label = arc_label(arc);

		appendStringInfo(&picture->out, "\tt%dc%d %s", source->table, source->number,
						 PGC_IS_DIRECT(arc->subtype) ? "-->" : "-.->");
		if (label != NULL)
			appendStringInfo(&picture->out, "|\"%s\"|", label);
		appendStringInfo(&picture->out, " t%dc%d\n", target->table, target->number);
	}
}

/* pgc_lineage_mermaid is contract.lineage_mermaid. */
Datum
pgc_lineage_mermaid(PG_FUNCTION_ARGS)
{
	Picture    *picture = make_picture(fcinfo);

	appendStringInfoString(&picture->out, "flowchart LR\n");
	mermaid_cells(picture);
	mermaid_arcs(picture);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(picture->out.data, picture->out.len));
}
