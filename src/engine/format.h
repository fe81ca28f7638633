/*
 * src/engine/format.h
 *		Well-known text formats: email, uuid, iban, ...
 *
 * A format is a name and a validator.  A validator is a pure function of the
 * bytes it is given: see format.c for what it must never do.
 */
#ifndef PGC_FORMAT_H
#define PGC_FORMAT_H

#include "postgres.h"

/* Does the text, not NUL-terminated and in database encoding, conform? */
typedef bool (*PgcFormatValid) (const char *text, int length);

typedef struct PgcFormat
{
	const char *name;
	PgcFormatValid valid;
	const char *accepts;		/* a phrase, for messages and documentation */
} PgcFormat;

extern const PgcFormat *pgc_format_lookup(const char *name);
extern const PgcFormat *pgc_format_require(const char *name);
extern const PgcFormat *pgc_format_at(int index);
extern const char *pgc_format_names(void);

#endif							/* PGC_FORMAT_H */
