/*
 * src/engine/keys.c
 *		Kinds about keys: unique and references.
 *
 * They need the whole table, or another one, so audits alone evaluate them
 * (audit/unique.c, audit/references.c).  Here is only what the author may ask
 * for.  The referenced relation is kept by name, like everything that is
 * dumped; nothing here locks or reads it.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "engine/kind.h"
#include "engine/reference.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

/*
 * equality_of returns the operator by which values of two types are the same
 * key, or InvalidOid.  Where the types have none of their own, it is the one
 * of the type that the other becomes by an implicit cast.
 */
static Oid
equality_of(Oid left, Oid right)
{
	TypeCacheEntry *of_left = lookup_type_cache(left, TYPECACHE_EQ_OPR | TYPECACHE_BTREE_OPFAMILY);
	TypeCacheEntry *of_right = lookup_type_cache(right, TYPECACHE_EQ_OPR | TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = InvalidOid;

	if (left == right || of_left->eq_opr == of_right->eq_opr)
		return of_left->eq_opr;
	if (OidIsValid(of_left->btree_opf))
		operator = get_opfamily_member(of_left->btree_opf, of_left->btree_opintype,
									   of_right->btree_opintype, BTEqualStrategyNumber);
	if (OidIsValid(operator))
		return operator;
	if (can_coerce_type(1, &right, &left, COERCION_IMPLICIT))
		return of_left->eq_opr;
	return can_coerce_type(1, &left, &right, COERCION_IMPLICIT) ? of_right->eq_opr : InvalidOid;
}

/*
 * pgc_key_operator returns the equality of two types as SQL, independent of
 * search_path (palloc'd), or NULL: they cannot be compared.
 */
char *
pgc_key_operator(Oid left, Oid right)
{
	Oid			operator = equality_of(getBaseType(left), getBaseType(right));
	HeapTuple	tuple;
	Form_pg_operator form;
	char	   *sql;

	if (!OidIsValid(operator))
		return NULL;
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_operator) GETSTRUCT(tuple);
	sql = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
				   NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return sql;
}

/* compile_unique wants columns that can be equal. */
static void
compile_unique(PgcCompile *compile)
{
	appendStringInfoString(&compile->words, "must be unique");
	for (int i = 0; i < compile->rule->ncolumns; i++)
	{
		const PgcColumn *column = &compile->layout->columns[compile->rule->columns[i]];

		if (pgc_key_operator(column->type, column->type) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of type %s cannot be part of a key",
							NameStr(column->name), format_type_be(column->type)),
					 errdetail("The type knows no equality."),
					 errhint("Use a column whose type has a default operator class for hash or btree.")));
		if (compile->rule->ncolumns > 1)
			appendStringInfo(&compile->words, "%s%s", i > 0 ? ", " : " in ", NameStr(column->name));
	}
}

/* is_readable: can rows of the relation be selected, by every session? */
static bool
is_readable(Oid relid)
{
	char		kind = get_rel_relkind(relid);

	return get_rel_persistence(relid) != RELPERSISTENCE_TEMP &&
		(kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_VIEW ||
		 kind == RELKIND_MATVIEW || kind == RELKIND_FOREIGN_TABLE);
}

/* find_relation fills which relation is referenced, or raises. */
static void
find_relation(PgcReference *reference, const char *name)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(name));

	if (list_length(names) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("referenced relation \"%s\" is not given as schema.table", name),
				 errhint("Give its schema too: rules do not depend on search_path.")));
	reference->relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, false);
	if (!is_readable(reference->relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be referenced by a rule", name),
				 errhint("Use a table that is not temporary, a view, materialized view or foreign table.")));
	reference->relation = quote_qualified_identifier(strVal(linitial(names)), strVal(lsecond(names)));
}

/* bind_pair fills one column of the referenced key, or raises. */
static void
bind_pair(const PgcCompile *compile, PgcReference *reference, int index, char *name)
{
	const PgcColumn *column = &compile->layout->columns[compile->rule->columns[index]];
	AttrNumber	attno = get_attnum(reference->relid, name);
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (attno <= InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of referenced relation %s does not exist", name, reference->relation)));
	get_atttypetypmodcoll(reference->relid, attno, &type, &typmod, &collation);
	reference->columns[index] = name;
	reference->operators[index] = pgc_key_operator(type, column->type);
	reference->collations[index] = collation == column->collation || !OidIsValid(collation) ? "" :
		psprintf(" COLLATE %s", generate_collation_name(collation));
	if (reference->operators[index] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be compared with \"%s\" of type %s",
						NameStr(column->name), format_type_be(column->type), name, format_type_be(type)),
				 errhint("Reference columns of the same or a comparable type.")));
}

/* compile_references resolves the referenced key. */
static void
compile_references(PgcCompile *compile)
{
	List	   *names = pgc_parameter_list(compile, "referenced_columns");
	int			ncolumns = compile->rule->ncolumns;
	PgcReference *reference = palloc0(sizeof(PgcReference));

	find_relation(reference, pgc_parameter_text(compile, "referenced_relation", true));
	if (list_length(names) != ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key of length %d cannot reference one of length %d", ncolumns, list_length(names)),
				 errhint("Give as many referenced columns as columns.")));
	reference->columns = palloc(ncolumns * sizeof(char *));
	reference->operators = palloc(ncolumns * sizeof(char *));
	reference->collations = palloc(ncolumns * sizeof(char *));
	appendStringInfo(&compile->words, "must be found in %s (", reference->relation);
	for (int i = 0; i < ncolumns; i++)
	{
		bind_pair(compile, reference, i, list_nth(names, i));
		appendStringInfo(&compile->words, "%s%s", i > 0 ? ", " : "", reference->columns[i]);
	}
	appendStringInfoChar(&compile->words, ')');
	compile->rule->set = reference;
	pgc_parameter_push(compile, "referenced_relation", reference->relation, false);
	pgc_parameter_push_list(compile, "referenced_columns", names, false);
}

const PgcKind pgc_kind_unique = {
	.name = "unique",
	.ncolumns = PGC_SOME_COLUMNS,
	.null_passes = true,
	.set_rule = true,
	.compile = compile_unique
};

const PgcKind pgc_kind_references = {
	.name = "references",
	.ncolumns = PGC_SOME_COLUMNS,
	.null_passes = true,
	.set_rule = true,
	.parameters = {"referenced_relation", "referenced_columns"},
	.compile = compile_references
};
