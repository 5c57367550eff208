/*
 * inject.c - make calls to the system fail
 */
#include "tests/fault/inject.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/types.h>

#define ADVICES 128

static struct {
	atomic_bool on;
	atomic_uint_fast64_t first, count, calls, failed;
} state[INJECT_KINDS];

static atomic_uint_fast64_t advice_failed[ADVICES];
static atomic_int advice_error = EINVAL;

void
inject(enum inject_kind kind, uint64_t first, uint64_t count)
{
	atomic_store(&state[kind].on, false);
	atomic_store(&state[kind].first, first);
	atomic_store(&state[kind].count, count);
	atomic_store(&state[kind].calls, 0);
	atomic_store(&state[kind].failed, 0);
	atomic_store(&state[kind].on, true);
}

void
inject_end(enum inject_kind kind)
{
	atomic_store(&state[kind].on, false);
}

void
inject_hold(enum inject_kind kind, bool held)
{
	atomic_store(&state[kind].on, !held);
}

void
inject_advice_error(int error)
{
	atomic_store(&advice_error, error);
}

uint64_t
inject_calls(enum inject_kind kind)
{
	return atomic_load(&state[kind].calls);
}

uint64_t
inject_failed(enum inject_kind kind)
{
	return atomic_load(&state[kind].failed);
}

uint64_t
inject_advice_failed(int advice)
{
	return atomic_load(&advice_failed[advice]);
}

/* fails - count a call; is it one that must fail? */
static bool
fails(enum inject_kind kind)
{
	uint64_t first = atomic_load(&state[kind].first);
	uint64_t count = atomic_load(&state[kind].count);
	uint64_t number;

	if (!atomic_load(&state[kind].on))
		return false;
	number = atomic_fetch_add(&state[kind].calls, 1) + 1;
	if (number < first || number - first >= count)
		return false;
	atomic_fetch_add(&state[kind].failed, 1);
	return true;
}

static bool
no_memory(void)
{
	if (!fails(INJECT_MEMORY))
		return false;
	errno = ENOMEM;
	return true;
}

/* The linker's names for what is wrapped, and for what wraps it. */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **out, size_t align, size_t size);
int __wrap_posix_memalign(void **out, size_t align, size_t size);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t off);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t off);
uint64_t __real_nh_pool_free(unsigned node, size_t page);
uint64_t __wrap_nh_pool_free(unsigned node, size_t page);
int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
ssize_t __real_getrandom(void *out, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags);

void *
__wrap_malloc(size_t size)
{
	return no_memory() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return no_memory() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return no_memory() ? NULL : __real_realloc(old, size);
}

void *
__wrap_aligned_alloc(size_t align, size_t size)
{
	return no_memory() ? NULL : __real_aligned_alloc(align, size);
}

int
__wrap_posix_memalign(void **out, size_t align, size_t size)
{
	return no_memory() ? ENOMEM : __real_posix_memalign(out, align, size);
}

void *
__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off)
{
	if (flags & MAP_HUGETLB && fails(INJECT_HUGETLB)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (no_memory())
		return MAP_FAILED;
	return __real_mmap(at, size, prot, flags, fd, off);
}

/* A pool that refuses is asked only if it says that it has pages. */
uint64_t
__wrap_nh_pool_free(unsigned node, size_t page)
{
	if (atomic_load(&state[INJECT_HUGETLB].on))
		return UINT64_MAX;
	return __real_nh_pool_free(node, page);
}

int
__wrap_madvise(void *at, size_t size, int advice)
{
	if (!fails(INJECT_ADVICE))
		return __real_madvise(at, size, advice);
	if (advice >= 0 && advice < ADVICES)
		atomic_fetch_add(&advice_failed[advice], 1);
	errno = atomic_load(&advice_error);
	return -1;
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		      void *(*run)(void *), void *arg)
{
	if (fails(INJECT_THREAD))
		return EAGAIN;
	return __real_pthread_create(thread, attr, run, arg);
}

ssize_t
__wrap_getrandom(void *out, size_t size, unsigned flags)
{
	if (fails(INJECT_ENTROPY)) {
		errno = ENOSYS;
		return -1;
	}
	return __real_getrandom(out, size, flags);
}
