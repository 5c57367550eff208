/*
 * test_twomap_misuse.c - a thread that has not begun, or has twice
 */
#include "tests/baseline/twomap_check.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void
write_as_a_stranger(struct twomap *m)
{
	twomap_store(m, 1, 1);
}

static void
delete_as_a_stranger(struct twomap *m)
{
	twomap_delete(m, 0);
}

static void
begin_twice(struct twomap *m)
{
	(void)m;
	twomap_thread_begin();
	twomap_thread_begin();
}

static void
end_as_a_stranger(struct twomap *m)
{
	(void)m;
	twomap_thread_end();
}

/* Run fn in a child whose one thread has not begun; what its end says. */
static void
check_dies(struct twomap *m, void (*fn)(struct twomap *), const char *why)
{
	static const struct rlimit no_core = { 0, 0 };
	char text[256] = "";
	int status, end[2];
	pid_t child;

	assert_int_equal(pipe(end), 0);
	child = fork();
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(end[1], STDERR_FILENO);
		fn(m);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(read(end[0], text, sizeof text - 1) > 0);
	close(end[0]);
	close(end[1]);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(text, why));
}

static void
test_a_thread_that_has_not_begun_is_told_so(void **state)
{
	struct twomap *m = *state;

	twomap_store(m, 0, 0);
	promote(m);
	twomap_thread_end();
	check_dies(m, write_as_a_stranger, "did not call twomap_thread_begin");
	check_dies(m, delete_as_a_stranger, "did not call twomap_thread_begin");
	check_dies(m, end_as_a_stranger, "without twomap_thread_begin");
	check_dies(m, begin_twice, "called twice");
	twomap_thread_begin();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MAP(test_a_thread_that_has_not_begun_is_told_so),
	};

	alarm(TEST_SECONDS);
	return cmocka_run_group_tests_name("twomap_misuse", tests, NULL, NULL);
}
