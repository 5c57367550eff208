/*
 * room.c - what is left on a node
 */
#include "numa/room.h"

#include <stdint.h>

#include "numa/sysfile.h"
#include "numa/topo.h"

#define SLACK_KIB ((uint64_t)4 << 10) /* a huge page wants a whole one free */
#define SHARE 64 /* one part of the node, where the watermarks are unknown */

/*
 * The kernel goes to other nodes when one has less free than its low watermark:
 * its share of min_free_kbytes and a quarter, or and some part of its memory.
 */
static uint64_t
reserve_kib(uint64_t node_kib)
{
	uint64_t min, scale, all = 0, quarter, part;

	for (unsigned i = 0; i < nh_topo_nodes(); i++) {
		struct nh_topo_node n = { .bytes = 0 };

		nh_topo_node(i, &n);
		all += n.bytes >> 10;
	}
	if (!all || !nh_sys_number("/proc/sys/vm/min_free_kbytes", &min) ||
	    !nh_sys_number("/proc/sys/vm/watermark_scale_factor", &scale))
		return node_kib / SHARE;
	min = (uint64_t)((double)min * (double)node_kib / (double)all);
	quarter = min / 4;
	part = node_kib / 10000 * scale;
	return min + (quarter > part ? quarter : part) + SLACK_KIB;
}

size_t
nh_room(unsigned node)
{
	char path[128], text[2048];
	uint64_t free, total, reserve;

	if (nh_topo_nodes() == 1 || nh_topo_fake())
		return SIZE_MAX;
	if (!nh_sys_node_path(path, sizeof(path), nh_topo_os_node(node),
			      "meminfo") ||
	    !nh_sys_read(path, text, sizeof(text)) ||
	    !nh_sys_field(text, "MemTotal:", &total) ||
	    !nh_sys_field(text, "MemFree:", &free))
		return SIZE_MAX;
	reserve = reserve_kib(total);
	return free > reserve ? (size_t)(free - reserve) << 10 : 0;
}
