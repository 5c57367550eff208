/*
 * options.c - the command line of the bench
 */
#include "bench/options.h"

#include "bench/machine.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const nh_bench_workload_names[NH_BENCH_WORKLOADS] = {
	"hit",	  "miss",   "ycsb_a", "ycsb_b", "ycsb_c",
	"ycsb_f", "insert", "churn",  "batch",
};

const char *const nh_bench_dist_names[NH_BENCH_DISTS] = { "uniform", "zipf" };

static const char usage[] =
	"usage: headtohead --size=N[K|M] --out=FILE [--tables=a,b,...]\n"
	"	[--workloads=a,b,...] [--dists=a,b] [--threads=n,m,...]\n"
	"	[--rounds=n] [--window=ms] [--phase=TEXT] [--bytes]\n";

static uint64_t
parse_number(const char *what, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-')
		n = UINT64_MAX;
	else if (*end == 'K' && n < UINT32_MAX)
		n *= 1000, end++;
	else if (*end == 'M' && n < UINT32_MAX)
		n *= 1000000, end++;
	if (n < min || n > max || *end)
		errx(2, "--%s=%s: not a number from %" PRIu64 " to %" PRIu64,
		     what, text, min, max);
	return n;
}

static _Noreturn void
unknown_name(const char *what, const char *name, const char *const *names,
	     int n)
{
	fprintf(stderr, "headtohead: --%s: no such name: \"%s\" (have:", what,
		name);
	for (int i = 0; i < n; i++)
		fprintf(stderr, " %s", names[i]);
	fprintf(stderr, ")\n");
	exit(2);
}

/* Sets what the comma-separated list names, and unsets the rest. */
static void
parse_names(const char *what, char *list, const char *const *names, int n,
	    bool *chosen)
{
	char *state, *name;
	bool any = false;

	memset(chosen, 0, (size_t)n * sizeof(*chosen));
	for (name = strtok_r(list, ",", &state); name;
	     name = strtok_r(NULL, ",", &state)) {
		int i = 0;

		while (i < n && strcmp(name, names[i]) != 0)
			i++;
		if (i == n)
			unknown_name(what, name, names, n);
		chosen[i] = true;
		any = true;
	}
	if (!any)
		errx(2, "--%s: names nothing", what);
}

static void
parse_tables(char *list, bool *chosen)
{
	const char *names[NH_BENCH_TABLES];

	for (int i = 0; i < NH_BENCH_TABLES; i++)
		names[i] = nh_bench_tables[i]->name;
	parse_names("tables", list, names, NH_BENCH_TABLES, chosen);
}

static void
parse_threads(char *list, int *threads)
{
	char *state, *text;
	int n = 0;

	memset(threads, 0, NH_BENCH_THREAD_COUNTS * sizeof(*threads));
	for (text = strtok_r(list, ",", &state); text;
	     text = strtok_r(NULL, ",", &state)) {
		if (n == NH_BENCH_THREAD_COUNTS)
			errx(2, "--threads: more than %d counts",
			     NH_BENCH_THREAD_COUNTS);
		threads[n++] = (int)parse_number("threads", text, 1,
						 NH_BENCH_MAX_THREADS);
	}
}

static void
set_defaults(struct nh_bench_options *o)
{
	memset(o, 0, sizeof(*o));
	memset(o->tables, 1, sizeof(o->tables));
	memset(o->workloads, 1, sizeof(o->workloads));
	memset(o->dists, 1, sizeof(o->dists));
	o->threads[0] = 1;
	if (nh_bench_cpus() > 1)
		o->threads[1] = 2;
	o->rounds = 7;
	o->window_ms = 30;
	o->phase = "";
}

static void
check_whole(const struct nh_bench_options *o)
{
	if (!o->size || !o->out)
		errx(2, "--size and --out are wanted\n%s", usage);
	if (!o->threads[0])
		errx(2, "--threads: names no count");
	for (int i = 0; i < NH_BENCH_THREAD_COUNTS && o->threads[i]; i++) {
		if (o->threads[i] > nh_bench_cpus())
			errx(2, "--threads=%d: this process has %d CPUs",
			     o->threads[i], nh_bench_cpus());
		if (o->entries % (uint64_t)o->threads[i])
			errx(2, "--threads=%d: does not divide --size=%s",
			     o->threads[i], o->size);
	}
}

static void
parse_one(struct nh_bench_options *o, int option)
{
	switch (option) {
	case 's':
		o->size = optarg;
		o->entries = parse_number("size", optarg, 1000, 1000000000);
		break;
	case 't':
		parse_tables(optarg, o->tables);
		break;
	case 'w':
		parse_names("workloads", optarg, nh_bench_workload_names,
			    NH_BENCH_WORKLOADS, o->workloads);
		break;
	case 'd':
		parse_names("dists", optarg, nh_bench_dist_names,
			    NH_BENCH_DISTS, o->dists);
		break;
	case 'n':
		parse_threads(optarg, o->threads);
		break;
	case 'r':
		o->rounds = (int)parse_number("rounds", optarg, 1, 1000);
		break;
	case 'm':
		o->window_ms = (int)parse_number("window", optarg, 1, 60000);
		break;
	case 'o':
		o->out = optarg;
		break;
	case 'p':
		o->phase = optarg;
		break;
	case 'b':
		o->bytes = true;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

void
nh_bench_options_parse(struct nh_bench_options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "size", required_argument, NULL, 's' },
		{ "tables", required_argument, NULL, 't' },
		{ "workloads", required_argument, NULL, 'w' },
		{ "dists", required_argument, NULL, 'd' },
		{ "threads", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "window", required_argument, NULL, 'm' },
		{ "out", required_argument, NULL, 'o' },
		{ "phase", required_argument, NULL, 'p' },
		{ "bytes", no_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	set_defaults(o);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		parse_one(o, option);
	if (optind < argc)
		errx(2, "%s: what is this?\n%s", argv[optind], usage);
	check_whole(o);
}
