/*
 * migrate_fixture.h - one migration of a stage, under the eyes of a test
 *
 * A migration that a test steps has all its groups claimed, as if by helpers
 * that went to sleep: what comes along then drains its own group and no other.
 */
#ifndef NH_TESTS_MIGRATE_FIXTURE_H
#define NH_TESTS_MIGRATE_FIXTURE_H

#include "tests/unit/inside.h"

#define MOST_GROUPS 1024

struct move {
	uint64_t size; /* odd */
	uint64_t had, blocks, groups;
};

static inline struct move
move_start(struct stage *st, uint64_t blocks)
{
	uint64_t size = stage_size(st);
	struct move mv = { nh_size_odd(size), nh_table_blocks(stage_table(st)),
			   blocks, 0 };

	assert_int_equal(nh_segment_start(st->c, st->s, size, blocks), NH_OK);
	assert_int_equal(stage_size(st), mv.size);
	mv.groups = nh_segment_groups(st->s);
	assert_int_equal(mv.groups, nh_gcd(mv.had, blocks));
	assert_true(mv.groups <= MOST_GROUPS);
	poke(&st->s->claim, nh_generation(mv.size) << 32 | mv.groups);
	poke(&nh_segment_next(st->s, mv.size)->trigger, UINT64_MAX);
	return mv;
}

static inline bool
move_runs(const struct stage *st, const struct move *mv)
{
	return stage_size(st) == mv->size;
}

/* Has the old table still the say on this group?  All of its blocks agree. */
static inline bool
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

static inline void
assert_drained_counts(const struct stage *st, const struct move *mv)
{
	uint64_t drained = 0;

	if (!move_runs(st, mv))
		return;
	for (uint64_t g = 0; g < mv->groups; g++)
		drained += !group_is_old(st, mv, g);
	assert_int_equal(peek(&st->s->drained), drained);
}

static inline void
assert_moved(struct stage *st, const struct move *mv)
{
	assert_int_equal(stage_size(st),
			 (nh_generation(mv->size) + 1) << 32 | 2 * mv->blocks);
	assert_sound(st);
	assert_stage(st);
}

static inline void
finish(struct stage *st, const struct move *mv)
{
	assert_int_equal(nh_segment_settle(st->c, st->s), NH_OK);
	assert_moved(st, mv);
}

/* Twice each: the second time there is nothing to do. */
static inline void
drain(struct stage *st, const struct move *mv, uint64_t group)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(nh_group_drain(st->c, st->s, mv->size, group),
				 NH_OK);
	assert_false(group_is_old(st, mv, group));
}

static inline void
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

/* Of the word of entry i. */
static inline uint64_t
group_of(const struct stage *st, unsigned i)
{
	return nh_segment_group(st->s, entry_word(st, i));
}

static inline void
write_new_value(struct stage *st, unsigned i)
{
	uint64_t was = entry_value(st, i);

	st->entry[i].version++;
	assert_int_equal(nh_u64_compare_and_swap(st->m, entry_key(st, i), was,
						 entry_value(st, i)),
			 NH_OK);
}

/* Drained in shuffled order; looked at four times on the way. */
static inline void
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

/* n keys that no table of a usual size tells apart. */
static inline void
fill_one_line(struct stage *st, uint64_t position, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		stage_put(st, stage_key(st, position + i));
}

#endif
