/*
 * latency_insert.c - single inserts, from an empty map on
 *
 * Each insert is timed by itself.  Each run is a process of its own: memory
 * that a map leaves behind in its process would spare the next one its page
 * faults, and those are what is looked for.  The results come back through
 * shared memory.
 *
 * With -g each insert is followed by the get of a key that was inserted
 * earlier, which is not timed.  It changes little for numahash; but the two-map
 * baseline promotes only when gets miss its read map, and copies all entries at
 * the next new key, so without gets its stall is never seen.
 */
#include "bench/latency.h"

#include "bench/latency_cause.h"
#include "bench/latency_host.h"
#include "bench/latency_map.h"
#include "bench/latency_series.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_ENTRIES 10000000
#define CHECKED_AT_MOST 1000000
#define TOUCHED_PAGES 64

struct run {
	const struct nh_lat_map_kind *kind;
	void *map;
	uint64_t entries;
	bool gets;
	struct nh_hist *hist;	      /* shared with the parent */
	struct nh_lat_causes *causes; /* likewise */
};

static void
check_entry(const struct run *run, uint64_t i)
{
	uint64_t key = nh_lat_key(i), value;

	if (run->kind->get(run->map, key, &value) || value != ~key)
		errx(EXIT_FAILURE, "%s: entry %" PRIu64 " is wrong",
		     run->kind->name, i);
}

/* What is between two inserts; not timed. */
static void
between(const struct run *run, uint64_t i, uint64_t *seed)
{
	if (run->gets && run->kind->len)
		check_entry(run, nh_lat_below(seed, i + 1));
	if (i % NH_LAT_REST_EVERY == 0)
		run->kind->rest();
}

static void *
insert_all(void *arg)
{
	struct run *run = arg;
	const struct nh_lat_map_kind *kind = run->kind;
	uint64_t seed = run->entries;

	nh_lat_pin(0);
	kind->begin();
	nh_hist_reset(run->hist);
	nh_lat_causes_begin(run->causes);
	for (uint64_t i = 0; i < run->entries; i++) {
		uint64_t key = nh_lat_key(i), start, ns;
		int error;

		start = nh_lat_ticks();
		error = kind->insert(run->map, key, ~key);
		ns = nh_lat_elapsed(start, nh_lat_ticks());
		if (error)
			errx(EXIT_FAILURE, "%s: insert %" PRIu64 ": error %d",
			     kind->name, i, error);
		nh_lat_record(run->hist, ns);
		nh_lat_causes_note(run->causes, i, ns);
		between(run, i, &seed);
	}
	nh_lat_causes_end(run->causes);
	kind->end();
	return NULL;
}

/* A map that lost something was fast for nothing. */
static void
check_map(const struct run *run)
{
	const struct nh_lat_map_kind *kind = run->kind;
	uint64_t stride = run->entries / CHECKED_AT_MOST + 1;
	uint64_t len = kind->len(run->map);

	if (len != run->entries)
		errx(EXIT_FAILURE, "%s: %" PRIu64 " entries after %" PRIu64,
		     kind->name, len, run->entries);
	for (uint64_t i = 0; i < run->entries; i += stride)
		check_entry(run, i);
}

/* The map is made before the thread is pinned: see nh_lat_pin(). */
static void
run_here(struct run *run)
{
	const struct nh_lat_map_kind *kind = run->kind;
	pthread_t thread;

	kind->begin();
	run->map = kind->create();
	kind->end();
	errno = pthread_create(&thread, NULL, insert_all, run);
	if (errno)
		err(EXIT_FAILURE, "pthread_create");
	pthread_join(thread, NULL);
	kind->begin();
	if (kind->len)
		check_map(run);
	kind->destroy(run->map);
	kind->end();
}

static void
run_in_child(struct run *run)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child < 0)
		err(EXIT_FAILURE, "fork");
	if (child == 0) {
		run_here(run);
		_exit(EXIT_SUCCESS);
	}
	if (waitpid(child, &status, 0) != child)
		err(EXIT_FAILURE, "waitpid");
	if (WIFSIGNALED(status))
		errx(EXIT_FAILURE, "%s: signal %d", run->kind->name,
		     WTERMSIG(status));
	if (status)
		exit(EXIT_FAILURE); /* the child has said why */
}

static struct nh_lat_causes *
shared_causes(void)
{
	void *room =
		mmap(NULL, sizeof(struct nh_lat_causes), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		err(EXIT_FAILURE, "causes");
	return room;
}

static void
run_rounds(const struct nh_lat_options *o, uint64_t entries,
	   struct nh_lat_series *series, struct nh_lat_causes *causes)
{
	struct run run = {
		.entries = entries,
		.gets = o->gets,
		.hist = nh_lat_hist_shared(),
		.causes = shared_causes(),
	};

	for (uint64_t round = 0; round < o->rounds; round++) {
		for (int k = 0; k < NH_LAT_MAPS; k++) {
			run.kind = &nh_lat_maps[k];
			run_in_child(&run);
			if (run.hist->total != entries)
				errx(EXIT_FAILURE, "%s: not all were timed",
				     run.kind->name);
			nh_lat_series_add(&series[k], run.hist);
			nh_lat_causes_merge(&causes[k], run.causes);
		}
	}
}

void
nh_lat_insert(const struct nh_lat_options *o)
{
	static struct nh_lat_series series[NH_LAT_MAPS];
	struct nh_lat_causes causes[NH_LAT_MAPS] = { 0 };
	static char file[NH_LAT_MAPS][64];
	uint64_t entries = o->entries ? o->entries : DEFAULT_ENTRIES;

	printf("single inserts, empty to %" PRIu64 " entries, one thread%s; "
	       "medians of %" PRIu64 "; clock's cost subtracted\n",
	       entries, o->gets ? ", an untimed get after each" : "",
	       o->rounds);
	for (int k = 0; k < NH_LAT_MAPS; k++) {
		snprintf(file[k], sizeof(file[k]), "insert-%s%s",
			 nh_lat_maps[k].file, o->gets ? "-gets" : "");
		nh_lat_series_init(&series[k], nh_lat_maps[k].name, file[k]);
	}
	run_rounds(o, entries, series, causes);
	nh_lat_series_heading();
	for (int k = 0; k < NH_LAT_MAPS; k++)
		nh_lat_series_print(&series[k]);
	printf("\ninserts over 50 us, all rounds, and what happened in them\n");
	for (int k = 0; k < NH_LAT_MAPS; k++)
		nh_lat_causes_print(&causes[k], nh_lat_maps[k].name);
	nh_lat_touch_print(TOUCHED_PAGES);
	for (int k = 0; k < NH_LAT_MAPS; k++) {
		nh_lat_series_save(&series[k], o->out);
		nh_lat_series_fini(&series[k]);
	}
	putchar('\n');
}
