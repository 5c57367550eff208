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

/* What a range was backed with, best first. */
enum nh_pages {
	NH_PAGES_HUGETLB, /* 2 MiB from the system's pool, reserved by mmap */
	NH_PAGES_THP,	  /* transparent huge pages asked for */
	NH_PAGES_SMALL,	  /* 4 KiB, and huge ones declined */
	NH_PAGES_KINDS,
};

struct nh_range {
	char *base;
	size_t bytes;
	enum nh_pages pages;
};

/*
 * nh_mem_map - zeroed memory of one kind, of one node.  Any thread.
 *
 * `bytes` is a multiple of NH_HUGE_PAGE, and so is the address, except for
 * NH_PAGES_SMALL, where NH_SMALL_PAGE does.  Pages of the pool are that node's
 * and there at once.  The others come when they are touched, from that node as
 * long as it has some, else from the next; and from anywhere where binding is
 * refused (numa/bind.h).  NH_ERR_NOMEM, counted as a refusal of that kind.
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
 * nh_mem_return - give the pages of [p, p + bytes) back; they read as zeros
 *
 * Page-aligned; not for pool pages, which might not be had again.  False where
 * the kernel refuses; then nothing changed, and it is counted.  Any thread.
 */
bool nh_mem_return(char *p, size_t bytes);

#endif
