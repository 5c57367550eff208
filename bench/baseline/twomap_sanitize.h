/*
 * twomap_sanitize.h - telling the sanitizers what they cannot see
 *
 * AddressSanitizer sees slabs, not cells: free cells are poisoned by hand.
 * ThreadSanitizer sees neither liburcu's atomics, which are inline assembly,
 * nor the meaning of a grace period: what a thread did before its quiescent
 * state happens before the callbacks of that grace period, and those before
 * the return of a barrier.  What liburcu does inside it must not judge at all:
 * run with TSAN_OPTIONS=suppressions=FILE, or define
 * __tsan_default_suppressions(), with "called_from_lib:liburcu-qsbr".
 */
#ifndef BENCH_BASELINE_TWOMAP_SANITIZE_H
#define BENCH_BASELINE_TWOMAP_SANITIZE_H

#include <stddef.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define TWOMAP_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TWOMAP_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define TWOMAP_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define TWOMAP_TSAN 1
#endif

#ifdef TWOMAP_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef TWOMAP_TSAN
#include <sanitizer/tsan_interface.h>
#endif

static inline void
twomap_poison(void *p, size_t size)
{
#ifdef TWOMAP_ASAN
	__asan_poison_memory_region(p, size);
#else
	(void)p;
	(void)size;
#endif
}

static inline void
twomap_unpoison(void *p, size_t size)
{
#ifdef TWOMAP_ASAN
	__asan_unpoison_memory_region(p, size);
#else
	(void)p;
	(void)size;
#endif
}

/* Before a quiescent state or call_rcu(), and at the end of a callback. */
static inline void
twomap_grace_release(void *sync)
{
#ifdef TWOMAP_TSAN
	__tsan_release(sync);
#else
	(void)sync;
#endif
}

/* At the start of a callback, and after a barrier. */
static inline void
twomap_grace_acquire(void *sync)
{
#ifdef TWOMAP_TSAN
	__tsan_acquire(sync);
#else
	(void)sync;
#endif
}

#endif
