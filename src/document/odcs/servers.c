/*
 * src/document/odcs/servers.c
 *		The fields of servers, by type of server.
 *
 * Only those of PostgreSQL mean something here; the others are checked so that
 * a document that is right here is right elsewhere.
 */
#include "postgres.h"

#include "document/odcs/odcs_table.h"

static const char *const file_formats[] = {"parquet", "delta", "json", "csv", NULL};
static const char *const delimiters[] = {"new_line", "array", NULL};

/* Variables ("${PORT}") may stand for a number from 3.2 on. */
#define PORT(...) INTEGER("port", UNTIL(310), __VA_ARGS__), FIELD("port", PGC_WANT_SCALAR, SINCE(320), __VA_ARGS__)

/* The file format became free text with 3.1. */
#define FILES(...) TEXT("format", UNTIL(302), WORDS(file_formats), __VA_ARGS__), \
	TEXT("format", SINCE(310), __VA_ARGS__), \
	TEXT("delimiter", UNTIL(302), WORDS(delimiters)), \
	TEXT("delimiter", SINCE(310))

static const PgcOdcsField api[] = {TEXT("location", MUST)};
static const PgcOdcsField athena[] = {
	/*
	 * required until 3.1, but for 3.0.0 and 3.0.1, whose schemas misspell it
	 * there
	 */
	TEXT("stagingDir",.required = PGC_ODCS_302 | PGC_ODCS_310),
	TEXT("schema", MUST), TEXT("catalog"), TEXT("regionName"),
	TEXT("workgroup", SINCE(320))
};
static const PgcOdcsField azure[] = {TEXT("location", MUST), FILES(MUST)};
static const PgcOdcsField bigquery[] = {TEXT("project", MUST), TEXT("dataset", MUST)};
static const PgcOdcsField databricks[] = {TEXT("host"), TEXT("catalog", MUST), TEXT("schema", MUST)};
static const PgcOdcsField denodo[] = {TEXT("host", MUST), PORT(MUST), TEXT("database")};
static const PgcOdcsField dremio[] = {TEXT("host", MUST), PORT(MUST), TEXT("schema")};
static const PgcOdcsField duckdb[] = {TEXT("database", MUST), TEXT("schema")};
static const PgcOdcsField glue[] = {
	TEXT("account", MUST), TEXT("database", MUST), TEXT("location"), TEXT("format")
};
static const PgcOdcsField db2[] = {TEXT("host", MUST), PORT(MUST), TEXT("database", MUST), TEXT("schema")};
static const PgcOdcsField kafka[] = {TEXT("host", MUST), TEXT("format")};
static const PgcOdcsField kinesis[] = {TEXT("region"), TEXT("format")};
static const PgcOdcsField local[] = {TEXT("path", MUST), TEXT("format", MUST)};
static const PgcOdcsField oracle[] = {TEXT("host", MUST), PORT(MUST), TEXT("serviceName", MUST)};
static const PgcOdcsField presto[] = {TEXT("host", MUST), TEXT("catalog"), TEXT("schema")};
static const PgcOdcsField pubsub[] = {TEXT("project", MUST)};
static const PgcOdcsField redshift[] = {
	TEXT("host"), TEXT("database", MUST), TEXT("schema", MUST), TEXT("region"), TEXT("account")
};
static const PgcOdcsField s3[] = {TEXT("location", MUST), TEXT("endpointUrl"), FILES()};
static const PgcOdcsField sftp[] = {TEXT("location", MUST, JUDGE(pgc_odcs_judge_sftp)), FILES()};
static const PgcOdcsField snowflake[] = {
	TEXT("host"), PORT(), TEXT("account", MUST), TEXT("database", MUST), TEXT("schema", MUST), TEXT("warehouse")
};
static const PgcOdcsField sqlserver[] = {
	TEXT("host", MUST), PORT(), TEXT("database", MUST), TEXT("schema", MUST)
};
static const PgcOdcsField trino[] = {
	TEXT("host", MUST), PORT(MUST), TEXT("catalog", MUST), TEXT("schema", MUST)
};
static const PgcOdcsField custom[] = {
	TEXT("account"), TEXT("catalog"), TEXT("database"), TEXT("dataset"), TEXT("delimiter"), TEXT("endpointUrl"),
	TEXT("format"), TEXT("host"), TEXT("location"), TEXT("path"), PORT(), TEXT("project"), TEXT("region"),
	TEXT("regionName"), TEXT("schema"), TEXT("serviceName"), TEXT("stagingDir"), TEXT("warehouse"),
	TEXT("stream", SINCE(310))
};

/* Those of several types. */
static const PgcOdcsField host_port_database[] = {TEXT("host", MUST), PORT(MUST), TEXT("database", MUST)};
static const PgcOdcsField host_database[] = {TEXT("host", MUST), PORT(), TEXT("database", MUST)};
static const PgcOdcsField host_port_database_schema[] = {
	TEXT("host", MUST), PORT(MUST), TEXT("database", MUST), TEXT("schema", MUST)
};

#define SERVER(type_, fields_) {.what = "a server of type " type_, FIELDS(fields_)}

/* In the order of pgc_odcs_server_types. */
static const PgcOdcsShape servers[] = {
	SERVER("postgresql", host_port_database_schema),
	SERVER("postgres", host_port_database_schema),
	SERVER("api", api),
	SERVER("athena", athena),
	SERVER("azure", azure),
	SERVER("bigquery", bigquery),
	SERVER("clickhouse", host_port_database),
	SERVER("cloudsql", host_port_database_schema),
	SERVER("custom", custom),
	SERVER("databricks", databricks),
	SERVER("db2", db2),
	SERVER("denodo", denodo),
	SERVER("dremio", dremio),
	SERVER("duckdb", duckdb),
	SERVER("glue", glue),
	SERVER("hive", host_database),
	SERVER("impala", host_database),
	SERVER("informix", host_database),
	SERVER("kafka", kafka),
	SERVER("kinesis", kinesis),
	SERVER("local", local),
	SERVER("mysql", host_port_database),
	SERVER("oracle", oracle),
	SERVER("presto", presto),
	SERVER("pubsub", pubsub),
	SERVER("redshift", redshift),
	SERVER("s3", s3),
	SERVER("sftp", sftp),
	SERVER("snowflake", snowflake),
	SERVER("sqlserver", sqlserver),
	SERVER("synapse", host_port_database),
	SERVER("trino", trino),
	SERVER("vertica", host_port_database_schema),
	SERVER("zen", host_database)
};

const char *const pgc_odcs_server_types[] = {
	"postgresql", "postgres", "api", "athena", "azure", "bigquery", "clickhouse", "cloudsql", "custom", "databricks",
	"db2", "denodo", "dremio", "duckdb", "glue", "hive", "impala", "informix", "kafka", "kinesis", "local", "mysql",
	"oracle", "presto", "pubsub", "redshift", "s3", "sftp", "snowflake", "sqlserver", "synapse", "trino", "vertica",
	"zen", NULL
};

StaticAssertDecl(lengthof(servers) + 1 == lengthof(pgc_odcs_server_types), "a shape for each type of server");

/* What a server of a type that nobody knows may have, so that only its type is said to be wrong. */
static const PgcOdcsShape any_server = {.what = "a server", FIELDS(custom)};

/* pgc_odcs_server returns what a server has beside the fields of all. */
const PgcOdcsShape *
pgc_odcs_server(PgcOdcsCheck *check, const PgcNode *map, const PgcPath *path)
{
	const PgcNode *type = pgc_node_get(map, "type");

	if (!pgc_node_is(type, PGC_NODE_STRING))
		return &any_server;
	for (int i = 0; i < lengthof(servers); i++)
	{
		if (strcmp(type->content.text, pgc_odcs_server_types[i]) == 0)
			return &servers[i];
	}
	return &any_server;
}
