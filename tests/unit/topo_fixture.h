/*
 * topo_fixture.h - scenes on machines that are not there
 *
 * Nodes are found once in a process.  So each scene has a process of its own,
 * forked before this one has looked for any.
 */
#ifndef NH_TESTS_TOPO_FIXTURE_H
#define NH_TESTS_TOPO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a scene: cmocka's own would jump into the parent's next test. */
#define CHECK(condition)                                           \
	do {                                                       \
		if (condition)                                     \
			break;                                     \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			#condition);                               \
		_exit(1);                                          \
	} while (0)

#define SCENE_SKIPS 77

/* play - run a scene with a variable of the environment (NULL: none) */
static inline void
play(void (*scene)(void), const char *name, const char *value)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		if (name)
			setenv(name, value, 1);
		scene();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SCENE_SKIPS)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A file that holds a text, removed by who gets its name. */
static inline const char *
file_of(const char *text)
{
	static char name[32];
	int fd;

	strcpy(name, "/tmp/nh-topo-XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (long)strlen(text));
	close(fd);
	return name;
}

#endif
