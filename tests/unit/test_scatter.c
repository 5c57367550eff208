/*
 * test_scatter.c - migrations between tables of different salts, step by step
 *
 * Linked with --wrap=nh_arena_alloc, so that memory runs out where a test says.
 */
#include "tests/unit/migrate_fixture.h"

#include "numa/arena.h"

#define SALT UINT64_C(0x5eed5eed5eed5eed)

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

/* As move_start(), to a table with this salt; a group is an old block. */
static struct move
scatter_start(struct stage *st, uint64_t blocks, uint64_t salt)
{
	uint64_t size = stage_size(st);
	struct move mv = { nh_size_odd(size), nh_table_blocks(stage_table(st)),
			   blocks, nh_table_blocks(stage_table(st)) };

	assert_int_equal(nh_segment_reseed(st->c, st->s, size, blocks, salt),
			 NH_OK);
	assert_int_equal(stage_size(st), mv.size);
	assert_int_equal(nh_segment_groups(st->s), mv.groups);
	poke(&st->s->claim, nh_generation(mv.size) << 32 | mv.groups);
	poke(&nh_segment_next(st->s, mv.size)->trigger, UINT64_MAX);
	return mv;
}

/* The segment is at rest in a table of this salt, and all of it is there. */
static void
assert_scattered(struct stage *st, const struct move *mv, uint64_t salt)
{
	struct nh_table *t = stage_table(st);
	unsigned pairs = 0, lines = 0;

	assert_int_equal(nh_generation(stage_size(st)),
			 nh_generation(mv->size) + 1);
	assert_int_equal(nh_table_salt(t), salt);
	assert_int_equal(nh_table_blocks(t), mv->blocks);
	assert_int_equal(nh_size_is_plain(stage_size(st)), !salt);
	assert_int_equal(peek(&st->s->busy), 0);
	for (uint64_t b = 0; b < mv->blocks; b++)
		pairs += assert_block(t, nh_table_even(t, b), &lines);
	assert_int_equal(pairs, stage_present(st));
	assert_int_equal(lines, peek(&t->used));
	assert_stage(st);
}

/* A key of the stage that lies in this old block; -1: none. */
static int
entry_in(const struct stage *st, const struct move *mv, uint64_t block)
{
	const struct nh_table *old = nh_segment_table(st->s, mv->size);

	for (unsigned i = 0; i < st->entries; i++)
		if (st->entry[i].present &&
		    nh_line_index(nh_table_word(old, entry_word(st, i)),
				  mv->had) == block)
			return (int)i;
	return -1;
}

/* Drained in an order of this kind, with a look and with writes on the way. */
static void
scatter(struct stage *st, uint64_t blocks, uint64_t salt, int kind,
	struct rng *rng)
{
	struct move mv = scatter_start(st, blocks, salt);
	uint64_t order[MOST_GROUPS];

	make_order(order, mv.groups, kind, rng);
	for (uint64_t k = 0; k < mv.groups; k++) {
		int i = entry_in(st, &mv, order[k]);

		if (i >= 0 && k % 3 == 0)
			write_new_value(st, (unsigned)i);
		else if (i >= 0 && k % 3 == 1)
			stage_delete(st, (unsigned)i);
		else if (k % 5 == 0)
			stage_put(st, stage_key(st, rng_next(rng) >> 8));
		if (move_runs(st, &mv))
			drain(st, &mv, order[k]);
		if (k % (mv.groups / 4 + 1) == 0)
			assert_stage(st);
	}
	assert_scattered(st, &mv, salt);
}

/* Every size to every size, with a salt, another one, and none again. */
static void
test_every_step_of_a_scatter_keeps_what_is_there(void **state)
{
	static const uint64_t sizes[] = { 16, 16, 40, 8, 2, 33, 16 };
	struct rng rng = rng_make(21);

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct stage *st = stage_make(0x17, 16);

		stage_fill(st, 120, &rng);
		for (unsigned i = 1; i < 7; i++)
			scatter(st, sizes[i], i % 3 ? SALT + i : 0, kind, &rng);
		stage_free(st);
	}
}

/* In the order that its salt makes, group by group. */
static void
test_a_salted_segment_grows_and_shrinks_in_its_own_order(void **state)
{
	struct rng rng = rng_make(22);
	struct stage *st = stage_make(0x17, 16);

	(void)state;
	stage_fill(st, 100, &rng);
	scatter(st, 16, SALT, 2, &rng);
	for (unsigned i = 0; i < 2; i++) {
		struct move mv = move_start(st, i ? 8 : 48);

		for (uint64_t g = mv.groups; g-- > 0;) {
			drain(st, &mv, g);
			assert_stage(st);
		}
		assert_scattered(st, &mv, SALT);
	}
	stage_free(st);
}

/* ----------------------------------------------------------------- scanning */

struct stepping {
	struct stage *st;
	unsigned left;
};

static int
see_some(void *arg, uint64_t key, uint64_t value)
{
	struct stepping *step = arg;

	assert_int_equal(stage_see(step->st, key, value), 0);
	return --step->left == 0;
}

/* A scan that stops after every few pairs, while the segment gets new salts. */
static void
scan_over_new_salts(struct stage *st, unsigned every)
{
	struct nh_cursor cursor = { 0 };
	struct move mv = { 0 };
	uint64_t group = 0;
	unsigned stops = 0;

	memset(st->seen, 0, sizeof(st->seen));
	while (!cursor.done) {
		struct stepping step = { st, every };
		int err = nh_u64_scan(st->m, &cursor, see_some, &step);

		assert_int_equal(err, cursor.done ? NH_OK : NH_ERR_STOPPED);
		if (!move_runs(st, &mv)) {
			bool off = nh_table_salt(stage_table(st)) && stops % 2;

			mv = scatter_start(st, 60 + stops % 30,
					   off ? 0 : SALT + 64 * stops + every);
			group = 0;
		}
		for (unsigned i = 0; i < 4 * every && move_runs(st, &mv); i++)
			drain(st, &mv, group++);
		stops++;
	}
	for (unsigned i = 0; i < st->entries; i++)
		assert_int_equal(st->seen[i], st->entry[i].present);
	assert_int_equal(nh_segment_settle(st->c, st->s), NH_OK);
}

static void
test_a_scan_shows_each_key_once_over_new_salts(void **state)
{
	struct rng rng = rng_make(23);

	(void)state;
	for (unsigned every = 1; every < 40; every += 6) {
		struct stage *st = stage_make(0x17, 64);

		stage_fill(st, 400, &rng);
		/* Which has none to begin with, and one the second time. */
		scan_over_new_salts(st, every);
		scan_over_new_salts(st, every);
		stage_free(st);
	}
}

struct turning {
	struct stage *st;
	unsigned shown;
};

/* The salt changes while the scan's own callback runs. */
static int
see_and_turn(void *arg, uint64_t key, uint64_t value)
{
	struct turning *t = arg;
	struct nh_core *c = t->st->c;

	if (++t->shown % 10 == 0) {
		assert_int_equal(nh_segment_settle(c, t->st->s), NH_OK);
		assert_int_equal(
			nh_segment_reseed(c, t->st->s, stage_size(t->st),
					  60 + t->shown % 32,
					  t->shown % 30 ? SALT + t->shown : 0),
			NH_OK);
		nh_group_drain(c, t->st->s, stage_size(t->st), t->shown % 8);
	}
	return stage_see(t->st, key, value);
}

static void
test_a_scan_goes_on_when_the_salt_changes_under_it(void **state)
{
	struct rng rng = rng_make(24);
	struct stage *st = stage_make(0x17, 64);
	struct turning t = { st, 0 };
	struct nh_cursor cursor = { 0 };

	(void)state;
	stage_fill(st, 400, &rng);
	memset(st->seen, 0, sizeof(st->seen));
	assert_int_equal(nh_u64_scan(st->m, &cursor, see_and_turn, &t), NH_OK);
	assert_int_equal(t.shown, stage_present(st));
	for (unsigned i = 0; i < st->entries; i++)
		assert_int_equal(st->seen[i], st->entry[i].present);
	stage_free(st);
}

/* Windows of 16 words instead of thousands. */
static void
test_a_window_without_memory_of_its_own_comes_in_parts(void **state)
{
	struct rng rng = rng_make(25);
	struct stage *st = stage_make(0x17, 64);
	struct nh_window w;
	unsigned n = 0;

	(void)state;
	stage_fill(st, 400, &rng);
	scatter(st, 64, SALT, 2, &rng);
	for (uint64_t from = 0; from || !n; from = w.upto + 1) {
		nh_window_begin(&w, from | NH_WORD_VALID, 0);
		assert_int_equal(w.room, NH_WINDOW_OWN);
		nh_window_add_table(&w, stage_table(st), st->d, stage_size(st));
		nh_window_sort(&w);
		assert_in_range(w.n, w.upto == UINT64_MAX ? 0 : 1,
				NH_WINDOW_OWN);
		for (size_t i = 0; i < w.n; i++) {
			assert_true(w.word[i] >= w.from);
			assert_true(w.word[i] <= w.upto);
			assert_true(!i || w.word[i] > w.word[i - 1]);
		}
		n += (unsigned)w.n;
		nh_window_end(&w);
	}
	assert_int_equal(n, stage_present(st));
	stage_free(st);
}

/* -------------------------------------------------------------- no memory */

static void
test_a_reseed_without_memory_changes_nothing(void **state)
{
	struct rng rng = rng_make(26);
	struct stage *st = stage_make(0, 16);
	uint64_t size = stage_size(st);

	(void)state;
	stage_fill(st, 60, &rng);
	allocations_left = 0;
	assert_int_equal(nh_segment_reseed(st->c, st->s, size, 16, SALT),
			 NH_ERR_NOMEM);
	allocations_left = UINT64_MAX;
	assert_int_equal(stage_size(st), size);
	assert_sound(st);
	assert_stage(st);
	stage_free(st);
}

/*
 * To two blocks, which take many overflow lines.  Each attempt gets one
 * allocation further; those that fail leave the old block in charge and nothing
 * of it in the new table.
 */
static void
test_memory_out_within_a_scatter_takes_nothing_apart(void **state)
{
	struct rng rng = rng_make(27);
	struct stage *st = stage_make(0, 16);
	struct move mv;
	unsigned failed = 0;

	(void)state;
	stage_fill(st, 120, &rng);
	mv = scatter_start(st, 2, SALT);
	for (uint64_t g = 0; g < mv.groups; g++) {
		uint64_t used = peek(&nh_segment_next(st->s, mv.size)->used);
		int err = NH_ERR_NOMEM;

		for (uint64_t n = 0; err; n++) {
			allocations_left = n;
			err = nh_group_drain(st->c, st->s, mv.size, g);
			allocations_left = UINT64_MAX;
			assert_stage(st);
			if (!err)
				break;
			failed++;
			assert_int_equal(err, NH_ERR_NOMEM);
			assert_true(group_is_old(st, &mv, g));
			assert_int_equal(
				peek(&nh_segment_next(st->s, mv.size)->used),
				used);
		}
	}
	assert_true(failed > 2);
	assert_scattered(st, &mv, SALT);
	stage_free(st);
}

/* Writes go on in the old block for as long as memory is out. */
static void
test_writes_go_on_while_a_scatter_has_no_memory(void **state)
{
	struct rng rng = rng_make(28);
	struct stage *st = stage_make(0, 16);
	struct move mv;

	(void)state;
	stage_fill(st, 120, &rng);
	mv = scatter_start(st, 2, SALT);
	allocations_left = 0;
	for (unsigned i = 0; i < st->entries; i += 4) {
		write_new_value(st, i);
		stage_delete(st, i + 1);
	}
	assert_stage(st);
	allocations_left = UINT64_MAX;
	assert_true(move_runs(st, &mv));
	assert_int_equal(nh_segment_settle(st->c, st->s), NH_OK);
	assert_scattered(st, &mv, SALT);
	stage_free(st);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_every_step_of_a_scatter_keeps_what_is_there),
		cmocka_unit_test(
			test_a_salted_segment_grows_and_shrinks_in_its_own_order),
		cmocka_unit_test(
			test_a_scan_shows_each_key_once_over_new_salts),
		cmocka_unit_test(
			test_a_scan_goes_on_when_the_salt_changes_under_it),
		cmocka_unit_test(
			test_a_window_without_memory_of_its_own_comes_in_parts),
		cmocka_unit_test(test_a_reseed_without_memory_changes_nothing),
		cmocka_unit_test(
			test_memory_out_within_a_scatter_takes_nothing_apart),
		cmocka_unit_test(
			test_writes_go_on_while_a_scatter_has_no_memory),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("scatter", tests, NULL, NULL);
}
