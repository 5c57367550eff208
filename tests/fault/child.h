/*
 * child.h - run a case in a process of its own
 *
 * Each case wants a fresh library, and a crash or a hang must not end the
 * program.
 */
#ifndef NH_TESTS_CHILD_H
#define NH_TESTS_CHILD_H

#include <stdbool.h>
#include <stdint.h>

/* What a child may tell its parent. */
struct child_report {
	uint64_t calls, failed;
};

/*
 * child_run - run(arg, report) in a child; the program fails unless the child
 * comes to its end.  `what` and `number` name the case.
 */
struct child_report child_run(void (*run)(void *arg, struct child_report *),
			      void *arg, const char *what, uint64_t number);

#endif
