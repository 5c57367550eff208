/*
 * info.c - errors, version, and what this process found
 */
#include <inttypes.h>
#include <numahash.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
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

static struct nh_memory
memory_now(void)
{
	struct nh_arena_stats arena;

	nh_arena_stats(&arena);
	return (struct nh_memory){
		.reserved = arena.reserved[NH_PAGES_1G] +
			    arena.reserved[NH_PAGES_2M] +
			    arena.reserved[NH_PAGES_THP] +
			    arena.reserved[NH_PAGES_SMALL],
		.used = arena.used,
		.retained = arena.retained,
		.returned = arena.returned,
		.hugetlb = arena.reserved[NH_PAGES_2M],
		.transparent = arena.reserved[NH_PAGES_THP],
		.small = arena.reserved[NH_PAGES_SMALL],
		.hugetlb_refused = nh_without_count(NH_WITHOUT_2M),
		.transparent_refused = nh_without_count(NH_WITHOUT_THP),
		.populate_refused = nh_without_count(NH_WITHOUT_POPULATE),
		.return_refused = nh_without_count(NH_WITHOUT_RETURN),
		.giant = arena.reserved[NH_PAGES_1G],
		.collapsed = arena.collapsed,
		.giant_refused = nh_without_count(NH_WITHOUT_1G),
		.collapse_refused = nh_without_count(NH_WITHOUT_COLLAPSE),
		.bind_refused = nh_without_count(NH_WITHOUT_BIND),
		.bound_elsewhere = nh_without_count(NH_WITHOUT_BOUND),
		.fell_over = arena.fell_over,
	};
}

/* Where the struct ended at first. */
#define MEMORY_SIZE_FIRST offsetof(struct nh_memory, giant)

int
nh_memory_stats(struct nh_memory *out)
{
	struct nh_memory now;
	size_t size;

	if (!out || out->size < MEMORY_SIZE_FIRST)
		return NH_ERR_ARG;
	now = memory_now();
	now.size = out->size;
	size = out->size < sizeof(now) ? out->size : sizeof(now);
	memcpy(out, &now, size);
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
}

static void
describe_node_memory(struct text *t, unsigned i)
{
	struct nh_arena_stats st;
	uint64_t reserved = 0;

	nh_arena_node_stats(i, &st);
	for (unsigned kind = 0; kind < NH_PAGES_KINDS; kind++)
		reserved += st.reserved[kind];
	say(t,
	    "node %u has: %" PRIu64 " reserved, %" PRIu64 " used, %" PRIu64
	    " retained, %" PRIu64 " returned; others gave for it: %" PRIu64
	    "\n",
	    i, reserved, st.used, st.retained, st.returned, st.fell_over);
}

static void
describe_memory(struct text *t)
{
	struct nh_memory mem = memory_now();
	const struct {
		const char *what;
		uint64_t n;
	} line[] = {
		{ "reserved with 1 GiB pool pages", mem.giant },
		{ "reserved with 2 MiB pool pages", mem.hugetlb },
		{ "reserved with transparent huge pages", mem.transparent },
		{ "reserved with 4 KiB pages", mem.small },
		{ "1 GiB pool pages refused", mem.giant_refused },
		{ "pool pages refused", mem.hugetlb_refused },
		{ "transparent huge pages refused", mem.transparent_refused },
		{ "small pages made huge", mem.collapsed },
		{ "making them refused", mem.collapse_refused },
		{ "prefaults refused", mem.populate_refused },
		{ "returns refused", mem.return_refused },
		{ "bindings refused", mem.bind_refused },
		{ "bound elsewhere", mem.bound_elsewhere },
	};

	say(t, "transparent huge pages: %s\n", nh_mem_transparent());
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++)
		say(t, "%s: %" PRIu64 "\n", line[i].what, line[i].n);
	for (unsigned i = 0; i < nh_topo_nodes(); i++)
		describe_node_memory(t, i);
}

size_t
nh_describe(char *text, size_t size)
{
	struct text t = { text, text ? size : 0, 0 };
	static const char *const name[NH_LEVELS] = { "generic", "native",
						     "native, wide" };
	int level;

	nh_tune_process();
	level = nh_tune_level();
	say(&t,
	    "version: %s\n"
	    "arch: %s\n"
	    "readers wait for writers: %s\n"
	    "processors: %ld\n",
	    nh_version(), name[level], level == NH_LEVEL_GENERIC ? "yes" : "no",
	    sysconf(_SC_NPROCESSORS_ONLN));
	describe_nodes(&t);
	describe_memory(&t);
	say(&t, "warnings about the environment: %d\n",
	    nh_config_warnings(NULL, 0));
	return t.len;
}
