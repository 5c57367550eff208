/*
 * where.h - on which node pages really are, by asking the kernel
 */
#ifndef NH_NUMA_WHERE_H
#define NH_NUMA_WHERE_H

#include <stddef.h>
#include <stdint.h>

#include "numa/topo.h"

/*
 * nh_where - add up where the pages of [base, base + bytes) are
 *
 * To what is in *bytes_on (NH_NODES_MAX of them), *huge_bytes and *unknown, the
 * bytes that are there are added: by node; those that are parts of huge pages,
 * of whatever kind (they are in bytes_on as well); and those on a node that is
 * not known: not one of ours, or nobody says.  Memory that was never touched,
 * or was given back, is not there and counts nowhere.  The ends of the range
 * need not be those of pages: what is counted is cut there.
 *
 * The kernel is asked by move_pages(2); where that is refused, by
 * get_mempolicy(2), which is slow: one call for each page.  NH_ERR_SYSTEM when
 * both are refused: then all that is there counts as unknown, and as huge where
 * that can be seen.  With faked nodes all is unknown, and NH_OK.
 *
 * What is huge is told by PAGEMAP_SCAN (Linux 6.7); before it /proc/self/smaps
 * has the share of whole mappings, and the range gets as much.
 *
 * Any thread; the memory may be in use, and then the answer may be old.  A
 * system call for 512 pages, small or huge, that are there.
 */
int nh_where(const void *base, size_t bytes, uint64_t bytes_on[NH_NODES_MAX],
	     uint64_t *huge_bytes, uint64_t *unknown);

enum nh_huge {
	NH_HUGE_UNKNOWN, /* the kernel does not tell (before 6.7) */
	NH_HUGE_IS,
	NH_HUGE_NOT,	/* small pages, and all of them are there */
	NH_HUGE_PARTLY, /* small pages, and some are not there */
};

/*
 * nh_huge_at - is the huge page's worth of memory at p, aligned, a huge page?
 *
 * Any thread.
 */
enum nh_huge nh_huge_at(const void *p);

#endif
