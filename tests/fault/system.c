/*
 * system.c - an operating system that refuses, or forks
 */
#include "tests/fault/system.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/inject.h"
#include "tests/model/args.h"
#include "tests/model/kit.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define KEYS 300000
#define SEED 1

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void
must(const char *what, int err)
{
	if (err != NH_OK)
		fail("%s: %s", what, nh_strerror(err));
}

static struct nh_u64 *
make_map(bool maintenance)
{
	struct nh_config config = config_make(SEED);
	struct nh_u64 *m;
	int err;

	config.maintenance = maintenance;
	m = nh_u64_create(&config, &err);
	must("create", m ? NH_OK : err);
	return m;
}

static void
put_range(struct nh_u64 *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		must("put", nh_u64_put(m, key_of(SPREAD_MIXED, i), i));
}

static void
delete_range(struct nh_u64 *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		must("delete", nh_u64_delete(m, key_of(SPREAD_MIXED, i)));
}

/* The keys from .. to - 1 are there, and nothing else. */
static void
check_range(const struct nh_u64 *m, uint64_t from, uint64_t to)
{
	uint64_t value;

	if (nh_u64_len(m) != to - from)
		fail("length is %" PRIu64 ", must be %" PRIu64, nh_u64_len(m),
		     to - from);
	for (uint64_t i = from; i < to; i++)
		if (nh_u64_get(m, key_of(SPREAD_MIXED, i), &value) != NH_OK ||
		    value != i)
			fail("key number %" PRIu64 " is lost or wrong", i);
}

/* A map grows, shrinks, and grows again in memory that it used before. */
static void
live(struct nh_u64 *m)
{
	put_range(m, 0, KEYS);
	check_range(m, 0, KEYS);
	delete_range(m, 0, KEYS / 10 * 9);
	must("shrink", nh_u64_shrink(m));
	check_range(m, KEYS / 10 * 9, KEYS);
	must("reserve", nh_u64_reserve(m, 2 * KEYS));
	put_range(m, KEYS, 2 * KEYS);
	check_range(m, KEYS / 10 * 9, 2 * KEYS);
	must("clear", nh_u64_clear(m));
	put_range(m, 0, KEYS);
	check_range(m, 0, KEYS);
}

static void
count_must_be(const char *what, uint64_t want, uint64_t got)
{
	if (want != got)
		fail("%s refused %" PRIu64 " times, nh_memory_stats says "
		     "%" PRIu64,
		     what, want, got);
}

static void
without_hugetlb(void *arg, struct child_report *report)
{
	struct nh_u64 *m;
	struct nh_memory memory;

	(void)arg;
	inject(INJECT_HUGETLB, 1, INJECT_STICKY);
	m = make_map(false);
	live(m);
	memory = memory_of_process();
	report->calls = inject_calls(INJECT_HUGETLB);
	report->failed = inject_failed(INJECT_HUGETLB);
	count_must_be("the huge page pool", report->failed,
		      memory.hugetlb_refused);
	if (memory.hugetlb != 0)
		fail("%" PRIu64 " bytes from a pool that gave none",
		     memory.hugetlb);
	nh_u64_destroy(m);
}

static void
without_advice(int error, struct child_report *report)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct nh_memory memory;
	struct nh_u64 *m;

	inject_advice_error(error);
	inject(INJECT_ADVICE, 1, INJECT_STICKY);
	m = make_map(true);
	live(m);
	nanosleep(&pause, NULL); /* the map's thread prefaults, if it can */
	nh_u64_destroy(m);
	memory = memory_of_process();
	report->calls = inject_calls(INJECT_ADVICE);
	report->failed = inject_failed(INJECT_ADVICE);
	count_must_be("MADV_HUGEPAGE", inject_advice_failed(MADV_HUGEPAGE),
		      memory.transparent_refused);
	count_must_be("MADV_POPULATE_WRITE",
		      inject_advice_failed(MADV_POPULATE_WRITE),
		      memory.populate_refused);
	count_must_be("MADV_DONTNEED", inject_advice_failed(MADV_DONTNEED),
		      memory.return_refused);
	if (memory.transparent != 0)
		fail("%" PRIu64 " bytes of huge pages that were refused",
		     memory.transparent);
}

static void
advice_unknown(void *arg, struct child_report *report)
{
	(void)arg;
	without_advice(EINVAL, report);
}

static void
advice_forbidden(void *arg, struct child_report *report)
{
	(void)arg;
	without_advice(EPERM, report);
}

/* address_space - let the process have so much more, or as much as it likes */
static void
address_space(uint64_t more)
{
	struct rlimit limit;
	uint64_t pages;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%" SCNu64, &pages) != 1 ||
	    getrlimit(RLIMIT_AS, &limit))
		fail("cannot tell the size of this process");
	fclose(file);
	limit.rlim_cur =
		more == RLIM_INFINITY
			? limit.rlim_max
			: pages * (uint64_t)sysconf(_SC_PAGESIZE) + more;
	if (setrlimit(RLIMIT_AS, &limit))
		fail("cannot limit the address space");
}

static bool
skip_sanitized(const char *what)
{
	if (SANITIZED)
		printf("  %s: skipped, the sanitizer needs it\n", what);
	return SANITIZED;
}

static void
little_address_space(void *arg, struct child_report *report)
{
	struct nh_u64 *m;
	uint64_t n = 0;
	int err = NH_OK;

	(void)arg;
	if (skip_sanitized("address space"))
		return;
	m = make_map(false);
	put_range(m, 0, 1000);
	address_space(64 << 20);
	for (n = 1000; n < 100000000 && err == NH_OK; n++)
		err = nh_u64_put(m, key_of(SPREAD_MIXED, n), n);
	if (err != NH_ERR_NOMEM)
		fail("with no memory left: %s", nh_strerror(err));
	check_range(m, 0, --n);
	report->failed = 1;
	delete_range(m, n / 2, n);
	check_range(m, 0, n / 2);
	put_range(m, n / 2, n / 2 + n / 4);
	check_range(m, 0, n / 2 + n / 4);
	address_space(RLIM_INFINITY);
	put_range(m, n / 2 + n / 4, 2 * n);
	check_range(m, 0, 2 * n);
	nh_u64_destroy(m);
}

static void
more_than_there_is(void *arg, struct child_report *report)
{
	struct nh_config config = config_make(SEED);
	struct nh_u64 *m, *none;
	int err = NH_OK;

	(void)arg;
	if (skip_sanitized("absurd sizes"))
		return;
	m = make_map(false);
	put_range(m, 0, 1000);
	address_space(256 << 20);
	for (uint64_t n = NH_CAPACITY_MAX; n > 100000000; n /= 4) {
		err = nh_u64_reserve(m, n);
		if (err != NH_ERR_NOMEM)
			fail("reserving %" PRIu64 ": %s", n, nh_strerror(err));
		config.capacity = n;
		config.fixed = !config.fixed;
		none = nh_u64_create(&config, &err);
		if (none || err != NH_ERR_NOMEM)
			fail("capacity %" PRIu64 ": %s", n, nh_strerror(err));
		check_range(m, 0, 1000);
		report->failed++;
	}
	put_range(m, 1000, KEYS);
	check_range(m, 0, KEYS);
	nh_u64_destroy(m);
}

/* What parent and child each do to their copy. */
static void
use_copy(struct nh_u64 *m)
{
	check_range(m, 0, KEYS);
	put_range(m, KEYS, 2 * KEYS);
	delete_range(m, 0, KEYS);
	must("shrink", nh_u64_shrink(m));
	check_range(m, KEYS, 2 * KEYS);
}

static void
fork_a_map(bool maintenance, struct child_report *report)
{
	struct nh_u64 *m = make_map(maintenance);
	int status;
	pid_t child;

	put_range(m, 0, KEYS);
	if (memory_of_process().hugetlb) {
		printf("  fork: skipped, pool pages stay with the parent\n");
		return;
	}
	child = fork();
	if (child == 0) {
		use_copy(m);
		if (!maintenance) /* its thread is not here to be joined */
			nh_u64_destroy(m);
		_exit(0);
	}
	use_copy(m);
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		fail("the child could not use its copy of the map");
	check_range(m, KEYS, 2 * KEYS);
	nh_u64_destroy(m);
	report->calls = 1;
}

static void
forked(void *arg, struct child_report *report)
{
	(void)arg;
	fork_a_map(false, report);
}

static void
forked_with_maintenance(void *arg, struct child_report *report)
{
	(void)arg;
#ifdef __SANITIZE_THREAD__
	if (skip_sanitized("fork with threads"))
		return;
#endif
	fork_a_map(true, report);
}

const struct system_case system_cases[] = {
	{ "empty huge page pool", without_hugetlb },
	{ "madvise unknown", advice_unknown },
	{ "madvise forbidden", advice_forbidden },
	{ "little address space", little_address_space },
	{ "more than there is", more_than_there_is },
	{ "fork", forked },
	{ "fork with maintenance", forked_with_maintenance },
};

const unsigned system_case_count = sizeof(system_cases) / sizeof(*system_cases);

/* ------------------------------------------------------------ the real pool */

static const char pool_file[] = "/proc/sys/vm/nr_hugepages";

static uint64_t
pool_pages(void)
{
	FILE *file = fopen(pool_file, "r");
	uint64_t pages;

	if (!file || fscanf(file, "%" SCNu64, &pages) != 1)
		fail("cannot read %s", pool_file);
	fclose(file);
	return pages;
}

static void
set_pool(uint64_t pages)
{
	FILE *file = fopen(pool_file, "w");

	if (!file || fprintf(file, "%" PRIu64 "\n", pages) < 0 || fclose(file))
		fail("cannot write %s (only root can)", pool_file);
}

static void
exhaust_pool(void *arg, struct child_report *report)
{
	struct nh_u64 *m = make_map(false);
	struct nh_memory memory;

	(void)arg;
	put_range(m, 0, 10 * KEYS);
	check_range(m, 0, 10 * KEYS);
	memory = memory_of_process();
	report->calls = memory.hugetlb;
	report->failed = memory.hugetlb_refused;
	delete_range(m, 0, 10 * KEYS);
	live(m);
	nh_u64_destroy(m);
}

/* The pool is put back before anything is said, and by a case that failed. */
void
system_small_pool(void)
{
	uint64_t pages = pool_pages();
	struct child_report report;
	int status;
	pid_t child;

	set_pool(8);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		report = child_run(exhaust_pool, NULL, "small pool", 8);
		if (report.calls == 0 || report.failed == 0)
			fail("the pool was not used, or not used up");
		printf("  small huge page pool: %" PRIu64 " bytes from it, "
		       "then refused %" PRIu64 " times\n",
		       report.calls, report.failed);
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		status = 1;
	set_pool(pages);
	if (status)
		fail("small huge page pool");
}
