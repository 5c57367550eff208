/*
 * test_migrate.c - a migration stepped group by group, with all else between
 *
 * Linked with --wrap=nh_arena_alloc, so that memory runs out where a test says.
 *
 * A migration that a test steps has all its groups claimed, as if by helpers
 * that went to sleep: what comes along then drains its own group and no other.
 */
#include "tests/unit/inside.h"

#include <pthread.h>

#include "numa/arena.h"

#define ORDERS 4
#define MOST_GROUPS 1024

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

/* ---------------------------------------------------------------- one move */

struct move {
	uint64_t size; /* odd */
	uint64_t had, blocks, groups;
};

static struct move
move_start(struct stage *st, uint64_t blocks)
{
	uint64_t size = stage_size(st);
	struct move mv = { size + NH_SIZE_MIGRATING,
			   nh_table_blocks(stage_table(st)), blocks, 0 };

	assert_int_equal(nh_segment_start(st->m, st->s, size, blocks), NH_OK);
	assert_int_equal(stage_size(st), mv.size);
	mv.groups = nh_segment_groups(st->s);
	assert_int_equal(mv.groups, nh_gcd(mv.had, blocks));
	assert_true(mv.groups <= MOST_GROUPS);
	poke(&st->s->claim, nh_generation(mv.size) << 32 | mv.groups);
	poke(&nh_segment_next(st->s, mv.size)->trigger, UINT64_MAX);
	return mv;
}

static bool
move_runs(const struct stage *st, const struct move *mv)
{
	return stage_size(st) == mv->size;
}

/* Has the old table still the say on this group?  All of its blocks agree. */
static bool
group_is_old(const struct stage *st, const struct move *mv, uint64_t group)
{
	uint64_t p = mv->had / mv->groups;
	struct nh_table *old = nh_segment_table(st->s, mv->size);
	uint64_t live = 0;

	if (!move_runs(st, mv))
		return false;
	for (uint64_t i = 0; i < p; i++) {
		uint64_t w = nh_slot_word(nh_table_even(old, p * group + i), 0);

		assert_int_equal(w & NH_WORD_LOCK, 0);
		live += !!(w & NH_WORD_LIVE);
	}
	assert_true(live == 0 || live == p);
	return live != 0;
}

static void
assert_drained_counts(const struct stage *st, const struct move *mv)
{
	uint64_t drained = 0;

	if (!move_runs(st, mv))
		return;
	for (uint64_t g = 0; g < mv->groups; g++)
		drained += !group_is_old(st, mv, g);
	assert_int_equal(peek(&st->s->drained), drained);
}

static void
assert_moved(struct stage *st, const struct move *mv)
{
	assert_int_equal(stage_size(st),
			 (nh_generation(mv->size) + 1) << 32 | 2 * mv->blocks);
	assert_sound(st);
	assert_stage(st);
}

/* Twice each: the second time there is nothing to do. */
static void
drain(struct stage *st, const struct move *mv, uint64_t group)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(nh_group_drain(st->m, st->s, mv->size, group),
				 NH_OK);
	assert_false(group_is_old(st, mv, group));
}

static void
make_order(uint64_t *order, uint64_t groups, int kind, struct rng *rng)
{
	for (uint64_t i = 0; i < groups; i++)
		order[i] = kind == 1 ? groups - 1 - i : i;
	for (uint64_t i = groups; kind > 1 && i-- > 1;) {
		uint64_t k = rng_below(rng, i + 1);
		uint64_t t = order[i];

		order[i] = order[k];
		order[k] = t;
	}
}

/* ------------------------------------------------------------- the writers */

/* Of the word of entry i. */
static uint64_t
group_of(const struct stage *st, unsigned i)
{
	return nh_segment_group(st->s, entry_word(st, i));
}

static void
write_new_value(struct stage *st, unsigned i)
{
	uint64_t was = entry_value(st, i);

	st->entry[i].version++;
	assert_int_equal(nh_u64_compare_and_swap(st->m, entry_key(st, i), was,
						 entry_value(st, i)),
			 NH_OK);
}

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
	struct nh_stripe *mine = nh_stripe_mine(st->m->stripe);
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

/* Drained in shuffled order; looked at four times on the way. */
static void
move_quickly(struct stage *st, uint64_t blocks, struct rng *rng)
{
	struct move mv = move_start(st, blocks);
	uint64_t order[MOST_GROUPS];

	make_order(order, mv.groups, 2, rng);
	for (uint64_t k = 0; k < mv.groups; k++) {
		drain(st, &mv, order[k]);
		if (k % (mv.groups / 4 + 1) == 0)
			assert_stage(st);
	}
	assert_moved(st, &mv);
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

/* n keys that no table of a usual size tells apart. */
static void
fill_one_line(struct stage *st, uint64_t position, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		stage_put(st, stage_key(st, position + i));
}

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
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
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
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
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
	assert_false(nh_segment_help(st->m, st->s, mv.size));
	assert_int_equal(peek(&st->s->drained), 0);
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
	stage_free(st);
}

/* ------------------------------------------------------------ stale sleepers
 */

/* What a thread that saw `size` and slept may still try. */
static void
act_as_sleeper(struct stage *st, uint64_t size)
{
	for (uint64_t g = 0; g < 4; g++)
		assert_int_equal(nh_group_drain(st->m, st->s, size, g), NH_OK);
	assert_false(nh_segment_help(st->m, st->s, size));
	assert_int_equal(
		nh_segment_start(st->m, st->s, size & ~NH_SIZE_MIGRATING, 64),
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
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &first);
	act_as_sleeper(st, first.size);
	assert_moved(st, &first);
	second = move_start(st, 48);
	drain(st, &second, 1);
	act_as_sleeper(st, first.size);
	assert_int_equal(peek(&st->s->drained), 1);
	assert_int_equal(peek(&st->s->busy), 1);
	assert_true(group_is_old(st, &second, 0));
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &second);
	/* Two generations on, the tables have their first roles again. */
	second = move_start(st, 64);
	act_as_sleeper(st, first.size);
	assert_int_equal(peek(&st->s->drained), 0);
	assert_stage(st);
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &second);
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
	assert_int_equal(nh_segment_start(st->m, st->s, size, 16), NH_OK);
	assert_int_equal(stage_size(st), size);
	assert_sound(st);
	mv = move_start(st, 32);
	assert_int_equal(nh_segment_start(st->m, st->s, size, 64), NH_OK);
	assert_int_equal(stage_size(st), mv.size);
	assert_int_equal(peek(&st->s->busy), 1);
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
	stage_free(st);
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
	assert_int_equal(nh_segment_start(st->m, st->s, size, 32),
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
		err = nh_group_drain(st->m, st->s, mv.size, 1);
		allocations_left = UINT64_MAX;
		if (!err)
			break;
		assert_int_equal(err, NH_ERR_NOMEM);
		assert_nothing_moved(st, &mv, 1);
		assert_int_equal(peek(&st->m->table_bytes),
				 table_all_bytes(&st->s->table[0]) +
					 table_all_bytes(&st->s->table[1]));
		assert_true(++tries < 100);
	}
	assert_true(tries > 4);
	assert_false(group_is_old(st, &mv, 1));
	assert_true(group_is_old(st, &mv, 0));
	assert_stage(st);
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
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
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_ERR_NOMEM);
	assert_int_equal(nh_u64_shrink(st->m), NH_ERR_NOMEM);
	assert_nothing_moved(st, &mv, 0);
	stage_delete(st, 2 * 7);
	stage_put(st, st->entries - 1);
	assert_nothing_moved(st, &mv, 0);
	allocations_left = UINT64_MAX;
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
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
		nh_segment_drop(st->m, st->s);
		assert_int_equal(stage_size(st) >> 32, (size >> 32) + 2);
		assert_int_equal(nh_table_blocks(stage_table(st)), 0);
		assert_int_equal(peek(&st->d->base), (uintptr_t)nh_empty_block);
		assert_int_equal(peek(&st->m->table_bytes), 0);
		assert_int_equal(peek(&st->s->busy), 0);
		assert_stage(st);
		/* There is nothing more to drop. */
		size = stage_size(st);
		nh_segment_drop(st->m, st->s);
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

	nh_segment_drop(st->m, st->s);
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
	assert_int_equal(nh_segment_settle(st->m, st->s), NH_OK);
	assert_moved(st, &mv);
	for (unsigned i = 0; i < st->entries; i++)
		stage_delete(st, i);
	assert_not_dropped(st);
	assert_sound(st);
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
		WITH_MEMORY(
			test_every_step_shows_what_was_written_in_any_order),
		WITH_MEMORY(test_every_ratio_of_the_ladder_keeps_every_key),
		WITH_MEMORY(
			test_a_segment_without_a_table_gets_one_of_any_size),
		WITH_MEMORY(test_long_chains_are_carried_over),
		WITH_MEMORY(test_chains_are_stepped_through_with_writers),
		WITH_MEMORY(
			test_a_write_far_behind_the_helpers_goes_to_the_old_block),
		WITH_MEMORY(
			test_a_write_to_a_drained_group_goes_to_the_new_block),
		WITH_MEMORY(test_settle_does_not_wait_for_a_sleeping_helper),
		WITH_MEMORY(test_who_slept_through_a_migration_changes_nothing),
		WITH_MEMORY(
			test_a_second_start_and_a_start_to_the_same_size_do_nothing),
		WITH_MEMORY(test_a_start_without_memory_changes_nothing),
		WITH_MEMORY(test_memory_out_within_a_group_leaves_it_whole),
		WITH_MEMORY(test_without_memory_the_old_blocks_serve_on),
		WITH_MEMORY(test_an_emptied_segment_drops_its_table),
		WITH_MEMORY(test_a_segment_in_use_is_not_dropped),
		WITH_MEMORY(test_a_reader_alongside_misses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
