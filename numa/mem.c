/*
 * mem.c - address space and pages
 *
 * What a container or an old kernel may refuse is counted, and the caller goes
 * on with a lesser kind.  Nothing here can fault later: the huge page pool is
 * reserved by mmap (never MAP_NORESERVE, whose touch is a SIGBUS), and pool
 * pages are kept out of children, where a copy could find the pool empty.
 */
#include "numa/mem.h"

#include <numahash.h>
#include <sys/mman.h>

#include "arch/atomic.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; Debian 12's glibc has it */
#endif

static nh_atomic map_refused[NH_PAGES_KINDS];
static nh_atomic populate_refused;
static nh_atomic return_refused;

/* relaxed: a count that orders nothing. */
static void
count(nh_atomic *counter)
{
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(counter, 1);
}

static char *
map_anonymous(size_t bytes, int flags)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Map more than needed and cut both ends off. */
static char *
map_aligned(size_t bytes, size_t align)
{
	char *p = map_anonymous(bytes + align, 0);
	size_t head;

	if (!p)
		return NULL;
	head = (align - (uintptr_t)p % align) % align;
	if (head)
		munmap(p, head);
	if (align - head)
		munmap(p + head + bytes, align - head);
	return p + head;
}

/*
 * The pages are faulted in at once: a limit on the pool (the hugetlb cgroup's)
 * is met there, as an error, and not later, as SIGBUS.
 */
static char *
map_hugetlb(size_t bytes)
{
	char *p = map_anonymous(bytes, MAP_HUGETLB);

	if (!p)
		return NULL;
	/* A child's copy-on-write could find the pool empty: SIGBUS. */
	if (madvise(p, bytes, MADV_DONTFORK) ||
	    madvise(p, bytes, MADV_POPULATE_WRITE)) {
		munmap(p, bytes);
		return NULL;
	}
	return p;
}

static char *
map_transparent(size_t bytes)
{
	char *p = map_aligned(bytes, NH_HUGE_PAGE);

	if (p && madvise(p, bytes, MADV_HUGEPAGE)) {
		munmap(p, bytes);
		return NULL;
	}
	return p;
}

static char *
map_small(size_t bytes)
{
	char *p = map_anonymous(bytes, 0);

	/* Where "always" is set: many small maps should stay small. */
	if (p)
		madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

int
nh_mem_map(struct nh_range *range, size_t bytes, enum nh_pages pages, int node)
{
	static char *(*const map[NH_PAGES_KINDS])(size_t) = {
		map_hugetlb,
		map_transparent,
		map_small,
	};
	char *p = map[pages](bytes);

	(void)node;
	if (!p) {
		count(&map_refused[pages]);
		return NH_ERR_NOMEM;
	}
	range->base = p;
	range->bytes = bytes;
	range->pages = pages;
	return NH_OK;
}

bool
nh_mem_populate(char *p, size_t bytes)
{
	if (!madvise(p, bytes, MADV_POPULATE_WRITE))
		return true;
	count(&populate_refused);
	return false;
}

bool
nh_mem_return(char *p, size_t bytes)
{
	if (!madvise(p, bytes, MADV_DONTNEED))
		return true;
	count(&return_refused);
	return false;
}

void
nh_mem_refusals(struct nh_mem_refusals *out)
{
	for (int kind = 0; kind < NH_PAGES_KINDS; kind++)
		/* relaxed: a count that orders nothing. */
		out->map[kind] = nh_load_relaxed(&map_refused[kind]);
	/* relaxed: counts that order nothing. */
	out->populate = nh_load_relaxed(&populate_refused);
	/* relaxed: counts that order nothing. */
	out->give_back = nh_load_relaxed(&return_refused);
}
