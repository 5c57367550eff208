/*
 * latency_loop.c - gets and puts at a fixed rate
 *
 * An open loop: when an operation is due does not depend on when the last one
 * ended, as with requests from outside.
 *
 *	due	|    |	  |    |    |
 *	runs	xx   xx	  xxxxxxxxx xx xx
 *			       |<----->|  latency of the fourth: it was due
 *					  while the third held everything up
 *
 * Latency counts from when the operation was due (so that one stall is seen by
 * all it delays: what is called coordinated omission is what happens else).
 * It contains one stamp of the clock, as the EMPTY loop beside it does.
 *
 * Threads spin until the next operation is due; a sleep would measure the
 * kernel's timers.  Thread t overwrites keys t, t + threads, ... alone, and
 * remembers their versions, so each value that is read there is checked.
 */
#include "bench/latency.h"

#include "bench/latency_host.h"
#include "bench/latency_map.h"
#include "bench/latency_series.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_ENTRIES 1000000

enum mode { MIXED, OVERWRITE, INSERT, MODES };

/* What is printed of a map: the 50/50 mix apart, as gets and as puts. */
enum row { ROW_GET, ROW_PUT, ROW_OVERWRITE, ROW_INSERT, ROWS };

static const char *const row_names[ROWS] = {
	[ROW_GET] = "get of 50/50",
	[ROW_PUT] = "put of 50/50",
	[ROW_OVERWRITE] = "overwrite",
	[ROW_INSERT] = "insert",
};

static const char *const row_files[ROWS] = {
	[ROW_GET] = "get",
	[ROW_PUT] = "put",
	[ROW_OVERWRITE] = "overwrite",
	[ROW_INSERT] = "insert",
};

static const struct {
	enum row get, put;
} rows_of[MODES] = {
	[MIXED] = { ROW_GET, ROW_PUT },
	[OVERWRITE] = { ROW_OVERWRITE, ROW_OVERWRITE },
	[INSERT] = { ROW_INSERT, ROW_INSERT },
};

/* A map under test and what it must hold: keys 0 .. entries - 1 with the
 * version of each, and after those what the threads have inserted. */
struct subject {
	const struct nh_lat_map_kind *kind;
	void *map;
	uint64_t entries;
	uint32_t *version;
	uint64_t inserted[NH_LAT_THREADS_MAX];
	struct nh_lat_series series[ROWS];
	char name[ROWS][64], file[ROWS][64];
};

/* Aligned, lest what one thread counts slow the other. */
struct worker {
	_Alignas(128) struct subject *subject;
	enum mode mode;
	unsigned index, threads;
	uint64_t ops, seed;
	uint64_t inserted; /* goes back to the subject in the end */
	double interval;   /* ticks between two operations of this thread */
	uint64_t planned, took; /* ticks from the first due to the end */
	pthread_barrier_t *start;
	pthread_t thread;
	struct nh_hist *get, *put;
};

/* Versions fill the low half of a value only, so any value tells its key. */
static uint64_t
value_of(uint64_t key, uint32_t version)
{
	return key ^ version;
}

static void
wrong(const struct subject *s, const char *what, uint64_t i)
{
	errx(EXIT_FAILURE, "%s: %s of key %" PRIu64 " is wrong", s->kind->name,
	     what, i);
}

/* Waits until it is due and does it: the latency in nanoseconds. */
static uint64_t
timed_get(struct worker *w, uint64_t due, uint64_t i)
{
	struct subject *s = w->subject;
	uint64_t key = nh_lat_key(i), value, ns;
	int error;

	while (nh_lat_ticks() < due)
		continue;
	error = s->kind->get(s->map, key, &value);
	ns = nh_lat_ns(nh_lat_ticks() - due);
	if (error || (value ^ key) > UINT32_MAX)
		wrong(s, "get", i);
	if (i % w->threads == w->index && s->kind->len &&
	    value != value_of(key, s->version[i]))
		wrong(s, "version", i);
	return ns;
}

static uint64_t
timed_put(struct worker *w, uint64_t due, uint64_t i, uint32_t version)
{
	struct subject *s = w->subject;
	uint64_t key = nh_lat_key(i), value = value_of(key, version), ns;
	int error;

	while (nh_lat_ticks() < due)
		continue;
	error = s->kind->put(s->map, key, value);
	ns = nh_lat_ns(nh_lat_ticks() - due);
	if (error)
		wrong(s, "put", i);
	return ns;
}

/* One of this thread's own keys, at random. */
static uint64_t
own_key(struct worker *w)
{
	uint64_t own = w->subject->entries / w->threads;

	return nh_lat_below(&w->seed, own) * w->threads + w->index;
}

/* The key after the entries that no thread has inserted yet. */
static uint64_t
fresh_key(struct worker *w)
{
	return w->subject->entries + w->inserted++ * NH_LAT_THREADS_MAX +
	       w->index;
}

static void
do_one(struct worker *w, uint64_t due)
{
	struct subject *s = w->subject;
	uint64_t i;

	if (w->mode == INSERT) {
		nh_lat_record(w->put, timed_put(w, due, fresh_key(w), 0));
	} else if (w->mode == MIXED && nh_lat_random(&w->seed) & 1) {
		i = nh_lat_below(&w->seed, s->entries);
		nh_lat_record(w->get, timed_get(w, due, i));
	} else {
		i = own_key(w);
		nh_lat_record(w->put, timed_put(w, due, i, ++s->version[i]));
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	uint64_t first;

	nh_lat_pin(w->index);
	w->subject->kind->begin();
	nh_hist_reset(w->get);
	nh_hist_reset(w->put);
	pthread_barrier_wait(w->start);
	/* Threads take turns: each begins its share of an interval later. */
	first = nh_lat_ticks() +
		(uint64_t)(w->interval * w->index / w->threads);
	for (uint64_t n = 0; n < w->ops; n++) {
		do_one(w, first + (uint64_t)((double)n * w->interval));
		w->subject->kind->rest();
	}
	w->took = nh_lat_ticks() - first;
	w->planned = (uint64_t)((double)w->ops * w->interval);
	w->subject->kind->end();
	return NULL;
}

/*
 * Says so when the rate could not be kept: latency then grows with time.  One
 * stall near the end is not that, hence the twentieth and the 20 ms.
 */
static void
join_worker(struct worker *w, struct nh_hist **round)
{
	pthread_join(w->thread, NULL);
	w->subject->inserted[w->index] = w->inserted;
	if (w->get->total + w->put->total != w->ops)
		errx(EXIT_FAILURE, "%s: not all operations were timed",
		     w->subject->kind->name);
	if (nh_lat_ns(w->took) > nh_lat_ns(w->planned) / 20 * 21 + 20000000)
		warnx("%s: behind by %" PRIu64 " ns at the end of a loop",
		      w->subject->kind->name, nh_lat_ns(w->took - w->planned));
	if (nh_hist_merge(round[rows_of[w->mode].get], w->get) ||
	    nh_hist_merge(round[rows_of[w->mode].put], w->put))
		errx(EXIT_FAILURE, "histograms differ");
	free(w->get);
	free(w->put);
}

static void
run_mode(const struct nh_lat_options *o, struct subject *s, enum mode mode,
	 uint64_t seed, struct nh_hist **round)
{
	struct worker w[NH_LAT_THREADS_MAX];
	pthread_barrier_t start;
	double ns = (double)NH_LAT_NS_PER_S * o->threads / (double)o->rate;

	pthread_barrier_init(&start, NULL, o->threads);
	for (unsigned i = 0; i < o->threads; i++) {
		w[i] = (struct worker){
			.subject = s,
			.mode = mode,
			.index = i,
			.threads = o->threads,
			.ops = (uint64_t)((double)o->millis * 1e6 / ns),
			.seed = seed * NH_LAT_THREADS_MAX + i,
			.inserted = s->inserted[i],
			.interval = ns / nh_lat_clock.ns_per_tick,
			.start = &start,
			.get = nh_lat_hist(),
			.put = nh_lat_hist(),
		};
		errno = pthread_create(&w[i].thread, NULL, work, &w[i]);
		if (errno)
			err(EXIT_FAILURE, "pthread_create");
	}
	for (unsigned i = 0; i < o->threads; i++)
		join_worker(&w[i], round);
	pthread_barrier_destroy(&start);
}

static void
run_round(const struct nh_lat_options *o, struct subject *s, uint64_t seed)
{
	struct nh_hist *round[ROWS];

	for (int r = 0; r < ROWS; r++)
		round[r] = nh_lat_hist();
	for (int mode = 0; mode < MODES; mode++)
		run_mode(o, s, (enum mode)mode, seed * MODES + (uint64_t)mode,
			 round);
	for (int r = 0; r < ROWS; r++) {
		nh_lat_series_add(&s->series[r], round[r]);
		free(round[r]);
	}
}

static void
fill(struct subject *s)
{
	s->kind->begin();
	s->map = s->kind->create();
	s->version = calloc(s->entries, sizeof(s->version[0]));
	if (!s->version)
		err(EXIT_FAILURE, "versions");
	for (uint64_t i = 0; i < s->entries; i++) {
		uint64_t key = nh_lat_key(i);

		if (s->kind->insert(s->map, key, value_of(key, 0)))
			wrong(s, "insert", i);
		if (i % NH_LAT_REST_EVERY == 0)
			s->kind->rest();
	}
	s->kind->end();
}

static void
create_subject(struct subject *s, const struct nh_lat_map_kind *kind,
	       uint64_t entries)
{
	*s = (struct subject){ .kind = kind, .entries = entries };
	for (int r = 0; r < ROWS; r++) {
		snprintf(s->name[r], sizeof(s->name[r]), "  %s", row_names[r]);
		snprintf(s->file[r], sizeof(s->file[r]), "loop-%s-%s",
			 kind->file, row_files[r]);
		nh_lat_series_init(&s->series[r], s->name[r], s->file[r]);
	}
	fill(s);
}

static void
check_subject(struct subject *s)
{
	uint64_t inserted = 0, value;

	for (int t = 0; t < NH_LAT_THREADS_MAX; t++)
		inserted += s->inserted[t];
	if (s->kind->len(s->map) != s->entries + inserted)
		errx(EXIT_FAILURE, "%s: wrong number of entries",
		     s->kind->name);
	for (uint64_t i = 0; i < s->entries; i++) {
		uint64_t key = nh_lat_key(i);

		if (s->kind->get(s->map, key, &value) ||
		    value != value_of(key, s->version[i]))
			wrong(s, "last value", i);
	}
}

static void
finish_subject(const struct nh_lat_options *o, struct subject *s)
{
	s->kind->begin();
	if (s->kind->len)
		check_subject(s);
	s->kind->destroy(s->map);
	s->kind->end();
	free(s->version);
	printf("%s\n", s->kind->name);
	for (int r = 0; r < ROWS; r++) {
		nh_lat_series_print(&s->series[r]);
		nh_lat_series_save(&s->series[r], o->out);
		nh_lat_series_fini(&s->series[r]);
	}
}

void
nh_lat_loop(const struct nh_lat_options *o)
{
	static struct subject subjects[NH_LAT_MAPS];
	uint64_t entries = o->entries ? o->entries : DEFAULT_ENTRIES;

	printf("open loop of %" PRIu64 " operations a second by %u thread%s, "
	       "%" PRIu64 " ms each, on %" PRIu64 " entries;\n"
	       "medians of %" PRIu64 "; latency from when each was due\n",
	       o->rate, o->threads, o->threads > 1 ? "s" : "", o->millis,
	       entries, o->rounds);
	for (int k = 0; k < NH_LAT_MAPS; k++)
		create_subject(&subjects[k], &nh_lat_maps[k], entries);
	for (uint64_t round = 0; round < o->rounds; round++)
		for (int k = 0; k < NH_LAT_MAPS; k++)
			run_round(o, &subjects[k], round);
	nh_lat_series_heading();
	for (int k = 0; k < NH_LAT_MAPS; k++)
		finish_subject(o, &subjects[k]);
	putchar('\n');
}
