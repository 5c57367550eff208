/*
 * system.h - an operating system that refuses, or forks
 *
 * Each runs in a child of its own (child.h).
 */
#ifndef NH_TESTS_SYSTEM_H
#define NH_TESTS_SYSTEM_H

#include "tests/fault/child.h"

struct system_case {
	const char *name;
	void (*run)(void *arg, struct child_report *report);
};

extern const struct system_case system_cases[];
extern const unsigned system_case_count;

/*
 * system_small_pool - with 8 huge pages in the pool.  It changes a setting of
 * the machine and puts it back, so it is run on request only.
 */
void system_small_pool(void);

#endif
