/*
 * src/audit/distinct.c
 *		Aggregate contract.approximate_distinct_count: HyperLogLog.
 *
 * Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007), with 64-bit hashes
 * and the estimator of Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), which needs no correction for small or large
 * counts.  2^14 registers of a byte: the standard error is 1.04 / sqrt(2^14) =
 * 0.81 % (19 in 20 estimates are within 1.6 %), and smaller counts come closer.
 *
 * The state is a bytea, so that it goes from workers to the leader, and from other
 * servers, without functions to pack it; it is changed in place, which only the
 * executor of an aggregate may allow.
 */
#include "postgres.h"

#include <math.h>

#include "audit/keys.h"
#include "compat.h"
#include "fmgr.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_distinct_add);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_distinct_combine);
PGDLLEXPORT PG_FUNCTION_INFO_V1(pgc_distinct_result);

#define INDEX_BITS 14
#define REGISTERS (1 << INDEX_BITS)
#define RANK_BITS (64 - INDEX_BITS)
#define STATE_SIZE (VARHDRSZ + REGISTERS)

/* Limit of the bias constant for many registers: 1 / (2 ln 2). */
#define ALPHA 0.721347520444481703680

/* How the values of an aggregate are hashed; kept in fn_extra. */
typedef struct Hasher
{
	FmgrInfo   *function;		/* NULL: equal values are equal Datums */
} Hasher;

/* state_of returns a state that may be changed in place, or raises. */
static bytea *
state_of(FunctionCallInfo fcinfo, int argument)
{
	bytea	   *state = PG_GETARG_BYTEA_P(argument);

	if (AggCheckCallContext(fcinfo, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function is part of the aggregate contract.approximate_distinct_count"),
				 errhint("Call the aggregate.")));
	if (VARSIZE(state) != STATE_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("state of contract.approximate_distinct_count has %zu bytes, not %d",
						(size_t) VARSIZE(state), STATE_SIZE)));
	return state;
}

/* registers_of returns a state's registers. */
static inline uint8 *
registers_of(bytea *state)
{
	return (uint8 *) VARDATA(state);
}

/* make_hasher finds out how the values of a call are hashed, or raises. */
static Hasher *
make_hasher(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	Hasher	   *hasher = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Hasher));
	TypeCacheEntry *entry;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the values to count");
	if (!pgc_key_is_integer(getBaseType(type)))
	{
		entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
		if (!OidIsValid(entry->hash_extended_proc_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("values of type %s cannot be counted, since they cannot be hashed",
							format_type_be(type))));
		hasher->function = &entry->hash_extended_proc_finfo;
	}
	fcinfo->flinfo->fn_extra = hasher;
	return hasher;
}

/* new_state returns a state that has seen nothing. */
static bytea *
new_state(void)
{
	bytea	   *state = palloc0(STATE_SIZE);

	SET_VARSIZE(state, STATE_SIZE);
	return state;
}

/* pgc_distinct_add is the aggregate's transition function. */
Datum
pgc_distinct_add(PG_FUNCTION_ARGS)
{
	Hasher	   *hasher = fcinfo->flinfo->fn_extra;
	Datum		value = PG_GETARG_DATUM(1);
	bytea	   *state;
	uint8	   *reg;
	uint64		hash;
	uint8		rank;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	state = PG_ARGISNULL(0) ? new_state() : state_of(fcinfo, 0);
	if (hasher == NULL)
		hasher = make_hasher(fcinfo);
	if (hasher->function != NULL)
		value = FunctionCall2Coll(hasher->function, PG_GET_COLLATION(), value, Int64GetDatum(0));
	hash = pgc_key_mix((uint64) value);

	/*
	 * the first bits choose a register, which keeps the longest run of zeros
	 * after them
	 */
	rank = (hash << INDEX_BITS) == 0 ? RANK_BITS + 1 : 64 - pg_leftmost_one_pos64(hash << INDEX_BITS);
	reg = registers_of(state) + (hash >> RANK_BITS);
	*reg = Max(*reg, rank);
	PG_RETURN_BYTEA_P(state);
}

/* pgc_distinct_combine merges the second state into the first. */
Datum
pgc_distinct_combine(PG_FUNCTION_ARGS)
{
	bytea	   *state = state_of(fcinfo, 0);
	uint8	   *into = registers_of(state);
	const uint8 *from = registers_of(state_of(fcinfo, 1));

	for (int i = 0; i < REGISTERS; i++)
		into[i] = Max(into[i], from[i]);
	PG_RETURN_BYTEA_P(state);
}

/* sigma is the paper's sum over registers that are 0. */
static double
sigma(double x)
{
	double		y = 1;
	double		z = x;
	double		before;

	if (x == 1)
		return get_float8_infinity();
	do
	{
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

/* tau is the paper's sum over registers that are full. */
static double
tau(double x)
{
	double		y = 1;
	double		z = 1 - x;
	double		before;

	if (x == 0 || x == 1)
		return 0;
	do
	{
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

/* pgc_distinct_result estimates the count: the paper's algorithm 6. */
Datum
pgc_distinct_result(PG_FUNCTION_ARGS)
{
	int			counts[256] = {0};	/* of registers, by value */
	const uint8 *registers;
	double		z;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	registers = registers_of(state_of(fcinfo, 0));
	for (int i = 0; i < REGISTERS; i++)
		counts[registers[i]]++;
	z = REGISTERS * tau(1 - (double) counts[RANK_BITS + 1] / REGISTERS);
	for (int i = RANK_BITS; i > 0; i--)
		z = 0.5 * (z + counts[i]);
	z += REGISTERS * sigma((double) counts[0] / REGISTERS);
	PG_RETURN_INT64((int64) rint(ALPHA * REGISTERS * REGISTERS / z));
}
