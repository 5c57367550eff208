/*
 * sysfile.h - small files in which the kernel says something
 */
#ifndef NH_NUMA_SYSFILE_H
#define NH_NUMA_SYSFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * nh_sys_read - a file's text into a buffer, as a string; its length
 *
 * 0 where it cannot be read.  What does not fit is left off.  Any thread.
 */
size_t nh_sys_read(const char *path, char *text, size_t size);

/* nh_sys_number - the number a file says; false: none.  Any thread. */
bool nh_sys_number(const char *path, uint64_t *out);

/*
 * nh_sys_node_path - "/sys/devices/system/node/node3/NAME" into `path`
 *
 * False when it does not fit.  Any thread.
 */
bool nh_sys_node_path(char *path, size_t size, int os_node, const char *name);

/*
 * nh_sys_field - the number after `name` in lines such as "Node 0 MemFree: 5"
 *
 * Any thread.
 */
bool nh_sys_field(const char *text, const char *name, uint64_t *out);

/*
 * nh_sys_list - call fn for each number of a list such as "0-3,8,10-11"
 *
 * Numbers of `limit` or more are left out.  Any thread.
 */
void nh_sys_list(const char *text, unsigned limit,
		 void (*fn)(void *arg, unsigned n), void *arg);

#endif
