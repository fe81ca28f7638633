# Builds pg_contract with PostgreSQL's PGXS and starts its tests and tools.
#
#   make, make install     need pg_config (postgresql-server-dev-NN) and libyaml-dev, nothing else
#   make check, lint, ...  see TOOLS; they first install the Debian packages that are missing

TOOLS = check lint format demo bench fuzz check-versions

.PHONY: $(TOOLS) list-regress

ifneq ($(filter $(TOOLS),$(MAKECMDGOALS)),)

# A tool was asked for. PGXS stays out: it may not be installed yet, and it has a "check" of its own that refuses.
.NOTPARALLEL:

check:
	@test/tools/setup.sh build test
	@test/tools/unpack.sh
	@test/tools/check.sh

lint format:
	@test/tools/setup.sh build lint
	@test/tools/$@.sh

check-versions:
	@test/tools/setup.sh build versions
	@test/tools/versions.sh

demo: SCRIPTS = test/demo/demo.sh
bench: SCRIPTS = $(patsubst %,test/bench/%.sh,run audit document idle rejects schedules soak chaos lineage)
bench: PACKAGES = bench
fuzz: SCRIPTS = test/fuzz/run.sh test/fuzz/yaml.sh test/fuzz/lineage.sh
fuzz: PACKAGES = fuzz
demo bench fuzz:
	@for script in $(SCRIPTS); do \
		test -x $$script || { echo "make $@: there is no $$script in this version" >&2; exit 1; }; \
	done
	@test/tools/setup.sh build test $(PACKAGES)
	@set -e; for script in $(SCRIPTS); do $$script; done

# Goals of PGXS on the same command line ("make clean check").
PGXS_GOALS = $(filter-out $(TOOLS),$(MAKECMDGOALS))
ifneq ($(PGXS_GOALS),)
.PHONY: $(PGXS_GOALS)
$(PGXS_GOALS):
	@$(MAKE) $@
endif

else

EXTENSION = pg_contract
MODULE_big = pg_contract
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))
DATA = $(wildcard sql/pg_contract--*.sql)

# Only what is marked PGDLLEXPORT is visible outside. PostgreSQL 15 leaves that mark empty, so it is given here.
PG_CPPFLAGS = -I$(srcdir)/src -D'PGDLLEXPORT=__attribute__((visibility("default")))'
# PostgreSQL's own headers are not clean under the three warnings switched off.
PG_CFLAGS = -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

SHLIB_LINK += -lyaml

# The regression tests: "install" first, "uninstall" last, the others by name.
TESTS = $(filter-out pg_contract--%,$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
REGRESS = $(filter install,$(TESTS)) $(filter-out install uninstall,$(TESTS)) $(filter uninstall,$(TESTS))
REGRESS_OPTS = --encoding=UTF8 --no-locale

EXTRA_CLEAN = tmp_check

# No bitcode: nothing here is called often enough from an expression for the JIT compiler to gain by inlining it.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) does not work: install postgresql-server-dev-NN, or say make PG_CONFIG=/path/to/pg_config)
endif
include $(PGXS)

# Few and small enough to rebuild all of them when a header changes.
$(OBJS): Makefile $(wildcard src/*.h src/*/*.h src/*/*/*.h)

list-regress:
	@echo $(REGRESS)

endif
