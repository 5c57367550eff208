/*
 * test_migrate_beside.c - who writes, sleeps or reads beside a migration
 */
#include "tests/unit/migrate_fixture.h"

#include <pthread.h>

/* ------------------------------------------------------- where a write goes */

/* 512 to 640 blocks: 128 groups, of which a write drains less than a third. */
static void
test_a_write_far_behind_the_helpers_goes_to_the_old_block(void **state)
{
	struct rng rng = rng_make(6);
	struct stage *st = stage_make(0, 512);
	unsigned i = stage_key(st, position_in(511, 512, &rng));
	struct nh_table *old = stage_table(st);
	uint64_t word = entry_word(st, i);
	struct move mv = move_start(st, 640);

	(void)state;
	poke(&st->s->claim, nh_generation(mv.size) << 32);
	stage_put(st, i);
	assert_true(peek(&st->s->drained) > 1);
	assert_true(peek(&st->s->drained) < mv.groups / 3);
	assert_false(group_is_old(st, &mv, 0));
	assert_true(group_is_old(st, &mv, mv.groups - 1));
	assert_non_null(nh_block_spot(nh_table_home(old, word), word).line);
	assert_stage(st);
	finish(st, &mv);
	stage_free(st);
}

static void
test_a_write_to_a_drained_group_goes_to_the_new_block(void **state)
{
	struct rng rng = rng_make(7);
	struct stage *st = stage_make(0, 16);
	unsigned i = stage_key(st, position_in(5, 16, &rng));
	uint64_t word = entry_word(st, i);
	struct nh_table *old = stage_table(st);
	struct move mv = move_start(st, 32);
	struct nh_table *next = nh_segment_next(st->s, mv.size);

	(void)state;
	drain(st, &mv, group_of(st, i));
	stage_put(st, i);
	assert_null(nh_block_spot(nh_table_home(old, word), word).line);
	assert_non_null(nh_block_spot(nh_table_home(next, word), word).line);
	assert_stage(st);
	assert_int_equal(peek(&st->s->drained), 1);
	finish(st, &mv);
	stage_free(st);
}

/* All groups are claimed and the claimer sleeps: settle drains them anyhow. */
static void
test_settle_does_not_wait_for_a_sleeping_helper(void **state)
{
	struct rng rng = rng_make(8);
	struct stage *st = stage_make(3, 38);
	struct move mv;

	(void)state;
	stage_fill(st, 150, &rng);
	mv = move_start(st, 57);
	assert_false(nh_segment_help(st->c, st->s, mv.size));
	assert_int_equal(peek(&st->s->drained), 0);
	finish(st, &mv);
	stage_free(st);
}

/* ------------------------------------------------------------ stale sleepers
 */

/* What a thread that saw `size` and slept may still try. */
static void
act_as_sleeper(struct stage *st, uint64_t size)
{
	for (uint64_t g = 0; g < 4; g++)
		assert_int_equal(nh_group_drain(st->c, st->s, size, g), NH_OK);
	assert_false(nh_segment_help(st->c, st->s, size));
	assert_int_equal(
		nh_segment_start(st->c, st->s, size & ~NH_SIZE_MIGRATING, 64),
		NH_OK);
}

static void
test_who_slept_through_a_migration_changes_nothing(void **state)
{
	struct rng rng = rng_make(9);
	struct stage *st = stage_make(0, 16);
	struct move first, second;

	(void)state;
	stage_fill(st, 60, &rng);
	first = move_start(st, 32);
	finish(st, &first);
	act_as_sleeper(st, first.size);
	assert_moved(st, &first);
	second = move_start(st, 48);
	drain(st, &second, 1);
	act_as_sleeper(st, first.size);
	assert_int_equal(peek(&st->s->drained), 1);
	assert_int_equal(peek(&st->s->busy), 1);
	assert_true(group_is_old(st, &second, 0));
	finish(st, &second);
	/* Two generations on, the tables have their first roles again. */
	second = move_start(st, 64);
	act_as_sleeper(st, first.size);
	assert_int_equal(peek(&st->s->drained), 0);
	assert_stage(st);
	finish(st, &second);
	stage_free(st);
}

static void
test_a_second_start_and_a_start_to_the_same_size_do_nothing(void **state)
{
	struct rng rng = rng_make(10);
	struct stage *st = stage_make(0, 16);
	uint64_t size = stage_size(st);
	struct move mv;

	(void)state;
	stage_fill(st, 60, &rng);
	assert_int_equal(nh_segment_start(st->c, st->s, size, 16), NH_OK);
	assert_int_equal(stage_size(st), size);
	assert_sound(st);
	mv = move_start(st, 32);
	assert_int_equal(nh_segment_start(st->c, st->s, size, 64), NH_OK);
	assert_int_equal(stage_size(st), mv.size);
	assert_int_equal(peek(&st->s->busy), 1);
	finish(st, &mv);
	stage_free(st);
}

/* ------------------------------------------------------- a reader alongside */

struct reader {
	struct stage *st;
	nh_atomic stop;
	nh_atomic during; /* rounds begun and ended within one migration */
	nh_atomic wrong;
};

static void *
read_always(void *arg)
{
	struct reader *r = arg;
	const struct stage *st = r->st;

	/* order(test-stop): acquire, the other side is in the test */
	while (!nh_load_acquire(&r->stop)) {
		/* order(size): acquire, so it is loaded before the gets */
		uint64_t size = nh_load_acquire(&st->d->size);

		for (unsigned i = 0; i < st->entries; i++) {
			uint64_t v = POISON;
			int err = nh_u64_get(st->m, entry_key(st, i), &v);

			if (err == NH_OK ? !st->entry[i].present ||
						   v != entry_value(st, i)
					 : st->entry[i].present)
				/* relaxed: read after the join. */
				nh_add_relaxed(&r->wrong, 1);
		}
		/* relaxed, both: a hint of how much was tried. */
		if (size & NH_SIZE_MIGRATING &&
		    nh_load_relaxed(&st->d->size) == size)
			/* relaxed: as above. */
			nh_add_relaxed(&r->during, 1);
	}
	return NULL;
}

/* The reader's entries stay as they are; only the table moves. */
static void
test_a_reader_alongside_misses_nothing(void **state)
{
	static const uint64_t path[] = { 64, 16, 80, 96, 48 };
	struct rng rng = rng_make(15);
	struct stage *st = stage_make(0, 48);
	struct reader r = { .st = st };
	uint64_t order[MOST_GROUPS];
	pthread_t thread;

	(void)state;
	stage_fill(st, 60, &rng);
	fill_one_line(st, position_in(9, 48, &rng), 14);
	assert_int_equal(pthread_create(&thread, NULL, read_always, &r), 0);
	for (int round = 0; round < 20000 && peek(&r.during) < 300; round++) {
		struct move mv = move_start(st, path[round % 5]);

		make_order(order, mv.groups, 2, &rng);
		for (uint64_t k = 0; k < mv.groups; k++) {
			drain(st, &mv, order[k]);
			sched_yield();
		}
	}
	/* order(test-stop): release, the other side is the reader's */
	nh_store_release(&r.stop, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(peek(&r.wrong), 0);
	/* A race that was never run proves nothing. */
	assert_true(peek(&r.during) > 100);
	assert_sound(st);
	stage_free(st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_write_far_behind_the_helpers_goes_to_the_old_block),
		cmocka_unit_test(
			test_a_write_to_a_drained_group_goes_to_the_new_block),
		cmocka_unit_test(
			test_settle_does_not_wait_for_a_sleeping_helper),
		cmocka_unit_test(
			test_who_slept_through_a_migration_changes_nothing),
		cmocka_unit_test(
			test_a_second_start_and_a_start_to_the_same_size_do_nothing),
		cmocka_unit_test(test_a_reader_alongside_misses_nothing),
	};

	return cmocka_run_group_tests_name("migrate_beside", tests, NULL, NULL);
}
