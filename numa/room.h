/*
 * room.h - what is left on a node
 */
#ifndef NH_NUMA_ROOM_H
#define NH_NUMA_ROOM_H

#include <stddef.h>

/*
 * nh_room - bytes that a node can give before others give for it
 *
 * By what the kernel says is free there, less a small reserve: the kernel does
 * not drop its caches for the sake of a node while others have pages.  SIZE_MAX
 * where it is not known, and where there is one node, or nodes are faked.
 * Reads a file of /sys with several nodes.  Any thread.
 */
size_t nh_room(unsigned node);

#endif
