/*
 * mem.h - address space and pages: the only caller of mmap and madvise
 */
#ifndef NH_NUMA_MEM_H
#define NH_NUMA_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NH_SMALL_PAGE ((size_t)4096)
#define NH_HUGE_PAGE ((size_t)2 << 20)
#define NH_GIANT_PAGE ((size_t)1 << 30)

/* What a range was backed with, best first. */
enum nh_pages {
	NH_PAGES_1G,	/* from the system's pool */
	NH_PAGES_2M,	/* from the pool, too */
	NH_PAGES_THP,	/* transparent huge pages asked for */
	NH_PAGES_SMALL, /* 4 KiB, and huge ones declined */
	NH_PAGES_KINDS,
	NH_PAGES_AUTO = NH_PAGES_KINDS, /* no kind: the best that fits */
};

/* nh_page_bytes - the size of a kind's pages */
static inline size_t
nh_page_bytes(enum nh_pages pages)
{
	if (pages == NH_PAGES_1G)
		return NH_GIANT_PAGE;
	return pages == NH_PAGES_SMALL ? NH_SMALL_PAGE : NH_HUGE_PAGE;
}

/* nh_pages_pooled - are they of a pool?  Then they are there at once. */
static inline bool
nh_pages_pooled(enum nh_pages pages)
{
	return pages <= NH_PAGES_2M;
}

struct nh_range {
	char *base;
	size_t bytes;
	enum nh_pages pages;
};

/*
 * nh_mem_map - zeroed memory of one kind, of one node.  Any thread.
 *
 * `bytes` is a multiple of the page's, and so is the address.  Pages of the
 * pool are that node's and there at once: nobody faults there later, whatever
 * others do to the pool; and a child of fork(2) does not have them.  The others
 * come when they are touched, from that node as long as it has some, else from
 * the next; and from anywhere where binding is refused (numa/bind.h).
 * NH_ERR_NOMEM, counted as a refusal of that kind.
 */
int nh_mem_map(struct nh_range *range, size_t bytes, enum nh_pages pages,
	       unsigned node);

/* nh_mem_unmap - of what nobody but this thread has seen */
void nh_mem_unmap(const struct nh_range *range);

/*
 * nh_mem_populate - fault [p, p + bytes) in for writing.  Any thread.
 *
 * False where the kernel refuses (before 5.14, or no memory is left): whoever
 * touches the pages faults them in then.  The refusal is counted.
 */
bool nh_mem_populate(char *p, size_t bytes);

/*
 * nh_mem_transparent - who gets transparent huge pages, as the kernel has it
 *
 * "always", "madvise" (the library is among them), "never", "not for this
 * process", or "not known".  Any thread.
 */
const char *nh_mem_transparent(void);

/*
 * nh_mem_collapse - make huge pages of small ones.  Any thread.
 *
 * [p, p + bytes) is of huge pages' size and place, transparent, and there.
 * Whoever touches it meanwhile waits for the copy.  False where the kernel
 * refuses (before 6.1, or it has no huge page to give); it is counted.
 */
bool nh_mem_collapse(char *p, size_t bytes);

/*
 * nh_mem_unpool - give pages of a pool back to it; false: refused, counted
 *
 * In their place are transparent ones from then on, which come when they are
 * touched: not from the pool, which might have none when they are wanted.
 * Reads as zeros.  The address space is never without a mapping.  Any thread.
 */
bool nh_mem_unpool(char *p, size_t bytes, unsigned node);

/*
 * nh_mem_return - give the pages of [p, p + bytes) back; they read as zeros
 *
 * Page-aligned; not for pool pages, which might not be had again.  False where
 * the kernel refuses; then nothing changed, and it is counted.  Any thread.
 */
bool nh_mem_return(char *p, size_t bytes);

#endif
