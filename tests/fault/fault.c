/*
 * fault.c - what fails when memory, threads or the kernel fail a map
 *
 * The life of a map (script.h) is led again and again, each time in a new
 * process and with another call to the system failing: once, or from then on.
 * Then come an operating system that refuses whole kinds of calls, and fork().
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/fault/child.h"
#include "tests/fault/script.h"
#include "tests/fault/system.h"
#include "tests/model/args.h"
#include "tests/model/kit.h"

static uint64_t tries = 100, keys = 100000, pool, kind = ANY_KIND_BOTH;

#define SLOWER 8 /* a life of nh_map has that much fewer keys */

/* A kind of call to fail, and what an operation may answer then. */
struct sweep {
	const char *name;
	enum inject_kind kind;
	int error;
	bool maintenance, seeded;
};

static const struct sweep sweeps[] = {
	{ "memory", INJECT_MEMORY, NH_ERR_NOMEM, false, true },
	{ "madvise", INJECT_ADVICE, NH_OK, false, true },
	{ "thread", INJECT_THREAD, NH_ERR_SYSTEM, true, true },
	{ "entropy", INJECT_ENTROPY, NH_ERR_SYSTEM, false, false },
};

static void
run_script(void *arg, struct child_report *report)
{
	const struct script *script = arg;

	script_run(script);
	report->calls = inject_calls(script->kind);
	report->failed = inject_failed(script->kind);
}

static struct child_report
try_call(const struct sweep *sweep, enum any_kind map, uint64_t first,
	 uint64_t count)
{
	struct script script = {
		.kind = sweep->kind,
		.map = map,
		.first = first,
		.count = count,
		.error = sweep->error,
		.maintenance = sweep->maintenance,
		.seeded = sweep->seeded,
		.keys = map == ANY_MAP ? keys / SLOWER : keys,
	};

	return child_run(run_script, &script, sweep->name, first);
}

/*
 * nth_try - which call to fail: the first half of the tries take the first
 * calls one by one, the others are spread over the rest
 */
static uint64_t
nth_try(uint64_t n, uint64_t calls)
{
	uint64_t half = tries / 2;

	if (calls <= tries || n < half)
		return n + 1;
	return half + 1 + (calls - half) * (n - half) / (tries - half);
}

static void
run_sweep(const struct sweep *sweep, enum any_kind map, uint64_t count,
	  const char *how)
{
	uint64_t calls = try_call(sweep, map, 0, 0).calls, failed = 0, hit = 0;
	uint64_t cases = calls < tries ? calls : tries;

	if (calls == 0)
		fail("%s: the script makes no such call", sweep->name);
	for (uint64_t n = 0; n < cases; n++) {
		struct child_report report =
			try_call(sweep, map, nth_try(n, calls), count);

		failed += report.failed;
		hit += report.failed > 0;
	}
	printf("  %-3s %-8s %-16s %5" PRIu64 " of %6" PRIu64
	       " calls tried, %7" PRIu64 " failed\n",
	       any_kinds[map], sweep->name, how, hit, calls, failed);
	fflush(stdout);
	if (hit < cases / 2)
		fail("%s: too few calls were failed", sweep->name);
}

static void
run_sweeps(const struct sweep *sweep, enum any_kind map)
{
	run_sweep(sweep, map, 1, "once");
	run_sweep(sweep, map, INJECT_STICKY, "from then on");
}

static void
run_system_cases(void)
{
	for (unsigned i = 0; i < system_case_count; i++) {
		struct child_report report = child_run(
			system_cases[i].run, NULL, system_cases[i].name, i);

		printf("  %s: %" PRIu64 " calls, %" PRIu64 " refused\n",
		       system_cases[i].name, report.calls, report.failed);
	}
}

int
main(int argc, char **argv)
{
	static const char *const no_yes[] = { "0", "1", NULL };
	const struct arg args[] = {
		{ "tries", "calls to fail, of each kind and way", &tries, 2,
		  1000000, NULL },
		{ "keys", "how far nh_u64 grows; nh_map an eighth", &keys, 1000,
		  10000000, NULL },
		{ "kind", "which map", &kind, 0, 0, any_kinds },
		{ "pool",
		  "1: also with a real pool of 8 huge pages (as root; "
		  "changes a setting and puts it back)",
		  &pool, 0, 0, no_yes },
	};

	args_parse(argc, argv, "Makes calls to the system fail under a map.",
		   args, sizeof(args) / sizeof(*args));
	for (unsigned i = 0; i < sizeof(sweeps) / sizeof(*sweeps); i++) {
		if (kind != ANY_MAP)
			run_sweeps(&sweeps[i], ANY_U64);
		if (kind != ANY_U64)
			run_sweeps(&sweeps[i], ANY_MAP);
	}
	if (kind != ANY_MAP)
		run_system_cases();
	if (pool)
		system_small_pool();
	return 0;
}
