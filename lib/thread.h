/*
 * thread.h - what the library keeps for each thread, and striped counters
 *
 * A thread that changes a map gets one of 64 slots for its lifetime.  A slot's
 * counters are its owner's alone, so counting costs a load and a store.  The
 * last slot is for all threads beyond 63; they add atomically.  Readers never
 * come here.
 */
#ifndef NH_LIB_THREAD_H
#define NH_LIB_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/atomic.h"

#define NH_STRIPES 64

struct nh_self {
	uint32_t slot;
	uint32_t deletes; /* so that every so many look at the load */
	uint64_t serial;  /* of nh_serial(), the next; a multiple: none */
	bool ready;	  /* a slot was given */
	bool owned;	  /* and is this thread's alone */
	bool in_update;	  /* in an update callback: must not write */
};

extern _Thread_local struct nh_self nh_self;

#define NH_SERIALS ((uint64_t)1 << 20) /* a thread takes at a time */

/* nh_serials - a stretch of numbers that nobody else has.  Any thread. */
uint64_t nh_serials(void);

/*
 * nh_serial - a number, never given twice in this process.  Any thread.
 *
 * Of 56 bits: at one every nanosecond they would last for two years.
 */
static inline uint64_t
nh_serial(void)
{
	if (__builtin_expect(nh_self.serial % NH_SERIALS == 0, 0))
		nh_self.serial = nh_serials();
	return nh_self.serial++;
}

/* nh_thread_begin - get a slot; at exit it is handed on.  Any thread. */
void nh_thread_begin(void);

/*
 * nh_thread_borrow - be the owner of a slot that no thread has.  Any thread.
 *
 * False: it has one, or it is the shared one.  Whoever got it gives it back
 * soon: a thread that begins meanwhile has one slot less to choose from.
 */
bool nh_thread_borrow(uint32_t slot);
void nh_thread_give_back(uint32_t slot);

/* What a map counts; a 64-byte line for each slot. */
struct nh_stripe {
	_Alignas(64) nh_atomic live; /* inserts less deletes, modulo 2^64 */
	nh_atomic moved;	     /* blocks drained */
	nh_atomic waits;	     /* found a line locked */
	nh_atomic grows, shrinks;    /* migrations finished */
	nh_atomic evicted, swept;    /* idle entries; segments gone over */
};

static inline struct nh_stripe *
nh_stripe_mine(struct nh_stripe *stripes)
{
	if (__builtin_expect(!nh_self.ready, 0))
		nh_thread_begin();
	return &stripes[nh_self.slot];
}

/* nh_stripe_add - add to a counter of nh_stripe_mine()'s.  Any thread. */
static inline void
nh_stripe_add(nh_atomic *counter, uint64_t n)
{
	if (__builtin_expect(!nh_self.owned, 0)) {
		/* relaxed: a count that orders nothing. */
		nh_add_relaxed(counter, n);
		return;
	}
	/* relaxed: only this thread writes it. */
	nh_store_relaxed(counter, nh_load_relaxed(counter) + n);
}

#endif
