/*
 * limit.c - how fast this machine reads random cache lines at all
 *
 * No table can answer faster than memory does.  Measured on an array of lines
 * far larger than the caches, on 2 MiB pages:
 *
 *	batch	   32 addresses, 32 prefetches, 32 reads: how a batched get
 *		   goes about it
 *	plain	   independent reads, overlapped by the processor alone, as
 *		   independent single gets are; a processor that looks far
 *		   ahead does better here than in batches
 *	dependent  each read waits for the one before: the bound of a get whose
 *		   key depends on the last value
 *
 * One and two threads, pinned; the three kinds take turns, and the medians of
 * the rounds are what is printed.
 */
#include "bench/latency_host.h"
#include "bench/latency_lines.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 32
#define MAX_THREADS 2
#define MAX_ROUNDS 999

struct reader;

/* Each reads `reads` lines and returns false if one was not what it should. */
static bool read_batch(struct reader *r);
static bool read_plain(struct reader *r);
static bool read_dependent(struct reader *r);

static const struct kind {
	const char *name;
	bool (*read)(struct reader *r);
	unsigned slowness; /* so many times fewer reads take about as long */
} kinds[] = {
	{ "batch of 32", read_batch, 1 },
	{ "plain", read_plain, 1 },
	{ "dependent", read_dependent, 8 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct options {
	uint64_t mib, rounds, reads;
};

struct reader {
	const struct nh_lat_lines *lines;
	const struct kind *kind;
	pthread_barrier_t *start;
	pthread_t thread;
	unsigned index;
	uint64_t reads, seed;
	uint64_t began, ended; /* on the monotonic clock */
	bool right;
};

static bool
read_batch(struct reader *r)
{
	const struct nh_lat_line *line = r->lines->line;
	uint64_t seed = r->seed, wrong = 0, at[BATCH];

	for (uint64_t n = 0; n < r->reads; n += BATCH) {
		for (int i = 0; i < BATCH; i++)
			at[i] = nh_lat_below(&seed, r->lines->count);
		for (int i = 0; i < BATCH; i++)
			__builtin_prefetch(&line[at[i]]);
		for (int i = 0; i < BATCH; i++)
			wrong |= line[at[i]].self ^ at[i];
	}
	r->seed = seed;
	return !wrong;
}

static bool
read_plain(struct reader *r)
{
	const struct nh_lat_line *line = r->lines->line;
	uint64_t seed = r->seed, wrong = 0;

	for (uint64_t n = 0; n < r->reads; n++) {
		uint64_t at = nh_lat_below(&seed, r->lines->count);

		wrong |= line[at].self ^ at;
	}
	r->seed = seed;
	return !wrong;
}

/* The walk cannot be checked cheaply, but its last line must be a line. */
static bool
read_dependent(struct reader *r)
{
	uint64_t from = nh_lat_below(&r->seed, r->lines->count);
	struct nh_lat_line *last;

	last = nh_lat_lines_chase(&r->lines->line[from], r->reads);
	return last == &r->lines->line[last->self];
}

static void *
run_reader(void *arg)
{
	struct reader *r = arg;

	nh_lat_pin(r->index);
	pthread_barrier_wait(r->start);
	r->began = nh_lat_monotonic();
	r->right = r->kind->read(r);
	r->ended = nh_lat_monotonic();
	return NULL;
}

static void
start_reader(struct reader *r)
{
	errno = pthread_create(&r->thread, NULL, run_reader, r);
	if (errno)
		err(EXIT_FAILURE, "pthread_create");
}

/* One kind, once: millions of lines a second of all threads together. */
static double
measure(const struct nh_lat_lines *lines, const struct kind *kind,
	unsigned threads, uint64_t reads, uint64_t round)
{
	struct reader r[MAX_THREADS];
	pthread_barrier_t start;
	uint64_t began = UINT64_MAX, ended = 0;

	pthread_barrier_init(&start, NULL, threads);
	for (unsigned i = 0; i < threads; i++) {
		r[i] = (struct reader){
			.lines = lines,
			.kind = kind,
			.start = &start,
			.index = i,
			.reads = reads,
			.seed = round * MAX_THREADS + i,
		};
		start_reader(&r[i]);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(r[i].thread, NULL);
		if (!r[i].right)
			errx(EXIT_FAILURE, "%s: read a wrong line", kind->name);
		began = r[i].began < began ? r[i].began : began;
		ended = r[i].ended > ended ? r[i].ended : ended;
	}
	pthread_barrier_destroy(&start);
	return (double)(reads * threads) * 1e3 / (double)(ended - began);
}

/* The last column is what one thread waits for one line. */
static void
report(const struct kind *kind, unsigned threads, double *rates, uint64_t n)
{
	double median = nh_lat_median(rates, n);

	printf("%-12s %7u %10.1f %8.1f %8.1f %10.1f\n", kind->name, threads,
	       median, rates[0], rates[n - 1], threads * 1e3 / median);
}

static void
run_rounds(const struct nh_lat_lines *lines, const struct options *o,
	   unsigned threads)
{
	static double rates[KINDS][MAX_ROUNDS];

	for (uint64_t round = 0; round < o->rounds; round++) {
		for (size_t k = 0; k < KINDS; k++) {
			uint64_t reads = o->reads / kinds[k].slowness;

			reads -= reads % BATCH;
			rates[k][round] = measure(lines, &kinds[k], threads,
						  reads, round);
		}
	}
	for (size_t k = 0; k < KINDS; k++)
		report(&kinds[k], threads, rates[k], o->rounds);
}

static void
usage(FILE *out)
{
	fputs("usage: limit [-f MiB] [-r rounds] [-n reads] [--smoke]\n"
	      "\n"
	      "How fast this machine reads random 64-byte lines.\n"
	      "\n"
	      "  -f MiB     footprint of the array (2048)\n"
	      "  -r rounds  measure so often and print medians (7)\n"
	      "  -n reads   of a thread in a round (4M; K, M, G are 10^3, "
	      "...)\n"
	      "  --smoke    everything, once and small, in under a second\n"
	      "  --help     this text\n",
	      out);
}

static void
parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "smoke", no_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .mib = 2048, .rounds = 7, .reads = 4000000 };
	while ((c = getopt_long(argc, argv, "f:r:n:h", longs, NULL)) != -1) {
		if (c == 'f') {
			o->mib = nh_lat_number(c, optarg, 1, 1 << 20);
		} else if (c == 'r') {
			o->rounds = nh_lat_number(c, optarg, 1, MAX_ROUNDS);
		} else if (c == 'n') {
			o->reads = nh_lat_number(c, optarg, 1000, 1000000000);
		} else if (c == 'S') {
			*o = (struct options){ 16, 1, 100000 };
		} else {
			usage(c == 'h' ? stdout : stderr);
			exit(c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
	if (optind < argc)
		errx(EXIT_FAILURE, "%s: no such argument, see --help",
		     argv[optind]);
}

int
main(int argc, char **argv)
{
	struct nh_lat_lines lines;
	struct options o;

	parse(&o, argc, argv);
	nh_lat_host_init();
	nh_lat_heading();
	nh_lat_lines_create(&lines, o.mib << 20);
	printf("%" PRIu64 " MiB of lines, %" PRIu64
	       " MiB of it on 2 MiB pages; medians of %" PRIu64 "\n\n",
	       o.mib, lines.huge_bytes >> 20, o.rounds);
	printf("%-12s %7s %10s %8s %8s %10s\n", "lines read", "threads",
	       "Mlines/s", "least", "most", "ns a line");
	for (unsigned t = 1; t <= MAX_THREADS && t <= nh_lat_cpus(); t++)
		run_rounds(&lines, &o, t);
	if (nh_lat_cpus() < MAX_THREADS)
		printf("one processor given: nothing measured at 2 threads\n");
	nh_lat_lines_destroy(&lines);
	return EXIT_SUCCESS;
}
