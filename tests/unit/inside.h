/*
 * inside.h - a segment of a map, looked at and worked on from the inside
 *
 * Compiled with -DNH_FLAVOUR_GENERIC, so that pairs are read and written here
 * as the map of the stage does it.
 *
 * A stage is a map of which one segment is used.  Its keys are made from
 * positions: a position is the 56 bits of a hash below the segment's number, so
 * a test decides in which block a key lies.
 */
#ifndef NH_TESTS_INSIDE_H
#define NH_TESTS_INSIDE_H

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/u64_fixture.h"

/* The mechanism is static functions; no test uses them all. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "lib/u64_scan.h"
#pragma GCC diagnostic pop

#define STAGE_ENTRIES 4096
#define POSITION_BITS 56

/* A key of the stage; its index and a count of its writes make its values. */
struct entry {
	uint64_t position;
	uint32_t version;
	bool present;
};

struct stage {
	struct nh_u64 *m;
	unsigned number;
	struct nh_segment *s;
	struct nh_core *c;
	struct nh_descriptor *d;
	unsigned entries;
	struct entry entry[STAGE_ENTRIES];
	uint8_t seen[STAGE_ENTRIES]; /* by the scan that is running */
};

/* peek - relaxed: no other thread writes what the tests look at with it. */
static inline uint64_t
peek(const nh_atomic *p)
{
	/* relaxed: as above. */
	return nh_load_relaxed(p);
}

/* poke - relaxed: no other thread looks at what the tests change with it. */
static inline void
poke(nh_atomic *p, uint64_t v)
{
	/* relaxed: as above. */
	nh_store_relaxed(p, v);
}

static inline uint64_t
stage_size(const struct stage *st)
{
	return peek(&st->d->size);
}

/* The table that has the segment, or that a migration leaves. */
static inline struct nh_table *
stage_table(const struct stage *st)
{
	return nh_segment_table(st->s, stage_size(st));
}

/* stage_make - with a table of `blocks` that no load changes by itself */
static inline struct stage *
stage_make(unsigned number, uint64_t blocks)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct stage *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	config.arch = NH_ARCH_GENERIC;
	config.capacity = 0;
	config.fixed = false;
	config.maintenance = false;
	st->m = map_make(&config);
	st->c = &st->m->core;
	st->number = number;
	st->s = &st->c->segment[number];
	st->d = &st->c->descriptor[number];
	poke(&st->c->reserved, NH_CAPACITY_MAX);
	assert_int_equal(nh_segment_start(st->c, st->s, stage_size(st), blocks),
			 NH_OK);
	assert_int_equal(nh_table_blocks(stage_table(st)), blocks);
	poke(&stage_table(st)->trigger, UINT64_MAX);
	return st;
}

static inline void
stage_free(struct stage *st)
{
	nh_u64_destroy(st->m);
	free(st);
}

/* ------------------------------------------------------------------ entries */

static inline uint64_t
entry_hash(const struct stage *st, unsigned i)
{
	return (uint64_t)st->number << POSITION_BITS | st->entry[i].position;
}

static inline uint64_t
entry_key(const struct stage *st, unsigned i)
{
	return nh_unhash(&st->m->hash, entry_hash(st, i));
}

static inline uint64_t
entry_word(const struct stage *st, unsigned i)
{
	return nh_word_of(entry_hash(st, i));
}

static inline uint64_t
entry_value(const struct stage *st, unsigned i)
{
	return (uint64_t)i << 32 | st->entry[i].version;
}

static inline unsigned
stage_present(const struct stage *st)
{
	unsigned n = 0;

	for (unsigned i = 0; i < st->entries; i++)
		n += st->entry[i].present;
	return n;
}

/* Some position of block b of so many, well inside of it. */
static inline uint64_t
position_in(uint64_t block, uint64_t blocks, struct rng *rng)
{
	unsigned __int128 from = ((unsigned __int128)block << 64) / blocks;
	uint64_t width = UINT64_MAX / blocks;
	uint64_t off = (uint64_t)((unsigned __int128)rng_next(rng) *
					  (width - 4 * NH_WORD_META) >>
				  64);

	return (uint64_t)(from + NH_WORD_META + 1 + off) >> 8;
}

/* stage_key - a new key, absent so far: its index */
static inline unsigned
stage_key(struct stage *st, uint64_t position)
{
	assert_true(st->entries < STAGE_ENTRIES);
	for (unsigned i = 0; i < st->entries; i++)
		assert_true(st->entry[i].position != position);
	st->entry[st->entries].position = position;
	return st->entries++;
}

static inline void
stage_put(struct stage *st, unsigned i)
{
	st->entry[i].version++;
	st->entry[i].present = true;
	assert_int_equal(
		nh_u64_put(st->m, entry_key(st, i), entry_value(st, i)), NH_OK);
}

static inline void
stage_delete(struct stage *st, unsigned i)
{
	assert_int_equal(nh_u64_delete(st->m, entry_key(st, i)),
			 st->entry[i].present ? NH_OK : NH_ERR_NOTFOUND);
	st->entry[i].present = false;
}

/* stage_fill - n keys anywhere; every fourth of them is left absent */
static inline void
stage_fill(struct stage *st, unsigned n, struct rng *rng)
{
	uint64_t size = stage_size(st);

	for (unsigned k = 0; k < n; k++) {
		unsigned i = stage_key(st, rng_next(rng) >> 8);

		if (k % 4 != 3)
			stage_put(st, i);
	}
	assert_int_equal(stage_size(st), size);
}

/* ------------------------------------------------- as the public can see it */

static inline int
stage_see(void *arg, uint64_t key, uint64_t value)
{
	struct stage *st = arg;
	unsigned i = (unsigned)(value >> 32);

	if (i >= st->entries || key != entry_key(st, i) ||
	    value != entry_value(st, i) || st->seen[i])
		return 1;
	st->seen[i] = 1;
	return 0;
}

static inline void
assert_stage_scan(struct stage *st)
{
	struct nh_cursor cursor = { 0 };

	memset(st->seen, 0, sizeof(st->seen));
	assert_int_equal(nh_u64_scan(st->m, &cursor, stage_see, st), NH_OK);
	for (unsigned i = 0; i < st->entries; i++)
		assert_int_equal(st->seen[i], st->entry[i].present);
}

static inline void
assert_stage_batch(const struct stage *st)
{
	uint64_t keys[64], values[64];
	uint8_t found[64];
	unsigned n;

	for (unsigned i = 0; i < st->entries; i += n) {
		n = st->entries - i < 64 ? st->entries - i : 64;
		for (unsigned k = 0; k < n; k++)
			keys[k] = entry_key(st, i + k);
		assert_int_equal(
			nh_u64_get_batch(st->m, keys, n, values, found, NULL),
			NH_OK);
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(found[k], st->entry[i + k].present);
			if (found[k])
				assert_int_equal(values[k],
						 entry_value(st, i + k));
		}
	}
}

/* assert_stage - gets, batches, a scan and the count say what we know */
static inline void
assert_stage(struct stage *st)
{
	for (unsigned i = 0; i < st->entries; i++) {
		if (st->entry[i].present)
			assert_value(st->m, entry_key(st, i),
				     entry_value(st, i));
		else
			assert_absent(st->m, entry_key(st, i));
	}
	assert_stage_batch(st);
	assert_stage_scan(st);
	assert_int_equal(nh_u64_len(st->m), stage_present(st));
}

/* --------------------------------------------------------- as the bytes are */

/* Overflow lines for n pairs: each link but the last takes a pair's slot. */
static inline unsigned
lines_needed(unsigned n)
{
	return n <= NH_BLOCK_SLOTS ? 0 : (n - NH_BLOCK_SLOTS + 2) / 3;
}

static inline struct nh_line *
line_next(const struct nh_line *line)
{
	return nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]));
}

/*
 * assert_line - each pair belongs to this block: how many; notes whose home it
 * is when it is not here
 */
static inline unsigned
assert_line(const struct nh_table *t, const struct nh_line *even,
	    const struct nh_line *line, uint64_t more[2])
{
	unsigned pairs = 0;

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		struct nh_kv kv = nh_pair_load(&line->pair[i]);
		struct nh_line *home = nh_table_home(t, kv.word);

		if (kv.word & NH_WORD_LINK) {
			assert_int_equal(i, NH_LINK_SLOT);
			assert_int_equal(kv.word & NH_WORD_META,
					 NH_WORD_LINK | NH_WORD_MORE);
			continue;
		}
		if (i || (line != even && line != even + 1))
			assert_int_equal(
				kv.word & NH_WORD_META & ~NH_WORD_VALID, 0);
		if (!(kv.word & NH_WORD_VALID)) {
			assert_int_equal(kv.word & ~NH_WORD_META, 0);
			continue;
		}
		pairs++;
		assert_ptr_equal(nh_line_even(home), even);
		if (home != line)
			more[home - even] |= nh_word_more(kv.word);
	}
	return pairs;
}

/* assert_block - all that line.h says of a block at rest: pairs, lines */
static inline unsigned
assert_block(const struct nh_table *t, struct nh_line *even, unsigned *lines)
{
	uint64_t more[2] = { 0, 0 };
	uint64_t w0 = nh_slot_word(even, 0), w1 = nh_slot_word(even + 1, 0);
	unsigned chained = 0;
	unsigned pairs = assert_line(t, even, even, more);

	pairs += assert_line(t, even, even + 1, more);
	for (struct nh_line *line = line_next(even + 1); line;
	     line = line_next(line), chained++)
		pairs += assert_line(t, even, line, more);
	assert_int_equal(chained, lines_needed(pairs));
	assert_int_equal(w0 & NH_WORD_SLOT0 & ~NH_WORD_MORE, NH_WORD_LIVE);
	assert_int_equal(w1 & NH_WORD_SLOT0 & ~NH_WORD_MORE, 0);
	assert_int_equal(w1 & NH_WORD_MORE, more[1]);
	/* A full even line may keep it: the pair in slot 3 may have moved in */
	if (nh_slot_word(even, NH_LINK_SLOT) & NH_WORD_VALID)
		assert_int_equal(w0 & more[0], more[0]);
	else
		assert_int_equal(w0 & NH_WORD_MORE, more[0]);
	*lines += chained;
	return pairs;
}

static inline uint64_t
table_all_bytes(const struct nh_table *t)
{
	uint64_t bytes = t->extent ? t->extent->bytes : 0;
	const struct nh_extent *e =
		(const struct nh_extent *)(uintptr_t)peek(&t->extras);

	for (; e; e = e->link)
		bytes += e->bytes;
	return bytes;
}

/* assert_sound - the segment is at rest, and so is every block of it */
static inline void
assert_sound(const struct stage *st)
{
	struct nh_table *t = stage_table(st);
	unsigned pairs = 0, lines = 0;

	assert_int_equal(stage_size(st) & NH_SIZE_MIGRATING, 0);
	assert_int_equal(stage_size(st) & NH_SIZE_LINES,
			 2 * nh_table_blocks(t));
	assert_int_equal(peek(&st->d->base), (uintptr_t)nh_table_lines(t));
	assert_int_equal(peek(&st->s->busy), 0);
	for (uint64_t b = 0; b < nh_table_blocks(t); b++)
		pairs += assert_block(t, nh_table_even(t, b), &lines);
	assert_int_equal(pairs, stage_present(st));
	assert_int_equal(lines, peek(&t->used));
	assert_int_equal(table_all_bytes(t), peek(&st->c->table_bytes));
}

#endif
