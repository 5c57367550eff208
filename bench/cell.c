/*
 * cell.c - one table under one workload: how a run of it goes
 *
 * Most workloads run for a window of time: chunks of operations, a look at the
 * clock after each.  The first part of the window is not counted; it wakes the
 * processor and fetches what another table pushed out of its cache.  Inserting
 * has a beginning and an end instead, and is repeated with a new map until a
 * window is full.
 *
 * A thread's rate is over its own time, and the rates add up; but inserting is
 * done when the last thread is done.
 */
#include "bench/cell.h"

#include "bench/allocs.h"
#include "bench/gate.h"
#include "bench/gbench_shim.h"
#include "bench/machine.h"
#include "bench/progress.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_SHARE 10 /* of the window, before what is counted */

/* One thread of a run. */
struct worker {
	_Alignas(128) struct nh_bench_tally tally;
	struct nh_bench_mix mix;
	uint64_t operations; /* in the tally */
	size_t position;     /* in its stream, or in its churning */
	size_t reached;	     /* the position when its time was over */
	int index;
	uint64_t start, end;
};

struct cell {
	struct nh_bench_subject *subject;
	const struct workload *workload;
	const char *name; /* of the workload */
	enum nh_bench_dist dist;
	int threads;
	void *fresh; /* the map of an insert run */
	struct nh_bench_gate gate;
	struct worker *workers;
	struct cell *next; /* of all_cells */
};

static struct cell *all_cells;

struct workload {
	void (*run)(struct cell *c, struct worker *w, struct nh_gb_part *part);
	void (*step)(struct cell *c, struct worker *w); /* one chunk */
	enum nh_bench_need need;
	int reads;   /* percent, of a mix */
	bool draws;  /* keys from a distribution */
	bool misses; /* absent keys: nothing may be found */
};

static const struct nh_bench_table *
table_of(const struct cell *c)
{
	return c->subject->table;
}

static void
wait_for_all(struct cell *c)
{
	nh_bench_gate_wait(&c->gate, c->threads);
}

static uint64_t
window_ns(const struct cell *c)
{
	return (uint64_t)c->subject->setup->options->window_ms * 1000000;
}

static uint64_t
allocs(const struct cell *c)
{
	uint64_t own = table_of(c)->allocs ? table_of(c)->allocs() : 0;

	return nh_bench_allocs() + own;
}

static const struct nh_bench_key *
next_keys(struct cell *c, struct worker *w)
{
	const struct nh_bench_setup *setup = c->subject->setup;
	const struct nh_bench_stream *s = c->workload->misses
						  ? &setup->misses[c->dist]
						  : &setup->hits[c->dist];
	const struct nh_bench_key *keys = s->keys + w->position;

	w->position += NH_BENCH_CHUNK;
	if (w->position == s->n)
		w->position = 0;
	w->operations += NH_BENCH_CHUNK;
	return keys;
}

static void
step_get(struct cell *c, struct worker *w)
{
	table_of(c)->ops->loop_get(c->subject->filled, next_keys(c, w),
				   NH_BENCH_CHUNK, &w->tally);
}

static void
step_batch(struct cell *c, struct worker *w)
{
	table_of(c)->ops->loop_batch(c->subject->filled, next_keys(c, w),
				     NH_BENCH_CHUNK, &w->tally);
}

static void
step_put(struct cell *c, struct worker *w)
{
	table_of(c)->ops->loop_put(c->subject->filled, next_keys(c, w),
				   NH_BENCH_CHUNK, &w->mix, &w->tally);
}

static void
step_add(struct cell *c, struct worker *w)
{
	table_of(c)->ops->loop_add(c->subject->filled, next_keys(c, w),
				   NH_BENCH_CHUNK, &w->mix, &w->tally);
}

/*
 * A thread erases what it inserted itself: its ids are those that leave its
 * index when divided by the number of threads, which divides the entries.
 */
static void
step_churn(struct cell *c, struct worker *w)
{
	uint64_t stride = (uint64_t)c->threads;
	uint64_t first = c->subject->churned + (uint64_t)w->index;

	table_of(c)->ops->loop_churn(
		c->subject->churn, first + w->position * stride, stride,
		c->subject->setup->options->entries, NH_BENCH_CHUNK, &w->tally);
	w->position += NH_BENCH_CHUNK;
	w->operations += 2 * NH_BENCH_CHUNK;
}

static void
step(struct cell *c, struct worker *w)
{
	c->workload->step(c, w);
	if (table_of(c)->quiescent)
		table_of(c)->quiescent();
}

/* Where in its stream a thread begins: rounds and threads evenly apart. */
static size_t
first_position(const struct cell *c, int thread)
{
	const struct nh_bench_setup *s = c->subject->setup;
	size_t chunks = s->hits[c->dist].n / NH_BENCH_CHUNK;
	size_t parts = (size_t)(c->threads * s->options->rounds);
	size_t part = (size_t)(s->round * c->threads + thread);

	return chunks * part / parts * NH_BENCH_CHUNK;
}

static void
worker_init(struct cell *c, struct worker *w, int thread)
{
	memset(w, 0, sizeof(*w));
	w->index = thread;
	w->mix.reads = (UINT64_C(1) << 32) / 100 * (uint64_t)c->workload->reads;
	if (c->workload->reads == 100)
		w->mix.reads = UINT64_C(1) << 32;
	w->mix.version = (uint32_t)c->subject->setup->round + 1;
	w->mix.dice = (uint64_t)w->mix.version << 32 | (uint64_t)thread;
	if (c->workload->draws)
		w->position = first_position(c, thread);
}

static void
enter(const struct cell *c, const struct worker *w)
{
	nh_bench_pin(w->index);
	if (table_of(c)->thread_begin)
		table_of(c)->thread_begin();
}

static void
leave(const struct cell *c)
{
	if (table_of(c)->thread_end)
		table_of(c)->thread_end();
	nh_bench_unpin();
}

static void
check(const struct cell *c, const struct worker *w)
{
	uint64_t expected = c->workload->misses ? 0 : w->operations;

	if (w->tally.wrong)
		nh_bench_fail(table_of(c), "%s: a value of another key",
			      c->name);
	if (w->tally.done != expected)
		nh_bench_fail(table_of(c),
			      "%s: %" PRIu64 " operations found their key, "
			      "not %" PRIu64 " of %" PRIu64,
			      c->name, w->tally.done, expected, w->operations);
}

/* Steps until the time is over; returns when it was. */
static uint64_t
steps_for(struct cell *c, struct worker *w, uint64_t start, uint64_t ns)
{
	uint64_t now;

	do {
		step(c, w);
		now = nh_bench_now();
	} while (now - start < ns);
	return now;
}

static void
timed_steps(struct cell *c, struct worker *w, struct nh_gb_part *part)
{
	struct nh_gb_work work;

	wait_for_all(c);
	steps_for(c, w, nh_bench_now(), window_ns(c) / WARM_SHARE);
	work.operations = w->operations;
	work.allocs = allocs(c);
	w->start = nh_bench_now();
	w->end = steps_for(c, w, w->start, window_ns(c));
	work.seconds = (double)(w->end - w->start) / 1e9;
	work.operations = w->operations - work.operations;
	work.allocs = allocs(c) - work.allocs;
	nh_gb_result(part, &work);
}

static void
run_window(struct cell *c, struct worker *w, struct nh_gb_part *part)
{
	enter(c, w);
	timed_steps(c, w, part);
	leave(c);
	check(c, w);
}

/* All threads catch up with the first, so that the ids are without a gap. */
static void
run_churn(struct cell *c, struct worker *w, struct nh_gb_part *part)
{
	size_t most = 0;

	enter(c, w);
	timed_steps(c, w, part);
	w->reached = w->position;
	wait_for_all(c);
	for (int i = 0; i < c->threads; i++)
		if (c->workers[i].reached > most)
			most = c->workers[i].reached;
	while (w->position < most)
		step(c, w);
	leave(c);
	check(c, w);
	wait_for_all(c);
	if (w->index == 0)
		c->subject->churned += most * (uint64_t)c->threads;
}

static void
insert_share(struct cell *c, struct worker *w)
{
	const struct nh_bench_table *table = table_of(c);
	uint64_t stride = (uint64_t)c->threads;
	uint64_t left = c->subject->setup->options->entries / stride;
	uint64_t id = (uint64_t)w->index;

	w->operations += left;
	while (left > 0) {
		size_t n = left < NH_BENCH_CHUNK ? left : NH_BENCH_CHUNK;

		table->ops->loop_insert(c->fresh, id, stride, n, &w->tally);
		if (table->quiescent)
			table->quiescent();
		id += n * stride;
		left -= n;
	}
}

/* From the first thread's start to the last one's end. */
static uint64_t
whole_time(const struct cell *c)
{
	uint64_t start = UINT64_MAX, end = 0;

	for (int i = 0; i < c->threads; i++) {
		if (c->workers[i].start < start)
			start = c->workers[i].start;
		if (c->workers[i].end > end)
			end = c->workers[i].end;
	}
	return end - start;
}

/* A sample of what was inserted is there. */
static void
check_fresh(struct cell *c)
{
	const struct nh_bench_stream *s = &c->subject->setup->hits[0];
	struct nh_bench_tally tally = { 0 };

	table_of(c)->ops->loop_get(c->fresh, s->keys, NH_BENCH_CHUNK, &tally);
	if (tally.wrong || tally.done != NH_BENCH_CHUNK)
		nh_bench_fail(table_of(c), "lost an insert");
}

static void
run_insert(struct cell *c, struct worker *w, struct nh_gb_part *part)
{
	struct nh_gb_work work = { 0 };
	uint64_t total = 0;

	do {
		/* Unpinned, for the threads a table may start. */
		if (w->index == 0)
			c->fresh = table_of(c)->create();
		wait_for_all(c);
		enter(c, w);
		wait_for_all(c);
		work.allocs -= allocs(c);
		w->start = nh_bench_now();
		insert_share(c, w);
		w->end = nh_bench_now();
		work.allocs += allocs(c);
		wait_for_all(c);
		total += whole_time(c);
		if (w->index == 0)
			check_fresh(c);
		leave(c);
		if (w->index == 0)
			table_of(c)->destroy(c->fresh);
	} while (total < window_ns(c));
	check(c, w);
	work.seconds = (double)total / 1e9;
	work.operations = w->operations;
	nh_gb_result(part, &work);
}

/* As nh_bench_workload_names. */
static const struct workload workloads[NH_BENCH_WORKLOADS] = {
	{ run_window, step_get, NH_BENCH_NEEDS_FILLED, 0, true, false },
	{ run_window, step_get, NH_BENCH_NEEDS_FILLED, 0, true, true },
	{ run_window, step_put, NH_BENCH_NEEDS_FILLED, 50, true, false },
	{ run_window, step_put, NH_BENCH_NEEDS_FILLED, 95, true, false },
	{ run_window, step_put, NH_BENCH_NEEDS_FILLED, 100, true, false },
	{ run_window, step_add, NH_BENCH_NEEDS_FILLED, 50, true, false },
	{ run_insert, NULL, NH_BENCH_NEEDS_NOTHING, 0, false, false },
	{ run_churn, step_churn, NH_BENCH_NEEDS_CHURN, 0, false, false },
	{ run_window, step_batch, NH_BENCH_NEEDS_FILLED, 0, true, false },
};

enum nh_bench_need
nh_bench_workload_need(int workload)
{
	return workloads[workload].need;
}

bool
nh_bench_workload_draws(int workload)
{
	return workloads[workload].draws;
}

static void
run_cell(struct nh_gb_part *part, int thread, void *arg)
{
	struct cell *c = arg;
	struct worker *w = &c->workers[thread];
	const struct nh_bench_setup *setup = c->subject->setup;

	worker_init(c, w, thread);
	if (thread == 0)
		nh_bench_progress("round %d/%d %s %s %s, %d thread%s",
				  setup->round + 1, setup->options->rounds,
				  table_of(c)->name, c->name,
				  nh_bench_dist_names[c->dist], c->threads,
				  c->threads > 1 ? "s" : "");
	c->workload->run(c, w, part);
}

void
nh_bench_cell_add(struct nh_bench_subject *subject, int workload,
		  enum nh_bench_dist dist, int threads)
{
	size_t bytes = (size_t)threads * sizeof(struct worker);
	struct cell *c = calloc(1, sizeof(*c));
	char name[128];

	if (!c)
		err(1, "a cell");
	c->subject = subject;
	c->workload = &workloads[workload];
	c->name = nh_bench_workload_names[workload];
	c->dist = dist;
	c->threads = threads;
	c->workers = aligned_alloc(_Alignof(struct worker), bytes);
	if (!c->workers)
		err(1, "a cell");
	c->next = all_cells;
	all_cells = c;
	snprintf(name, sizeof(name), "%s/" NH_BENCH_KIND "/%s/%s/%s",
		 subject->table->name, subject->setup->options->size, c->name,
		 nh_bench_dist_names[dist]);
	nh_gb_add(name, threads, run_cell, c);
}

void
nh_bench_cells_free(void)
{
	while (all_cells) {
		struct cell *c = all_cells;

		all_cells = c->next;
		free(c->workers);
		free(c);
	}
}
