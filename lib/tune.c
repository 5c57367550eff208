/*
 * tune.c - NUMAHASH_* environment variables
 *
 * One table says what there is.  A variable that is not in it, or whose value
 * does not parse, is ignored and gets one line in the warnings.
 */
#include "lib/tune.h"

#include <errno.h>
#include <numahash.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "arch/arch.h"
#include "lib/assert.h"
#include "lib/placement.h"
#include "numa/arena.h"
#include "numa/topo.h"
#include "numa/without.h"

#define PREFIX "NUMAHASH_"
#define PREFAULT_DEFAULT ((uint64_t)32 << 20)
#define RETAIN_DEFAULT ((uint64_t)64 << 20)
#define CHAIN_LIMIT_DEFAULT 8
#define PREFAULT_MAX ((uint64_t)64 << 30)
#define IDLE_TIMEOUT_DEFAULT 300000
#define CHECK_INTERVAL_DEFAULT 5000
#define MIN_IDLE_DEFAULT 2
#define WARNINGS_MAX 4096
#define BIND "bind:"
#define BIND_LEN (sizeof(BIND) - 1)

extern char **environ;

/* name, what it sets, largest value, words (NULL: a number) */
#define TUNABLES(X)                                                 \
	X("ARCH", arch, NH_ARCH_GENERIC, "auto native generic")     \
	X("HUGEPAGES", hugepages, NH_HUGEPAGES_HUGETLB,             \
	  "auto 1G 2M thp off hugetlb")                             \
	X("CPU_DISABLE", disable, NH_LEVELS - 1, "none avx512 avx") \
	X("HASH", hash, NH_HASH_TRUSTED, "siphash xxh3")            \
	X("CHAIN_LIMIT", chain_limit, NH_CHAIN_LIMIT_MAX, NULL)     \
	X("CAPACITY", capacity, NH_CAPACITY_MAX, NULL)              \
	X("FIXED", fixed, 1, NULL)                                  \
	X("SEED", seed, UINT64_MAX, NULL)                           \
	X("MAINTENANCE", maintenance, 1, NULL)                      \
	X("PREFAULT", prefault, PREFAULT_MAX, NULL)                 \
	X("RETAIN", retain, PREFAULT_MAX, NULL)                     \
	X("DEBUG", debug, NH_DEBUG_PINS, "off pins")                \
	X("PIN_AGE_MS", pin_age_ms, UINT64_MAX, NULL)               \
	X("IDLE", idle, 1, NULL)                                    \
	X("IDLE_TIMEOUT_MS", idle_timeout, UINT32_MAX, NULL)        \
	X("CHECK_INTERVAL_MS", check_interval, UINT32_MAX, NULL)    \
	X("MIN_IDLE_COUNT", min_idle, UINT32_MAX, NULL)             \
	X("FAKE_NODES", fake_nodes, NH_NODES_MAX, NULL)             \
	X("PLACEMENT", placement, NH_PLACEMENT_REPLICATE,           \
	  "auto local bind interleave adaptive replicate")          \
	X("VERBOSE", verbose, 1, NULL)                              \
	X("QUIET", quiet, 1, NULL)

struct tunables {
#define FIELD(name, field, max, words) uint64_t field;
	TUNABLES(FIELD)
#undef FIELD
	uint64_t nodes; /* of PLACEMENT=bind:NODES */
};

static const struct tunable {
	const char *name;
	size_t offset;
	uint64_t max;
	const char *words;
} table[] = {
#define ROW(name, field, max, words) \
	{ name, offsetof(struct tunables, field), max, words },
	TUNABLES(ROW)
#undef ROW
};

#define TABLE_ROWS (sizeof(table) / sizeof(table[0]))

static struct tunables tuned = {
	.prefault = PREFAULT_DEFAULT,
	.retain = RETAIN_DEFAULT,
	.idle_timeout = IDLE_TIMEOUT_DEFAULT,
	.check_interval = CHECK_INTERVAL_DEFAULT,
	.min_idle = MIN_IDLE_DEFAULT,
	.chain_limit = CHAIN_LIMIT_DEFAULT,
};
static char warnings[WARNINGS_MAX];
static int warning_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
warn(const char *name, const char *what)
{
	size_t used = strlen(warnings);

	warning_count++;
	snprintf(warnings + used, sizeof(warnings) - used,
		 "numahash: " PREFIX "%.64s: %s\n", name, what);
}

/* The place of `text` among space-separated words; false: none of them. */
static bool
parse_word(const char *words, const char *text, uint64_t *out)
{
	size_t len = strlen(text);

	for (uint64_t i = 0; *words; i++) {
		size_t n = strcspn(words, " ");

		if (n == len && !strncmp(words, text, n)) {
			*out = i;
			return true;
		}
		words += n + strspn(words + n, " ");
	}
	return false;
}

static bool
parse_number(const char *text, uint64_t max, uint64_t *out)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end || n > max)
		return false;
	*out = n;
	return true;
}

/* Bits for a list like "0,2-3", all of nodes there are; 0: not one. */
static uint64_t
parse_nodes(const char *text)
{
	uint64_t nodes = 0;

	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long from = strtoul(text, &end, 10);
		unsigned long to = from;

		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && to < NH_NODES_MAX; from++)
			nodes |= UINT64_C(1) << from;
		if (!*end)
			return to < NH_NODES_MAX ? nodes : 0;
		if (*end != ',')
			return 0;
		text = end + 1;
	}
	return 0;
}

/* The nodes after "bind:".  Whether there are such is for later to see. */
static void
read_bind(const char *list)
{
	uint64_t nodes = parse_nodes(list);

	if (!nodes) {
		warn("PLACEMENT", "bad value, ignored");
		return;
	}
	tuned.placement = NH_PLACEMENT_BIND;
	tuned.nodes = nodes;
}

/* Bound to nodes that are not there: better anywhere than nowhere. */
static void
check_bind(void)
{
	struct nh_config c = { .placement = (int)tuned.placement,
			       .nodes = tuned.nodes };

	if (!nh_placement_check(&c))
		return;
	warn("PLACEMENT", "no such memory node, ignored");
	tuned.placement = NH_PLACEMENT_AUTO;
}

static void
read_tunable(const struct tunable *t)
{
	char name[32];
	const char *text;
	uint64_t value;
	bool good;

	snprintf(name, sizeof(name), PREFIX "%s", t->name);
	text = secure_getenv(name);
	if (!text)
		return;
	if (!strcmp(t->name, "PLACEMENT") && !strncmp(text, BIND, BIND_LEN)) {
		read_bind(text + BIND_LEN);
		return;
	}
	good = t->words ? parse_word(t->words, text, &value)
			: parse_number(text, t->max, &value);
	if (good)
		memcpy((char *)&tuned + t->offset, &value, sizeof(value));
	else
		warn(t->name, "bad value, ignored");
}

static bool
is_known(const char *name, size_t len)
{
	for (size_t i = 0; i < TABLE_ROWS; i++)
		if (strlen(table[i].name) == len &&
		    !strncmp(table[i].name, name, len))
			return true;
	return false;
}

static void
find_unknown(void)
{
	size_t prefix = strlen(PREFIX);

	for (char **e = environ; e && *e; e++) {
		const char *name = *e + prefix;
		char copy[65];

		if (strncmp(*e, PREFIX, prefix) ||
		    is_known(name, strcspn(name, "=")))
			continue;
		snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(name, "="),
			 name);
		warn(copy, "unknown variable, ignored");
	}
}

static enum nh_pages
best_pages(void)
{
	switch (tuned.hugepages) {
	case NH_HUGEPAGES_1G:
		return NH_PAGES_1G;
	case NH_HUGEPAGES_2M:
	case NH_HUGEPAGES_HUGETLB:
		return NH_PAGES_2M;
	case NH_HUGEPAGES_THP:
		return NH_PAGES_THP;
	case NH_HUGEPAGES_OFF:
		return NH_PAGES_SMALL;
	default:
		return NH_PAGES_AUTO;
	}
}

static void
read_all(void)
{
	for (size_t i = 0; i < TABLE_ROWS; i++)
		read_tunable(&table[i]);
	/* A setuid program hears nothing from its caller, not even this. */
	if (!getauxval(AT_SECURE))
		find_unknown();
	if (tuned.verbose && !tuned.quiet)
		nh_without_listen(nh_complain);
	nh_topo_choose_fake((unsigned)tuned.fake_nodes);
	nh_topo_nodes();
	check_bind();
	nh_arena_choose_pages(best_pages());
	nh_arena_retain(tuned.retain);
	if (warning_count && !tuned.quiet)
		nh_complain(warnings);
}

void
nh_tune_process(void)
{
	pthread_once(&once, read_all);
}

uint64_t
nh_tune_prefault(void)
{
	return tuned.prefault;
}

bool
nh_tune_quiet(void)
{
	return tuned.quiet;
}

int
nh_tune_level(void)
{
	int level = nh_arch_native_level();
	int most = NH_LEVEL_WIDE - (int)tuned.disable;

	return level < most ? level : most;
}

void
nh_config_init(struct nh_config *config)
{
	if (!config)
		return;
	nh_tune_process();
	*config = (struct nh_config){
		.size = sizeof(*config),
		.capacity = tuned.capacity,
		.chain_limit = tuned.chain_limit,
		.seed = tuned.seed,
		.arch = (int)tuned.arch,
		.hash = (int)tuned.hash,
		.fixed = tuned.fixed,
		.maintenance = tuned.maintenance,
		.debug = (int)tuned.debug,
		.pin_age_ms = tuned.pin_age_ms,
		.idle = tuned.idle,
		.idle_timeout_ms = (uint32_t)tuned.idle_timeout,
		.check_interval_ms = (uint32_t)tuned.check_interval,
		.min_idle_count = (uint32_t)tuned.min_idle,
		.placement = (int)tuned.placement,
		.nodes = tuned.nodes,
	};
}

int
nh_config_warnings(char *text, size_t size)
{
	nh_tune_process();
	if (text && size)
		snprintf(text, size, "%s", warnings);
	return warning_count;
}
