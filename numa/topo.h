/*
 * topo.h - the memory nodes of this machine, and who is near to whom
 *
 * A node here is one that has memory which this process may use.  They are
 * numbered 0 to n - 1 without gaps, in the order of the kernel's numbers.
 *
 * What there is is found once: by hwloc if it was there when the library was
 * built and is when it runs, else in /sys.  hwloc hears HWLOC_SYNTHETIC and
 * HWLOC_XMLFILE, so a machine may be described that is not there; then, and
 * with faked nodes, nothing is bound and all nodes are all of the memory.
 */
#ifndef NH_NUMA_TOPO_H
#define NH_NUMA_TOPO_H

#include <numahash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NH_HUGE_SIZES_MAX 4

/* nh_topo_choose_fake - pretend that there are n nodes.  Before all others. */
void nh_topo_choose_fake(unsigned n);

/* nh_topo_nodes - how many there are, at least 1.  Any thread. */
unsigned nh_topo_nodes(void);

/* nh_topo_os_node - the kernel's number of a node.  Any thread. */
int nh_topo_os_node(unsigned node);

/* nh_topo_node_of_os - the other way, or -1.  Any thread. */
int nh_topo_node_of_os(int os_node);

/*
 * nh_topo_node_of_cpu - the node nearest to a processor; 0 if that is not known
 *
 * Its own node, or the one nearest to that if its own has no memory (for us).
 * Any thread.
 */
unsigned nh_topo_node_of_cpu(unsigned cpu);

/*
 * nh_topo_distance - as the firmware tells, 10 from a node to itself
 *
 * Where it does not tell, 20 from one to another.  Any thread.
 */
unsigned nh_topo_distance(unsigned a, unsigned b);

/* nh_topo_nearest - the k-th nearest to a node; 0: itself.  Any thread. */
unsigned nh_topo_nearest(unsigned node, unsigned k);

/* nh_topo_fake - are these nodes of another machine, or none?  Any thread. */
bool nh_topo_fake(void);

/* What is known of a node, for people to read. */
struct nh_topo_node {
	int os_node;
	uint64_t bytes;			  /* of memory; 0: not known */
	unsigned cpus;			  /* that are in it; 0: memory only */
	unsigned cpus_near;		  /* that it is nearest to */
	uint64_t huge[NH_HUGE_SIZES_MAX]; /* sizes of huge pages, then 0 */
};

/* nh_topo_node - false when there is no such node.  Any thread. */
bool nh_topo_node(unsigned node, struct nh_topo_node *out);

struct nh_topo_summary {
	const char *source; /* "hwloc", "/sys", "faked" or "none" */
	const char *lacks;  /* NULL, or why it is not hwloc */
	unsigned nodes;
	unsigned without_memory; /* nodes left out, as they have none */
	unsigned not_allowed;	 /* and those that this process may not use */
	unsigned beyond;	 /* and those above NH_NODES_MAX */
};

/* nh_topo_summary - how it was found.  Any thread. */
void nh_topo_summary(struct nh_topo_summary *out);

#endif
