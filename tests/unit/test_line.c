/*
 * test_line.c - every arch module sees in a line what is there
 *
 * The modules are compared with a search written out here, and so with one
 * another.  Compiled with -DNH_FLAVOUR_GENERIC itself, and linked with
 * line_flavour.c once for each module; those that this processor cannot run are
 * skipped, and that is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "lib/line.h"
#include "tests/model/kit.h"
#include "tests/unit/line_flavour.h"

#define RANDOM_LINES 40000
#define RACE_SECONDS 10 /* at most; enough is seen much sooner */
#define RACE_ENOUGH 20000

static const struct line_flavour *const flavours[] = {
	&line_flavour_generic,
#if NH_ARCH_HAS_MODULE
	&line_flavour_native,
	&line_flavour_wide,
#endif
};

#define FLAVOURS (sizeof(flavours) / sizeof(*flavours))

/* flavour_next - from *i on, the next that runs here, or NULL */
static const struct line_flavour *
flavour_next(unsigned *i)
{
	while (*i < FLAVOURS) {
		const struct line_flavour *f = flavours[(*i)++];

		if (f->level <= nh_arch_native_level())
			return f;
		print_message("%s: not on this processor\n", f->name);
	}
	return NULL;
}

/* ------------------------------------------------------------------- oracle */

/* A line as plain numbers. */
struct plain {
	struct nh_kv kv[NH_LINE_SLOTS];
};

static void
line_fill(struct nh_line *line, const struct plain *plain)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++)
		nh_pair_store(&line->pair[i], plain->kv[i]);
}

static int
plain_slot(const struct plain *plain, uint64_t want, uint64_t mask)
{
	for (int i = 0; i < NH_LINE_SLOTS; i++)
		if ((plain->kv[i].word & mask) == want)
			return i;
	return -1;
}

/* assert_sees - all that a module may say of a line that is left in peace */
static void
assert_sees(const struct line_flavour *f, const struct nh_line *line,
	    const struct plain *plain, uint64_t want)
{
	uint64_t flags = plain->kv[0].word | plain->kv[3].word;
	int slot = plain_slot(plain, want, NH_WORD_KEY);
	struct line_found find = f->find(line, want);
	struct line_found peek = f->peek(line, want);

	assert_int_equal(f->slot(line, want), slot);
	assert_int_equal(find.hit, slot >= 0);
	assert_int_equal(find.flags, flags);
	assert_int_equal(peek.hit, slot >= 0);
	if (slot >= 0) {
		assert_int_equal(find.value, plain->kv[slot].value);
		assert_int_equal(find.stored, plain->kv[slot].value);
		assert_int_equal(peek.value, plain->kv[slot].value);
		assert_int_equal(peek.stored, plain->kv[slot].value);
	} else {
		assert_int_equal(peek.flags, flags);
	}
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		struct nh_kv kv = f->load(&line->pair[i]);

		assert_int_equal(kv.word, plain->kv[i].word);
		assert_int_equal(kv.value, plain->kv[i].value);
	}
}

/* ------------------------------------------------------------- random lines */

/* Pairs with different keys, in any of the slots, with any flags. */
static void
plain_random(struct plain *plain, struct rng *rng)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		uint64_t flags = rng_next(rng) & NH_WORD_META;
		uint64_t key = rng_next(rng) & ~NH_WORD_META;

		if (rng_below(rng, 4) == 0)
			key = 0;
		/* One key bit is the slot's: no two are the same. */
		key = (key & ~(UINT64_C(15) << 8)) | UINT64_C(1) << (8 + i);
		if (rng_below(rng, 3) == 0)
			flags = 0;
		plain->kv[i].word = key | flags;
		plain->kv[i].value = rng_next(rng);
		/* Values that look like words. */
		if (rng_below(rng, 2))
			plain->kv[i].value = key | NH_WORD_VALID;
	}
	if (rng_below(rng, 8) == 0)
		memset(plain, 0, sizeof(*plain));
}

static void
assert_line_is_seen(const struct line_flavour *f, const struct nh_line *line,
		    const struct plain *plain)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		uint64_t want =
			(plain->kv[i].word & ~NH_WORD_META) | NH_WORD_VALID;

		assert_sees(f, line, plain, want);
		/* All but one bit: never the key. */
		for (unsigned bit = 12; bit < 64; bit += 3)
			assert_sees(f, line, plain, want ^ UINT64_C(1) << bit);
	}
	assert_sees(f, line, plain, NH_WORD_VALID);
	/* How an empty slot is looked for; the first counts. */
	assert_int_equal(f->empty_slot(line),
			 plain_slot(plain, 0, NH_WORD_VALID | NH_WORD_LINK));
}

static void
test_every_module_sees_what_is_in_a_line(void **state)
{
	const struct line_flavour *f;

	(void)state;
	for (unsigned i = 0; (f = flavour_next(&i));) {
		struct rng rng = rng_make(11);
		struct nh_line line;
		struct plain plain;

		for (unsigned n = 0; n < RANDOM_LINES; n++) {
			plain_random(&plain, &rng);
			line_fill(&line, &plain);
			assert_line_is_seen(f, &line, &plain);
		}
	}
}

/* Each of the 57 bits that say which key it is, in each slot. */
static void
test_every_bit_of_a_key_counts_in_every_slot(void **state)
{
	const struct line_flavour *f;

	(void)state;
	for (unsigned i = 0; (f = flavour_next(&i));)
		for (unsigned bit = 0; bit < 64; bit++)
			for (unsigned slot = 0; slot < NH_LINE_SLOTS; slot++) {
				uint64_t want = UINT64_C(0xabcdef0123456700) |
						NH_WORD_VALID;
				struct plain plain = { 0 };
				struct nh_line line;

				plain.kv[slot].word = want ^ UINT64_C(1) << bit;
				plain.kv[slot].value = ~UINT64_C(0);
				line_fill(&line, &plain);
				assert_sees(f, &line, &plain, want);
				assert_int_equal(f->find(&line, want).hit,
						 bit > 0 && bit < 8);
			}
}

static void
test_a_pair_stored_by_one_module_is_read_by_all(void **state)
{
	const struct line_flavour *to, *from;
	struct rng rng = rng_make(12);

	(void)state;
	for (unsigned i = 0; (to = flavour_next(&i));)
		for (unsigned k = 0; (from = flavour_next(&k));) {
			struct nh_line line;
			struct plain plain;

			memset(&line, 0xee, sizeof(line));
			plain_random(&plain, &rng);
			for (unsigned s = 0; s < NH_LINE_SLOTS; s++)
				to->store(&line.pair[s], plain.kv[s]);
			assert_line_is_seen(from, &line, &plain);
		}
}

/* ------------------------------------------------------------------- races */

/* One writer turns a slot from one pair to the other and back. */
struct race {
	struct nh_line line;
	const struct line_flavour *f;
	unsigned slot;
	nh_atomic stop;
};

static uint64_t
race_word(unsigned which)
{
	return (which ? UINT64_C(0x5555555555555500)
		      : UINT64_C(0xaaaaaaaaaaaaaa00)) |
	       NH_WORD_VALID;
}

/* Each half of the value depends on the word. */
static uint64_t
race_value(uint64_t word)
{
	return mix64(word);
}

static void *
race_write(void *arg)
{
	struct race *r = arg;

	/* order(test-stop): acquire, the other side is in the test */
	for (unsigned n = 0; !nh_load_acquire(&r->stop); n++) {
		uint64_t word = race_word(n & 1);

		r->f->store(&r->line.pair[r->slot],
			    (struct nh_kv){ word, race_value(word) });
	}
	return NULL;
}

/* What a reader counted. */
struct seen {
	uint64_t torn, wrong;
	uint64_t of[2];	  /* loads that gave either pair */
	uint64_t hits[2]; /* finds that found either */
	uint64_t misses;
};

static void
race_load(const struct race *r, struct seen *seen)
{
	struct nh_kv kv = r->f->load(&r->line.pair[r->slot]);

	seen->torn += kv.value != race_value(kv.word);
	seen->of[0] += kv.word == race_word(0);
	seen->of[1] += kv.word == race_word(1);
}

static void
race_look(const struct race *r, struct seen *seen, struct line_found found,
	  unsigned which)
{
	if (found.hit) {
		seen->torn += found.value != race_value(race_word(which));
		seen->hits[which]++;
		return;
	}
	seen->misses++;
	/* The flags are those of one moment, and so of one of the pairs. */
	if (found.flags != NH_LOOK_AGAIN && (r->slot == 0 || r->slot == 3))
		seen->wrong += found.flags != race_word(0) &&
			       found.flags != race_word(1);
}

static bool
seen_enough(const struct seen *seen)
{
	return seen->of[0] > RACE_ENOUGH && seen->of[1] > RACE_ENOUGH &&
	       seen->hits[0] > RACE_ENOUGH && seen->hits[1] > RACE_ENOUGH &&
	       seen->misses > RACE_ENOUGH;
}

static void
race_read(const struct race *r, struct seen *seen)
{
	time_t end = time(NULL) + RACE_SECONDS;

	do
		for (unsigned n = 0; n < 1000; n++) {
			uint64_t want = race_word(n & 1);

			race_load(r, seen);
			race_look(r, seen, r->f->find(&r->line, want), n & 1);
			race_look(r, seen, r->f->peek(&r->line, want), n & 1);
		}
	while (!seen_enough(seen) && time(NULL) < end);
}

static void
race_run(const struct line_flavour *f, unsigned slot)
{
	struct race r = { .f = f, .slot = slot };
	struct seen seen = { 0 };
	pthread_t writer;

	nh_pair_store(&r.line.pair[slot],
		      (struct nh_kv){ race_word(0), race_value(race_word(0)) });
	assert_int_equal(pthread_create(&writer, NULL, race_write, &r), 0);
	race_read(&r, &seen);
	/* order(test-stop): release, the other side is the writer's */
	nh_store_release(&r.stop, 1);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(seen.torn, 0);
	assert_int_equal(seen.wrong, 0);
	/* A race that was never run proves nothing. */
	assert_true(seen_enough(&seen));
}

static void
test_a_pair_is_never_torn(void **state)
{
	const struct line_flavour *f;

	(void)state;
	for (unsigned i = 0; (f = flavour_next(&i));)
		for (unsigned slot = 0; slot < NH_LINE_SLOTS; slot++)
			race_run(f, slot);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_module_sees_what_is_in_a_line),
		cmocka_unit_test(test_every_bit_of_a_key_counts_in_every_slot),
		cmocka_unit_test(
			test_a_pair_stored_by_one_module_is_read_by_all),
		cmocka_unit_test(test_a_pair_is_never_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
