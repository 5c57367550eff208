/*
 * room.c - what is left on a node
 */
#include "numa/room.h"

#include <stdint.h>

#include "numa/sysfile.h"
#include "numa/topo.h"

#define RESERVE 64 /* one part of a node's memory: the kernel's watermarks */

size_t
nh_room(unsigned node)
{
	char path[128], text[2048];
	uint64_t free, total;

	if (nh_topo_nodes() == 1 || nh_topo_fake())
		return SIZE_MAX;
	if (!nh_sys_node_path(path, sizeof(path), nh_topo_os_node(node),
			      "meminfo") ||
	    !nh_sys_read(path, text, sizeof(text)) ||
	    !nh_sys_field(text, "MemTotal:", &total) ||
	    !nh_sys_field(text, "MemFree:", &free))
		return SIZE_MAX;
	total /= RESERVE;
	return free > total ? (size_t)(free - total) << 10 : 0;
}
