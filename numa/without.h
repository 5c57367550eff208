/*
 * without.h - what the system refused, and what is done without it
 *
 * The library works with less; here it is counted, so that it can be seen, and
 * told, once for each kind, if somebody listens.
 */
#ifndef NH_NUMA_WITHOUT_H
#define NH_NUMA_WITHOUT_H

#include <stdint.h>

/* what, how it is told */
#define NH_WITHOUTS(X)                                                       \
	X(NH_WITHOUT_BIND, "memory is not bound to nodes")                   \
	X(NH_WITHOUT_BOUND, "memory is bound to other nodes than asked for") \
	X(NH_WITHOUT_LOOK, "where pages are is not to be known")             \
	X(NH_WITHOUT_1G, "no 1 GiB pages from the pool")                     \
	X(NH_WITHOUT_2M, "no 2 MiB pages from the pool")                     \
	X(NH_WITHOUT_THP, "no transparent huge pages")                       \
	X(NH_WITHOUT_SMALL, "no memory")                                     \
	X(NH_WITHOUT_COLLAPSE, "small pages are not made huge ones")         \
	X(NH_WITHOUT_POPULATE, "memory is not faulted in ahead")             \
	X(NH_WITHOUT_RETURN, "free memory is not given back")

enum nh_without {
#define NAME(name, text) name,
	NH_WITHOUTS(NAME)
#undef NAME
		NH_WITHOUT_KINDS,
};

/*
 * nh_without - this was refused; `err` is an errno, 0 if it was not a call
 *
 * Any thread.
 */
void nh_without(enum nh_without what, int err);

/* nh_without_count - how often.  Any thread. */
uint64_t nh_without_count(enum nh_without what);

/* nh_without_errno - why, the last time; 0 if never.  Any thread. */
int nh_without_errno(enum nh_without what);

/*
 * nh_without_listen - have fn called with a line, the first time of each kind
 *
 * Before other threads.
 */
void nh_without_listen(void (*fn)(const char *line));

#endif
