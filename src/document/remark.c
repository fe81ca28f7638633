/*
 * src/document/remark.c
 *		What is to be said of a document, and where in it.
 */
#include "document/document.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* Bytes of a name that a path shows: a long one would be in the path of each remark below it. */
#define SHOWN_NAME 200

/* append_path writes a path, from the root down. */
static void
append_path(StringInfo out, const PgcPath *path)
{
	if (path == NULL)
		return;
	append_path(out, path->parent);
	if (path->name == NULL)
		appendStringInfo(out, "[%d]", path->index);
	else
	{
		if (out->len > 0)
			appendStringInfoChar(out, '.');
		appendBinaryStringInfo(out, path->name, pg_mbcliplen(path->name, (int) strlen(path->name), SHOWN_NAME));
	}
}

/* packed returns what was written, in no more memory than it takes. */
static char *
packed(StringInfo written)
{
	char	   *copy = pnstrdup(written->data, written->len);

	pfree(written->data);
	return copy;
}

/* pgc_path_text returns a path as users see it (palloc'd). */
char *
pgc_path_text(const PgcPath *path)
{
	StringInfoData out;

	initStringInfo(&out);
	append_path(&out, path);
	return packed(&out);
}

/* pgc_message returns a formatted text (palloc'd). */
char *
pgc_message(const char *format, va_list arguments)
{
	StringInfoData message;
	int			needed;

	initStringInfo(&message);
	do
	{
		va_list		again;

		va_copy(again, arguments);
		needed = appendStringInfoVA(&message, format, again);
		va_end(again);
		if (needed > 0)
			enlargeStringInfo(&message, needed);
	} while (needed > 0);
	return packed(&message);
}

/*
 * pgc_remark adds a remark about a node, or NULL: about the whole document.
 * Path and message are copied.  Returns the remark, whose hint may be set.
 */
PgcRemark *
pgc_remark(PgcRemarks *remarks, PgcGravity gravity, const PgcNode *at, const char *path,
		   const char *format,...)
{
	PgcRemark  *remark = palloc0(sizeof(PgcRemark));
	va_list		arguments;

	va_start(arguments, format);
	remark->message = pgc_message(format, arguments);
	va_end(arguments);

	if (at != NULL)
	{
		remark->line = at->line;
		remark->column = at->column;
	}
	remark->gravity = gravity;
	remark->path = pstrdup(path == NULL ? "" : path);
	remarks->list = lappend(remarks->list, remark);
	if (gravity == PGC_ERROR)
		remarks->nerrors++;
	return remark;
}

/* first_error returns the error that stands first in the document, or NULL. */
static const PgcRemark *
first_error(const PgcRemarks *remarks)
{
	const PgcRemark *first = NULL;
	ListCell   *cell;

	foreach(cell, remarks->list)
	{
		const PgcRemark *remark = lfirst(cell);

		if (remark->gravity == PGC_ERROR &&
			(first == NULL || remark->line < first->line ||
			 (remark->line == first->line && remark->column < first->column)))
			first = remark;
	}
	return first;
}

/* The most errors that one error names. */
#define MAX_NAMED 10

/* name_errors says (palloc'd) where the first error is, and what else is wrong. */
static char *
name_errors(const PgcRemarks *remarks, const PgcRemark *first)
{
	StringInfoData list;
	int			named = 1;
	ListCell   *cell;

	initStringInfo(&list);
	if (first->path[0] != '\0')
		appendStringInfo(&list, "At %s.", first->path);
	foreach(cell, remarks->list)
	{
		const PgcRemark *remark = lfirst(cell);

		if (remark == first || remark->gravity != PGC_ERROR || named == MAX_NAMED)
			continue;
		named++;
		appendStringInfo(&list, "%sline %d, column %d: %s", list.len > 0 ? "\n" : "", remark->line,
						 remark->column, remark->message);
	}
	return list.data;
}

/* pgc_remarks_raise raises the first error of a document, if it has one. */
void
pgc_remarks_raise(const PgcRemarks *remarks)
{
	const PgcRemark *first = first_error(remarks);
	const char *detail;

	if (first == NULL)
		return;
	detail = name_errors(remarks, first);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 first->line > 0 ?
			 errmsg("line %d, column %d: %s", first->line, first->column, first->message) :
			 errmsg("%s", first->message),
			 detail[0] != '\0' ? errdetail_internal("%s", detail) : 0,
			 first->hint != NULL ? errhint("%s", first->hint) :
			 remarks->nerrors > 1 ? errhint("contract.lint shows this and %d more errors of the document.",
											remarks->nerrors - 1) : 0));
}
