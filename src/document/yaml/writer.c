/*
 * src/document/yaml/writer.c
 *		Writes a tree of nodes as YAML.
 *
 * In block style and the tree's order; what is read again is the same tree.
 * Strings that YAML 1.1 or 1.2 would take for something else are quoted, since
 * most tools that read contracts read YAML 1.1; strings of several lines are
 * literal blocks where they can be.  What an alias repeats is written out.
 *
 * Runs without a server (FRONTEND), but for pgc_node_write_yaml.
 */
#include "document/yaml/node.h"

#include <yaml.h>

#ifndef FRONTEND
#include "document/document.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#endif

typedef struct Writer
{
	yaml_emitter_t emitter;
	bool		has_emitter;
	PgcYamlEncode encode;
	char	   *result;
	size_t		length;
	size_t		room;
#ifndef FRONTEND
	MemoryContext caller;
	MemoryContext scratch;
	MemoryContextCallback callback;
#endif
} Writer;

/* release frees what libyaml holds. */
static void
release(void *arg)
{
	Writer	   *writer = arg;

	if (writer->has_emitter)
		yaml_emitter_delete(&writer->emitter);
	writer->has_emitter = false;
}

/* begin makes a writer; as for the reader, a memory context sees to it that an error leaves nothing behind. */
static Writer *
begin(void)
{
	Writer	   *writer;

#ifdef FRONTEND
	writer = palloc0(sizeof(Writer));
#else
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "contract document writer",
												  ALLOCSET_DEFAULT_SIZES);

	writer = MemoryContextAllocZero(scratch, sizeof(Writer));
	writer->caller = CurrentMemoryContext;
	writer->scratch = scratch;
	writer->callback.func = release;
	writer->callback.arg = writer;
	MemoryContextRegisterResetCallback(scratch, &writer->callback);
	MemoryContextSwitchTo(scratch);
#endif
	return writer;
}

/* end frees the writer, and returns what it wrote in the caller's memory. */
static char *
end(Writer *writer)
{
	char	   *result;

#ifdef FRONTEND
	release(writer);
	result = writer->result;
#else
	MemoryContextSwitchTo(writer->caller);
	result = pstrdup(writer->result);
	MemoryContextDelete(writer->scratch);
#endif
	return result;
}

/*
 * append takes what libyaml has written.  No error may be raised across
 * libyaml's functions: it is told if memory is out.
 */
static int
append(void *arg, unsigned char *data, size_t size)
{
	Writer	   *writer = arg;

	if (size >= writer->room - writer->length)
	{
		size_t		room = Max(writer->room * 2, writer->length + size + 1024);
		char	   *larger = palloc_extended(room, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);

		if (larger == NULL)
			return 0;
		if (writer->result != NULL)
		{
			memcpy(larger, writer->result, writer->length);
			pfree(writer->result);
		}
		writer->result = larger;
		writer->room = room;
	}
	memcpy(writer->result + writer->length, data, size);
	writer->length += size;
	writer->result[writer->length] = '\0';
	return 1;
}

/* fail says that libyaml failed, which it does only if memory is out or a text is no UTF-8. */
static void
fail(Writer *writer)
{
	const char *problem = "out of memory";

	if (writer->has_emitter && writer->emitter.problem != NULL)
		problem = writer->emitter.problem;

#ifdef FRONTEND
	fprintf(stderr, "cannot write YAML: %s\n", problem);
	abort();
#else
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("cannot write a document as YAML: %s", problem)));
#endif
}

/* emit hands an event that was made to libyaml, which takes it over. */
static void
emit(Writer *writer, yaml_event_t *event, int made)
{
	if (!made || !yaml_emitter_emit(&writer->emitter, event))
		fail(writer);
}

/* has_strange_break says whether a text has anything that libyaml takes for a line break, but for \n. */
static bool
has_strange_break(const char *string)
{
	return strchr(string, '\r') != NULL || strstr(string, "\xC2\x85") != NULL ||
		strstr(string, "\xE2\x80\xA8") != NULL || strstr(string, "\xE2\x80\xA9") != NULL;
}

/*
 * style_of returns how to write a string; literal: it may be a literal block.
 * Where the text cannot be in that style, libyaml takes another one that is
 * safe, but for two: it breaks lines that are broken in strange ways, and
 * literal blocks that begin with a space or an empty line.
 */
static yaml_scalar_style_t
style_of(const char *string, int length, bool literal)
{
	if (has_strange_break(string))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	if (strchr(string, '\n') != NULL)
		return literal && string[0] != ' ' && string[0] != '\n' ?
			YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	if (pgc_yaml_resolve(string, length) != PGC_NODE_STRING || pgc_yaml_is_ambiguous(string, length))
		return YAML_SINGLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE;
}

/* write_scalar writes a scalar; literal: it may be a literal block. */
static void
write_scalar(Writer *writer, const PgcNode *node, bool literal)
{
	const char *string = node->content.text;
	int			length = node->count;
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
	yaml_event_t event;

	if (node->type == PGC_NODE_NULL && (length == 0 || pgc_yaml_resolve(string, length) != PGC_NODE_NULL))
	{
		string = "null";
		length = 4;
	}
	else if (node->type == PGC_NODE_STRING || pgc_yaml_resolve(string, length) != node->type)
	{
		if (writer->encode != NULL)
			string = writer->encode(string, length);
		length = (int) strlen(string);
		style = style_of(string, length, literal);
	}
	emit(writer, &event,
		 yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *) string, length, 1, 1, style));
}

static void write_node(Writer *writer, const PgcNode *node, bool root);

/* write_list writes a list. */
static void
write_list(Writer *writer, const PgcNode *node)
{
	yaml_event_t event;

	emit(writer, &event,
		 yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
	for (int i = 0; i < node->count; i++)
		write_node(writer, node->content.items[i], false);
	emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

/* write_map writes a map. */
static void
write_map(Writer *writer, const PgcNode *node)
{
	yaml_event_t event;

	emit(writer, &event,
		 yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
	for (int i = 0; i < node->count; i++)
	{
		write_scalar(writer, node->content.pairs[i].key, false);
		write_node(writer, node->content.pairs[i].value, false);
	}
	emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

/* write_node writes a tree. */
static void
write_node(Writer *writer, const PgcNode *node, bool root)
{
#ifndef FRONTEND
	CHECK_FOR_INTERRUPTS();
#endif
	if (node->type == PGC_NODE_LIST)
		write_list(writer, node);
	else if (node->type == PGC_NODE_MAP)
		write_map(writer, node);
	else
		write_scalar(writer, node, !root);
}

/* write_all writes a document of one tree. */
static void
write_all(Writer *writer, const PgcNode *node)
{
	yaml_emitter_t *emitter = &writer->emitter;
	yaml_event_t event;

	if (!yaml_emitter_initialize(emitter))
		fail(writer);
	writer->has_emitter = true;
	yaml_emitter_set_output(emitter, append, writer);
	yaml_emitter_set_encoding(emitter, YAML_UTF8_ENCODING);
	yaml_emitter_set_unicode(emitter, 1);
	yaml_emitter_set_width(emitter, -1);
	emit(writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(writer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	write_node(writer, node, true);
	emit(writer, &event, yaml_document_end_event_initialize(&event, 1));
	emit(writer, &event, yaml_stream_end_event_initialize(&event));
}

/*
 * pgc_yaml_write writes a tree as YAML in UTF-8 (palloc'd).  encode, or NULL,
 * returns what a text of the tree is in UTF-8.
 */
char *
pgc_yaml_write(const PgcNode *node, PgcYamlEncode encode)
{
	Writer	   *writer = begin();

	writer->encode = encode;
	write_all(writer, node);
	return end(writer);
}

#ifndef FRONTEND

/* encode_text returns a text of the database's encoding in UTF-8. */
static const char *
encode_text(const char *string, int length)
{
	return pg_server_to_any(string, length, PG_UTF8);
}

/* pgc_node_write_yaml writes a tree as YAML, in the database's encoding (palloc'd). */
char *
pgc_node_write_yaml(const PgcNode *node)
{
	char	   *result = pgc_yaml_write(node, encode_text);

	return pg_any_to_server(result, (int) strlen(result), PG_UTF8);
}

#endif
