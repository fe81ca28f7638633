/*
 * src/document/odcs/odcs_table.h
 *		How the tables of the standard are written; only for the files that
 *		hold them.
 */
#ifndef PGC_ODCS_TABLE_H
#define PGC_ODCS_TABLE_H

#include "document/odcs/odcs.h"

/* A field: its name, what it wants, and what else there is to say of it, in any order. */
#define FIELD(name_, want_, ...) {.name = name_, .length = sizeof(name_) - 1, .want = want_, __VA_ARGS__}
#define TEXT(name_, ...) FIELD(name_, PGC_WANT_TEXT, __VA_ARGS__)
#define BOOL(name_, ...) FIELD(name_, PGC_WANT_BOOL, __VA_ARGS__)
#define INTEGER(name_, ...) FIELD(name_, PGC_WANT_INTEGER, __VA_ARGS__)
#define NUMBER(name_, ...) FIELD(name_, PGC_WANT_NUMBER, __VA_ARGS__)
#define MAP(name_, shape_, ...) FIELD(name_, PGC_WANT_MAP, .shape = &(shape_), __VA_ARGS__)
#define MAPS(name_, shape_, ...) FIELD(name_, PGC_WANT_MAPS, .shape = &(shape_), __VA_ARGS__)

/* In which versions it is known, and in which it must be there. */
#define SINCE(version_) .versions = PGC_ODCS_FROM_##version_
#define UNTIL(version_) .versions = PGC_ODCS_UNTIL_##version_
#define MUST .required = PGC_ODCS_ALL
#define MUST_SINCE(version_) .required = PGC_ODCS_FROM_##version_
#define MUST_UNTIL(version_) .required = PGC_ODCS_UNTIL_##version_

/* The only words that may be; the function that judges the value. */
#define WORDS(words_) .words = words_
#define JUDGE(judge_) .judge = judge_

/* The fields of a shape. */
#define FIELDS(fields_) .fields = fields_, .nfields = lengthof(fields_)

#endif							/* PGC_ODCS_TABLE_H */
