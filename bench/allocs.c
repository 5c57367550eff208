/*
 * allocs.c - malloc() and its kin, counted
 *
 * A definition in the program comes before the C library's, for the libraries
 * it is linked with too: operator new and g_malloc() end here.  Each of these
 * counts, which is one instruction, and hands on to what glibc has behind its
 * own; so free() stays glibc's.  An mmap() is the system call.
 */
#include "bench/allocs.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local uint64_t count;

uint64_t
nh_bench_allocs(void)
{
	return count;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *
malloc(size_t size)
{
	count++;
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	count++;
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	count++;
	return __libc_realloc(p, size);
}

void *
memalign(size_t align, size_t size)
{
	count++;
	return __libc_memalign(align, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int
posix_memalign(void **p, size_t align, size_t size)
{
	void *block;

	if (align % sizeof(void *) || !align || align & (align - 1))
		return EINVAL;
	block = memalign(align, size);
	if (!block)
		return ENOMEM;
	*p = block;
	return 0;
}

void *
mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	count++;
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

#endif
