/*
 * gate.h - where the threads of a run wait for each other
 *
 * They spin, so that they leave within some ten nanoseconds of each other: an
 * insert into an empty table of 10 K entries lasts a millisecond, and waking up
 * from a mutex takes a twentieth of that.
 */
#ifndef NH_BENCH_GATE_H
#define NH_BENCH_GATE_H

#include <sched.h>
#include <stdatomic.h>

#define NH_BENCH_GATE_SPINS 10000

struct nh_bench_gate {
	atomic_int waiting;
	atomic_uint opened; /* how often */
};

/* nh_bench_gate_wait - until `threads` threads are here. */
static inline void
nh_bench_gate_wait(struct nh_bench_gate *g, int threads)
{
	/* relaxed: it cannot change before this thread is counted below. */
	unsigned before =
		atomic_load_explicit(&g->opened, memory_order_relaxed);

	/* acq_rel: the last to come has seen what all did before. */
	if (atomic_fetch_add_explicit(&g->waiting, 1, memory_order_acq_rel) ==
	    threads - 1) {
		/* relaxed: the release below publishes it. */
		atomic_store_explicit(&g->waiting, 0, memory_order_relaxed);
		/* order(gate-open): release, after all have arrived. */
		atomic_fetch_add_explicit(&g->opened, 1, memory_order_release);
		return;
	}
	/* order(gate-open): acquire, so that all see what all did before. */
	for (int spins = 0;
	     atomic_load_explicit(&g->opened, memory_order_acquire) == before;
	     spins++)
		if (spins > NH_BENCH_GATE_SPINS)
			sched_yield();
}

#endif
