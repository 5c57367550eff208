/*
 * workload.c - tables filled and ready
 */
#include "bench/workload.h"

#include "bench/cell.h"
#include "bench/machine.h"
#include "bench/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Streams repeat.  Up to a few million entries that is no matter, since the
 * tables fit in the cache or are read whole; above, a stream must not be so
 * short that the lines it touches fit.
 */
#define SMALL_STREAM ((size_t)1 << 21)
#define LARGE_STREAM ((size_t)1 << 24)
#define LARGE_ENTRIES 4000000

const struct nh_bench_table *const nh_bench_tables[NH_BENCH_TABLES] = {
#define TABLE(name) &nh_bench_##name,
	NH_BENCH_TABLES_OF_KIND(TABLE)
#undef TABLE
};

/* By _exit: other threads are in the middle of things. */
void
nh_bench_fail(const struct nh_bench_table *table, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "\nbench failed: %s: ", table->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	_exit(1);
}

void
nh_bench_setup_init(struct nh_bench_setup *s, const struct nh_bench_options *o)
{
	size_t n = o->entries < LARGE_ENTRIES ? SMALL_STREAM : LARGE_STREAM;

	memset(s, 0, sizeof(*s));
	s->options = o;
	for (int d = 0; d < NH_BENCH_DISTS; d++) {
		/* The uniform hits warm the tables and check the inserts. */
		if (!o->dists[d] && d != NH_BENCH_UNIFORM)
			continue;
		nh_bench_progress("drawing %s keys", nh_bench_dist_names[d]);
		nh_bench_stream_init(&s->hits[d], (enum nh_bench_dist)d, 0,
				     o->entries, n);
		nh_bench_stream_init(&s->misses[d], (enum nh_bench_dist)d,
				     NH_BENCH_ABSENT, o->entries, n);
	}
}

void
nh_bench_setup_fini(struct nh_bench_setup *s)
{
	nh_bench_cells_free();
	for (int d = 0; d < NH_BENCH_DISTS; d++) {
		nh_bench_stream_fini(&s->hits[d]);
		nh_bench_stream_fini(&s->misses[d]);
	}
}

static void
thread_begin(const struct nh_bench_table *table)
{
	if (table->thread_begin)
		table->thread_begin();
}

static void
thread_end(const struct nh_bench_table *table)
{
	if (table->thread_end)
		table->thread_end();
}

void
nh_bench_fill(const struct nh_bench_table *table, void *map, uint64_t n)
{
	struct nh_bench_tally tally = { 0 };

	thread_begin(table);
	for (uint64_t id = 0; id < n; id += NH_BENCH_CHUNK) {
		uint64_t left = n - id;

		table->ops->loop_insert(
			map, id, 1,
			left < NH_BENCH_CHUNK ? left : NH_BENCH_CHUNK, &tally);
		if (table->quiescent)
			table->quiescent();
	}
	if (tally.done != n)
		nh_bench_fail(table, "filling: %llu inserts of %llu",
			      (unsigned long long)tally.done,
			      (unsigned long long)n);
	if (table->settle)
		table->settle(map);
	thread_end(table);
}

static void *
create_filled(const struct nh_bench_table *table, uint64_t n)
{
	void *map = table->create();

	nh_bench_progress("filling %s", table->name);
	nh_bench_fill(table, map, n);
	return map;
}

/* Add the cells of one workload, and make what it needs. */
static void
add_workload(struct nh_bench_subject *s, int workload)
{
	const struct nh_bench_options *o = s->setup->options;
	enum nh_bench_need need = nh_bench_workload_need(workload);
	bool draws = nh_bench_workload_draws(workload);

	if (need == NH_BENCH_NEEDS_FILLED && !s->filled)
		s->filled = create_filled(s->table, o->entries);
	if (need == NH_BENCH_NEEDS_CHURN && !s->churn)
		s->churn = create_filled(s->table, o->entries);
	for (int d = 0; d < NH_BENCH_DISTS; d++) {
		if (draws ? !o->dists[d] : d != NH_BENCH_UNIFORM)
			continue;
		for (int t = 0; t < NH_BENCH_THREAD_COUNTS; t++)
			if (o->threads[t])
				nh_bench_cell_add(s, workload,
						  (enum nh_bench_dist)d,
						  o->threads[t]);
	}
}

void
nh_bench_subject_init(struct nh_bench_subject *s,
		      const struct nh_bench_table *table,
		      const struct nh_bench_setup *setup)
{
	memset(s, 0, sizeof(*s));
	s->table = table;
	s->setup = setup;
	for (int w = 0; w < NH_BENCH_WORKLOADS; w++)
		if (setup->options->workloads[w])
			add_workload(s, w);
}

void
nh_bench_subject_fini(struct nh_bench_subject *s)
{
	if (s->filled)
		s->table->destroy(s->filled);
	if (s->churn)
		s->table->destroy(s->churn);
}

static void
read_once(struct nh_bench_subject *s)
{
	const struct nh_bench_stream *keys = &s->setup->hits[NH_BENCH_UNIFORM];
	struct nh_bench_tally tally = { 0 };
	uint64_t read = 0;

	while (read < s->setup->options->entries && read < keys->n) {
		s->table->ops->loop_get(s->filled, keys->keys + read,
					NH_BENCH_CHUNK, &tally);
		read += NH_BENCH_CHUNK;
		if (s->table->quiescent)
			s->table->quiescent();
	}
	if (tally.done != read || tally.wrong)
		nh_bench_fail(s->table, "warming: lost a key");
}

void
nh_bench_subject_warm(struct nh_bench_subject *s)
{
	nh_bench_pin(0);
	thread_begin(s->table);
	if (s->filled && s->table->settle)
		s->table->settle(s->filled);
	if (s->filled)
		read_once(s);
	thread_end(s->table);
	nh_bench_unpin();
}
