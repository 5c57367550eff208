/*
 * atomic.h - the one home of atomic accesses; a name carries its order
 *
 * All memory that threads share is read and written through these, or through
 * the pair accesses of arch/<cpu>/inline.h.  Stand-alone fences are not
 * offered: ThreadSanitizer does not model them.
 *
 * A build with -DNH_STALL calls nh_stall_point() before each access, so that a
 * test can stop a thread between any two of them.
 */
#ifndef NH_ARCH_ATOMIC_H
#define NH_ARCH_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef NH_STALL
void nh_stall_point(void);
#else
static inline void
nh_stall_point(void)
{
}
#endif

typedef _Atomic(uint64_t) nh_atomic;

static inline uint64_t
nh_load_relaxed(const nh_atomic *p)
{
	nh_stall_point();
	return atomic_load_explicit(p, memory_order_relaxed);
}

static inline uint64_t
nh_load_acquire(const nh_atomic *p)
{
	nh_stall_point();
	return atomic_load_explicit(p, memory_order_acquire);
}

static inline void
nh_store_relaxed(nh_atomic *p, uint64_t v)
{
	nh_stall_point();
	atomic_store_explicit(p, v, memory_order_relaxed);
}

static inline void
nh_store_release(nh_atomic *p, uint64_t v)
{
	nh_stall_point();
	atomic_store_explicit(p, v, memory_order_release);
}

static inline uint64_t
nh_add_relaxed(nh_atomic *p, uint64_t v)
{
	nh_stall_point();
	return atomic_fetch_add_explicit(p, v, memory_order_relaxed);
}

static inline uint64_t
nh_add_acqrel(nh_atomic *p, uint64_t v)
{
	nh_stall_point();
	return atomic_fetch_add_explicit(p, v, memory_order_acq_rel);
}

static inline bool
nh_cas_relaxed(nh_atomic *p, uint64_t *expected, uint64_t desired)
{
	nh_stall_point();
	return atomic_compare_exchange_strong_explicit(p, expected, desired,
						       memory_order_relaxed,
						       memory_order_relaxed);
}

static inline bool
nh_cas_acquire(nh_atomic *p, uint64_t *expected, uint64_t desired)
{
	nh_stall_point();
	return atomic_compare_exchange_strong_explicit(p, expected, desired,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static inline bool
nh_cas_acqrel(nh_atomic *p, uint64_t *expected, uint64_t desired)
{
	nh_stall_point();
	return atomic_compare_exchange_strong_explicit(p, expected, desired,
						       memory_order_acq_rel,
						       memory_order_acquire);
}

#endif
