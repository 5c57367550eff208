/*
 * info.c - errors, version, and what this process found
 */
#include <inttypes.h>
#include <numahash.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "arch/arch.h"
#include "lib/tune.h"
#include "numa/arena.h"
#include "numa/bind.h"
#include "numa/topo.h"
#include "numa/without.h"

#define STRING(x) #x
#define VERSION_STRING(major, minor, patch) \
	STRING(major) "." STRING(minor) "." STRING(patch)

const char *
nh_version(void)
{
	return VERSION_STRING(NH_VERSION_MAJOR, NH_VERSION_MINOR,
			      NH_VERSION_PATCH);
}

const char *
nh_strerror(int err)
{
	switch (err) {
	case NH_OK:
		return "success";
#define CASE(name, number, text) \
	case name:               \
		return text;
		NH_ERRORS(CASE)
#undef CASE
	default:
		return "unknown error";
	}
}

int
nh_memory_stats(struct nh_memory *out)
{
	struct nh_arena_stats arena;

	if (!out || out->size < sizeof(*out))
		return NH_ERR_ARG;
	nh_arena_stats(&arena);
	*out = (struct nh_memory){
		.size = out->size,
		.reserved = arena.reserved[NH_PAGES_HUGETLB] +
			    arena.reserved[NH_PAGES_THP] +
			    arena.reserved[NH_PAGES_SMALL],
		.used = arena.used,
		.retained = arena.retained,
		.returned = arena.returned,
		.hugetlb = arena.reserved[NH_PAGES_HUGETLB],
		.transparent = arena.reserved[NH_PAGES_THP],
		.small = arena.reserved[NH_PAGES_SMALL],
		.hugetlb_refused = nh_without_count(NH_WITHOUT_2M),
		.transparent_refused = nh_without_count(NH_WITHOUT_THP),
		.populate_refused = nh_without_count(NH_WITHOUT_POPULATE),
		.return_refused = nh_without_count(NH_WITHOUT_RETURN),
	};
	return NH_OK;
}

/* A text that may be longer than there is room for. */
struct text {
	char *text;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void
say(struct text *t, const char *format, ...)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room ? t->text + t->len : NULL, room, format, args);
	va_end(args);
	t->len += n > 0 ? (size_t)n : 0;
}

static void
describe_node(struct text *t, unsigned i)
{
	struct nh_topo_node node;

	nh_topo_node(i, &node);
	say(t,
	    "node %u: %d of the kernel's, %" PRIu64
	    " MiB, %u processors, nearest to %u",
	    i, node.os_node, node.bytes >> 20, node.cpus, node.cpus_near);
	for (unsigned k = 0; k < NH_HUGE_SIZES_MAX && node.huge[k]; k++)
		say(t, "%s%" PRIu64 " MiB", k ? ", " : "; huge pages of ",
		    node.huge[k] >> 20);
	say(t, "\n");
}

static void
describe_nodes(struct text *t)
{
	const char *lacks = nh_bind_lacks();
	struct nh_topo_summary s;

	nh_topo_summary(&s);
	say(t, "memory nodes: %u (%s%s%s)\n", s.nodes, s.source,
	    s.lacks ? "; " : "", s.lacks ? s.lacks : "");
	say(t, "nodes without memory, not allowed, too many: %u, %u, %u\n",
	    s.without_memory, s.not_allowed, s.beyond);
	for (unsigned i = 0; i < s.nodes; i++)
		describe_node(t, i);
	say(t, "memory is bound to nodes: %s%s\n", lacks ? "no, " : "yes",
	    lacks ? lacks : "");
	say(t, "bindings refused: %" PRIu64 "\n",
	    nh_without_count(NH_WITHOUT_BIND));
}

size_t
nh_describe(char *text, size_t size)
{
	struct text t = { text, text ? size : 0, 0 };
	struct nh_memory mem = { .size = sizeof(mem) };
	static const char *const name[NH_LEVELS] = { "generic", "native",
						     "native, wide" };
	int level;

	nh_tune_process();
	level = nh_tune_level();
	nh_memory_stats(&mem);
	say(&t,
	    "version: %s\n"
	    "arch: %s\n"
	    "readers wait for writers: %s\n"
	    "processors: %ld\n",
	    nh_version(), name[level], level == NH_LEVEL_GENERIC ? "yes" : "no",
	    sysconf(_SC_NPROCESSORS_ONLN));
	describe_nodes(&t);
	say(&t,
	    "reserved with 2 MiB pool pages: %" PRIu64 "\n"
	    "reserved with transparent huge pages: %" PRIu64 "\n"
	    "reserved with 4 KiB pages: %" PRIu64 "\n"
	    "pool pages refused: %" PRIu64 "\n"
	    "transparent huge pages refused: %" PRIu64 "\n"
	    "prefaults refused: %" PRIu64 "\n"
	    "returns refused: %" PRIu64 "\n"
	    "warnings about the environment: %d\n",
	    mem.hugetlb, mem.transparent, mem.small, mem.hugetlb_refused,
	    mem.transparent_refused, mem.populate_refused, mem.return_refused,
	    nh_config_warnings(NULL, 0));
	return t.len;
}
