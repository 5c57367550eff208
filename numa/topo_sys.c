/*
 * topo_sys.c - the nodes as /sys/devices/system/node has them
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numa/sysfile.h"
#include "numa/topo_find.h"

#define NODES "/sys/devices/system/node/"

static void
add_node(void *arg, unsigned os_node)
{
	nh_found_add(arg, (int)os_node);
}

static void
allow(void *arg, unsigned os_node)
{
	struct nh_found *f = arg;
	int i = nh_found_place(f, (int)os_node);

	if (i >= 0)
		f->node[i].allowed = true;
}

/* What the cpuset lets this process use. */
static void
ask_allowed(struct nh_found *f)
{
	static const char name[] = "Mems_allowed_list:";
	char text[8192];
	const char *at;

	nh_sys_read("/proc/self/status", text, sizeof(text));
	at = strstr(text, name);
	if (at) {
		nh_sys_list(at + sizeof(name), NH_OS_NODES, allow, f);
		return;
	}
	for (unsigned i = 0; i < f->nodes; i++)
		f->node[i].allowed = true;
}

struct cpus {
	struct nh_found *f;
	int16_t place;
};

static void
add_cpu(void *arg, unsigned cpu)
{
	const struct cpus *c = arg;

	if (c->f->of_cpu[cpu] < 0)
		c->f->of_cpu[cpu] = c->place;
}

static void
ask_cpus(struct nh_found *f, unsigned place)
{
	struct cpus cpus = { f, (int16_t)place };
	char path[128], text[4096];

	if (nh_sys_node_path(path, sizeof(path), f->node[place].os_node,
			     "cpulist") &&
	    nh_sys_read(path, text, sizeof(text)))
		nh_sys_list(text, NH_TOPO_CPUS, add_cpu, &cpus);
}

static void
ask_memory(struct nh_found_node *node)
{
	char path[128], text[4096];
	uint64_t kib;

	if (nh_sys_node_path(path, sizeof(path), node->os_node, "meminfo") &&
	    nh_sys_read(path, text, sizeof(text)) &&
	    nh_sys_field(text, "MemTotal:", &kib))
		node->bytes = kib << 10;
}

/* A row of distances: to each node that is online, in the order of node[]. */
static void
ask_distances(struct nh_found *f, unsigned place)
{
	char path[128], text[4096];
	char *at = text, *end;

	if (!nh_sys_node_path(path, sizeof(path), f->node[place].os_node,
			      "distance") ||
	    !nh_sys_read(path, text, sizeof(text)))
		return;
	for (unsigned i = 0; i < f->nodes; i++, at = end) {
		unsigned long d = strtoul(at, &end, 10);

		if (end == at)
			return;
		f->distance[place][i] = (uint8_t)(d < 255 ? d : 255);
	}
}

/* Directories are named hugepages-2048kB. */
static void
ask_huge(struct nh_found_node *node)
{
	char path[128];
	unsigned n = 0;
	struct dirent *d;
	DIR *dir;

	if (!nh_sys_node_path(path, sizeof(path), node->os_node, "hugepages"))
		return;
	dir = opendir(path);
	if (!dir)
		return;
	while (n < NH_HUGE_SIZES_MAX && (d = readdir(dir)) != NULL)
		if (!strncmp(d->d_name, "hugepages-", 10))
			node->huge[n++] = strtoull(d->d_name + 10, NULL, 10)
					  << 10;
	closedir(dir);
}

bool
nh_topo_ask_sys(struct nh_found *f)
{
	char text[4096];

	nh_found_clear(f);
	if (!nh_sys_read(NODES "online", text, sizeof(text)))
		return false;
	nh_sys_list(text, NH_OS_NODES, add_node, f);
	for (unsigned i = 0; i < f->nodes; i++) {
		ask_memory(&f->node[i]);
		ask_cpus(f, i);
		ask_distances(f, i);
		ask_huge(&f->node[i]);
	}
	ask_allowed(f);
	f->this_system = true;
	return f->nodes > 0;
}
