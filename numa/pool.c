/*
 * pool.c - the system's pools of huge pages
 */
#include "numa/pool.h"

#include <stdio.h>
#include <unistd.h>

#include "numa/sysfile.h"
#include "numa/topo.h"

#define ALL "/sys/kernel/mm/hugepages"

static bool
read_count(const char *dir, size_t page, const char *name, uint64_t *out)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/hugepages-%zukB/%s", dir, page >> 10,
		 name);
	return nh_sys_number(path, out);
}

/* What nobody has reserved, wherever it is. */
static uint64_t
free_anywhere(size_t page)
{
	uint64_t free, reserved, extra, surplus;

	if (!read_count(ALL, page, "free_hugepages", &free) ||
	    !read_count(ALL, page, "resv_hugepages", &reserved) ||
	    !read_count(ALL, page, "nr_overcommit_hugepages", &extra) ||
	    !read_count(ALL, page, "surplus_hugepages", &surplus))
		return access(ALL, F_OK) ? UINT64_MAX : 0;
	if (extra > surplus)
		return UINT64_MAX;
	return free > reserved ? free - reserved : 0;
}

uint64_t
nh_pool_free(unsigned node, size_t page)
{
	uint64_t anywhere = free_anywhere(page), here = anywhere;
	char dir[128];

	if (!anywhere || anywhere == UINT64_MAX)
		return anywhere;
	if (!nh_topo_fake() &&
	    nh_sys_node_path(dir, sizeof(dir), nh_topo_os_node(node),
			     "hugepages"))
		read_count(dir, page, "free_hugepages", &here);
	return (here < anywhere ? here : anywhere) * page;
}
