/*
 * headtohead.c - all tables, one size: rounds of everything, interleaved
 *
 * All maps are filled first.  In a round each table gets its turn, another one
 * first each time: it is read once to be warm, then each of its cells runs
 * once.  So whatever disturbs the machine for a second or a minute meets all
 * tables alike, and a median over the rounds forgets it.
 */
#include "bench/bytes.h"
#include "bench/gbench_shim.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "bench/progress.h"
#include "bench/selfcheck.h"
#include "bench/workload.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static void
describe_run(const struct nh_bench_options *o)
{
	char text[64];

	nh_bench_describe();
	snprintf(text, sizeof(text), "%d", o->rounds);
	nh_gb_context("rounds", text);
	snprintf(text, sizeof(text), "%d", o->window_ms);
	nh_gb_context("window_ms", text);
}

static void
run_round(struct nh_bench_subject *subjects, int n, int round)
{
	char pattern[64];

	for (int i = 0; i < n; i++) {
		struct nh_bench_subject *s = &subjects[(i + round) % n];

		nh_bench_subject_warm(s);
		snprintf(pattern, sizeof(pattern), "^%s/", s->table->name);
		nh_gb_run(pattern);
	}
}

static void
run_all(const struct nh_bench_options *o)
{
	struct nh_bench_subject subjects[NH_BENCH_TABLES];
	struct nh_bench_setup setup;
	int n = 0;

	nh_bench_setup_init(&setup, o);
	for (int i = 0; i < NH_BENCH_TABLES; i++) {
		if (!o->tables[i])
			continue;
		nh_bench_selfcheck(nh_bench_tables[i]);
		nh_bench_subject_init(&subjects[n++], nh_bench_tables[i],
				      &setup);
	}
	for (setup.round = 0; setup.round < o->rounds; setup.round++)
		run_round(subjects, n, setup.round);
	while (n > 0)
		nh_bench_subject_fini(&subjects[--n]);
	nh_bench_setup_fini(&setup);
}

static void
weigh(const struct nh_bench_options *o)
{
	const struct nh_bench_table *only = NULL;

	for (int i = 0; i < NH_BENCH_TABLES; i++) {
		if (!o->tables[i])
			continue;
		if (only)
			errx(2, "--bytes weighs one table of --tables");
		only = nh_bench_tables[i];
	}
	if (!only)
		errx(2, "--bytes: --tables names none");
	nh_bench_bytes(o, only);
}

int
main(int argc, char **argv)
{
	struct nh_bench_options o;

	nh_bench_machine_init();
	nh_bench_options_parse(&o, argc, argv);
	nh_bench_progress_init(o.phase);
	if (o.bytes) {
		weigh(&o);
		nh_bench_progress_end();
		return 0;
	}
	describe_run(&o);
	if (!nh_gb_open(o.out))
		err(1, "%s", o.out);
	run_all(&o);
	nh_bench_progress_end();
	if (!nh_gb_close())
		errx(1, "%s: could not be written", o.out);
	return 0;
}
