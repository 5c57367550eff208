/*
 * latency.c - how long single operations take, and the slowest of them
 *
 *	latency insert	single inserts while a map grows from empty
 *	latency loop	gets and puts at a fixed rate
 *	latency get	gets that depend on one another
 *
 * What each measures stands at the head of its file; latency.h lists them.
 */
#include "bench/latency.h"

#include "bench/latency_host.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct part {
	const char *name;
	void (*run)(const struct nh_lat_options *o);
} parts[] = {
	{ "insert", nh_lat_insert },
	{ "loop", nh_lat_loop },
	{ "get", nh_lat_get },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const struct nh_lat_options defaults = {
	.rounds = 7,
	.rate = 10000,
	.millis = 2000,
	.steps = 1000000,
	.threads = 1,
	.out = "build/bench",
};

static const struct nh_lat_options smoke = {
	.entries = 20000,
	.rounds = 2,
	.rate = 10000,
	.millis = 50,
	.steps = 20000,
	.threads = 2,
	.gets = true,
};

static void
usage(FILE *out)
{
	fputs("usage: latency [insert] [loop] [get] [options]\n"
	      "\n"
	      "How long single operations of numahash take; all three parts\n"
	      "unless some are named.  Prints tables and writes .hgrm files.\n"
	      "\n"
	      "  -n entries  of the map (insert 10M, loop 1M, get 1M)\n"
	      "  -r rounds   measure so often and print medians (7)\n"
	      "  -g          insert: get an earlier key after each, untimed\n"
	      "  -R rate     loop: operations a second of all threads (10K)\n"
	      "  -d ms       loop: length of each in milliseconds (2000)\n"
	      "  -t threads  loop: 1 or 2, each on a processor of its own (1)\n"
	      "  -s steps    get: so many in a round (1M)\n"
	      "  -o dir      where the .hgrm files go (build/bench)\n"
	      "  --smoke     everything, small, in under three seconds\n"
	      "  --help      this text\n"
	      "\n"
	      "Numbers may end in K, M or G: 10^3, 10^6, 10^9.\n",
	      out);
}

/* Sets one option; false if there is no such. */
static bool
set_option(struct nh_lat_options *o, int c)
{
	switch (c) {
	case 'n':
		o->entries = nh_lat_number(c, optarg, 2, UINT32_MAX);
		return true;
	case 'r':
		o->rounds = nh_lat_number(c, optarg, 1, NH_LAT_ROUNDS_MAX);
		return true;
	case 'g':
		o->gets = true;
		return true;
	case 'R':
		o->rate = nh_lat_number(c, optarg, 1, 100000000);
		return true;
	case 'd':
		o->millis = nh_lat_number(c, optarg, 1, 3600000);
		return true;
	case 't':
		o->threads = (unsigned)nh_lat_number(c, optarg, 1,
						     NH_LAT_THREADS_MAX);
		return true;
	case 's':
		o->steps = nh_lat_number(c, optarg, 1000, 1000000000);
		return true;
	case 'o':
		o->out = optarg;
		return true;
	default:
		return false;
	}
}

/* Small, and on as many threads as there are processors for. */
static void
be_smoke(struct nh_lat_options *o)
{
	const char *out = o->out;

	*o = smoke;
	o->out = out;
	if (o->threads > nh_lat_cpus())
		o->threads = nh_lat_cpus();
}

static void
check_options(const struct nh_lat_options *o)
{
	if (o->threads > nh_lat_cpus())
		errx(EXIT_FAILURE, "-t %u: only %u processor given", o->threads,
		     nh_lat_cpus());
	if (o->rate * o->millis < 1000 * o->threads)
		errx(EXIT_FAILURE, "-R, -d: nothing would be due in that time");
}

static void
parse_options(struct nh_lat_options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "smoke", no_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool small = false;
	int c;

	*o = defaults;
	while ((c = getopt_long(argc, argv, "n:r:gR:d:t:s:o:h", longs, NULL)) !=
	       -1) {
		if (c == 'S') {
			small = true;
		} else if (!set_option(o, c)) {
			usage(c == 'h' ? stdout : stderr);
			exit(c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
	if (small)
		be_smoke(o);
	check_options(o);
}

/* Which parts were named; all of them if none was. */
static void
parse_parts(bool wanted[PARTS], int n, char **names)
{
	for (size_t p = 0; p < PARTS; p++)
		wanted[p] = n == 0;
	for (int i = 0; i < n; i++) {
		size_t p = 0;

		while (p < PARTS && strcmp(names[i], parts[p].name))
			p++;
		if (p == PARTS)
			errx(EXIT_FAILURE, "%s: no such part, see --help",
			     names[i]);
		wanted[p] = true;
	}
}

static void
make_directory(const char *path)
{
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/", path) >= (int)sizeof(dir))
		errx(EXIT_FAILURE, "-o %s: too long", path);
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(dir, 0777) && errno != EEXIST)
			err(EXIT_FAILURE, "-o %s", dir);
		*p = '/';
	}
	/* Better now than after minutes of measuring. */
	if (access(dir, W_OK | X_OK))
		err(EXIT_FAILURE, "-o %s", path);
}

int
main(int argc, char **argv)
{
	struct nh_lat_options o;
	bool wanted[PARTS];

	nh_lat_host_init();
	parse_options(&o, argc, argv);
	parse_parts(wanted, argc - optind, argv + optind);
	make_directory(o.out);
	nh_lat_heading();
	for (size_t p = 0; p < PARTS; p++)
		if (wanted[p])
			parts[p].run(&o);
	return EXIT_SUCCESS;
}
