/*
 * latency_cause.c - why the slowest operations of a thread were slow
 */
#include "bench/latency_cause.h"

#include "bench/latency_host.h"
#include "bench/latency_lines.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define SLOW_NS 50000

/*
 * Looking costs a system call of 0.3 us, more than an insert, so it is done
 * after operations of over 1 us only, which almost each page fault makes of
 * its operation, and once in 4096 to catch the others.  A look at all times,
 * or once in 16, would show in the 99th percentile of what is measured.
 */
#define LOOK_NS 1000
#define LOOK_EVERY 4096

static const char *const cause_names[NH_LAT_CAUSES] = {
	[NH_LAT_FAULT] = "page fault",
	[NH_LAT_PREEMPTED] = "preempted",
	[NH_LAT_BOTH] = "page fault, preempted",
	[NH_LAT_BLOCKED] = "blocked",
	[NH_LAT_NEITHER] = "none of these",
};

static struct nh_lat_kernel_counts
look(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_THREAD, &u))
		err(EXIT_FAILURE, "getrusage");
	return (struct nh_lat_kernel_counts){
		.faults = (uint64_t)(u.ru_minflt + u.ru_majflt),
		.preempted = (uint64_t)u.ru_nivcsw,
		.blocked = (uint64_t)u.ru_nvcsw,
	};
}

static enum nh_lat_cause
cause_between(const struct nh_lat_kernel_counts *a,
	      const struct nh_lat_kernel_counts *b)
{
	bool fault = b->faults > a->faults;

	if (b->preempted > a->preempted)
		return fault ? NH_LAT_BOTH : NH_LAT_PREEMPTED;
	if (fault)
		return NH_LAT_FAULT;
	return b->blocked > a->blocked ? NH_LAT_BLOCKED : NH_LAT_NEITHER;
}

/* Keeps slowest[] sorted: the new one sinks in from the end. */
static void
keep_slowest(struct nh_lat_causes *c, struct nh_lat_slow slow)
{
	int i = NH_LAT_SLOWEST - 1;

	if (slow.ns <= c->slowest[i].ns)
		return;
	for (; i > 0 && c->slowest[i - 1].ns < slow.ns; i--)
		c->slowest[i] = c->slowest[i - 1];
	c->slowest[i] = slow;
}

void
nh_lat_causes_begin(struct nh_lat_causes *c)
{
	*c = (struct nh_lat_causes){ .first = look() };
	c->last = c->first;
}

void
nh_lat_causes_note(struct nh_lat_causes *c, uint64_t at, uint64_t ns)
{
	struct nh_lat_kernel_counts now;
	struct nh_lat_slow slow = { .at = at, .ns = ns };

	if (ns < LOOK_NS && at % LOOK_EVERY)
		return;
	now = look();
	if (ns > SLOW_NS) {
		slow.cause = cause_between(&c->last, &now);
		c->of[slow.cause].ops++;
		c->of[slow.cause].ns += ns;
		if (ns > c->of[slow.cause].max)
			c->of[slow.cause].max = ns;
		keep_slowest(c, slow);
	}
	c->last = now;
}

void
nh_lat_causes_end(struct nh_lat_causes *c)
{
	c->last = look();
	c->faults = c->last.faults - c->first.faults;
}

void
nh_lat_causes_merge(struct nh_lat_causes *dst, const struct nh_lat_causes *src)
{
	dst->faults += src->faults;
	for (int i = 0; i < NH_LAT_CAUSES; i++) {
		dst->of[i].ops += src->of[i].ops;
		dst->of[i].ns += src->of[i].ns;
		if (src->of[i].max > dst->of[i].max)
			dst->of[i].max = src->of[i].max;
	}
	for (int i = 0; i < NH_LAT_SLOWEST; i++)
		keep_slowest(dst, src->slowest[i]);
}

void
nh_lat_causes_print(const struct nh_lat_causes *c, const char *name)
{
	printf("%s: %" PRIu64 " page faults in all\n", name, c->faults);
	for (int i = 0; i < NH_LAT_CAUSES; i++) {
		if (!c->of[i].ops)
			continue;
		printf("  %-22s %8" PRIu64 " over 50 us, mean %8.1f us, "
		       "max %9.1f us\n",
		       cause_names[i], c->of[i].ops,
		       (double)c->of[i].ns / (double)c->of[i].ops / 1e3,
		       (double)c->of[i].max / 1e3);
	}
	for (int i = 0; i < NH_LAT_SLOWEST && c->slowest[i].ns; i++) {
		const struct nh_lat_slow *s = &c->slowest[i];

		printf("  %s %9.1f us at entry %" PRIu64 ": %s\n",
		       i ? "       " : "slowest", (double)s->ns / 1e3, s->at,
		       cause_names[s->cause]);
	}
}

/* The times in ns of the first write to each of `pages` pages. */
static void
touch(char *at, size_t page, unsigned pages, double *ns)
{
	volatile char *byte = at;

	for (unsigned i = 0; i < pages; i++) {
		uint64_t start = nh_lat_ticks();

		byte[i * page] = 1;
		ns[i] = (double)nh_lat_elapsed(start, nh_lat_ticks());
	}
}

static void
touch_fresh(size_t page, unsigned pages, int advice, double *ns, uint64_t *huge)
{
	/* One page more, to begin on a whole one. */
	size_t room = (pages + 1) * page;
	char *map = mmap(NULL, room, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start;

	if (map == MAP_FAILED)
		err(EXIT_FAILURE, "%zu bytes of pages", room);
	start = map + (page - (uintptr_t)map % page) % page;
	/* Either may be refused; *huge says what came of it. */
	(void)madvise(map, room, advice);
	touch(start, page, pages, ns);
	*huge = nh_lat_huge_bytes(start);
	munmap(map, room);
}

void
nh_lat_touch_print(unsigned pages)
{
	double *ns = malloc(pages * sizeof(*ns)), median;
	uint64_t huge;

	if (!ns)
		err(EXIT_FAILURE, "pages");
	touch_fresh((size_t)2 << 20, pages, MADV_HUGEPAGE, ns, &huge);
	median = nh_lat_median(ns, pages); /* and sorts, for the maximum */
	printf("first touch of %u 2 MiB ranges (%" PRIu64 " huge pages): "
	       "median %.1f us, max %.1f us\n",
	       pages, huge >> 21, median / 1e3, ns[pages - 1] / 1e3);
	touch_fresh(4096, pages, MADV_NOHUGEPAGE, ns, &huge);
	median = nh_lat_median(ns, pages);
	printf("first touch of %u 4 KiB pages: median %.2f us, max %.1f us\n",
	       pages, median / 1e3, ns[pages - 1] / 1e3);
	free(ns);
}
