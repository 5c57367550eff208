/*
 * lin_maps.c - are maps linearizable, while they migrate and threads stall?
 *
 * A few hot keys that share a line, and two near it, are worked on by several
 * threads.  A resizer fills and empties their segment, so that it migrates all
 * the time.  The library under test is built with -DNH_STALL: it calls
 * nh_stall_point() before each access to shared memory, where threads stall now
 * and then, so that they meet in the middle of operations.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/lin/hooks.h"
#include "tests/lin/round.h"
#include "tests/model/any.h"
#include "tests/model/any_text.h"
#include "tests/model/args.h"
#include "tests/model/kit.h"

#define NEAR 2	     /* keys that do not share the line, but nearly */
#define FILLERS 1500 /* keys that come and go in the segment */
#define SAME_LINE 44 /* hashes that differ below this bit only */
#define NEAR_LINE 50
#define SAME_SEGMENT 56

static uint64_t threads, hot_keys, stall; /* 0: all that is customary */
static uint64_t rounds_run, rounds_raced; /* in all; with a migration */
static uint64_t rounds = 30, ops = 200, seed = 1, arch = ARGS_ARCH_BOTH;
static uint64_t kind = ANY_KIND_BOTH;
#define NO_STALL 1000 /* what --stall says for never */

void
nh_stall_point(void)
{
	lin_stall();
}

/* -------------------------------------------------------------- the subject */

static void
must_be(const char *what, bool good, int err)
{
	if (!good)
		fail("%s: %s", what, nh_strerror(err));
}

static enum lin_answer
answer_of(int err)
{
	switch (err) {
	case NH_OK:
		return LIN_YES;
	case NH_ERR_EXISTS:
	case NH_ERR_MISMATCH:
		return LIN_NO;
	case NH_ERR_NOTFOUND:
		return LIN_ABSENT;
	}
	fail("an operation fails: %s", nh_strerror(err));
}

static void
run_op(void *map, uint64_t key, struct lin_op *op)
{
	int err = NH_OK;
	bool loaded;

	switch ((enum lin_kind)op->kind) {
	case LIN_GET:
		err = any_get(map, key, &op->out);
		break;
	case LIN_PUT:
		err = any_put(map, key, op->arg);
		break;
	case LIN_INSERT:
		err = any_insert(map, key, op->arg);
		break;
	case LIN_SWAP:
		err = any_swap(map, key, op->arg, &op->out, &loaded);
		break;
	case LIN_CAS:
		err = any_compare_and_swap(map, key, op->expected, op->arg);
		break;
	case LIN_ADD:
		err = any_fetch_add(map, key, op->arg, &op->out);
		break;
	case LIN_DELETE:
		err = any_delete(map, key);
		break;
	case LIN_TAKE:
		err = any_load_and_delete(map, key, &op->out);
		break;
	case LIN_KINDS:
		break;
	}
	op->answer = (uint8_t)answer_of(err);
}

/* -------------------------------------------------------------- where keys go
 */

static uint64_t
hash_of(const struct any *m, uint64_t key)
{
	struct text text;

	if (m->u64)
		return nh_test_hash(m->u64, key);
	text_write(TEXT_KEY, key, text.bytes);
	return nh_test_map_hash(m->map, text.bytes, text_length(TEXT_KEY, key));
}

/*
 * find_keys - `count` keys whose hash is that of *from above bit `shift`
 *
 * Tries one key after another from *from + 1 and leaves the last one there.
 */
static void
find_keys(const struct any *m, uint64_t like, unsigned shift, uint64_t *from,
	  uint64_t *keys, unsigned count)
{
	uint64_t wanted = hash_of(m, like) >> shift;

	for (unsigned found = 0; found < count;)
		if (hash_of(m, ++*from) >> shift == wanted)
			keys[found++] = *from;
}

/* The resizer works on keys of its own, in the segment of the hot ones. */
struct resizer {
	struct any *map;
	pthread_t thread;
	atomic_bool stop;
	unsigned stall;
	uint64_t filler[FILLERS];
	uint64_t seen;	/* migrations after the last round */
	uint64_t raced; /* rounds in which there was one */
};

static void
choose_keys(struct any *m, struct lin_plan *plan, struct resizer *r)
{
	uint64_t from = 1, like = from;

	plan->key[0] = like;
	find_keys(m, like, SAME_LINE, &from, plan->key + 1, plan->keys - 1);
	find_keys(m, like, NEAR_LINE, &from, plan->key + plan->keys, NEAR);
	plan->keys += NEAR;
	find_keys(m, like, SAME_SEGMENT, &from, r->filler, FILLERS);
}

/* ------------------------------------------------------------------- resizing
 */

static void
fill_and_empty(struct resizer *r, unsigned wave)
{
	unsigned count = wave % 3 ? FILLERS / 8 : FILLERS;
	int err = NH_OK;

	for (unsigned i = 0; i < count && err == NH_OK; i++)
		err = any_insert(r->map, r->filler[i], 1);
	must_be("inserting a filler", err == NH_OK, err);
	if (wave % 4 == 0)
		err = any_shrink(r->map);
	must_be("shrinking", err == NH_OK, err);
	for (unsigned i = 0; i < count && err == NH_OK; i++)
		err = any_delete(r->map, r->filler[i]);
	must_be("deleting a filler", err == NH_OK, err);
	if (wave % 4 == 2)
		err = any_reserve(r->map, 20000);
	must_be("reserving", err == NH_OK, err);
	if (wave % 4 == 3)
		err = any_shrink(r->map);
	must_be("shrinking", err == NH_OK, err);
}

static void *
resize(void *arg)
{
	struct resizer *r = arg;

	lin_stall_every(r->stall, seed + 99);
	for (unsigned wave = 0; !atomic_load(&r->stop); wave++)
		fill_and_empty(r, wave);
	return NULL;
}

static void
count_migrations(void *arg)
{
	struct resizer *r = arg;
	uint64_t migrations = any_migrations_of(r->map);

	r->raced += migrations != r->seen || any_stats_of(r->map).migrating;
	r->seen = migrations;
}

/* -------------------------------------------------------------------- settings
 */

static struct any *
make_map(enum any_kind map_kind, int map_arch, uint64_t map_seed)
{
	struct nh_config config = config_make(map_seed);
	struct any *m;
	int err;

	config.arch = map_arch;
	m = any_create(map_kind, &config, &err);
	must_be("no map", m != NULL, err);
	return m;
}

static void
report(const struct lin_plan *plan, const struct lin_tally *tally,
       const struct resizer *r, int map_arch, bool good)
{
	char often[16] = "never";

	if (plan->stall)
		snprintf(often, sizeof(often), "1/%u", plan->stall);
	printf("%-3s %-7s %2u threads, %u+%u keys, stall %-5s %6" PRIu64
	       " rounds, %8" PRIu64 " operations, %8" PRIu64
	       " stalls, %6" PRIu64 " migrations in %5" PRIu64
	       " rounds, widest %zu%s\n",
	       r->map->u64 ? "u64" : "map", args_arches[map_arch],
	       plan->threads, plan->keys - NEAR, NEAR, often, tally->rounds,
	       tally->ops, tally->stalls, any_migrations_of(r->map), r->raced,
	       tally->widest, good ? "" : ": NOT LINEARIZABLE");
	fflush(stdout);
	if (!good)
		fail("again with: --arch %s --threads %u --keys %u --stall %u "
		     "--rounds %" PRIu64 " --seed %" PRIu64 " --kind %s",
		     args_arches[map_arch], plan->threads, plan->keys - NEAR,
		     plan->stall ? plan->stall : NO_STALL, rounds, seed,
		     r->map->u64 ? "u64" : "map");
	if (plan->stall && tally->stalls < tally->rounds)
		fail("hardly a stall: is the library built with -DNH_STALL?");
	if (tally->points && tally->points < 2 * tally->ops)
		fail("no stall inside operations: is the library built with "
		     "-DNH_STALL?");
}

static void
run_setting(enum any_kind map_kind, int map_arch, uint64_t t, uint64_t k,
	    uint64_t s)
{
	static struct resizer r;
	struct any *m =
		make_map(map_kind, map_arch, seed + 1000 * t + 10 * k + s);
	const struct lin_subject subject = { m, run_op };
	struct lin_plan plan = {
		.threads = (unsigned)t,
		.keys = (unsigned)k,
		.ops = (unsigned)ops,
		.stall = s == NO_STALL ? 0 : (unsigned)s,
		.rounds = rounds,
		.seed = seed,
		.between = count_migrations,
		.between_arg = &r,
	};
	struct lin_tally tally;
	bool good;

	r = (struct resizer){ .map = m, .stall = plan.stall };
	choose_keys(m, &plan, &r);
	if (pthread_create(&r.thread, NULL, resize, &r))
		fail("no thread");
	good = lin_rounds(&subject, &plan, &tally, stderr);
	atomic_store(&r.stop, true);
	pthread_join(r.thread, NULL);
	report(&plan, &tally, &r, map_arch, good);
	rounds_run += tally.rounds;
	rounds_raced += r.raced;
	any_destroy(m);
}

static void
run_settings(enum any_kind map_kind, int map_arch)
{
	static const uint64_t all_threads[] = { 2, 4, 8 };
	static const uint64_t all_keys[] = { 1, 2, 4, 6 };
	static const uint64_t all_stalls[] = { 20, 50, NO_STALL };

	for (unsigned t = 0; t < (threads ? 1 : 3); t++)
		for (unsigned k = 0; k < (hot_keys ? 1 : 4); k++)
			for (unsigned s = 0; s < (stall ? 1 : 3); s++)
				run_setting(map_kind, map_arch,
					    threads ? threads : all_threads[t],
					    hot_keys ? hot_keys : all_keys[k],
					    stall ? stall : all_stalls[s]);
}

static void
run_arch(int map_arch)
{
	if (kind != ANY_MAP)
		run_settings(ANY_U64, map_arch);
	if (kind != ANY_U64)
		run_settings(ANY_MAP, map_arch);
}

int
main(int argc, char **argv)
{
	const struct arg args[] = {
		{ "rounds", "of each setting", &rounds, 1, 1000000000, NULL },
		{ "ops", "of each thread in a round", &ops, 1, 10000, NULL },
		{ "threads", "0: 2, 4 and 8 in turn", &threads, 0,
		  LIN_MOST_THREADS, NULL },
		{ "keys", "hot ones; 0: 1, 2, 4 and 6 in turn", &hot_keys, 0,
		  LIN_MOST_KEYS - NEAR, NULL },
		{ "stall", "one point of N; 1000: never; 0: 20, 50, never",
		  &stall, 0, NO_STALL, NULL },
		{ "seed", "of the hash and of the choices", &seed, 1,
		  UINT64_MAX - 100000, NULL },
		{ "arch", "which arch module the maps use", &arch, 0, 0,
		  args_arches },
		{ "kind", "which map", &kind, 0, 0, any_kinds },
	};

	args_parse(argc, argv,
		   "Records operations on maps and checks that they are "
		   "linearizable.",
		   args, sizeof(args) / sizeof(*args));
	if (arch != ARGS_ARCH_BOTH) {
		run_arch((int)arch);
	} else {
		run_arch(NH_ARCH_NATIVE);
		run_arch(NH_ARCH_GENERIC);
	}
	if (rounds_run >= 20 && rounds_raced < rounds_run / 10)
		fail("hardly a migration: this proves little");
	return 0;
}
