/*
 * src/document/yaml/yaml.c
 *		Reads YAML, event by event, into a tree of nodes.
 *
 * libyaml parses; it knows neither limits nor types, and accepts what a
 * contract must not have.  Here is refused, with line and column: a key that
 * is there twice or is no scalar, a tag that is not of the core schema, a
 * second document, an alias to nothing or to what it is in, a merge key, and
 * whatever exceeds the limits.
 *
 * Must never: take more than linear time (but for a logarithm) or memory for
 * any input, or leak what libyaml allocates when an error is raised.  Runs
 * without a server (FRONTEND), where palloc'ed memory is left to the caller.
 */
#include "document/yaml/anchor.h"

#include <yaml.h>

#ifndef FRONTEND
#include "miscadmin.h"
#include "utils/memutils.h"
#endif

/* More of them would cost libyaml quadratic time. */
#define MAX_TAG_DIRECTIVES 16

/* Longer keys are not shown in messages. */
#define MAX_KEY_SHOWN 64

/* Nodes are cut from pieces of this size. The fuzzer wants to watch each for itself. */
#ifdef FRONTEND
#define ARENA_SIZE 0
#else
#define ARENA_SIZE 8192
#endif

static const yaml_mark_t document_begin = {0, 0, 0};

/* A list or map that has begun. */
typedef struct Frame
{
	PgcNode    *node;
	PgcAnchor  *anchor;			/* or NULL */
	int			first;			/* its first value among the pending ones */
	int			nodes_before;
	int64		bytes_before;
	int			height;			/* of its highest item */
} Frame;

typedef struct Reader
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool		has_parser;
	bool		has_event;

	const char *source;			/* without byte order mark */
	int			length;
	const PgcYamlLimits *limits;
	PgcYamlDecode decode;
	PgcYamlProblem *problem;

	PgcNode    *root;
	int			documents;
	int			nodes;			/* so far, after aliases are expanded */
	int64		bytes;			/* of all scalars that are no alias */
	PgcAnchor  *anchors;
	Frame	   *frames;
	int			depth;			/* frames in use */
	int			frames_room;
	PgcNode   **pending;		/* values of lists and maps that have begun */
	int			pending_count;
	int			pending_room;
	char	   *arena;			/* where the next node goes */
	size_t		arena_left;

#ifndef FRONTEND
	MemoryContext tree;			/* where the nodes live: the caller's */
	MemoryContext scratch;		/* where everything else does */
	MemoryContextCallback callback;
#endif
} Reader;

/* release frees what libyaml holds. */
static void
release(void *arg)
{
	Reader	   *reader = arg;

	if (reader->has_event)
		yaml_event_delete(&reader->event);
	if (reader->has_parser)
		yaml_parser_delete(&reader->parser);
	reader->has_event = false;
	reader->has_parser = false;
}

/*
 * begin makes a reader.  In the server, a memory context of its own, a child
 * of the current one, sees to it that an error leaves nothing behind.
 */
static Reader *
begin(void)
{
	Reader	   *reader;

#ifdef FRONTEND
	reader = palloc0(sizeof(Reader));
#else
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "contract document reader",
												  ALLOCSET_DEFAULT_SIZES);

	reader = MemoryContextAllocZero(scratch, sizeof(Reader));
	reader->tree = CurrentMemoryContext;
	reader->scratch = scratch;
	reader->callback.func = release;
	reader->callback.arg = reader;
	MemoryContextRegisterResetCallback(scratch, &reader->callback);
	MemoryContextSwitchTo(scratch);
#endif
	return reader;
}

/* end frees the reader, but not the tree. */
static void
end(Reader *reader)
{
#ifdef FRONTEND
	release(reader);
#else
	MemoryContextSwitchTo(reader->tree);
	MemoryContextDelete(reader->scratch);
#endif
}

/* allocate_in_tree returns memory for nodes, aligned for any. */
static void *
allocate_in_tree(Reader *reader, size_t size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (size > reader->arena_left)
	{
#ifdef FRONTEND
		result = palloc(Max(size, ARENA_SIZE));
#else
		result = MemoryContextAlloc(reader->tree, Max(size, ARENA_SIZE));
#endif
		if (size > ARENA_SIZE / 4)
			return result;
		reader->arena = result;
		reader->arena_left = ARENA_SIZE;
	}
	result = reader->arena;
	reader->arena += size;
	reader->arena_left -= size;
	return result;
}

/* refuse says why there is no document; line and column from 0.  Returns false. */
static bool
refuse(Reader *reader, yaml_mark_t mark, const char *message, const char *hint)
{
#ifndef FRONTEND
	MemoryContext old = MemoryContextSwitchTo(reader->tree);
#endif

	reader->problem->line = (int) mark.line + 1;
	reader->problem->column = (int) mark.column + 1;
	reader->problem->message = pstrdup(message);
	reader->problem->hint = hint == NULL ? NULL : pstrdup(hint);
#ifndef FRONTEND
	MemoryContextSwitchTo(old);
#endif
	return false;
}

/* refuse_limit does so where a limit is exceeded. */
static bool
refuse_limit(Reader *reader, yaml_mark_t mark, const char *message, const char *hint)
{
	reader->problem->is_limit = true;
	return refuse(reader, mark, message, hint);
}

/* is_break returns the length of a line break at the begin of a text: the breaks that libyaml counts. */
static int
is_break(const unsigned char *at, const unsigned char *end)
{
	if (*at == '\n')
		return 1;
	if (*at == '\r')
		return at + 1 < end && at[1] == '\n' ? 2 : 1;
	if (*at == 0xC2 && at + 1 < end && at[1] == 0x85)
		return 2;
	if (*at == 0xE2 && at + 2 < end && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9))
		return 3;
	return 0;
}

/* mark_at returns line and column of a byte of the source. */
static yaml_mark_t
mark_at(const Reader *reader, size_t offset)
{
	const unsigned char *at = (const unsigned char *) reader->source;
	const unsigned char *stop = at + Min(offset, (size_t) reader->length);
	yaml_mark_t mark = {0, 0, 0};

	while (at < stop)
	{
		int			length = is_break(at, stop);

		if (length > 0)
		{
			mark.line++;
			mark.column = 0;
			at += length;
		}
		else
		{
			/* bytes that continue a character do not count */
			mark.column += (*at & 0xC0) != 0x80;
			at++;
		}
	}
	return mark;
}

/* hint_for returns what to do about some of libyaml's problems, or NULL. */
static const char *
hint_for(const char *problem)
{
	if (strcmp(problem, "found character that cannot start any token") == 0)
		return "Indent with spaces, not with tabs, and quote a text that begins with @, ` or %.";
	if (strcmp(problem, "mapping values are not allowed in this context") == 0)
		return "Quote a text that has a colon followed by a space in it.";
	if (strcmp(problem, "found invalid Unicode character escape code") == 0)
		return "Write a character beyond U+FFFF as it is, or as \\U and eight digits.";
	return NULL;
}

/* out_of_memory says that libyaml got no memory. */
static bool
out_of_memory(Reader *reader)
{
#ifdef FRONTEND
	return refuse(reader, document_begin, "out of memory", NULL);
#else
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Failed while reading a document of %d bytes.", reader->length)));
#endif
}

/*
 * refuse_syntax passes on what libyaml found.  It puts the end of a text that
 * has no line break there on another line.
 */
static bool
refuse_syntax(Reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	yaml_mark_t last = mark_at(reader, reader->length);
	const char *message = parser->problem;

	if (parser->error == YAML_MEMORY_ERROR)
		return out_of_memory(reader);
	if (parser->error == YAML_READER_ERROR)
		mark = mark_at(reader, parser->problem_offset);
	else if (parser->context != NULL && parser->context_mark.index != mark.index)
		message = psprintf("%s %s (line %d, column %d)", parser->problem, parser->context,
						   (int) parser->context_mark.line + 1, (int) parser->context_mark.column + 1);
	if (mark.line > last.line)
		mark = last;
	return refuse(reader, mark, message, hint_for(parser->problem));
}

/*
 * set_anchor lets a name, or NULL, stand for a node from here on.  Returns the
 * anchor, whose charge and height are to be set when they are known.
 */
static PgcAnchor *
set_anchor(Reader *reader, const yaml_char_t *name, PgcNode *node)
{
	PgcAnchor  *anchor;

	if (name == NULL)
		return NULL;
	anchor = pgc_anchor_find(reader->anchors, (const char *) name);
	if (anchor != NULL && anchor->open)
	{
		/* what is open keeps its anchor, under no name */
		PgcAnchor  *copy = palloc(sizeof(PgcAnchor));

		*copy = *anchor;
		for (int i = 0; i < reader->depth; i++)
		{
			if (reader->frames[i].anchor == anchor)
				reader->frames[i].anchor = copy;
		}
	}
	if (anchor == NULL)
		anchor = pgc_anchor_add(&reader->anchors, (const char *) name);
	anchor->node = node;
	anchor->open = false;
	return anchor;
}

/* charge counts nodes. */
static bool
charge(Reader *reader, int count)
{
	if (count > reader->limits->max_nodes - reader->nodes)
		return refuse_limit(reader, reader->event.start_mark,
							psprintf("the document has more than %d values", reader->limits->max_nodes),
							"What an alias repeats counts each time. The limit is pg_contract.document_max_nodes.");
	reader->nodes += count;
	return true;
}

/* is_key says whether the next value is a key of a map. */
static bool
is_key(const Reader *reader)
{
	const Frame *frame = reader->depth > 0 ? &reader->frames[reader->depth - 1] : NULL;

	return frame != NULL && frame->node->type == PGC_NODE_MAP &&
		(reader->pending_count - frame->first) % 2 == 0;
}

/* check_key refuses nodes that are no key. */
static bool
check_key(Reader *reader, const PgcNode *node)
{
	if (!pgc_node_is_scalar(node))
		return refuse(reader, reader->event.start_mark, "a key must be a scalar, not a list or a map",
					  "Quote a text that begins with [, { or *.");
	if (node->count == 0 && node->type == PGC_NODE_NULL)
		return refuse(reader, reader->event.start_mark, "a key is missing", NULL);
	if (node->plain && node->count == 2 && memcmp(node->content.text, "<<", 2) == 0)
		return refuse(reader, reader->event.start_mark, "merge keys (<<) are not read",
					  "Write the entries out, or use an alias for a whole value.");
	return true;
}

/* add_value puts a node where the events are: into the list or map that has begun last, or at the root. */
static bool
add_value(Reader *reader, PgcNode *node)
{
	if (is_key(reader) && !check_key(reader, node))
		return false;
	if (reader->depth == 0)
	{
		reader->root = node;
		return true;
	}
	if (reader->pending_count == reader->pending_room)
	{
		reader->pending_room = Max(reader->pending_room * 2, 64);
		reader->pending = reader->pending == NULL ?
			palloc(reader->pending_room * sizeof(PgcNode *)) :
			repalloc(reader->pending, reader->pending_room * sizeof(PgcNode *));
	}
	reader->pending[reader->pending_count++] = node;
	return true;
}

/* type_of_tag returns the type of a tag of the core schema, or -1. */
static int
type_of_tag(const char *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const names[] = {
		[PGC_NODE_NULL] = "null",
		[PGC_NODE_BOOL] = "bool",
		[PGC_NODE_INTEGER] = "int",
		[PGC_NODE_NUMBER] = "float",
		[PGC_NODE_STRING] = "str",
		[PGC_NODE_LIST] = "seq",
		[PGC_NODE_MAP] = "map",
	};

	if (strncmp(tag, prefix, sizeof(prefix) - 1) != 0)
		return -1;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(tag + sizeof(prefix) - 1, names[i]) == 0)
			return i;
	}
	return -1;
}

/* refuse_tag refuses a tag. */
static bool
refuse_tag(Reader *reader, bool known)
{
	if (known)
		return refuse(reader, reader->event.start_mark, "the value is not of the type that its tag says", NULL);
	return refuse(reader, reader->event.start_mark, "the tag is none of YAML's core schema",
				  "Known are !!str, !!int, !!float, !!bool, !!null, !!seq and !!map.");
}

/* apply_tag gives a scalar the type that its tag says, if it can have it. */
static bool
apply_tag(Reader *reader, PgcNode *node, const char *tag)
{
	int			type = type_of_tag(tag);
	PgcNodeType resolved = pgc_yaml_resolve(node->content.text, node->count);

	if (type < 0)
		return refuse_tag(reader, false);
	node->plain = type != PGC_NODE_STRING;
	node->type = type == PGC_NODE_STRING ? PGC_NODE_STRING : resolved;

	/* an integer is a number, too */
	if (node->type != type && !(type == PGC_NODE_NUMBER && node->type == PGC_NODE_INTEGER))
		return refuse_tag(reader, true);
	return true;
}

/* make_scalar makes a node of the event, or returns NULL. */
static PgcNode *
make_scalar(Reader *reader)
{
	const char *value = (const char *) reader->event.data.scalar.value;
	size_t		length = reader->event.data.scalar.length;
	const char *tag = (const char *) reader->event.data.scalar.tag;
	PgcNode    *node;

	if (length > reader->limits->max_scalar)
		refuse_limit(reader, reader->event.start_mark,
					 psprintf("a value has more than %d bytes", reader->limits->max_scalar), NULL);
	else if (memchr(value, '\0', length) != NULL)
		refuse(reader, reader->event.start_mark, "a value has the character U+0000 in it", NULL);
	if (reader->problem->message != NULL)
		return NULL;

	node = allocate_in_tree(reader, sizeof(PgcNode) + length + 1);
	node->plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->line = (int) reader->event.start_mark.line + 1;
	node->column = (int) reader->event.start_mark.column + 1;
	node->count = (int) length;
	node->content.text = (char *) (node + 1);
	memcpy(node->content.text, value, length + 1);
	node->type = node->plain ? pgc_yaml_resolve(value, node->count) : PGC_NODE_STRING;
	if (tag != NULL && !apply_tag(reader, node, tag))
		return NULL;
	return node;
}

/* decode_scalar brings a scalar into the caller's encoding. */
static bool
decode_scalar(Reader *reader, PgcNode *node)
{
	bool		done;
#ifndef FRONTEND
	MemoryContext old = MemoryContextSwitchTo(reader->tree);
#endif

	done = reader->decode(node);
#ifndef FRONTEND
	MemoryContextSwitchTo(old);
#endif
	if (!done)
		refuse(reader, reader->event.start_mark,
			   "the value has a character that the database's encoding lacks", NULL);
	return done;
}

/* read_scalar takes a scalar. */
static bool
read_scalar(Reader *reader)
{
	PgcNode    *node;
	PgcAnchor  *anchor;

	if (!charge(reader, 1) || (node = make_scalar(reader)) == NULL)
		return false;
	reader->bytes += node->count;
	if (reader->decode != NULL && !decode_scalar(reader, node))
		return false;
	anchor = set_anchor(reader, reader->event.data.scalar.anchor, node);
	if (anchor != NULL)
	{
		anchor->charge = 1 + node->count / PGC_ALIAS_BYTES;
		anchor->height = 0;
	}
	return add_value(reader, node);
}

/* too_deep refuses another level of lists and maps. */
static bool
too_deep(Reader *reader)
{
	return refuse_limit(reader, reader->event.start_mark,
						psprintf("lists and maps are nested more than %d deep", reader->limits->max_depth),
						"The limit is pg_contract.document_max_depth.");
}

/* key_of_alias returns a scalar that an alias repeats as a key, which is to know where it stands as one. */
static PgcNode *
key_of_alias(Reader *reader, const PgcNode *scalar)
{
	PgcNode    *key = allocate_in_tree(reader, sizeof(PgcNode));

	*key = *scalar;
	key->line = (int) reader->event.start_mark.line + 1;
	key->column = (int) reader->event.start_mark.column + 1;
	return key;
}

/* read_alias puts the node of an anchor in another place. */
static bool
read_alias(Reader *reader)
{
	const char *name = (const char *) reader->event.data.alias.anchor;
	PgcAnchor  *anchor = pgc_anchor_find(reader->anchors, name);
	Frame	   *frame = reader->depth > 0 ? &reader->frames[reader->depth - 1] : NULL;

	if (anchor == NULL)
		return refuse(reader, reader->event.start_mark,
					  strlen(name) <= MAX_KEY_SHOWN ? psprintf("there is no anchor \"%s\" before this", name) :
					  "there is no such anchor before this", "Quote a text that begins with *.");
	if (anchor->open)
		return refuse(reader, reader->event.start_mark, "an alias stands in what it repeats", NULL);
	if (reader->depth + anchor->height > reader->limits->max_depth)
		return too_deep(reader);
	if (frame != NULL)
		frame->height = Max(frame->height, anchor->height);
	return charge(reader, anchor->charge) &&
		add_value(reader, is_key(reader) && pgc_node_is_scalar(anchor->node) ?
				  key_of_alias(reader, anchor->node) : anchor->node);
}

/* push_frame makes room for a list or map, and remembers where it began. */
static Frame *
push_frame(Reader *reader)
{
	Frame	   *frame;

	if (reader->depth == reader->frames_room)
	{
		reader->frames_room = Max(reader->frames_room * 2, 16);
		reader->frames = reader->frames == NULL ?
			palloc(reader->frames_room * sizeof(Frame)) :
			repalloc(reader->frames, reader->frames_room * sizeof(Frame));
	}
	frame = &reader->frames[reader->depth++];
	frame->first = reader->pending_count;
	frame->nodes_before = reader->nodes;
	frame->bytes_before = reader->bytes;
	frame->height = 0;
	return frame;
}

/* open_collection begins a list or a map. */
static bool
open_collection(Reader *reader, PgcNodeType type, const yaml_char_t *anchor_name, const yaml_char_t *tag)
{
	PgcNode    *node;
	PgcAnchor  *anchor;
	Frame	   *frame;

	if (reader->depth == reader->limits->max_depth)
		return too_deep(reader);
	if (tag != NULL && type_of_tag((const char *) tag) != (int) type)
		return refuse_tag(reader, type_of_tag((const char *) tag) >= 0);
	node = allocate_in_tree(reader, sizeof(PgcNode));
	memset(node, 0, sizeof(PgcNode));
	node->type = type;
	node->line = (int) reader->event.start_mark.line + 1;
	node->column = (int) reader->event.start_mark.column + 1;
	anchor = set_anchor(reader, anchor_name, node);
	if (anchor != NULL)
		anchor->open = true;
	if (!add_value(reader, node))
		return false;
	frame = push_frame(reader);
	frame->node = node;
	frame->anchor = anchor;
	return charge(reader, 1);
}

/* check_duplicates refuses a map with the same key twice. */
static bool
check_duplicates(Reader *reader, const PgcNode *map)
{
	PgcPair   **sorted;
	const PgcPair *first = NULL;
	const PgcPair *second = NULL;
	const char *key;
	yaml_mark_t mark;

	if (map->count < 2)
		return true;
	sorted = pgc_node_sort_pairs(map);
	for (int i = 1; i < map->count; i++)
	{
		if ((second == NULL || sorted[i] < second) &&
			pgc_node_compare_keys(sorted[i - 1]->key, sorted[i]->key) == 0)
		{
			first = sorted[i - 1];
			second = sorted[i];
		}
	}
	pfree(sorted);
	if (second == NULL)
		return true;
	key = second->key->count <= MAX_KEY_SHOWN ? psprintf(" \"%s\"", second->key->content.text) : "";
	mark.line = second->key->line - 1;
	mark.column = second->key->column - 1;
	return refuse(reader, mark,
				  psprintf("the key%s is there already (line %d, column %d)", key,
						   first->key->line, first->key->column),
				  NULL);
}

/* fill_collection makes the pending values of a list or map its content. */
static bool
fill_collection(Reader *reader, PgcNode *node, PgcNode **values, int count)
{
	if (node->type == PGC_NODE_LIST)
	{
		node->count = count;
		node->content.items = allocate_in_tree(reader, pgc_node_room(count) * sizeof(PgcNode *));
		memcpy(node->content.items, values, count * sizeof(PgcNode *));
		return true;
	}
	node->count = count / 2;
	node->content.pairs = allocate_in_tree(reader, pgc_node_room(node->count) * sizeof(PgcPair));
	for (int i = 0; i < node->count; i++)
	{
		node->content.pairs[i].key = values[2 * i];
		node->content.pairs[i].value = values[2 * i + 1];
	}
	return check_duplicates(reader, node);
}

/* close_collection ends a list or a map. */
static bool
close_collection(Reader *reader)
{
	Frame	   *frame = &reader->frames[reader->depth - 1];
	int			count = reader->pending_count - frame->first;

	if (count > 0 && !fill_collection(reader, frame->node, &reader->pending[frame->first], count))
		return false;
	reader->pending_count = frame->first;
	if (frame->anchor != NULL)
	{
		frame->anchor->open = false;
		frame->anchor->charge = reader->nodes - frame->nodes_before +
			(int) ((reader->bytes - frame->bytes_before) / PGC_ALIAS_BYTES);
		frame->anchor->height = frame->height + 1;
	}
	reader->depth--;
	if (reader->depth > 0)
		frame[-1].height = Max(frame[-1].height, frame->height + 1);
	return true;
}

/* next_event has libyaml parse up to the next event. */
static bool
next_event(Reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = false;
#ifndef FRONTEND
	CHECK_FOR_INTERRUPTS();
#endif
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		return refuse_syntax(reader);
	reader->has_event = true;
	return true;
}

/* read_event takes the event that was parsed. */
static bool
read_event(Reader *reader)
{
	const yaml_event_t *event = &reader->event;

	switch (event->type)
	{
		case YAML_SCALAR_EVENT:
			return read_scalar(reader);
		case YAML_ALIAS_EVENT:
			return read_alias(reader);
		case YAML_SEQUENCE_START_EVENT:
			return open_collection(reader, PGC_NODE_LIST, event->data.sequence_start.anchor,
								   event->data.sequence_start.tag);
		case YAML_MAPPING_START_EVENT:
			return open_collection(reader, PGC_NODE_MAP, event->data.mapping_start.anchor,
								   event->data.mapping_start.tag);
		case YAML_SEQUENCE_END_EVENT:
		case YAML_MAPPING_END_EVENT:
			return close_collection(reader);
		case YAML_DOCUMENT_START_EVENT:
			if (reader->documents++ > 0)
				return refuse(reader, event->start_mark, "a second document begins here",
							  "Give each document by itself.");
			return true;
		default:
			return true;
	}
}

/*
 * check_directives refuses many lines that begin with %TAG.  Tags of one's own
 * are refused anyway.  A line begins after the last byte of any line break;
 * that this byte may end other characters, too, does no harm.
 */
static bool
check_directives(Reader *reader)
{
	const char *begin = reader->source;
	const char *stop = begin + reader->length;
	int			count = 0;

	for (const char *at = begin; (at = memchr(at, '%', stop - at)) != NULL; at++)
	{
		if ((at == begin || strchr("\n\r\x85\xA8\xA9", at[-1]) != NULL) &&
			stop - at > 4 && memcmp(at, "%TAG", 4) == 0 && ++count > MAX_TAG_DIRECTIVES)
			return refuse(reader, mark_at(reader, at - begin), "too many tag directives", NULL);
	}
	return true;
}

/* read_all reads all events. */
static bool
read_all(Reader *reader)
{
	if (!yaml_parser_initialize(&reader->parser))
		return out_of_memory(reader);
	reader->has_parser = true;
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *) reader->source, reader->length);
	do
	{
		if (!next_event(reader) || !read_event(reader))
			return false;
	} while (reader->event.type != YAML_STREAM_END_EVENT);

	if (reader->root == NULL || (reader->root->type == PGC_NODE_NULL && reader->root->count == 0))
		return refuse(reader, document_begin, "the document is empty", NULL);
	return true;
}

/*
 * pgc_yaml_read reads a document.  The tree is in the current memory context;
 * so is what was made of it if there is a problem.  Raises errors only where
 * memory is out or the query is canceled.
 */
PgcNode *
pgc_yaml_read(const char *source, int length, const PgcYamlLimits *limits, PgcYamlDecode decode,
			  PgcYamlProblem *problem)
{
	Reader	   *reader = begin();
	PgcNode    *root = NULL;

	memset(problem, 0, sizeof(*problem));
	reader->limits = limits;
	reader->decode = decode;
	reader->problem = problem;
	if (length >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0)
	{
		source += 3;
		length -= 3;
	}
	reader->source = source;
	reader->length = length;
	if (length > limits->max_bytes)
		refuse_limit(reader, document_begin,
					 psprintf("the document has more than %d bytes", limits->max_bytes),
					 "The limit is pg_contract.document_max_size.");
	else if (check_directives(reader) && read_all(reader))
		root = reader->root;
	end(reader);
	return root;
}
