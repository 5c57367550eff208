/*
 * info.c - errors, version, and what this process found
 */
#include <inttypes.h>
#include <numahash.h>
#include <stdio.h>
#include <unistd.h>

#include "arch/arch.h"
#include "lib/tune.h"
#include "numa/arena.h"

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
	struct nh_mem_refusals refused;

	if (!out || out->size < sizeof(*out))
		return NH_ERR_ARG;
	nh_arena_stats(&arena);
	nh_mem_refusals(&refused);
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
		.hugetlb_refused = refused.map[NH_PAGES_HUGETLB],
		.transparent_refused = refused.map[NH_PAGES_THP],
		.populate_refused = refused.populate,
		.return_refused = refused.give_back,
	};
	return NH_OK;
}

size_t
nh_describe(char *text, size_t size)
{
	struct nh_memory mem = { .size = sizeof(mem) };
	static const char *const name[NH_LEVELS] = { "generic", "native",
						     "native, wide" };
	int level;
	int n;

	nh_tune_process();
	level = nh_tune_level();
	nh_memory_stats(&mem);
	n = snprintf(text, text ? size : 0,
		     "version: %s\n"
		     "arch: %s\n"
		     "readers wait for writers: %s\n"
		     "processors: %ld\n"
		     "memory nodes: 1 (not looked for)\n"
		     "reserved with 2 MiB pool pages: %" PRIu64 "\n"
		     "reserved with transparent huge pages: %" PRIu64 "\n"
		     "reserved with 4 KiB pages: %" PRIu64 "\n"
		     "pool pages refused: %" PRIu64 "\n"
		     "transparent huge pages refused: %" PRIu64 "\n"
		     "prefaults refused: %" PRIu64 "\n"
		     "returns refused: %" PRIu64 "\n"
		     "warnings about the environment: %d\n",
		     nh_version(), name[level],
		     level == NH_LEVEL_GENERIC ? "yes" : "no",
		     sysconf(_SC_NPROCESSORS_ONLN), mem.hugetlb,
		     mem.transparent, mem.small, mem.hugetlb_refused,
		     mem.transparent_refused, mem.populate_refused,
		     mem.return_refused, nh_config_warnings(NULL, 0));
	return n < 0 ? 0 : (size_t)n;
}
