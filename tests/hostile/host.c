/*
 * host.c - what of the host a scene wants otherwise, and puts back
 */
#include "tests/hostile/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char cpuset[128];

static bool
write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	if (!file)
		return false;
	good = fputs(text, file) >= 0;
	return !fclose(file) && good;
}

/* ------------------------------------------------------------------- pools */

static void
pool_dir(char *dir, size_t room, const char *size)
{
	snprintf(dir, room, "/sys/kernel/mm/hugepages/hugepages-%s", size);
}

long
host_pool(const char *size)
{
	char path[128];
	long pages = -1;
	FILE *file;

	pool_dir(path, sizeof(path), size);
	strcat(path, "/nr_hugepages");
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &pages) != 1)
		pages = -1;
	fclose(file);
	return pages;
}

bool
host_set_pool(const char *size, long pages)
{
	char dir[96], text[32];

	pool_dir(dir, sizeof(dir), size);
	snprintf(text, sizeof(text), "%ld\n", pages);
	return write_file(dir, "nr_hugepages", text) &&
	       host_pool(size) == pages;
}

/* ------------------------------------------------------------------ cpuset */

static bool
make(const char *root, const char *cpus, const char *mems)
{
	snprintf(cpuset, sizeof(cpuset), "%s/nh-hostile-%d", root,
		 (int)getpid());
	if (mkdir(cpuset, 0755)) {
		cpuset[0] = '\0';
		return false;
	}
	if (write_file(cpuset, cpus, "0\n") && write_file(cpuset, mems, "0\n"))
		return true;
	host_drop_cpuset();
	return false;
}

bool
host_make_cpuset(void)
{
	if (make("/sys/fs/cgroup/cpuset", "cpuset.cpus", "cpuset.mems"))
		return true;
	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+cpuset\n");
	return make("/sys/fs/cgroup", "cpuset.cpus", "cpuset.mems");
}

bool
host_join_cpuset(void)
{
	return write_file(cpuset, "cgroup.procs", "0\n");
}

void
host_drop_cpuset(void)
{
	if (cpuset[0])
		rmdir(cpuset);
	cpuset[0] = '\0';
}
