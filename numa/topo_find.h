/*
 * topo_find.h - what topo.c asks of hwloc or of /sys: raw findings
 */
#ifndef NH_NUMA_TOPO_FIND_H
#define NH_NUMA_TOPO_FIND_H

#include "numa/here.h"

#define NH_FOUND_NODES 256
#define NH_OS_NODES 1024 /* the kernel's numbers are below */
#define NH_DISTANCE_SELF 10
#define NH_DISTANCE_OTHER 20

/* A node of the kernel's, with memory or not, ours or not. */
struct nh_found_node {
	int os_node;
	uint64_t bytes;
	bool allowed;
	uint64_t huge[NH_HUGE_SIZES_MAX];
};

struct nh_found {
	unsigned nodes;
	unsigned not_allowed; /* that are not even in the list */
	bool this_system;
	struct nh_found_node node[NH_FOUND_NODES];
	int16_t of_cpu[NH_TOPO_CPUS]; /* a place in node[], or -1 */
	uint8_t distance[NH_FOUND_NODES][NH_FOUND_NODES]; /* 0: not known */
};

/* nh_found_clear - nothing found yet */
void nh_found_clear(struct nh_found *f);

/* nh_found_add - a place for one more node, or NULL */
struct nh_found_node *nh_found_add(struct nh_found *f, int os_node);

/* nh_found_place - where in node[] the kernel's node is, or -1 */
int nh_found_place(const struct nh_found *f, int os_node);

/*
 * nh_topo_ask_hwloc - false, and why in *lacks, where there is no answer
 *
 * Not asked by programs that run with raised privileges: hwloc heeds variables
 * with names of files.
 */
bool nh_topo_ask_hwloc(struct nh_found *f, const char **lacks);

/* nh_topo_ask_sys - false where /sys has no nodes */
bool nh_topo_ask_sys(struct nh_found *f);

#endif
