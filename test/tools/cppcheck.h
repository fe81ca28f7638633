/*
 * What cppcheck must know of PostgreSQL's macros, which it reads in place of PostgreSQL's headers. Included by lint
 * before each of our files. A macro that it stumbles over ("unknownMacro") is added here.
 */
#define DEBUG1 14
#define LOG 15
#define INFO 17
#define NOTICE 18
#define WARNING 19
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { __VA_ARGS__; if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define Assert(condition) do { if (!(condition)) abort(); } while (0)

#define PG_TRY() do { if (1) {
#define PG_CATCH() } else {
#define PG_FINALLY() } {
#define PG_END_TRY() } } while (0)
#define foreach(cell, list) for ((cell) = list_head(list); (cell) != NULL; (cell) = lnext(list, cell))

#define PGDLLEXPORT
#define PGDLLIMPORT
#define PG_MODULE_MAGIC
#define PG_FUNCTION_INFO_V1(name) extern Datum name(FunctionCallInfo fcinfo)
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define PG_RETURN_NULL() do { fcinfo->isnull = 1; return 0; } while (0)
#define FLEXIBLE_ARRAY_MEMBER
#define INT64CONST(x) (x##LL)
#define UINT64CONST(x) (x##ULL)
#define PG_USED_FOR_ASSERTS_ONLY
#define pg_attribute_always_inline inline
#define pg_attribute_noreturn()
#define pg_noinline
#define pg_attribute_printf(f, a)
#define pg_attribute_unused()
#define likely(x) (x)
#define unlikely(x) (x)
