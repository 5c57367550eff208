/*
 * mem.c - address space and pages
 *
 * What a container or an old kernel may refuse is counted, and the caller goes
 * on with a lesser kind (numa/without.h).  Nothing here can fault later: the
 * huge page pool is reserved by mmap (never MAP_NORESERVE, whose touch is a
 * SIGBUS), and pool pages are kept out of children, where a copy could find the
 * pool empty.
 */
#include "numa/mem.h"

#include <errno.h>
#include <numahash.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "numa/bind.h"
#include "numa/pool.h"
#include "numa/sysfile.h"
#include "numa/without.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; Debian 12's glibc has it */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static void
unmap_keep_errno(char *p, size_t bytes)
{
	int err = errno;

	munmap(p, bytes);
	errno = err;
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
 * The node's pool is looked at first, as mmap only asks whether some node has
 * pages.  The pages are faulted in at once: a limit on the pool (the hugetlb
 * cgroup's), or a pool that somebody else was quicker to empty, is met there,
 * as an error, and not later, as SIGBUS.
 */
static char *
map_pool(size_t bytes, unsigned node, enum nh_pages pages)
{
	size_t page = nh_page_bytes(pages);
	int size = __builtin_ctzll(page) << MAP_HUGE_SHIFT;
	char *p;

	if (nh_pool_free(node, page) < bytes) {
		errno = ENOMEM;
		return NULL;
	}
	p = map_anonymous(bytes, MAP_HUGETLB | size);
	if (!p)
		return NULL;
	nh_bind(p, bytes, node, NH_BIND_STRICT);
	/* A child's copy-on-write could find the pool empty: SIGBUS. */
	if (!madvise(p, bytes, MADV_DONTFORK) &&
	    !madvise(p, bytes, MADV_POPULATE_WRITE))
		return p;
	unmap_keep_errno(p, bytes);
	return NULL;
}

static char *
map_transparent(size_t bytes, unsigned node, enum nh_pages pages)
{
	char *p = map_aligned(bytes, NH_HUGE_PAGE);

	(void)pages;

	if (!p)
		return NULL;
	if (madvise(p, bytes, MADV_HUGEPAGE)) {
		unmap_keep_errno(p, bytes);
		return NULL;
	}
	nh_bind(p, bytes, node, NH_BIND_PREFER);
	return p;
}

static char *
map_small(size_t bytes, unsigned node, enum nh_pages pages)
{
	char *p = map_anonymous(bytes, 0);

	(void)pages;
	if (!p)
		return NULL;
	/* Where "always" is set: many small maps should stay small. */
	madvise(p, bytes, MADV_NOHUGEPAGE);
	nh_bind(p, bytes, node, NH_BIND_PREFER);
	return p;
}

int
nh_mem_map(struct nh_range *range, size_t bytes, enum nh_pages pages,
	   unsigned node)
{
	static const struct {
		char *(*map)(size_t bytes, unsigned node, enum nh_pages pages);
		enum nh_without without;
	} kind[NH_PAGES_KINDS] = {
		{ map_pool, NH_WITHOUT_1G },
		{ map_pool, NH_WITHOUT_2M },
		{ map_transparent, NH_WITHOUT_THP },
		{ map_small, NH_WITHOUT_SMALL },
	};
	char *p = kind[pages].map(bytes, node, pages);

	if (!p) {
		nh_without(kind[pages].without, errno);
		return NH_ERR_NOMEM;
	}
	range->base = p;
	range->bytes = bytes;
	range->pages = pages;
	return NH_OK;
}

void
nh_mem_unmap(const struct nh_range *range)
{
	munmap(range->base, range->bytes);
}

bool
nh_mem_populate(char *p, size_t bytes)
{
	if (!madvise(p, bytes, MADV_POPULATE_WRITE))
		return true;
	nh_without(NH_WITHOUT_POPULATE, errno);
	return false;
}

const char *
nh_mem_transparent(void)
{
	static const char *const word[] = { "always", "madvise", "never" };
	char text[128], bracketed[16];

	if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
		return "not for this process";
	nh_sys_read("/sys/kernel/mm/transparent_hugepage/enabled", text,
		    sizeof(text));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		snprintf(bracketed, sizeof(bracketed), "[%s]", word[i]);
		if (strstr(text, bracketed))
			return word[i];
	}
	return "not known";
}

bool
nh_mem_collapse(char *p, size_t bytes)
{
	if (!madvise(p, bytes, MADV_COLLAPSE))
		return true;
	nh_without(NH_WITHOUT_COLLAPSE, errno);
	return false;
}

bool
nh_mem_unpool(char *p, size_t bytes, unsigned node)
{
	void *q = mmap(p, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (q == MAP_FAILED) {
		nh_without(NH_WITHOUT_RETURN, errno);
		return false;
	}
	madvise(p, bytes, MADV_HUGEPAGE);
	nh_bind(p, bytes, node, NH_BIND_PREFER);
	return true;
}

bool
nh_mem_return(char *p, size_t bytes)
{
	if (!madvise(p, bytes, MADV_DONTNEED))
		return true;
	nh_without(NH_WITHOUT_RETURN, errno);
	return false;
}
