/*
 * filter.h - a kernel that refuses: seccomp filters, as containers have them
 */
#ifndef NH_TESTS_FILTER_H
#define NH_TESTS_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#define FILTER_ANY (-1)

struct filter_rule {
	long call;  /* its number */
	int error;  /* what it fails with */
	int advice; /* only with this third argument, or FILTER_ANY */
};

/*
 * filter_install - refuse these calls from now on, in this thread and those it
 * makes; false: this kernel has no filters.  It cannot be taken away again.
 */
bool filter_install(const struct filter_rule *rules, size_t count);

/* filter_numa - refuse all that has to do with memory nodes */
bool filter_numa(int error);

#endif
