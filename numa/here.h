/*
 * here.h - which node am I near, in a few instructions
 */
#ifndef NH_NUMA_HERE_H
#define NH_NUMA_HERE_H

#include <stddef.h>
#include <stdint.h>

#include "arch/atomic.h"
#include "numa/topo.h"

#define NH_TOPO_CPUS 4096

#ifdef __has_builtin
#if __has_builtin(__builtin_thread_pointer) && __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define NH_HERE_RSEQ 1
#endif
#endif

/* Filled in once, by what finds the nodes; before that there is one node. */
struct nh_topo_table {
	unsigned nodes;
	uint8_t of_cpu[NH_TOPO_CPUS];
};
extern __attribute__((visibility("hidden"))) struct nh_topo_table nh_topo_table;

/* Of this thread: the node it says it is on, and 1; 0: it says nothing. */
extern __attribute__((
	visibility("hidden"))) _Thread_local unsigned nh_topo_pretended;

/* nh_topo_here_slowly - by asking the C library.  After nh_topo_nodes(). */
unsigned nh_topo_here_slowly(void);

/*
 * nh_topo_pretend - have this thread be on a node from now on; -1: no more
 *
 * For tests, and for threads that work for others.  Does nothing when there is
 * no such node.
 */
void nh_topo_pretend(int node);

/* The kernel's note of where this thread runs: a huge number if there is none.
 */
static inline unsigned
nh_here_cpu(void)
{
#ifdef NH_HERE_RSEQ
	const char *rseq = (char *)__builtin_thread_pointer() + __rseq_offset;
	/* relaxed: the kernel writes it while this thread does not run. */
	uint64_t both = nh_load_relaxed((const nh_atomic *)rseq);

	/* struct rseq begins with cpu_id_start and cpu_id, 32 bits each. */
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		return (unsigned)(both >> 32);
	return (unsigned)both;
#else
	return NH_TOPO_CPUS;
#endif
}

/*
 * nh_topo_here - the node nearest to the processor this thread is on now
 *
 * 0 when there is one node, or nobody has called nh_topo_nodes() yet.  No
 * system call where the C library has registered rseq (glibc from 2.35).
 */
static inline unsigned
nh_topo_here(void)
{
	unsigned cpu;

	if (nh_topo_table.nodes <= 1)
		return 0;
	if (nh_topo_pretended)
		return nh_topo_pretended - 1;
	cpu = nh_here_cpu();
	if (cpu >= NH_TOPO_CPUS)
		return nh_topo_here_slowly();
	return nh_topo_table.of_cpu[cpu];
}

#endif
