/*
 * test_lin.c - the linearizability checker accepts what is and finds what is
 * not, on histories made by hand and on small maps that are broken on purpose
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lin/lin.h"
#include "tests/lin/round.h"
#include "tests/model/kit.h"

/* --------------------------------------------------------- histories by hand
 */

static struct lin_op
get(uint64_t begin, uint64_t end, uint64_t out)
{
	return (struct lin_op){ .begin = begin,
				.end = end,
				.kind = LIN_GET,
				.out = out,
				.answer = out ? LIN_YES : LIN_ABSENT };
}

static struct lin_op
put(uint64_t begin, uint64_t end, uint64_t arg)
{
	return (struct lin_op){
		.begin = begin, .end = end, .kind = LIN_PUT, .arg = arg
	};
}

static struct lin_op
insert(uint64_t begin, uint64_t end, uint64_t arg, enum lin_answer answer)
{
	return (struct lin_op){ .begin = begin,
				.end = end,
				.kind = LIN_INSERT,
				.arg = arg,
				.answer = (uint8_t)answer };
}

static struct lin_op
cas(uint64_t begin, uint64_t end, uint64_t expected, uint64_t arg,
    enum lin_answer answer)
{
	return (struct lin_op){ .begin = begin,
				.end = end,
				.kind = LIN_CAS,
				.expected = expected,
				.arg = arg,
				.answer = (uint8_t)answer };
}

static struct lin_op
del(uint64_t begin, uint64_t end, enum lin_answer answer)
{
	return (struct lin_op){ .begin = begin,
				.end = end,
				.kind = LIN_DELETE,
				.answer = (uint8_t)answer };
}

/* with_out - swap, add and take: an argument, and the value before */
static struct lin_op
with_out(enum lin_kind kind, uint64_t begin, uint64_t end, uint64_t arg,
	 uint64_t out)
{
	return (struct lin_op){
		.begin = begin,
		.end = end,
		.kind = (uint8_t)kind,
		.arg = arg,
		.out = out,
		.answer = kind == LIN_TAKE && !out ? LIN_ABSENT : LIN_YES,
	};
}

static long
check(const struct lin_op *ops, size_t n, uint64_t initial)
{
	struct lin_checker checker;
	long result;

	lin_init(&checker);
	result = lin_check(&checker, ops, n, initial);
	lin_fini(&checker);
	return result;
}

#define CHECK(ops, initial) check(ops, sizeof(ops) / sizeof(*(ops)), initial)

static void
test_nothing_is_linearizable(void **state)
{
	(void)state;
	assert_int_equal(check(NULL, 0, 0), LIN_OK);
}

static void
test_one_after_another_is_linearizable(void **state)
{
	const struct lin_op ops[] = {
		get(1, 2, 0),
		insert(3, 4, 10, LIN_YES),
		insert(5, 6, 11, LIN_NO),
		get(7, 8, 10),
		cas(9, 10, 99, 12, LIN_NO),
		cas(11, 12, 10, 12, LIN_YES),
		with_out(LIN_ADD, 13, 14, 3, 12),
		with_out(LIN_SWAP, 15, 16, 20, 15),
		with_out(LIN_TAKE, 17, 18, 0, 20),
		with_out(LIN_TAKE, 19, 20, 0, 0),
		del(21, 22, LIN_ABSENT),
		cas(23, 24, 20, 30, LIN_ABSENT),
		put(25, 26, 40),
		del(27, 28, LIN_YES),
		get(29, 30, 0),
	};

	(void)state;
	assert_int_equal(CHECK(ops, 0), LIN_OK);
}

static void
test_each_wrong_answer_is_found_where_it_was_given(void **state)
{
	const struct lin_op wrong[] = {
		get(3, 4, 0),
		get(3, 4, 11),
		insert(3, 4, 11, LIN_YES),
		cas(3, 4, 10, 11, LIN_NO),
		cas(3, 4, 12, 11, LIN_YES),
		cas(3, 4, 10, 11, LIN_ABSENT),
		del(3, 4, LIN_ABSENT),
		with_out(LIN_ADD, 3, 4, 1, 0),
		with_out(LIN_SWAP, 3, 4, 11, 12),
		with_out(LIN_TAKE, 3, 4, 0, 0),
		with_out(LIN_TAKE, 3, 4, 0, 11),
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const struct lin_op ops[] = { put(5, 6, 12), wrong[i],
					      put(1, 2, 10) };

		assert_int_equal(CHECK(ops, 0), 1);
	}
}

static void
test_what_was_there_before_counts(void **state)
{
	const struct lin_op ops[] = { get(1, 2, 7) };

	(void)state;
	assert_int_equal(CHECK(ops, 7), LIN_OK);
	assert_int_equal(CHECK(ops, 0), 0);
	assert_int_equal(CHECK(ops, 8), 0);
}

static void
test_get_beside_a_put_may_see_either(void **state)
{
	const struct lin_op old[] = { put(1, 10, 5), get(2, 3, 4) };
	const struct lin_op new[] = { put(1, 10, 5), get(2, 3, 5) };
	const struct lin_op both[] = { put(1, 10, 5), get(2, 3, 4),
				       get(4, 5, 5) };

	(void)state;
	assert_int_equal(CHECK(old, 4), LIN_OK);
	assert_int_equal(CHECK(new, 4), LIN_OK);
	assert_int_equal(CHECK(both, 4), LIN_OK);
}

static void
test_what_was_seen_may_not_be_unseen(void **state)
{
	const struct lin_op ops[] = { put(1, 10, 5), get(2, 3, 5),
				      get(4, 5, 4) };

	(void)state;
	assert_int_equal(CHECK(ops, 4), 2);
}

static void
test_get_after_a_put_must_see_it(void **state)
{
	const struct lin_op late[] = { put(1, 2, 5), get(3, 4, 4) };
	const struct lin_op touching[] = { put(1, 3, 5), get(3, 4, 4) };

	(void)state;
	assert_int_equal(CHECK(late, 4), 1);
	assert_int_equal(CHECK(touching, 4), LIN_OK);
}

static void
test_only_one_insert_may_win(void **state)
{
	const struct lin_op two[] = { insert(1, 10, 5, LIN_YES),
				      insert(2, 11, 6, LIN_YES) };
	const struct lin_op one[] = { insert(1, 10, 5, LIN_NO),
				      insert(2, 11, 6, LIN_YES) };
	const struct lin_op none[] = { insert(1, 10, 5, LIN_NO),
				       insert(2, 11, 6, LIN_NO) };
	const struct lin_op emptied[] = { insert(1, 10, 5, LIN_YES),
					  insert(2, 11, 6, LIN_YES),
					  del(3, 9, LIN_YES) };

	(void)state;
	assert_int_not_equal(CHECK(two, 0), LIN_OK);
	assert_int_equal(CHECK(one, 0), LIN_OK);
	assert_int_not_equal(CHECK(none, 0), LIN_OK);
	assert_int_equal(CHECK(emptied, 0), LIN_OK);
}

static void
test_only_one_compare_and_swap_may_win(void **state)
{
	const struct lin_op two[] = { cas(1, 10, 5, 6, LIN_YES),
				      cas(2, 11, 5, 7, LIN_YES) };
	const struct lin_op chain[] = { cas(1, 10, 6, 7, LIN_YES),
					cas(2, 11, 5, 6, LIN_YES) };

	(void)state;
	assert_int_not_equal(CHECK(two, 5), LIN_OK);
	assert_int_equal(CHECK(chain, 5), LIN_OK);
}

static void
test_only_one_delete_may_win(void **state)
{
	const struct lin_op two[] = { del(1, 10, LIN_YES),
				      del(2, 11, LIN_YES) };
	const struct lin_op one[] = { del(1, 10, LIN_YES),
				      del(2, 11, LIN_ABSENT) };

	(void)state;
	assert_int_not_equal(CHECK(two, 5), LIN_OK);
	assert_int_equal(CHECK(one, 5), LIN_OK);
}

static void
test_no_addition_may_be_lost(void **state)
{
	const struct lin_op lost[] = { with_out(LIN_ADD, 1, 10, 1, 5),
				       with_out(LIN_ADD, 2, 11, 1, 5) };
	const struct lin_op kept[] = { with_out(LIN_ADD, 1, 10, 1, 6),
				       with_out(LIN_ADD, 2, 11, 1, 5) };
	const struct lin_op fresh[] = { with_out(LIN_ADD, 1, 2, 4, 0),
					get(3, 4, 4) };

	(void)state;
	assert_int_not_equal(CHECK(lost, 5), LIN_OK);
	assert_int_equal(CHECK(kept, 5), LIN_OK);
	assert_int_equal(CHECK(fresh, 0), LIN_OK);
}

static void
test_unknown_outcome_may_come_late_or_never(void **state)
{
	const struct lin_op late[] = { put(1, LIN_NEVER, 5), get(10, 11, 4),
				       get(12, 13, 5), get(14, 15, 5) };
	const struct lin_op never[] = { put(1, LIN_NEVER, 5), get(10, 11, 4) };
	const struct lin_op unseen[] = { put(1, LIN_NEVER, 5), get(10, 11, 5),
					 get(12, 13, 4) };
	const struct lin_op early[] = { get(1, 2, 5), put(3, LIN_NEVER, 5) };
	/* it must not be spent while the key is there */
	const struct lin_op inserts[] = {
		insert(1, LIN_NEVER, 5, LIN_YES),
		get(2, 3, 4),
		del(4, 5, LIN_YES),
		get(6, 7, 5),
	};

	(void)state;
	assert_int_equal(CHECK(late, 4), LIN_OK);
	assert_int_equal(CHECK(never, 4), LIN_OK);
	assert_int_equal(CHECK(unseen, 4), 2);
	assert_int_equal(CHECK(early, 4), 0);
	assert_int_equal(CHECK(inserts, 4), LIN_OK);
}

static void
test_too_many_at_once_is_not_called_a_violation(void **state)
{
	struct lin_op ops[65];

	(void)state;
	for (unsigned i = 0; i < 65; i++)
		ops[i] = get(1, 10, 0);
	assert_int_equal(check(ops, 64, 0), LIN_OK);
	assert_int_equal(check(ops, 65, 0), LIN_TOO_WIDE);
	for (unsigned i = 0; i < 30; i++)
		ops[i] = put(1, 10, i + 1);
	assert_int_equal(check(ops, 30, 0), LIN_TOO_WIDE);
}

/* -------------------------------------------------- histories made at random
 */

/* obey - what the operation must answer in this state, and the state after */
static uint64_t
obey(struct lin_op *op, uint64_t state)
{
	bool match = state && state == op->expected;

	op->answer = state ? LIN_YES : LIN_ABSENT;
	switch ((enum lin_kind)op->kind) {
	case LIN_GET:
		op->out = state;
		return state;
	case LIN_INSERT:
		op->answer = state ? LIN_NO : LIN_YES;
		return state ? state : op->arg;
	case LIN_CAS:
		if (state && !match)
			op->answer = LIN_NO;
		return match ? op->arg : state;
	case LIN_ADD:
		op->out = state;
		return state + op->arg;
	case LIN_PUT:
		return op->arg;
	case LIN_SWAP:
		op->out = state;
		return op->arg;
	case LIN_TAKE:
		op->out = state;
		break;
	default:
		break;
	}
	return 0;
}

/* A history that is right by construction: each takes effect in its middle. */
static void
make_history(struct lin_op *ops, size_t n, struct rng *rng)
{
	uint64_t state = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t moment = 1000 + 10 * i;

		ops[i] = (struct lin_op){
			.begin = moment - rng_below(rng, 60),
			.end = moment + rng_below(rng, 60),
			.arg = i + 1,
			.expected = rng_below(rng, 2) ? state : 1,
			.kind = (uint8_t)rng_below(rng, LIN_KINDS),
		};
		state = obey(&ops[i], state);
	}
}

static void
test_histories_that_are_right_are_always_accepted(void **state)
{
	struct rng rng = rng_make(1);
	struct lin_op ops[200];

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		make_history(ops, 200, &rng);
		assert_int_equal(check(ops, 200, 0), LIN_OK);
	}
}

static void
test_a_value_nobody_wrote_is_always_found(void **state)
{
	struct rng rng = rng_make(2);
	struct lin_op ops[200];

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		size_t at = rng_below(&rng, 200);

		make_history(ops, 200, &rng);
		ops[at] = get(ops[at].begin, ops[at].end, 1 << 30);
		assert_int_not_equal(check(ops, 200, 0), LIN_OK);
	}
}

/* ------------------------------------------------------------------ broken
 * maps */

/*
 * A map of one bucket: a lock that is a sequence number too, and a few pairs.
 * A reader takes no lock and starts over when the sequence has moved.
 */
#define TOY_SLOTS 6

enum bug {
	BUG_NONE,
	BUG_CHECK_THEN_ACT, /* lets go of the lock between looking and acting */
	BUG_EARLY_UNLOCK,   /* stores after it has let go of the lock */
	BUG_TORN_READ,	    /* does not look at the sequence */
};

struct toy {
	enum bug bug;
	atomic_uint_fast64_t sequence;
	atomic_uint_fast64_t key[TOY_SLOTS], value[TOY_SLOTS];
};

static void
toy_lock(struct toy *toy)
{
	uint_fast64_t even;

	for (;;) {
		lin_stall();
		even = atomic_load(&toy->sequence) & ~(uint_fast64_t)1;
		if (atomic_compare_exchange_strong(&toy->sequence, &even,
						   even + 1))
			return;
		sched_yield();
	}
}

static void
toy_unlock(struct toy *toy)
{
	lin_stall();
	atomic_fetch_add(&toy->sequence, 1);
}

/* toy_slot - where a key is, or else where it may go */
static unsigned
toy_slot(struct toy *toy, uint64_t key)
{
	unsigned empty = 0;

	for (unsigned i = 0; i < TOY_SLOTS; i++) {
		uint64_t there = atomic_load(&toy->key[i]);

		if (there == key)
			return i;
		if (there == 0)
			empty = i;
	}
	return empty;
}

static void
toy_store(struct toy *toy, unsigned slot, uint64_t key, uint64_t value)
{
	atomic_store(&toy->key[slot], value ? key : 0);
	lin_stall();
	atomic_store(&toy->value[slot], value);
}

static void
toy_write(struct toy *toy, uint64_t key, struct lin_op *op)
{
	unsigned slot;
	uint64_t before, after;

	toy_lock(toy);
	slot = toy_slot(toy, key);
	before = atomic_load(&toy->key[slot]) == key
			 ? atomic_load(&toy->value[slot])
			 : 0;
	if (toy->bug == BUG_CHECK_THEN_ACT) {
		toy_unlock(toy);
		toy_lock(toy);
	}
	after = obey(op, before);
	if (toy->bug == BUG_EARLY_UNLOCK) {
		toy_unlock(toy);
		toy_store(toy, slot, key, after);
		return;
	}
	toy_store(toy, slot, key, after);
	toy_unlock(toy);
}

static uint64_t
toy_read(struct toy *toy, uint64_t key)
{
	for (;;) {
		uint64_t sequence = atomic_load(&toy->sequence), value;
		unsigned slot;

		lin_stall();
		slot = toy_slot(toy, key);
		value = atomic_load(&toy->key[slot]) == key;
		lin_stall();
		if (value)
			value = atomic_load(&toy->value[slot]);
		if (toy->bug == BUG_TORN_READ)
			return value;
		if (!(sequence & 1) && sequence == atomic_load(&toy->sequence))
			return value;
		sched_yield();
	}
}

static void
toy_run(void *map, uint64_t key, struct lin_op *op)
{
	if (op->kind == LIN_GET)
		obey(op, toy_read(map, key));
	else
		toy_write(map, key, op);
}

/* judge_toy - are so many rounds linearizable?  Keys share the only bucket. */
static bool
judge_toy(enum bug bug, unsigned stall, uint64_t rounds,
	  struct lin_tally *tally)
{
	static struct toy toy;
	const struct lin_subject subject = { &toy, toy_run };
	const struct lin_plan plan = {
		.threads = 4,
		.keys = 4,
		.ops = 200,
		.stall = stall,
		.rounds = rounds,
		.seed = 1,
		.key = { 1, 2, 3, 4 },
	};

	memset(&toy, 0, sizeof(toy));
	toy.bug = bug;
	return lin_rounds(&subject, &plan, tally, NULL);
}

static void
test_a_map_that_is_right_passes_every_round(void **state)
{
	static const unsigned stalls[] = { 0, 20, 50 };
	struct lin_tally tally;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(judge_toy(BUG_NONE, stalls[i], 100, &tally));
		assert_int_equal(tally.rounds, 100);
		assert_int_equal(tally.ops, 100 * 4 * 200);
		assert_true((tally.stalls > 0) == (stalls[i] > 0));
	}
}

/* Found within 100 rounds in every one of several tries. */
static void
assert_found(enum bug bug)
{
	struct lin_tally tally;

	for (unsigned i = 0; i < 5; i++) {
		assert_false(judge_toy(bug, 20, 100, &tally));
		assert_in_range(tally.rounds, 1, 100);
	}
}

static void
test_check_then_act_is_found(void **state)
{
	(void)state;
	assert_found(BUG_CHECK_THEN_ACT);
}

static void
test_early_unlock_is_found(void **state)
{
	(void)state;
	assert_found(BUG_EARLY_UNLOCK);
}

static void
test_torn_read_is_found(void **state)
{
	(void)state;
	assert_found(BUG_TORN_READ);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_linearizable),
		cmocka_unit_test(test_one_after_another_is_linearizable),
		cmocka_unit_test(
			test_each_wrong_answer_is_found_where_it_was_given),
		cmocka_unit_test(test_what_was_there_before_counts),
		cmocka_unit_test(test_get_beside_a_put_may_see_either),
		cmocka_unit_test(test_what_was_seen_may_not_be_unseen),
		cmocka_unit_test(test_get_after_a_put_must_see_it),
		cmocka_unit_test(test_only_one_insert_may_win),
		cmocka_unit_test(test_only_one_compare_and_swap_may_win),
		cmocka_unit_test(test_only_one_delete_may_win),
		cmocka_unit_test(test_no_addition_may_be_lost),
		cmocka_unit_test(test_unknown_outcome_may_come_late_or_never),
		cmocka_unit_test(
			test_too_many_at_once_is_not_called_a_violation),
		cmocka_unit_test(
			test_histories_that_are_right_are_always_accepted),
		cmocka_unit_test(test_a_value_nobody_wrote_is_always_found),
		cmocka_unit_test(test_a_map_that_is_right_passes_every_round),
		cmocka_unit_test(test_check_then_act_is_found),
		cmocka_unit_test(test_early_unlock_is_found),
		cmocka_unit_test(test_torn_read_is_found),
	};

	return cmocka_run_group_tests_name("lin", tests, NULL, NULL);
}
