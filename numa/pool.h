/*
 * pool.h - the system's pools of huge pages
 */
#ifndef NH_NUMA_POOL_H
#define NH_NUMA_POOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * nh_pool_free - bytes of pages of a size that a node's pool has left
 *
 * Less what others have reserved.  UINT64_MAX where it is not to be known: no
 * such files, or the pool may grow on demand (nr_overcommit_hugepages).  0
 * where the kernel has no pages of that size.  Any thread; reads /sys.
 */
uint64_t nh_pool_free(unsigned node, size_t page);

#endif
