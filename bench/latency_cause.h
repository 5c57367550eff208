/*
 * latency_cause.h - why the slowest operations of a thread were slow
 *
 * The kernel counts page faults and switches of a thread.  When a slow
 * operation ends, what has been added since the last look belongs to it, as
 * far as the last look is close: see nh_lat_causes_note().
 *
 * All functions are called on the thread that is measured, or after it ended.
 * The struct holds no pointer, so it may live in shared memory.
 */
#ifndef BENCH_LATENCY_CAUSE_H
#define BENCH_LATENCY_CAUSE_H

#include <stdint.h>

enum nh_lat_cause {
	NH_LAT_FAULT,	  /* it took a page fault */
	NH_LAT_PREEMPTED, /* the scheduler gave its processor to another */
	NH_LAT_BOTH,
	NH_LAT_BLOCKED, /* it waited in the kernel, for a lock or memory */
	NH_LAT_NEITHER, /* none of these: itself, an interrupt, the host */
	NH_LAT_CAUSES,
};

struct nh_lat_kernel_counts {
	uint64_t faults, preempted, blocked;
};

struct nh_lat_slow {
	uint64_t at, ns; /* the operation's number and its time */
	enum nh_lat_cause cause;
};

#define NH_LAT_SLOWEST 5

struct nh_lat_causes {
	struct nh_lat_kernel_counts first, last;
	uint64_t faults; /* of the whole run */
	struct {
		uint64_t ops, ns, max;
	} of[NH_LAT_CAUSES];
	struct nh_lat_slow slowest[NH_LAT_SLOWEST]; /* slowest first */
};

/* nh_lat_causes_begin - from now on.  Just before the first operation. */
void nh_lat_causes_begin(struct nh_lat_causes *c);

/* nh_lat_causes_note - operation number `at` took ns.  After each of them. */
void nh_lat_causes_note(struct nh_lat_causes *c, uint64_t at, uint64_t ns);

/* nh_lat_causes_end - after the last operation. */
void nh_lat_causes_end(struct nh_lat_causes *c);

/* nh_lat_causes_merge - add the counts of src to dst, which began as zeroes. */
void nh_lat_causes_merge(struct nh_lat_causes *dst,
			 const struct nh_lat_causes *src);

/* nh_lat_causes_print - the table of operations over 50 us. */
void nh_lat_causes_print(const struct nh_lat_causes *c, const char *name);

/*
 * nh_lat_touch_print - what the first touch of a page costs here
 *
 * Of 2 MiB pages (as far as the system gives them) and of 4 KiB pages: the
 * yardstick for the operations that took a page fault.
 */
void nh_lat_touch_print(unsigned pages);

#endif
