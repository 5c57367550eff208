/*
 * test_block.c - one block, its two lines and its chain
 *
 * Compiled with -DNH_STALL as well: the functions of the library that are
 * inline here then call nh_stall_point() before each shared access.  So a test
 * can let a writer do its work between any two loads of a reader, one place
 * after the other, with a single thread.
 */
#include "tests/unit/inside.h"

#define BLOCKS 16 /* 20 keys are few: the table has no reason to grow */
#define BLOCK 5	  /* the one that is tested */
#define KEYS 20

/* ------------------------------------------------------------- the stall */

static struct {
	bool armed;
	unsigned left; /* accesses before it */
	void (*fn)(void *arg);
	void *arg;
} stall;

void
nh_stall_point(void)
{
	if (!stall.armed || stall.left--)
		return;
	stall.armed = false;
	stall.fn(stall.arg);
}

static void
stall_at(unsigned access, void (*fn)(void *arg), void *arg)
{
	stall.left = access;
	stall.fn = fn;
	stall.arg = arg;
	stall.armed = true;
}

/* stall_over - was it reached?  Nothing stalls any longer. */
static bool
stall_over(void)
{
	bool reached = !stall.armed;

	stall.armed = false;
	return reached;
}

/* ----------------------------------------------------------- add and remove */

static struct nh_line *
block_even(const struct stage *st)
{
	return nh_table_even(stage_table(st), BLOCK);
}

static struct nh_line *
home_of(const struct stage *st, unsigned i)
{
	return nh_table_home(stage_table(st), entry_word(st, i));
}

/* KEYS keys of the block, about so many in sixteen of the even line. */
static struct stage *
block_stage(struct rng *rng, unsigned even)
{
	struct stage *st = stage_make(0, BLOCKS);

	for (unsigned i = 0; i < KEYS; i++) {
		unsigned odd = rng_below(rng, 16) >= even;

		stage_key(st, position_in(2 * BLOCK + odd, 2 * BLOCKS, rng));
		assert_ptr_equal(home_of(st, i), block_even(st) + odd);
	}
	return st;
}

static void
block_add(struct stage *st, unsigned i)
{
	struct nh_held held;
	struct nh_place place;

	assert_int_equal(nh_hold(st->c, entry_hash(st, i), true, &held), NH_OK);
	assert_null(nh_block_spot(held.home, held.word).line);
	assert_int_equal(nh_place_find(st->c, &held, &place), NH_OK);
	st->entry[i].version++;
	st->entry[i].present = true;
	nh_place_store(&held, &place, entry_value(st, i));
	nh_release(&held);
}

static void
block_remove(struct stage *st, unsigned i)
{
	struct nh_held held;
	struct nh_spot at;

	assert_int_equal(nh_hold(st->c, entry_hash(st, i), true, &held), NH_OK);
	at = nh_block_spot(held.home, held.word);
	assert_non_null(at.line);
	nh_block_remove(held.table, nh_line_even(held.home), at);
	st->entry[i].present = false;
	nh_release(&held);
}

static bool
block_find(const struct stage *st, unsigned i, uint64_t *value)
{
	return nh_block_find(home_of(st, i), entry_word(st, i), st->d,
			     stage_size(st), value);
}

/* --------------------------------------------------------- one after another
 */

static void
assert_entry(const struct stage *st, unsigned i)
{
	struct nh_spot at = nh_block_spot(home_of(st, i), entry_word(st, i));
	uint64_t value = POISON;

	assert_int_equal(block_find(st, i, &value), st->entry[i].present);
	assert_int_equal(at.line != NULL, st->entry[i].present);
	if (!st->entry[i].present)
		return;
	assert_int_equal(value, entry_value(st, i));
	assert_int_equal(peek(&at.line->pair[at.slot].value), value);
}

static void
assert_as_the_model(const struct stage *st)
{
	for (unsigned i = 0; i < st->entries; i++)
		assert_entry(st, i);
	assert_sound(st);
}

static void
test_a_block_holds_what_was_added_and_not_removed(void **state)
{
	(void)state;
	for (unsigned even = 0; even <= 16; even += 4) {
		struct rng rng = rng_make(20 + even);
		struct stage *st = block_stage(&rng, even);
		unsigned most = KEYS;

		for (unsigned step = 0; step < 3000; step++) {
			unsigned i = (unsigned)rng_below(&rng, KEYS);

			/* Now up to all of them, now up to eight or so. */
			if (step % 100 == 0)
				most = 4 + (unsigned)rng_below(&rng, KEYS - 3);
			if (st->entry[i].present)
				block_remove(st, i);
			else if (stage_present(st) < most)
				block_add(st, i);
			assert_as_the_model(st);
		}
		stage_free(st);
	}
}

static void
test_freed_overflow_lines_are_used_again_and_are_zero(void **state)
{
	struct rng rng = rng_make(30);
	struct stage *st = block_stage(&rng, 8);
	struct nh_table *t = stage_table(st);
	uint64_t bump = 0, bytes = 0;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct nh_line *line, *seen[8];
		unsigned n = 0;

		for (unsigned i = 0; i < KEYS; i++)
			block_add(st, i);
		for (line = line_next(block_even(st) + 1); line;
		     line = line_next(line))
			seen[n++] = line;
		assert_int_equal(n, lines_needed(KEYS));
		for (unsigned i = 0; i < KEYS; i++)
			block_remove(st, (i * 7 + round) % KEYS);
		while (n--)
			for (unsigned s = 0; s < NH_LINE_SLOTS; s++)
				assert_int_equal(
					nh_pair_load(&seen[n]->pair[s]).word,
					0);
		if (!round) {
			bump = peek(&t->bump);
			bytes = table_all_bytes(t);
		}
		assert_int_equal(peek(&t->bump), bump);
		assert_int_equal(table_all_bytes(t), bytes);
		assert_int_equal(peek(&t->used), 0);
	}
	stage_free(st);
}

/* line.h, (b): readers look at this number. */
static void
test_the_link_changes_when_the_chain_moves_up(void **state)
{
	struct rng rng = rng_make(31);
	struct stage *st = block_stage(&rng, 8);
	struct nh_pair *at = &block_even(st)[1].pair[NH_LINK_SLOT];

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		block_add(st, i);
	while (stage_present(st) > NH_BLOCK_SLOTS) {
		uint64_t link = peek(&at->word);
		struct nh_line *even = block_even(st);
		unsigned i = 0;

		/* One that does not lie in the chain. */
		while (!st->entry[i].present ||
		       nh_line_even(
			       nh_block_spot(home_of(st, i), entry_word(st, i))
				       .line) != even)
			i++;
		assert_true(link & NH_WORD_LINK);
		block_remove(st, i);
		assert_int_not_equal(peek(&at->word), link);
		assert_as_the_model(st);
	}
	stage_free(st);
}

static void
test_wiping_a_block_takes_its_chain_along(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= KEYS; n++) {
		struct rng rng = rng_make(32);
		struct stage *st = block_stage(&rng, 8);
		struct nh_held held;

		for (unsigned i = 0; i < n; i++)
			block_add(st, i);
		assert_int_equal(nh_hold(st->c, entry_hash(st, 0), true, &held),
				 NH_OK);
		assert_int_equal(nh_block_wipe(held.table, block_even(st)), n);
		nh_release(&held);
		for (unsigned i = 0; i < n; i++)
			st->entry[i].present = false;
		assert_as_the_model(st);
		stage_free(st);
	}
}

/* A line that links to itself, as a sleeper might meet. */
static void
test_a_reader_led_in_circles_gives_up(void **state)
{
	struct nh_line line = { 0 };
	struct nh_descriptor d = { 0 };
	struct nh_kv link = { NH_WORD_LINK | NH_WORD_MORE, (uintptr_t)&line };
	uint64_t value;

	(void)state;
	nh_pair_store(&line.pair[NH_LINK_SLOT], link);
	poke(&d.size, 4);
	assert_false(nh_chain_find(link, nh_word_of(1), &d, 2, &value));
}

/* ------------------------------------------------------- in between two loads
 */

static unsigned
some_present(const struct stage *st, struct rng *rng)
{
	unsigned i;

	do
		i = (unsigned)rng_below(rng, KEYS);
	while (!st->entry[i].present);
	return i;
}

/* What a writer does to a block while the reader of one key stands still. */
struct meddler {
	struct stage *st;
	unsigned kept; /* this key stays as it is */
	unsigned acts;
	struct rng rng;
};

static void
meddle(void *arg)
{
	struct meddler *md = arg;

	for (unsigned n = 0; n < md->acts; n++) {
		unsigned i = some_present(md->st, &md->rng);

		if (i != md->kept)
			block_remove(md->st, i);
		i = (unsigned)rng_below(&md->rng, KEYS);
		if (!md->st->entry[i].present && rng_below(&md->rng, 4) == 0)
			block_add(md->st, i);
	}
}

/* The same block again for the same seed: the key added last. */
static unsigned
rebuild(struct stage *st, uint64_t seed)
{
	struct rng rng = rng_make(seed);
	unsigned n = 7 + (unsigned)rng_below(&rng, 8);
	unsigned i = 0;

	for (; i < KEYS; i++)
		if (st->entry[i].present)
			block_remove(st, i);
	while (n) {
		i = (unsigned)rng_below(&rng, KEYS);
		if (st->entry[i].present)
			continue;
		block_add(st, i);
		n--;
	}
	return i;
}

static unsigned
snapshot_count(struct stage *st, unsigned i)
{
	static struct nh_snapshot snap;
	unsigned n = 0;

	nh_snapshot_take(&snap, block_even(st), 0, st->d, stage_size(st));
	for (unsigned k = 0; k < snap.pairs; k++)
		if (snap.pair[k].word == entry_word(st, i))
			n += snap.pair[k].value == entry_value(st, i) ? 1 : 100;
	return n;
}

static unsigned
found_count(struct stage *st, unsigned i)
{
	uint64_t value;

	return block_find(st, i, &value) && value == entry_value(st, i);
}

/*
 * Let the meddler in before access 0, 1, 2, ... of a reader, from the same
 * block each time; returns how many accesses there are.
 */
static unsigned
read_with_meddler(struct stage *st, uint64_t seed,
		  unsigned (*read)(struct stage *st, unsigned i))
{
	unsigned access = 0;
	bool reached;

	do {
		struct meddler md = { .st = st, .rng = rng_make(~seed) };
		unsigned last = rebuild(st, seed);
		unsigned count;

		/* The last one mostly lies in the chain. */
		md.acts = 1 + (unsigned)rng_below(&md.rng, 4);
		md.kept = seed % 2 ? last : some_present(st, &md.rng);
		stall_at(access++, meddle, &md);
		count = read(st, md.kept);
		reached = stall_over();
		if (count != 1)
			print_message("seed %u, access %u\n", (unsigned)seed,
				      access - 1);
		assert_int_equal(count, 1);
	} while (reached);
	return access;
}

struct removal {
	struct stage *st;
	unsigned i;
};

static void
remove_one(void *arg)
{
	struct removal *r = arg;

	block_remove(r->st, r->i);
}

/*
 * The last key of a block of nine is alone in the chain but for one that was
 * displaced; a key in slot 3 of its home goes, so it moves there.
 */
static void
test_a_key_that_moves_home_into_slot_3_is_found(void **state)
{
	bool reached = true;

	(void)state;
	for (unsigned access = 0; reached; access++) {
		struct rng rng = rng_make(40);
		struct stage *st = stage_make(0, BLOCKS);
		struct removal r = { st, 3 };

		/* Four of the even line, four of the odd, one of the even. */
		for (unsigned i = 0; i < 9; i++) {
			bool odd = i >= 4 && i < 8;

			stage_key(st, position_in(2 * BLOCK + odd, 2 * BLOCKS,
						  &rng));
			block_add(st, i);
		}
		stall_at(access, remove_one, &r);
		if (found_count(st, 8) != 1)
			fail_msg("missed when held up at access %u", access);
		reached = stall_over();
		stage_free(st);
	}
}

static void
meddle_everywhere(unsigned (*read)(struct stage *st, unsigned i))
{
	unsigned accesses = 0;

	for (uint64_t seed = 0; seed < 10000; seed++) {
		struct rng rng = rng_make(seed / 100);
		static struct stage *st;

		if (seed % 100 == 0)
			st = block_stage(&rng, 2 + (unsigned)(seed / 100) % 13);
		accesses += read_with_meddler(st, seed, read);
		if (seed % 100 == 99) {
			assert_sound(st);
			stage_free(st);
		}
	}
	/* A race that was never run proves nothing. */
	assert_true(accesses > 10000 * 16);
}

static void
test_a_reader_finds_what_stays_wherever_it_is_held_up(void **state)
{
	(void)state;
	meddle_everywhere(found_count);
}

static void
test_a_snapshot_has_what_stays_once_wherever_it_is_held_up(void **state)
{
	(void)state;
	meddle_everywhere(snapshot_count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_block_holds_what_was_added_and_not_removed),
		cmocka_unit_test(
			test_freed_overflow_lines_are_used_again_and_are_zero),
		cmocka_unit_test(test_the_link_changes_when_the_chain_moves_up),
		cmocka_unit_test(test_wiping_a_block_takes_its_chain_along),
		cmocka_unit_test(test_a_reader_led_in_circles_gives_up),
		cmocka_unit_test(
			test_a_key_that_moves_home_into_slot_3_is_found),
		cmocka_unit_test(
			test_a_reader_finds_what_stays_wherever_it_is_held_up),
		cmocka_unit_test(
			test_a_snapshot_has_what_stays_once_wherever_it_is_held_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
