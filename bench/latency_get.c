/*
 * latency_get.c - gets that depend on one another
 *
 * The value of each key is the next key of one random cycle through them all:
 * no get can begin before the last one has ended, and each is a cache miss.
 * Beside it, in turns, the same walk through bare lines of as many bytes as
 * the map's tables have: the least that a miss costs there.
 */
#include "bench/latency.h"

#include "bench/latency_host.h"
#include "bench/latency_lines.h"
#include "bench/latency_map.h"
#include "bench/latency_series.h"

#include "numahash.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_ENTRIES 1000000
#define FILL_BATCH 256

/* Where both walks stand; next[] is the cycle that the map must follow. */
struct walks {
	struct nh_u64 *map;
	uint32_t *next;
	uint64_t entries, steps, stamped;
	uint32_t at; /* the entry that is next */
	struct nh_lat_lines lines;
	struct nh_lat_line *line;
	double get[NH_LAT_ROUNDS_MAX], bare[NH_LAT_ROUNDS_MAX];
	double ratio[NH_LAT_ROUNDS_MAX];
};

/* Sattolo's shuffle: one cycle through all entries. */
static uint32_t *
random_cycle(uint64_t entries)
{
	uint32_t *next = malloc(entries * sizeof(*next));
	uint64_t seed = entries;

	if (!next)
		err(EXIT_FAILURE, "cycle of %" PRIu64, entries);
	for (uint64_t i = 0; i < entries; i++)
		next[i] = (uint32_t)i;
	for (uint64_t i = entries - 1; i > 0; i--) {
		uint64_t j = nh_lat_below(&seed, i);
		uint32_t other = next[i];

		next[i] = next[j];
		next[j] = other;
	}
	return next;
}

static void
put_batch(struct walks *w, uint64_t first, size_t n)
{
	uint64_t keys[FILL_BATCH], values[FILL_BATCH];
	int error;

	for (size_t i = 0; i < n; i++) {
		keys[i] = nh_lat_key(first + i);
		values[i] = nh_lat_key(w->next[first + i]);
	}
	error = nh_u64_put_batch(w->map, keys, values, n, NULL);
	if (error)
		errx(EXIT_FAILURE, "nh_u64_put_batch: %s", nh_strerror(error));
}

/* Grown as a user's map grows, not reserved to measure. */
static void
fill(struct walks *w)
{
	int error;

	w->map = nh_u64_create(NULL, &error);
	if (!w->map)
		errx(EXIT_FAILURE, "nh_u64_create: %s", nh_strerror(error));
	for (uint64_t i = 0; i < w->entries; i += FILL_BATCH) {
		uint64_t left = w->entries - i;

		put_batch(w, i, left < FILL_BATCH ? left : FILL_BATCH);
	}
	if (nh_u64_len(w->map) != w->entries)
		errx(EXIT_FAILURE, "the map lost entries");
}

/* Lines of the footprint of the map, and a line about both. */
static void
make_lines(struct walks *w)
{
	struct nh_stats stats = { .size = sizeof(stats) };
	struct nh_memory memory = { .size = sizeof(memory) };

	if (nh_u64_stats(w->map, &stats) || nh_memory_stats(&memory))
		errx(EXIT_FAILURE, "no statistics");
	nh_lat_lines_create(&w->lines, stats.table_bytes);
	w->line = w->lines.line;
	printf("tables: %.1f MiB, %.1f bytes an entry, %" PRIu64
	       " segments in migration; memory of numahash: %.1f MiB in 2 MiB "
	       "pages, %.1f transparent, %.1f in 4 KiB\n",
	       (double)stats.table_bytes / 0x1p20,
	       (double)stats.table_bytes / (double)w->entries, stats.migrating,
	       (double)memory.hugetlb / 0x1p20,
	       (double)memory.transparent / 0x1p20,
	       (double)memory.small / 0x1p20);
	printf("bare lines: %" PRIu64 " of them, %.1f MiB on 2 MiB pages\n",
	       w->lines.count, (double)w->lines.huge_bytes / 0x1p20);
}

static void
astray(void)
{
	errx(EXIT_FAILURE, "the walk through the map went astray");
}

/* Nanoseconds a get. */
static double
walk_map(struct walks *w)
{
	uint64_t key = nh_lat_key(w->at), start = nh_lat_ticks(), ns;
	int missed = 0;

	for (uint64_t n = 0; n < w->steps; n++)
		missed |= nh_u64_get(w->map, key, &key);
	ns = nh_lat_elapsed(start, nh_lat_ticks());
	for (uint64_t n = 0; n < w->steps; n++)
		w->at = w->next[w->at];
	if (missed || key != nh_lat_key(w->at))
		astray();
	return (double)ns / (double)w->steps;
}

/* Nanoseconds a line. */
static double
walk_lines(struct walks *w)
{
	uint64_t start = nh_lat_ticks();

	w->line = nh_lat_lines_chase(w->line, w->steps);
	return (double)nh_lat_elapsed(start, nh_lat_ticks()) / (double)w->steps;
}

/* The same walk with a stamp around each get: not the mean but the tail. */
static void
stamp_map(struct walks *w, struct nh_hist *h)
{
	uint64_t key = nh_lat_key(w->at);

	nh_hist_reset(h);
	for (uint64_t n = 0; n < w->stamped; n++) {
		uint64_t start = nh_lat_ticks();
		int missed = nh_u64_get(w->map, key, &key);

		nh_lat_record(h, nh_lat_elapsed(start, nh_lat_ticks()));
		w->at = w->next[w->at];
		if (missed || key != nh_lat_key(w->at))
			astray();
	}
}

static void
stamp_lines(struct walks *w, struct nh_hist *h)
{
	nh_hist_reset(h);
	for (uint64_t n = 0; n < w->stamped; n++) {
		uint64_t start = nh_lat_ticks();

		w->line = nh_lat_lines_chase(w->line, 1);
		nh_lat_record(h, nh_lat_elapsed(start, nh_lat_ticks()));
	}
}

static void
run_rounds(struct walks *w, uint64_t rounds, struct nh_lat_series *get,
	   struct nh_lat_series *bare)
{
	struct nh_hist *h = nh_lat_hist();

	walk_map(w); /* only to warm up */
	walk_lines(w);
	for (uint64_t i = 0; i < rounds; i++) {
		w->get[i] = walk_map(w);
		w->bare[i] = walk_lines(w);
		w->ratio[i] = w->get[i] / w->bare[i];
		stamp_map(w, h);
		nh_lat_series_add(get, h);
		stamp_lines(w, h);
		nh_lat_series_add(bare, h);
	}
	free(h);
}

static void
print_means(const char *name, double *values, uint64_t rounds)
{
	double median = nh_lat_median(values, rounds);

	printf("%-28s %8.2f %8.2f %8.2f\n", name, median, values[0],
	       values[rounds - 1]);
}

static void
report(const struct nh_lat_options *o, struct walks *w,
       struct nh_lat_series *get, struct nh_lat_series *bare)
{
	printf("%-28s %8s %8s %8s\n", "", "median", "least", "most");
	print_means("ns a dependent get", w->get, o->rounds);
	print_means("ns a bare dependent miss", w->bare, o->rounds);
	print_means("ratio", w->ratio, o->rounds);
	printf("\nthe same, %" PRIu64 " a round each timed by itself; clock's "
	       "cost subtracted\n",
	       w->stamped);
	nh_lat_series_heading();
	nh_lat_series_print(get);
	nh_lat_series_print(bare);
	nh_lat_series_save(get, o->out);
	nh_lat_series_save(bare, o->out);
}

void
nh_lat_get(const struct nh_lat_options *o)
{
	static struct nh_lat_series get, bare;
	static struct walks w;

	w.entries = o->entries ? o->entries : DEFAULT_ENTRIES;
	w.steps = o->steps;
	w.stamped = o->steps / 10;
	printf("dependent gets in %" PRIu64 " entries, %" PRIu64
	       " a round, one thread\n",
	       w.entries, w.steps);
	w.next = random_cycle(w.entries);
	fill(&w);
	make_lines(&w);
	nh_lat_series_init(&get, "dependent get", "get-numahash");
	nh_lat_series_init(&bare, "bare dependent miss", "get-bare");
	nh_lat_pin(0);
	run_rounds(&w, o->rounds, &get, &bare);
	nh_lat_unpin();
	report(o, &w, &get, &bare);
	nh_lat_series_fini(&get);
	nh_lat_series_fini(&bare);
	nh_lat_lines_destroy(&w.lines);
	nh_u64_destroy(w.map);
	free(w.next);
	putchar('\n');
}
