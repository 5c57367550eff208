/*
 * scenes.c - systems that refuse, one after the other
 */
#include "tests/hostile/scenes.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "numa/arena.h"
#include "numa/where.h"
#include "tests/hostile/filter.h"
#include "tests/hostile/host.h"
#include "tests/hostile/life.h"
#include "tests/model/args.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define MIB ((size_t)1 << 20)
#define NOBODY 65534
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

char scene_empty[] = "/tmp/nh-hostile-XXXXXX";

static void
above_zero(const char *what, uint64_t n)
{
	if (!n)
		fail("%s: none is counted", what);
}

static const char *
filtered(bool done)
{
	return done ? NULL : "this kernel has no seccomp filters";
}

/* -------------------------------------------------------------- no binding */

static const char *
forbid_numa(void)
{
	return filtered(filter_numa(EPERM));
}

static const char *
no_numa(void)
{
	return filtered(filter_numa(ENOSYS));
}

static const char *
bad_mbind(void)
{
	const struct filter_rule rule = { SYS_mbind, EINVAL, FILTER_ANY };

	return filtered(filter_install(&rule, 1));
}

/* All that is there, and nothing of where: nobody says. */
static void
nobody_knows_where(void)
{
	uint64_t on[NH_NODES_MAX] = { 0 }, huge = 0, unknown = 0, sum = 0;
	struct nh_extent *e = nh_arena_alloc(NH_ARENA_ENTRIES, 4 * MIB, -1);
	int err;

	if (!e)
		fail("no memory");
	memset(e->base, 1, e->bytes);
	err = nh_where(e->base, e->bytes, on, &huge, &unknown);
	for (unsigned i = 0; i < NH_NODES_MAX; i++)
		sum += on[i];
	if (err != NH_ERR_SYSTEM || sum || unknown != e->bytes)
		fail("where: %s, %" PRIu64 " known, %" PRIu64 " not",
		     nh_strerror(err), sum, unknown);
	nh_arena_free(e, NH_KEEP_LITTLE);
}

static void
live_unbound(const char *says)
{
	life_of_maps();
	life_says(says);
	above_zero("bindings refused", life_memory().bind_refused);
	above_zero("bindings refused", life_number("bindings refused"));
}

static void
live_forbidden(void)
{
	live_unbound("memory is bound to nodes: no, it is not permitted");
	nobody_knows_where();
}

static void
live_without_numa(void)
{
	live_unbound("memory is bound to nodes: no, the kernel has no NUMA, "
		     "or this build");
	nobody_knows_where();
}

static void
live_refused(void)
{
	live_unbound("memory is bound to nodes: no, the kernel refuses");
}

/* Bound, and asked one page at a time. */
static const char *
forbid_move_pages(void)
{
	const struct filter_rule rule = { SYS_move_pages, EPERM, FILTER_ANY };

	return filtered(filter_install(&rule, 1));
}

static void
live_with_one_look_each(void)
{
	uint64_t on[NH_NODES_MAX] = { 0 }, huge = 0, unknown = 0;
	struct nh_extent *e = nh_arena_alloc(NH_ARENA_ENTRIES, 4 * MIB, 0);

	if (!e)
		fail("no memory");
	memset(e->base, 1, e->bytes);
	if (nh_where(e->base, e->bytes, on, &huge, &unknown))
		fail("where: refused");
	if (on[0] != e->bytes || unknown)
		fail("%" PRIu64 " bytes are on node 0, %" PRIu64 " nowhere",
		     on[0], unknown);
	nh_arena_free(e, NH_KEEP_LITTLE);
	life_of_maps();
	life_says("memory is bound to nodes: yes");
}

/* ------------------------------------------------------------- no huge page */

static void
live_without_pool(void)
{
	life_of_maps();
	if (life_memory().hugetlb || life_number("reserved with 2 MiB pool "
						 "pages"))
		fail("pages from a pool that has none");
	above_zero("pool pages refused", life_memory().hugetlb_refused);
	above_zero("transparent pages", life_memory().transparent);
}

static void
live_without_giants(void)
{
	life_of_maps();
	if (life_memory().giant)
		fail("1 GiB pages from a pool that has none");
	above_zero("1 GiB pages refused", life_memory().giant_refused);
}

static void
live_with_giant(void)
{
	life_of_maps();
	if (life_memory().giant != 1024 * MIB)
		fail("%" PRIu64 " bytes in 1 GiB pages", life_memory().giant);
	life_of_maps();
}

static void
take(size_t bytes)
{
	if (!nh_arena_alloc(NH_ARENA_LINES, bytes, 0))
		fail("no memory for %zu bytes", bytes);
}

/*
 * With the choice left to the library: not for somebody who waits, unless he
 * takes half of it; but ahead of those who have as much already.
 */
static void
live_with_giant_by_choice(void)
{
	life_of_maps();
	for (unsigned i = 0; i < 3; i++)
		take(200 * MIB);
	if (life_memory().giant || life_memory().giant_refused)
		fail("a 1 GiB page for 200 MiB");
	nh_arena_prefault(NH_ARENA_LINES, 64 * MIB, 0);
	if (life_memory().giant != 1024 * MIB)
		fail("no 1 GiB page ahead");
	take(64 * MIB);
	take(1100 * MIB);
	above_zero("1 GiB pages refused", life_memory().giant_refused);
}

static void
live_with_few(void)
{
	life_of_maps();
	above_zero("pool pages", life_memory().hugetlb);
	above_zero("pool pages refused", life_memory().hugetlb_refused);
	above_zero("other pages", life_memory().transparent);
}

/* When a map ends, what nobody may keep is the pool's again. */
static void
live_and_give_back(void)
{
	struct nh_u64 *m = life_begin(1000000);
	struct nh_memory then = life_memory(), now;

	above_zero("pool pages", then.hugetlb);
	life_check(m, 0, 1000000);
	nh_u64_destroy(m);
	now = life_memory();
	above_zero("returned", now.returned);
	if (now.hugetlb > then.hugetlb / 2)
		fail("of %" PRIu64 " bytes of the pool %" PRIu64 " are kept",
		     then.hugetlb, now.hugetlb);
	/* What took their place is as good. */
	life_of_maps();
}

/* A child has no pool pages, and no wish to die of it. */
static void
live_and_fork(void)
{
	struct nh_u64 *m = life_begin(200000);
	int status;
	pid_t child;

	above_zero("pool pages", life_memory().hugetlb);
	child = fork();
	if (!child) {
		if (life_memory().hugetlb)
			fail("the child has pool pages");
		life_of_maps();
		_exit(0);
	}
	life_check(m, 0, 200000);
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		fail("the child could not make maps: status %d", status);
	life_check(m, 0, 200000);
	nh_u64_destroy(m);
	life_of_maps();
}

static const char *
no_transparent(void)
{
	return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) ? "no PR_SET_THP_DISABLE"
						     : NULL;
}

static void
live_without_transparent(void)
{
	life_of_maps();
	life_says("transparent huge pages: not for this process");
}

/* A kernel from before 5.14 that has a pool: it must not be used blindly. */
static const char *
old_kernel(void)
{
	static const struct filter_rule rules[] = {
		{ SYS_madvise, EINVAL, MADV_POPULATE_WRITE },
		{ SYS_madvise, EINVAL, MADV_COLLAPSE },
	};

	return filtered(filter_install(rules, COUNT(rules)));
}

static void
live_on_old_kernel(void)
{
	life_of_maps();
	if (life_memory().hugetlb)
		fail("pool pages that may not be there");
	above_zero("pool pages refused", life_memory().hugetlb_refused);
	above_zero("prefaults refused", life_memory().populate_refused);
}

/* ------------------------------------------------------------------ limits */

static const char *
little_address_space(void)
{
	struct rlimit limit;
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu", &pages) != 1)
		return "no /proc/self/statm";
	fclose(file);
	limit.rlim_cur = limit.rlim_max = pages * 4096 + 160 * MIB;
	return setrlimit(RLIMIT_AS, &limit) ? "no RLIMIT_AS" : NULL;
}

static void
live_in_little_space(void)
{
	life_of_maps();
	life_until_full(150000);
}

static const char *
become_nobody(void)
{
	if (getuid())
		return NULL; /* ordinary already */
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return "cannot become another user";
	return NULL;
}

static const char *
lock_nothing(void)
{
	const struct rlimit limit = { 0, 0 };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? "no RLIMIT_MEMLOCK"
						 : become_nobody();
}

/* All memory is locked, and there is a limit to that. */
static const char *
lock_little(void)
{
	struct rlimit limit;
	const char *cannot;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return "no RLIMIT_MEMLOCK";
	if (limit.rlim_max > 96 * MIB)
		limit.rlim_max = 96 * MIB;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return "no RLIMIT_MEMLOCK";
	cannot = become_nobody();
	if (!cannot && mlockall(MCL_CURRENT | MCL_FUTURE))
		cannot = "mlockall refuses: the limit is too low";
	return cannot;
}

static void
live_locked(void)
{
	life_until_full(10000);
	above_zero("returns refused", life_memory().return_refused);
}

/* ----------------------------------------------------------------- shut in */

static const char *
join_cpuset(void)
{
	return host_join_cpuset() ? NULL : "cannot join the cpuset";
}

static void
live_in_cpuset(void)
{
	life_of_maps();
	if (life_number("memory nodes") != 1)
		fail("more nodes than the cpuset has");
}

static const char *
shut_in(void)
{
	return chroot(scene_empty) || chdir("/") ? "cannot chroot" : NULL;
}

static void
live_shut_in(void)
{
	life_of_maps();
	if (life_number("memory nodes") != 1)
		fail("nodes from nowhere");
	life_says("memory nodes: 1 (none; hwloc is not installed here)");
}

#define UNBOUND "memory is not bound to nodes"
#define NO_2M "no 2 MiB pages from the pool (Cannot allocate memory)"

const struct scene scenes[] = {
	{ "Docker's filter", forbid_numa, live_forbidden,
	  .told = UNBOUND " (Operation not permitted)" },
	{ "kernel without NUMA", no_numa, live_without_numa,
	  .told = UNBOUND " (Function not implemented)" },
	{ "mbind says EINVAL", bad_mbind, live_refused,
	  .told = UNBOUND " (Invalid argument)" },
	{ "move_pages alone forbidden", forbid_move_pages,
	  live_with_one_look_each, .told = NULL },
	{ "cpuset of one node", join_cpuset, live_in_cpuset, .cpuset = true },
	{ "no /sys, no /proc", shut_in, live_shut_in, .told = NULL },
	{ "no pool", NULL, live_without_pool, .told = NO_2M,
	  .variable = "NUMAHASH_HUGEPAGES=2M", .pool = SCENE_NONE },
	{ "pool that is used up", NULL, live_with_few, .told = NO_2M,
	  .variable = "NUMAHASH_HUGEPAGES=2M", .pool = 4 },
	{ "pool pages go back", NULL, live_and_give_back,
	  .variable = "NUMAHASH_RETAIN=0", .pool = 48 },
	{ "fork with pool pages", NULL, live_and_fork,
	  .variable = "NUMAHASH_HUGEPAGES=hugetlb", .pool = 32 },
	{ "no pool of 1 GiB pages", NULL, live_without_giants,
	  .told = "no 1 GiB pages from the pool (Cannot allocate memory)",
	  .variable = "NUMAHASH_HUGEPAGES=1G", .giants = SCENE_NONE },
	{ "one page of 1 GiB", NULL, live_with_giant,
	  .variable = "NUMAHASH_HUGEPAGES=1G", .giants = 1 },
	{ "one page of 1 GiB, by choice", NULL, live_with_giant_by_choice,
	  .told = "no 1 GiB pages from the pool (Cannot allocate memory)",
	  .variable = "NUMAHASH_HUGEPAGES=auto", .giants = 1 },
	{ "no transparent huge pages", no_transparent, live_without_transparent,
	  .variable = "NUMAHASH_HUGEPAGES=thp" },
	{ "kernel before 5.14", old_kernel, live_on_old_kernel,
	  .told = "memory is not faulted in ahead (Invalid argument)",
	  .variable = "NUMAHASH_MAINTENANCE=1", .pool = 32 },
	{ "little address space", little_address_space, live_in_little_space,
	  .no_sanitizer = true },
	{ "nothing may be locked", lock_nothing, life_of_maps, .told = NULL },
	{ "all is locked, up to a limit", lock_little, live_locked,
	  .told = "free memory is not given back (Invalid argument)",
	  .variable = "NUMAHASH_RETAIN=0", .no_sanitizer = true },
};
const size_t scenes_count = COUNT(scenes);
