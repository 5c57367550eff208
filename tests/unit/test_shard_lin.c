/*
 * test_shard_lin.c - is nh_map linearizable while keys move from rule to rule?
 *
 * Linked with the library that is built with -DNH_STALL, and with the recorder
 * and the checker of tests/lin: a few hot keys are worked on by several threads
 * that stall in the middle of operations, while another goes from rule to rule.
 */
#include "tests/unit/shard_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/lin/round.h"

/* Of tests/lin/hooks.h, which has a part for nh_u64 alone. */
void nh_stall_point(void);

/* Accesses of 16 bytes are invisible to ThreadSanitizer. */
#ifdef __SANITIZE_THREAD__
#define BEST_ARCH NH_ARCH_GENERIC
#else
#define BEST_ARCH NH_ARCH_AUTO
#endif

#define KEYS 4
#define BESIDE 40 /* keys that only move */
#define HIGHEST UINT64_C(1000)

void
nh_stall_point(void)
{
	lin_stall();
}

/* -------------------------------------------------------------- the subject */

static enum lin_answer
answer_of(int err)
{
	switch (err) {
	case NH_OK:
		return LIN_YES;
	case NH_ERR_EXISTS:
	case NH_ERR_MISMATCH:
		return LIN_NO;
	default:
		/* Any other error: a history with it is not linearizable. */
		return LIN_ABSENT;
	}
}

struct adding {
	uint64_t delta, value;
};

static int
add(void *arg, const struct nh_bytes *key, bool present, struct nh_bytes *value)
{
	struct adding *adding = arg;

	(void)key;
	adding->value = 0;
	if (present)
		memcpy(&adding->value, value->data, sizeof(adding->value));
	adding->value += adding->delta;
	*value = (struct nh_bytes){ &adding->value, sizeof(adding->value) };
	return NH_UPDATE_STORE;
}

static void
run_op(void *map, uint64_t number, struct lin_op *op)
{
	struct key key = key_make(number);
	struct adding adding = { op->arg, 0 };
	size_t len = sizeof(op->out);
	bool loaded = false;
	int err = NH_OK;

	switch ((enum lin_kind)op->kind) {
	case LIN_GET:
		err = nh_map_get(map, &key, sizeof(key), &op->out, &len);
		break;
	case LIN_PUT:
		err = nh_map_put(map, &key, sizeof(key), &op->arg, 8);
		break;
	case LIN_INSERT:
		err = nh_map_insert(map, &key, sizeof(key), &op->arg, 8);
		break;
	case LIN_SWAP:
		err = nh_map_swap(map, &key, sizeof(key), &op->arg, 8, &op->out,
				  &len, &loaded);
		break;
	case LIN_CAS:
		err = nh_map_compare_and_swap(map, &key, sizeof(key),
					      &op->expected, 8, &op->arg, 8);
		break;
	case LIN_ADD:
		err = nh_map_update(map, &key, sizeof(key), add, &adding);
		op->out = adding.value - op->arg;
		break;
	case LIN_DELETE:
		err = nh_map_delete(map, &key, sizeof(key));
		break;
	case LIN_TAKE:
		err = nh_map_load_and_delete(map, &key, sizeof(key), &op->out,
					     &len);
		break;
	case LIN_KINDS:
		break;
	}
	op->answer = (uint8_t)answer_of(err);
	/* A value may have been copied before it turned out to be gone. */
	if (err == NH_ERR_NOTFOUND)
		op->out = 0;
}

/* ------------------------------------------------------------------- moving */

struct mover {
	struct nh_map *m;
	pthread_t thread;
	unsigned stall;
	struct salt salt[3];
	atomic_bool stop;
	atomic_uint reshards;
	unsigned seen, raced; /* rounds with a reshard */
	int err;
};

static void *
move(void *arg)
{
	struct mover *mover = arg;

	/* Most of what it passes are empty segments. */
	lin_stall_every(8 * mover->stall, 7);
	for (unsigned i = 0; !atomic_load(&mover->stop) && !mover->err; i++) {
		struct salt *to = i % 4 == 3 ? NULL : &mover->salt[i % 4];

		mover->err = reshard_to(mover->m, to);
		atomic_fetch_add(&mover->reshards, 1);
	}
	return NULL;
}

static void
count_raced(void *arg)
{
	struct mover *mover = arg;
	unsigned reshards = atomic_load(&mover->reshards);

	mover->raced += reshards != mover->seen;
	mover->seen = reshards;
}

static void
run(int arch, unsigned threads, unsigned stall, struct salt one,
    struct salt two)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct lin_subject subject = { NULL, run_op };
	struct mover mover = { .stall = stall, .salt = { one, two, { 5, 3 } } };
	struct lin_plan plan = {
		.threads = threads,
		.keys = KEYS,
		.ops = 200,
		.stall = stall,
		.rounds = 40,
		.seed = stall + threads,
		.between = count_raced,
		.between_arg = &mover,
	};
	struct lin_tally tally;

	config.arch = arch;
	config.capacity = 0;
	config.fixed = false;
	subject.map = mover.m = map_make(&config);
	put_range(mover.m, 0, BESIDE, 1);
	for (unsigned i = 0; i < KEYS; i++)
		plan.key[i] = HIGHEST + i;
	assert_int_equal(pthread_create(&mover.thread, NULL, move, &mover), 0);
	assert_true(lin_rounds(&subject, &plan, &tally, stderr));
	atomic_store(&mover.stop, true);
	pthread_join(mover.thread, NULL);
	assert_int_equal(mover.err, NH_OK);
	assert_range(mover.m, 0, BESIDE, 1);
	/* Stalls inside of operations, and rules that change meanwhile. */
	assert_true(tally.points > 2 * tally.ops);
	assert_true(!stall || tally.stalls > tally.rounds);
	assert_true(mover.raced > tally.rounds / 20);
	nh_map_destroy(mover.m);
}

static void
run_all(struct salt one, struct salt two)
{
	for (unsigned threads = 2; threads <= 6; threads += 2) {
		run(BEST_ARCH, threads, 20, one, two);
		run(BEST_ARCH, threads, 200, one, two);
		run(NH_ARCH_GENERIC, threads, 50, one, two);
	}
}

static void
test_thread_linearizable_while_keys_move(void **state)
{
	(void)state;
	run_all((struct salt){ 1, 256 }, (struct salt){ 2, 256 });
}

/* The hot keys in one block, then in another. */
static void
test_thread_linearizable_while_all_keys_move_together(void **state)
{
	(void)state;
	run_all((struct salt){ 1, 1 }, (struct salt){ 2, 1 });
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_linearizable_while_keys_move),
		cmocka_unit_test(
			test_thread_linearizable_while_all_keys_move_together),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
