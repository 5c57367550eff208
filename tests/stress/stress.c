/*
 * stress.c - start the threads of a stress run, and check what they leave
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/model/args.h"
#include "tests/stress/stress.h"

struct stress stress = {
	.threads = 4,
	.permanent = MOST_PERMANENT,
	.wave_keys = 20000,
	.seed = 1,
};

#define PATIENCE 8 /* times the seconds asked for */

static uint64_t seconds = 5, arch = ARGS_ARCH_BOTH, kind = ANY_KIND_BOTH;
static uint64_t maintenance, limit = 8;

static const char *const tally_name[TALLIES] = {
	"permanent keys found", "dead keys not found", "fresh keys found",
	"versions written",	"additions",	       "contests won",
	"wave keys deleted",
};

static void
start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	if (pthread_create(thread, NULL, run, arg))
		fail("no thread");
}

static void
put_first_keys(struct any *m)
{
	for (uint64_t i = 0; i < stress.permanent; i++) {
		uint64_t key = make_key(KIND_PERMANENT, 0, i);

		if (any_put(m, key, make_value(key, 0)) != NH_OK)
			fail("no first key");
	}
	for (uint64_t i = 0; i < COUNTERS; i++)
		if (any_put(m, make_key(KIND_COUNTER, 0, i), 0) != NH_OK)
			fail("no first counter");
}

static void
start_workers(struct any *m)
{
	memset(stress.worker, 0, sizeof(stress.worker));
	atomic_store(&stress.stop, false);
	for (unsigned i = 0; i < stress.threads; i++) {
		stress.worker[i].id = i;
		stress.worker[i].map = m;
		stress.worker[i].rng = rng_make(stress.seed + i);
		atomic_store(&stress.wave[i].dead, 0);
		atomic_store(&stress.wave[i].dying, 0);
		atomic_store(&stress.wave[i].alive, 0);
	}
	for (unsigned i = 0; i < stress.threads; i++)
		start(&stress.worker[i].thread, stress_work, &stress.worker[i]);
}

/* check_totals - what all workers together must have left; the keys present */
static uint64_t
check_totals(const struct any *m)
{
	uint64_t keys = stress.permanent + COUNTERS, value;

	for (unsigned i = 0; i < COUNTERS; i++) {
		uint64_t sum = 0;

		for (unsigned t = 0; t < stress.threads; t++)
			sum += stress.worker[t].added[i];
		if (any_get(m, make_key(KIND_COUNTER, 0, i), &value) != NH_OK ||
		    value != sum)
			fail("counter %u: 0x%" PRIx64
			     " was added, it has 0x%" PRIx64,
			     i, sum, value);
	}
	for (unsigned i = 0; i < CONTESTED; i++) {
		int64_t sum = 0;
		bool there = any_get(m, make_key(KIND_CONTESTED, 0, i),
				     &value) == NH_OK;

		for (unsigned t = 0; t < stress.threads; t++)
			sum += stress.worker[t].balance[i];
		if (sum != there)
			fail("contested key %u: inserts less deletes are "
			     "%" PRId64 ", and it is %s",
			     i, sum, there ? "there" : "not there");
		keys += there;
	}
	return keys;
}

static void
check_end(const struct any *m)
{
	uint64_t keys = check_totals(m), shown;

	for (unsigned t = 0; t < stress.threads; t++)
		keys += atomic_load(&stress.wave[t].alive) -
			atomic_load(&stress.wave[t].dead);
	shown = stress_scan_once(m);
	if (any_len(m) != keys || shown != keys)
		fail("%" PRIu64 " keys must be there, len says %" PRIu64
		     ", a scan shows %" PRIu64,
		     keys, any_len(m), shown);
	for (unsigned t = 0; t < stress.threads; t++)
		for (uint64_t i = t;
		     i < stress.permanent / stress.threads * stress.threads;
		     i += stress.threads) {
			uint64_t key = make_key(KIND_PERMANENT, 0, i), value;
			uint32_t version = stress.worker[t].version[i];

			if (any_get(m, key, &value) != NH_OK ||
			    value != make_value(key, version))
				fail("permanent key %" PRIu64 " lost its last "
				     "version",
				     i);
		}
}

/* Who looks on while the workers work. */
enum { RESIZER, SCANNER, ATTACKER, OBSERVERS };

struct seen {
	const char *what;
	uint64_t least, happened;
};

#define SEEN_MOST (TALLIES + 9)

/* look - what has happened so far, and how much must */
static unsigned
look(const struct any *m, const struct observer *o, struct seen *seen)
{
	struct nh_stats stats = any_stats_of(m);
	unsigned n = 0;

	for (; n < TALLIES; n++) {
		seen[n] = (struct seen){ tally_name[n], 1000, 0 };
		for (unsigned t = 0; t < stress.threads; t++)
			seen[n].happened +=
				atomic_load(&stress.worker[t].tally[n]);
	}
	seen[n++] = (struct seen){ "segments grown", 256, stats.grows };
	seen[n++] = (struct seen){ "segments shrunk", 256, stats.shrinks };
	seen[n++] = (struct seen){ "looks that saw a migration", 1,
				   atomic_load(&o[RESIZER].in_migration) };
	seen[n++] = (struct seen){ "explicit resizes", 2,
				   atomic_load(&o[RESIZER].resizes) };
	seen[n++] = (struct seen){ "scans", 2, atomic_load(&o[SCANNER].scans) };
	seen[n++] = (struct seen){ "pairs shown", stress.permanent,
				   atomic_load(&o[SCANNER].pairs) };
	seen[n++] = (struct seen){ "attacks", 10,
				   atomic_load(&o[ATTACKER].attacks) };
	seen[n++] = (struct seen){ "segments spread anew",
				   limit && m->u64 ? 10 : 0, stats.reseeds };
	seen[n++] = (struct seen){ "waits for a lock", 0, stats.lock_waits };
	return n;
}

static bool
is_enough(const struct any *m, const struct observer *o)
{
	struct seen seen[SEEN_MOST];
	unsigned n = look(m, o, seen);

	while (n > 0 && seen[n - 1].happened >= seen[n - 1].least)
		n--;
	return n == 0;
}

/* For as long as was said, and on a busy machine until enough was seen. */
static void
wait_for(const struct any *m, const struct observer *o)
{
	const struct timespec while_more = { .tv_nsec = 100000000 };
	const struct timespec duration = { .tv_sec = (time_t)seconds };

	nanosleep(&duration, NULL);
	for (uint64_t i = 0; i < 10 * PATIENCE * seconds; i++) {
		if (is_enough(m, o))
			return;
		nanosleep(&while_more, NULL);
	}
}

static void
report(const struct any *m, const struct observer *o)
{
	struct seen seen[SEEN_MOST];
	unsigned n = look(m, o, seen);

	for (unsigned i = 0; i < n; i++) {
		printf("  %-28s %12" PRIu64 "\n", seen[i].what,
		       seen[i].happened);
		if (seen[i].happened < seen[i].least)
			fail("too few to prove anything: %s", seen[i].what);
	}
}

static void
run(enum any_kind map_kind, int map_arch)
{
	static void *(*const observe[OBSERVERS])(void *) = {
		[RESIZER] = stress_resize,
		[SCANNER] = stress_scan,
		[ATTACKER] = stress_attack,
	};
	struct nh_config config = config_make(stress.seed);
	struct observer observer[OBSERVERS];
	struct any *m;
	int err;

	config.arch = map_arch;
	config.maintenance = maintenance;
	config.chain_limit = limit;
	m = any_create(map_kind, &config, &err);
	if (!m)
		fail("no map for arch %s: %s", args_arches[map_arch],
		     nh_strerror(err));
	printf("%s, arch %s, %" PRIu64 " threads, %" PRIu64 " s, seed %" PRIu64
	       "\n",
	       any_kinds[map_kind], args_arches[map_arch], stress.threads,
	       seconds, stress.seed);
	put_first_keys(m);
	start_workers(m);
	for (int i = 0; i < OBSERVERS; i++) {
		observer[i] = (struct observer){ .map = m };
		start(&observer[i].thread, observe[i], &observer[i]);
	}
	wait_for(m, observer);
	atomic_store(&stress.stop, true);
	for (unsigned i = 0; i < stress.threads; i++)
		pthread_join(stress.worker[i].thread, NULL);
	for (int i = 0; i < OBSERVERS; i++)
		pthread_join(observer[i].thread, NULL);
	check_end(m);
	report(m, observer);
	any_destroy(m);
}

static void
run_kinds(int map_arch)
{
	if (kind != ANY_MAP)
		run(ANY_U64, map_arch);
	if (kind != ANY_U64)
		run(ANY_MAP, map_arch);
}

int
main(int argc, char **argv)
{
	static const char *const yes_no[] = { "0", "1", NULL };
	const struct arg args[] = {
		{ "threads", "workers; three observers come on top",
		  &stress.threads, 1, MOST_WORKERS, NULL },
		{ "seconds", "how long, for each arch and kind", &seconds, 1,
		  1000000, NULL },
		{ "permanent", "keys that are always there", &stress.permanent,
		  MOST_WORKERS, MOST_PERMANENT, NULL },
		{ "wave", "keys each worker puts and deletes",
		  &stress.wave_keys, BATCH, 1000000, NULL },
		{ "seed", "of the hash and of the choices", &stress.seed, 1,
		  UINT64_MAX - 2000, NULL },
		{ "arch", "which arch module the map uses", &arch, 0, 0,
		  args_arches },
		{ "kind", "which map", &kind, 0, 0, any_kinds },
		{ "maintenance", "run the map's own thread, too", &maintenance,
		  0, 0, yes_no },
		{ "limit", "lines that a chain may have; 0: any", &limit, 0,
		  NH_CHAIN_LIMIT_MAX, NULL },
	};

	args_parse(argc, argv,
		   "Many threads on one map that grows and shrinks.", args,
		   sizeof(args) / sizeof(*args));
	if (arch != ARGS_ARCH_BOTH)
		run_kinds((int)arch);
	else {
		run_kinds(NH_ARCH_NATIVE);
		run_kinds(NH_ARCH_GENERIC);
	}
	return 0;
}
