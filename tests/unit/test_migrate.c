/*
 * test_migrate.c - a migration stepped group by group, with writes between
 */
#include "tests/unit/migrate_fixture.h"

#define ORDERS 4

/* ------------------------------------------------------------- the writers */

static void
write_batch(struct stage *st, unsigned i)
{
	uint64_t keys[3], values[3];
	size_t done = 0;

	for (unsigned k = 0; k < 3; k++) {
		unsigned at = (i + k) % st->entries;

		st->entry[at].version++;
		st->entry[at].present = true;
		keys[k] = entry_key(st, at);
		values[k] = entry_value(st, at);
	}
	assert_int_equal(nh_u64_put_batch(st->m, keys, values, 3, &done),
			 NH_OK);
	assert_int_equal(done, 3);
}

/* By the public interface, which drains the group first. */
static void
write_publicly(struct stage *st, const struct move *mv, unsigned i,
	       struct rng *rng)
{
	uint64_t group = group_of(st, i);

	if (!st->entry[i].present)
		stage_put(st, i);
	else if (rng_below(rng, 2))
		stage_delete(st, i);
	else if (rng_below(rng, 8))
		write_new_value(st, i);
	else
		write_batch(st, i);
	assert_false(group_is_old(st, mv, group));
}

/* As a writer that got the lock of the old block before the drainer did. */
static void
write_in_old(struct stage *st, const struct move *mv, unsigned i)
{
	struct nh_held held = {
		.segment = st->s,
		.table = nh_segment_table(st->s, mv->size),
		.word = entry_word(st, i),
		.size = mv->size,
		.old = true,
	};
	struct nh_stripe *mine = nh_stripe_mine(st->c->stripe);
	bool waited = false;
	struct nh_spot at;

	held.home = nh_table_home(held.table, held.word);
	assert_true(nh_block_lock(nh_line_even(held.home), &waited));
	at = nh_block_spot(held.home, held.word);
	assert_int_equal(at.line != NULL, st->entry[i].present);
	if (at.line) {
		nh_block_remove(held.table, nh_line_even(held.home), at);
		nh_stripe_add(&mine->live, (uint64_t)-1);
		st->entry[i].present = false;
	}
	at = nh_block_free_slot(held.home);
	if (at.line && st->entry[i].version++ % 4 != 3) {
		struct nh_place place = { at, NULL };

		nh_place_store(&held, &place, entry_value(st, i));
		nh_stripe_add(&mine->live, 1);
		st->entry[i].present = true;
	}
	nh_release(&held);
}

static void
write_some(struct stage *st, const struct move *mv, struct rng *rng)
{
	for (int n = 0; n < 4; n++) {
		unsigned i = (unsigned)rng_below(rng, st->entries);

		if (move_runs(st, mv) &&
		    group_is_old(st, mv, group_of(st, i)) && rng_below(rng, 8))
			write_in_old(st, mv, i);
		else
			write_publicly(st, mv, i, rng);
	}
}

/* ------------------------------------------------------------- in any order */

static void
step_through(struct stage *st, uint64_t blocks, int kind, struct rng *rng)
{
	struct move mv = move_start(st, blocks);
	uint64_t order[MOST_GROUPS];

	make_order(order, mv.groups, kind, rng);
	assert_stage(st);
	for (uint64_t k = 0; k < mv.groups; k++) {
		drain(st, &mv, order[k]);
		assert_drained_counts(st, &mv);
		assert_stage(st);
		write_some(st, &mv, rng);
		assert_drained_counts(st, &mv);
		assert_stage(st);
	}
	assert_moved(st, &mv);
}

static void
test_every_step_shows_what_was_written_in_any_order(void **state)
{
	static const uint64_t path[] = { 64, 80, 96, 64, 48, 32, 128, 64 };

	(void)state;
	for (int kind = 0; kind < ORDERS; kind++) {
		struct rng rng = rng_make(100 + (uint64_t)kind);
		struct stage *st = stage_make(0, 48);

		stage_fill(st, 220, &rng);
		for (unsigned i = 0; i < sizeof(path) / sizeof(*path); i++)
			step_through(st, path[i], kind, &rng);
		stage_free(st);
	}
}

/* From one size to every other that the ladder allows, and back to the first
 * by its steps. */
static void
try_ratios_from(unsigned number, unsigned step, struct rng *rng)
{
	uint64_t had = nh_ladder_blocks(step, number);

	for (unsigned to = 0; to < step + 7; to++) {
		uint64_t want = nh_ladder_blocks(to, number);
		struct stage *st;

		if (want == had || nh_ladder_toward(had, want, number) != want)
			continue;
		st = stage_make(number, had);
		stage_fill(st, (unsigned)(had < want ? had : want) * 5 + 3,
			   rng);
		move_quickly(st, want, rng);
		stage_free(st);
	}
}

static void
test_every_ratio_of_the_ladder_keeps_every_key(void **state)
{
	static const unsigned numbers[] = { 0, 7, 255 };
	struct rng rng = rng_make(2);

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		for (unsigned step = 0; step < 10; step++)
			try_ratios_from(numbers[n], step, &rng);
}

static void
test_a_segment_without_a_table_gets_one_of_any_size(void **state)
{
	struct rng rng = rng_make(3);

	(void)state;
	for (unsigned step = 0; step < 8; step++) {
		struct stage *st = stage_make(9, nh_ladder_blocks(step, 9));

		assert_sound(st);
		assert_stage(st);
		stage_fill(st, 5, &rng);
		assert_sound(st);
		stage_free(st);
	}
}

/* ------------------------------------------------------------------- chains */

static void
test_long_chains_are_carried_over(void **state)
{
	static const uint64_t path[] = { 32, 64, 48, 96, 16, 2, 1, 4, 16 };
	struct rng rng = rng_make(4);
	struct stage *st = stage_make(0, 16);

	(void)state;
	fill_one_line(st, position_in(3, 16, &rng), 20);
	fill_one_line(st, position_in(15, 16, &rng), 9);
	assert_int_equal(peek(&stage_table(st)->used), 5);
	assert_sound(st);
	for (unsigned i = 0; i < sizeof(path) / sizeof(*path); i++) {
		move_quickly(st, path[i], &rng);
		assert_true(peek(&stage_table(st)->used) >= 5);
	}
	for (unsigned i = 0; i < st->entries; i++) {
		stage_delete(st, i);
		assert_sound(st);
		assert_stage(st);
	}
	assert_int_equal(peek(&stage_table(st)->used), 0);
	stage_free(st);
}

static void
test_chains_are_stepped_through_with_writers(void **state)
{
	struct rng rng = rng_make(5);
	struct stage *st = stage_make(0, 16);

	(void)state;
	for (uint64_t b = 0; b < 16; b += 3)
		fill_one_line(st, position_in(b, 16, &rng), 7 + (unsigned)b);
	step_through(st, 64, 0, &rng);
	step_through(st, 80, 1, &rng);
	step_through(st, 32, 2, &rng);
	step_through(st, 4, 3, &rng);
	stage_free(st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_every_step_shows_what_was_written_in_any_order),
		cmocka_unit_test(
			test_every_ratio_of_the_ladder_keeps_every_key),
		cmocka_unit_test(
			test_a_segment_without_a_table_gets_one_of_any_size),
		cmocka_unit_test(test_long_chains_are_carried_over),
		cmocka_unit_test(test_chains_are_stepped_through_with_writers),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
