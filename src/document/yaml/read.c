/*
 * src/document/yaml/read.c
 *		Documents in the database's encoding, within the limits that are set.
 *
 * YAML is Unicode, so the text is read as UTF-8, and what was read goes back.
 */
#include "document/document.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

/* pg_contract.document_max_size, document_max_depth, document_max_nodes */
int			pgc_document_max_size = 1024;
int			pgc_document_max_depth = 64;
int			pgc_document_max_nodes = 100000;

/* The largest scalar, in bytes. */
#define MAX_SCALAR (256 * 1024)

/* is_ascii says whether a text is the same in all encodings. */
static bool
is_ascii(const char *string, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (IS_HIGHBIT_SET(string[i]))
			return false;
	}
	return true;
}

/*
 * convert brings a text from one encoding into another.  Returns it palloc'd,
 * its length in *length, and in *done how much of the source there is in it.
 */
static char *
convert(const char *source, int *length, int from, int to, int *done)
{
	Oid			conversion = FindDefaultConversionProc(from, to);
	Size		room = (Size) *length * MAX_CONVERSION_GROWTH + 1;
	char	   *result;

	if (!OidIsValid(conversion))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
						pg_encoding_to_char(from), pg_encoding_to_char(to))));
	result = palloc_extended(room, MCXT_ALLOC_HUGE);
	*done = pg_do_encoding_conversion_buf(conversion, from, to, (unsigned char *) unconstify(char *, source),
										  *length, (unsigned char *) result, (int) Min(room, INT_MAX), true);
	*length = (int) strlen(result);
	return result;
}

/* is_unicode says whether the database's texts are UTF-8 as they are, or as good as that: SQL_ASCII. */
static bool
is_unicode(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

/* decode brings a scalar from UTF-8 into the database's encoding. */
static bool
decode(PgcNode *scalar)
{
	int			length = scalar->count;
	int			done;
	char	   *converted;

	if (is_ascii(scalar->content.text, scalar->count))
		return true;
	converted = convert(scalar->content.text, &length, PG_UTF8, GetDatabaseEncoding(), &done);
	if (done < scalar->count)
		return false;
	scalar->content.text = pstrdup(converted);
	scalar->count = length;
	pfree(converted);
	return true;
}

/* refuse says that what follows a text in UTF-8 is not Unicode. */
static PgcNode *
refuse(const char *before, PgcYamlProblem *problem)
{
	const char *line = strrchr(before, '\n') == NULL ? before : strrchr(before, '\n') + 1;

	memset(problem, 0, sizeof(*problem));
	problem->line = 1;
	for (; before < line; before++)
		problem->line += *before == '\n';
	problem->column = 1;
	for (; *line != '\0'; line++)
		problem->column += (*line & 0xC0) != 0x80;
	problem->message = pstrdup("this character is not in Unicode");
	return NULL;
}

/* read_converted reads a document that is in another encoding than UTF-8. */
static PgcNode *
read_converted(const char *string, int length, const PgcYamlLimits *limits, PgcYamlProblem *problem)
{
	int			unicode_length = length;
	int			done;
	char	   *converted = convert(string, &unicode_length, GetDatabaseEncoding(), PG_UTF8, &done);
	PgcNode    *root;

	if (done < length)
		root = refuse(converted, problem);
	else
		root = pgc_yaml_read(converted, unicode_length, limits, decode, problem);
	pfree(converted);
	return root;
}

/*
 * pgc_document_read reads a document.  Returns the tree, its texts in the
 * database's encoding, or NULL, and then says why.  Raises no error for any
 * text.  Memory is of the current context.
 */
PgcNode *
pgc_document_read(const text *source, PgcYamlProblem *problem)
{
	const char *string = VARDATA_ANY(source);
	int			length = VARSIZE_ANY_EXHDR(source);
	PgcYamlLimits limits;

	limits.max_bytes = pgc_document_max_size * 1024;
	limits.max_depth = pgc_document_max_depth;
	limits.max_nodes = pgc_document_max_nodes;
	limits.max_scalar = MAX_SCALAR;
	if (is_unicode())
		return pgc_yaml_read(string, length, &limits, NULL, problem);
	if (length > limits.max_bytes || is_ascii(string, length))
		return pgc_yaml_read(string, length, &limits, decode, problem);
	return read_converted(string, length, &limits, problem);
}

/* pgc_document_require reads a document, or raises an error with line and column. */
PgcNode *
pgc_document_require(const text *source)
{
	PgcYamlProblem problem;
	PgcNode    *root = pgc_document_read(source, &problem);

	if (root == NULL)
		ereport(ERROR,
				(errcode(problem.is_limit ? ERRCODE_PROGRAM_LIMIT_EXCEEDED : ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("line %d, column %d: %s", problem.line, problem.column, problem.message),
				 problem.hint != NULL ? errhint("%s", problem.hint) : 0));
	return root;
}
