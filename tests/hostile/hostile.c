/*
 * hostile.c - maps on systems that refuse
 *
 * Each scene runs twice, in processes of its own: nothing may be on standard
 * error; and with NUMAHASH_VERBOSE=1 the line that is due, once.  What a scene
 * changes of the host is put back.  A scene that cannot be played says so, and
 * why, in a line that begins with "skipped".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/hostile/host.h"
#include "tests/hostile/scenes.h"
#include "tests/model/args.h"

#define SKIPPED 77
#define SAID_MAX 8192

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static uint64_t only;

/* ------------------------------------------------------------------- a play */

_Noreturn static void
play_here(const struct scene *scene, bool verbose)
{
	const char *cannot;

	if (scene->variable)
		putenv(strdup(scene->variable));
	if (verbose)
		putenv("NUMAHASH_VERBOSE=1");
	cannot = scene->prepare ? scene->prepare() : NULL;
	if (cannot) {
		fprintf(stderr, "%s\n", cannot);
		_exit(SKIPPED);
	}
	scene->live();
	_exit(0);
}

/* Plays it; what was said on standard error, and the exit status. */
static int
play(const struct scene *scene, bool verbose, char *said)
{
	size_t length = 0;
	ssize_t n;
	int status, pipes[2];
	pid_t child;

	fflush(NULL);
	if (pipe(pipes) || (child = fork()) < 0)
		fail("no process for %s", scene->name);
	if (!child) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		play_here(scene, verbose);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], said + length, SAID_MAX - 1 - length)) > 0)
		length += (size_t)n;
	said[length] = '\0';
	close(pipes[0]);
	if (waitpid(child, &status, 0) != child)
		fail("lost the process of %s", scene->name);
	return status;
}

static unsigned
times(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* Only lines of the library's, and the one that is due. */
static bool
said_well(const struct scene *scene, bool verbose, const char *said)
{
	if (!verbose)
		return !*said;
	if (times(said, "\n") != times(said, "numahash: "))
		return false;
	return !scene->told || times(said, scene->told) == 1;
}

static bool
judge(const struct scene *scene, bool verbose)
{
	char said[SAID_MAX];
	int status = play(scene, verbose, said);

	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		said[strcspn(said, "\n")] = '\0';
		printf("skipped %s: %s\n", scene->name, said);
		return true;
	}
	if (!status && said_well(scene, verbose, said)) {
		printf("ok      %s%s\n", scene->name,
		       verbose ? ", verbose" : "");
		return true;
	}
	if (WIFSIGNALED(status))
		printf("FAILED  %s: signal %d\n", scene->name,
		       WTERMSIG(status));
	else
		printf("FAILED  %s%s: status %d\n", scene->name,
		       verbose ? ", verbose" : "", WEXITSTATUS(status));
	printf("%s", said);
	return false;
}

/* ----------------------------------------------------- the host's share of it
 */

struct pool {
	const char *size;
	long had;
	bool changed;
};
static struct pool small = { "2048kB", 0, false };
static struct pool giant = { "1048576kB", 0, false };

static void
pool_restore(struct pool *pool)
{
	if (pool->changed)
		host_set_pool(pool->size, pool->had);
	pool->changed = false;
}

/* Also when a scene's parent gives up half way. */
static void
restore(void)
{
	pool_restore(&small);
	pool_restore(&giant);
	host_drop_cpuset();
}

/* False: it cannot be had. */
static bool
pool_change(struct pool *pool, long want)
{
	long pages = want == SCENE_NONE ? 0 : want;

	pool->had = host_pool(pool->size);
	if (!want || pool->had == pages)
		return true;
	if (pool->had < 0)
		return !pages;
	pool->changed = true;
	return host_set_pool(pool->size, pages);
}

static const char *
set_up(const struct scene *scene)
{
	if (SANITIZED && scene->no_sanitizer)
		return "a sanitizer needs more than the limit";
	if (!pool_change(&small, scene->pool))
		return "the pool of 2 MiB pages cannot be set";
	if (!pool_change(&giant, scene->giants))
		return "the pool of 1 GiB pages cannot be set";
	if (scene->cpuset && !host_make_cpuset())
		return "no cpuset can be made";
	return NULL;
}

static bool
run(const struct scene *scene)
{
	const char *cannot = set_up(scene);
	bool good = true;

	if (cannot) {
		printf("skipped %s: %s\n", scene->name, cannot);
	} else {
		good = judge(scene, false);
		good = judge(scene, true) && good;
	}
	restore();
	return good;
}

int
main(int argc, char **argv)
{
	static const struct arg args[] = {
		{ "only", "this scene, by its number from 1; 0: all", &only, 0,
		  100, NULL },
	};
	unsigned failed = 0, played = 0;

	args_parse(argc, argv, "maps on systems that refuse", args, 1);
	if (!mkdtemp(scene_empty))
		fail("no directory in /tmp");
	atexit(restore);
	for (size_t i = 0; i < scenes_count; i++) {
		if (only && only != i + 1)
			continue;
		played++;
		failed += !run(&scenes[i]);
	}
	rmdir(scene_empty);
	printf("%u scenes, %u failed\n", played, failed);
	return failed != 0;
}
