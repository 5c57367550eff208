/*
 * test_migrate_memory.c - migrations without memory, and tables dropped
 *
 * Linked with --wrap=nh_arena_alloc, so that memory runs out where a test says.
 */
#include "tests/unit/migrate_fixture.h"

#include "numa/arena.h"

struct nh_extent *__real_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
					int node);
struct nh_extent *__wrap_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
					int node);

static uint64_t allocations_left = UINT64_MAX;

struct nh_extent *
__wrap_nh_arena_alloc(enum nh_arena_kind kind, size_t bytes, int node)
{
	if (!allocations_left)
		return NULL;
	allocations_left--;
	return __real_nh_arena_alloc(kind, bytes, node);
}

/* -------------------------------------------------------------- no memory */

static void
test_a_start_without_memory_changes_nothing(void **state)
{
	struct rng rng = rng_make(11);
	struct stage *st = stage_make(0, 16);
	uint64_t size = stage_size(st);

	(void)state;
	stage_fill(st, 60, &rng);
	allocations_left = 0;
	assert_int_equal(nh_segment_start(st->c, st->s, size, 32),
			 NH_ERR_NOMEM);
	allocations_left = UINT64_MAX;
	assert_int_equal(stage_size(st), size);
	assert_sound(st);
	assert_stage(st);
	move_quickly(st, 32, &rng);
	stage_free(st);
}

/* Seven pairs to each block of 16: two blocks need many overflow lines. */
static struct stage *
crowded_stage(struct rng *rng)
{
	struct stage *st = stage_make(0, 16);

	for (unsigned i = 0; i < 16 * 7; i++)
		stage_put(st, stage_key(st, position_in(i / 7, 16, rng)));
	return st;
}

static void
assert_nothing_moved(struct stage *st, const struct move *mv, uint64_t group)
{
	assert_true(group_is_old(st, mv, group));
	assert_int_equal(peek(&nh_segment_next(st->s, mv->size)->used), 0);
	assert_int_equal(peek(&st->s->drained), 0);
	assert_stage(st);
}

/* Each attempt gets one allocation further, and leaves the group whole. */
static void
test_memory_out_within_a_group_leaves_it_whole(void **state)
{
	struct rng rng = rng_make(12);
	struct stage *st = crowded_stage(&rng);
	struct move mv = move_start(st, 2);
	unsigned tries = 0;

	(void)state;
	assert_int_equal(mv.groups, 2);
	for (;;) {
		int err;

		allocations_left = tries ? 1 : 0;
		err = nh_group_drain(st->c, st->s, mv.size, 1);
		allocations_left = UINT64_MAX;
		if (!err)
			break;
		assert_int_equal(err, NH_ERR_NOMEM);
		assert_nothing_moved(st, &mv, 1);
		assert_int_equal(peek(&st->c->table_bytes),
				 table_all_bytes(&st->s->table[0]) +
					 table_all_bytes(&st->s->table[1]));
		assert_true(++tries < 100);
	}
	assert_true(tries > 4);
	assert_false(group_is_old(st, &mv, 1));
	assert_true(group_is_old(st, &mv, 0));
	assert_stage(st);
	finish(st, &mv);
	stage_free(st);
}

/* New keys for one block until there is no room: how many. */
static unsigned
put_until_full(struct stage *st, uint64_t block, struct rng *rng)
{
	unsigned n = 0;

	for (;; n++) {
		unsigned i = stage_key(st, position_in(block, 16, rng));
		int err;

		st->entry[i].version++;
		err = nh_u64_put(st->m, entry_key(st, i), entry_value(st, i));
		if (err) {
			assert_int_equal(err, NH_ERR_NOMEM);
			return n;
		}
		st->entry[i].present = true;
	}
}

static void
test_without_memory_the_old_blocks_serve_on(void **state)
{
	struct rng rng = rng_make(13);
	struct stage *st = crowded_stage(&rng);
	struct move mv = move_start(st, 2);

	(void)state;
	allocations_left = 0;
	write_new_value(st, 0);
	stage_delete(st, 8);
	/* One free slot, and the spare overflow lines of 16 blocks. */
	assert_int_equal(put_until_full(st, 2, &rng), 1 + 4 * 3);
	assert_int_equal(nh_segment_settle(st->c, st->s), NH_ERR_NOMEM);
	assert_int_equal(nh_u64_shrink(st->m), NH_ERR_NOMEM);
	assert_nothing_moved(st, &mv, 0);
	stage_delete(st, 2 * 7);
	stage_put(st, st->entries - 1);
	assert_nothing_moved(st, &mv, 0);
	allocations_left = UINT64_MAX;
	finish(st, &mv);
	stage_free(st);
}

/* --------------------------------------------------------------------- drop */

static void
test_an_emptied_segment_drops_its_table(void **state)
{
	struct stage *st = stage_make(5, NH_LADDER_FIRST);
	unsigned i = stage_key(st, 77);

	(void)state;
	for (int round = 0; round < 3; round++) {
		uint64_t size;

		stage_put(st, i);
		stage_delete(st, i);
		size = stage_size(st);
		nh_segment_drop(st->c, st->s);
		assert_int_equal(stage_size(st) >> 32, (size >> 32) + 2);
		assert_int_equal(nh_table_blocks(stage_table(st)), 0);
		assert_int_equal(peek(&st->d->base), (uintptr_t)nh_empty_block);
		assert_int_equal(peek(&st->c->table_bytes), 0);
		assert_int_equal(peek(&st->s->busy), 0);
		assert_stage(st);
		/* There is nothing more to drop. */
		size = stage_size(st);
		nh_segment_drop(st->c, st->s);
		assert_int_equal(stage_size(st), size);
		assert_int_equal(peek(&st->s->busy), 0);
	}
	stage_put(st, i);
	assert_sound(st);
	assert_stage(st);
	stage_free(st);
}

static void
assert_not_dropped(struct stage *st)
{
	uint64_t size = stage_size(st);

	nh_segment_drop(st->c, st->s);
	assert_int_equal(stage_size(st), size);
	assert_stage(st);
}

static void
test_a_segment_in_use_is_not_dropped(void **state)
{
	struct rng rng = rng_make(14);
	struct stage *st = stage_make(5, NH_LADDER_FIRST);
	struct move mv;

	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		stage_put(st, stage_key(st, rng_next(&rng) >> 8));
		assert_not_dropped(st);
		assert_sound(st);
	}
	mv = move_start(st, 2 * NH_LADDER_FIRST);
	assert_not_dropped(st);
	assert_int_equal(peek(&st->s->busy), 1);
	finish(st, &mv);
	for (unsigned i = 0; i < st->entries; i++)
		stage_delete(st, i);
	assert_not_dropped(st);
	assert_sound(st);
	stage_free(st);
}

static int
memory_is_back(void **state)
{
	(void)state;
	allocations_left = UINT64_MAX;
	return 0;
}

#define WITH_MEMORY(test) cmocka_unit_test_setup(test, memory_is_back)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MEMORY(test_a_start_without_memory_changes_nothing),
		WITH_MEMORY(test_memory_out_within_a_group_leaves_it_whole),
		WITH_MEMORY(test_without_memory_the_old_blocks_serve_on),
		WITH_MEMORY(test_an_emptied_segment_drops_its_table),
		WITH_MEMORY(test_a_segment_in_use_is_not_dropped),
	};

	return cmocka_run_group_tests_name("migrate_memory", tests, NULL, NULL);
}
