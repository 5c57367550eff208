/*
 * host.h - what of the host a scene wants otherwise, and puts back
 */
#ifndef NH_TESTS_HOST_H
#define NH_TESTS_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* host_pool - pages of a size ("2048kB") in the pool; -1: no such size */
long host_pool(const char *size);

/* host_set_pool - false: it may not be changed, or so many are not to be had */
bool host_set_pool(const char *size, long pages);

/*
 * host_make_cpuset - a cpuset with one processor and one node; false: no
 *
 * Of cgroup v1 or v2, whichever is mounted.
 */
bool host_make_cpuset(void);

/* host_join_cpuset - this process goes there */
bool host_join_cpuset(void);

/* host_drop_cpuset - when nobody is in it any more */
void host_drop_cpuset(void);

#endif
