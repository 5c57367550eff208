/*
 * inject.h - make calls to the system fail
 *
 * The program is linked with -Wl,--wrap=NAME for each function in inject.c, so
 * the calls of the static library and of the test come by here first.
 */
#ifndef NH_TESTS_INJECT_H
#define NH_TESTS_INJECT_H

#include <stdbool.h>
#include <stdint.h>

enum inject_kind {
	INJECT_MEMORY,	/* malloc and its kin, mmap: ENOMEM */
	INJECT_HUGETLB, /* mmap of MAP_HUGETLB: ENOMEM */
	INJECT_ADVICE,	/* madvise: the error given */
	INJECT_THREAD,	/* pthread_create: EAGAIN */
	INJECT_ENTROPY, /* getrandom: ENOSYS */
	INJECT_KINDS
};

#define INJECT_STICKY UINT64_MAX

/*
 * inject - from now on, fail the calls number first .. first + count - 1 of
 * this kind, counted from 1 from now on.  A count of 0 fails none.
 */
void inject(enum inject_kind kind, uint64_t first, uint64_t count);

/* inject_end - fail and count no more of them */
void inject_end(enum inject_kind kind);

/* inject_hold - let no call fail, nor count any, until it is taken back */
void inject_hold(enum inject_kind kind, bool held);

/* inject_advice_error - what a failing madvise says.  EINVAL to begin with. */
void inject_advice_error(int error);

/* Since inject() was called for this kind: calls, and those that were failed.
 */
uint64_t inject_calls(enum inject_kind kind);
uint64_t inject_failed(enum inject_kind kind);

/* inject_advice_failed - madvise calls with this advice that were failed */
uint64_t inject_advice_failed(int advice);

#endif
