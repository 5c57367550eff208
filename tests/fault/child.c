/*
 * child.c - run a case in a process of its own
 */
#include "tests/fault/child.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/model/args.h"

#define PATIENCE 300 /* seconds */

static struct child_report *
shared_report(void)
{
	static struct child_report *report;

	if (!report)
		report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		fail("no shared memory");
	return report;
}

struct child_report
child_run(void (*run)(void *arg, struct child_report *), void *arg,
	  const char *what, uint64_t number)
{
	struct child_report *report = shared_report();
	int status;
	pid_t child;

	memset(report, 0, sizeof(*report));
	fflush(NULL);
	child = fork();
	if (child < 0)
		fail("no child");
	if (child == 0) {
		alarm(PATIENCE);
		run(arg, report);
		exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		fail("lost a child");
	if (WIFSIGNALED(status))
		fail("%s, case %" PRIu64 ": ended by \"%s\"", what, number,
		     strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		fail("%s, case %" PRIu64 ": exit status %d", what, number,
		     WEXITSTATUS(status));
	return *report;
}
