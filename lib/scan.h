/*
 * scan.h - what goes over a whole core, in the order of hashes
 *
 * A position is a hash.  A block holds the keys of one stretch of positions, in
 * whatever table, so a scan that has shown a block goes on where its stretch
 * ends, and what happened to the table in between does not matter.
 */
#ifndef NH_LIB_SCAN_H
#define NH_LIB_SCAN_H

#include "lib/hold.h"

#define NH_SNAPSHOT_PAIRS 32

/*
 * nh_segment_home - the home line of a word, in the table that has the say
 *
 * NULL: the descriptor changed from `size`, look again.  A drained block is
 * told by LIVE alone; migrate.h says why looking once, before, will do.
 */
static inline struct nh_line *
nh_segment_home(struct nh_segment *s, const struct nh_descriptor *d,
		uint64_t size, uint64_t word)
{
	struct nh_table *t = nh_segment_table(s, size);
	struct nh_line *home = nh_table_home(t, word);
	struct nh_line *even = nh_line_even(home);

	if (!(size & NH_SIZE_MIGRATING))
		return nh_size_changed(d, size) ? NULL : home;
	t = nh_segment_next(s, size);
	if (nh_size_changed(d, size))
		return NULL;
	/* order(drained): acquire, so the new block is seen filled */
	if (nh_load_acquire(&even->pair[0].word) & NH_WORD_LIVE)
		return home;
	home = nh_table_home(t, word);
	return nh_size_changed(d, size) ? NULL : home;
}

/* nh_home_blocks - of the table that nh_segment_home() found the home in */
static inline uint64_t
nh_home_blocks(struct nh_segment *s, uint64_t size, uint64_t word,
	       const struct nh_line *home)
{
	struct nh_table *t = nh_segment_table(s, size);

	if (size & NH_SIZE_MIGRATING && home != nh_table_home(t, word))
		t = nh_segment_next(s, size);
	return nh_table_blocks(t);
}

/* ----------------------------------------------------------------- snapshot */

/* The pairs of a block from some word on, sorted by word, each once. */
struct nh_snapshot {
	unsigned pairs;
	bool cut; /* there were more: these are the first */
	struct nh_kv pair[NH_SNAPSHOT_PAIRS];
};

static void
nh_snapshot_add(struct nh_snapshot *snap, struct nh_kv kv)
{
	unsigned i = snap->pairs;

	while (i && snap->pair[i - 1].word > kv.word)
		i--;
	if (i && snap->pair[i - 1].word == kv.word)
		return;
	if (snap->pairs == NH_SNAPSHOT_PAIRS) {
		snap->cut = true;
		if (i == NH_SNAPSHOT_PAIRS)
			return;
		snap->pairs--;
	}
	memmove(&snap->pair[i + 1], &snap->pair[i],
		(snap->pairs - i) * sizeof(kv));
	snap->pair[i] = kv;
	snap->pairs++;
}

static void
nh_snapshot_add_pair(struct nh_snapshot *snap, struct nh_kv kv, uint64_t from)
{
	kv.word &= NH_WORD_KEY;
	if (kv.word & NH_WORD_VALID && kv.word >= from)
		nh_snapshot_add(snap, kv);
}

/* Returns what slot 3 had: a pair that was added, or the way on. */
static struct nh_kv
nh_snapshot_add_line(struct nh_snapshot *snap, const struct nh_line *line,
		     uint64_t from)
{
	struct nh_kv kv = { 0, 0 };

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		kv = nh_pair_load(&line->pair[i]);
		nh_snapshot_add_pair(snap, kv, from);
	}
	return kv;
}

/*
 * nh_snapshot_take - all pairs that are in a block throughout, without a lock
 *
 * As for nh_block_find(), the first load of the odd line's slot 3 decides, and
 * a chain counts only if the link to it is still the same.  A pair that is just
 * being moved may be met twice and is taken once.
 */
static void
nh_snapshot_take(struct nh_snapshot *snap, struct nh_line *even, uint64_t from,
		 const struct nh_descriptor *d, uint64_t size)
{
	const struct nh_pair *at = &even[1].pair[NH_LINK_SLOT];
	struct nh_kv link;

	do {
		struct nh_line *line;

		snap->pairs = 0;
		snap->cut = false;
		link = nh_pair_load(at);
		nh_snapshot_add_pair(snap, link, from);
		nh_snapshot_add_line(snap, even, from);
		nh_snapshot_add_line(snap, even + 1, from);
		line = nh_link_target(link);
		while (line && !nh_size_changed(d, size))
			line = nh_link_target(
				nh_snapshot_add_line(snap, line, from));
		/* order(link): acquire, after the chain: see line.h, (b) */
	} while (nh_load_acquire(&at->word) != link.word &&
		 !nh_size_changed(d, size));
}

/* The first word of the block after the one that `word` lies in; 0: no more. */
static uint64_t
nh_block_end(uint64_t word, uint64_t blocks)
{
	unsigned __int128 next = nh_line_index(word, blocks) + 1;
	uint64_t end;

	if (next == blocks)
		return 0;
	end = (uint64_t)(((next << 64) + blocks - 1) / blocks);
	return end & ~NH_WORD_META;
}

/* --------------------------------------------------------------------- scan */

static uint64_t
nh_hash_of(unsigned segment, uint64_t word)
{
	return (uint64_t)segment << 56 | word >> 8;
}

/* Let the cursor stand at the hash after this one. */
static void
nh_cursor_pass(struct nh_cursor *cursor, uint64_t hash)
{
	cursor->position = hash + 1;
	cursor->done = hash == UINT64_MAX;
}

/* A snapshot of the block at the cursor; returns the last hash it covers. */
static uint64_t
nh_core_snapshot(struct nh_core *m, const struct nh_cursor *cursor,
		 struct nh_snapshot *snap)
{
	unsigned number = nh_segment_of(cursor->position);
	struct nh_segment *s = &m->segment[number];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	uint64_t from = nh_word_of(cursor->position);
	uint64_t size, end, blocks;
	struct nh_line *home;

	do {
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		home = nh_segment_home(s, d, size, from);
		if (!home)
			continue;
		blocks = nh_home_blocks(s, size, from, home);
		nh_snapshot_take(snap, nh_line_even(home), from, d, size);
	} while (!home || nh_size_changed(d, size));
	if (snap->cut)
		return nh_hash_of(number, snap->pair[snap->pairs - 1].word);
	end = blocks ? nh_block_end(from, blocks) : 0;
	return nh_hash_of(number, end - 1);
}

/* --------------------------------------------------------- reserve and shrink
 */

/* Take a segment to a size by steps; a segment without a table in one. */
static int
nh_segment_resize(struct nh_core *m, unsigned number, uint64_t want, bool grow)
{
	struct nh_segment *s = &m->segment[number];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	int err;

	for (;;) {
		uint64_t size, had, to;

		err = nh_segment_settle(m, s);
		if (err)
			return err;
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		had = nh_table_blocks(nh_segment_table(s, size));
		to = nh_ladder_toward(had, want, number);
		if (size & NH_SIZE_MIGRATING || nh_size_changed(d, size))
			continue;
		if (grow ? to <= had : to >= had)
			return NH_OK;
		err = nh_segment_start(m, s, size, to);
		if (err)
			return err;
	}
}

/* Entries of a segment, by looking at every block. */
static uint64_t
nh_segment_entries(struct nh_core *m, unsigned number)
{
	struct nh_cursor cursor = { .position = (uint64_t)number << 56 };
	struct nh_snapshot snap;
	uint64_t n = 0;

	while (!cursor.done && nh_segment_of(cursor.position) == number) {
		uint64_t last = nh_core_snapshot(m, &cursor, &snap);

		n += snap.pairs;
		nh_cursor_pass(&cursor, last);
	}
	return n;
}

/* The smallest table for what a segment holds, or none for nothing. */
static int
nh_segment_fit(struct nh_core *m, unsigned number)
{
	uint64_t n = nh_segment_entries(m, number);
	int err = nh_segment_resize(m, number, nh_blocks_for(n, NH_LOAD_TIGHT),
				    false);

	if (!err && !n)
		nh_segment_drop(m, &m->segment[number]);
	return err;
}

/* nh_core_shrink - fit each segment, and drop what was reserved */
static int
nh_core_shrink(struct nh_core *m)
{
	int err = NH_OK;

	if (m->fixed)
		return NH_OK;
	/* relaxed: a number of its own. */
	nh_store_relaxed(&m->reserved, 0);
	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = nh_segment_fit(m, i);
	return err;
}

/* nh_core_reserve - room for n entries, and keep it */
static int
nh_core_reserve(struct nh_core *m, uint64_t n)
{
	uint64_t blocks = nh_blocks_for(nh_segment_share(n), NH_LOAD_FIT);
	int err = NH_OK;

	if (!n)
		return NH_OK;
	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = nh_segment_resize(m, i, blocks, true);
	/* relaxed: a number of its own; the last to reserve says it. */
	if (!err && nh_load_relaxed(&m->reserved) < n)
		nh_store_relaxed(&m->reserved, n);
	return err;
}

/* ------------------------------------------------------------------ the end */

static void
nh_table_lock_down(struct nh_table *t)
{
	struct nh_line *even = nh_table_lines(t);
	bool waited = false;

	for (uint64_t i = 0; i < nh_table_blocks(t); i++, even += 2)
		if (nh_block_lock(even, &waited))
			nh_group_retire(even, 1);
}

/*
 * nh_core_lock_down - make every block dead before its memory is given back
 *
 * Nobody uses this map, but a sleeper of another one that once had this memory
 * may hold a block for a moment: it must let go before the memory moves on.
 */
static void
nh_core_lock_down(struct nh_core *m)
{
	for (unsigned i = 0; i < NH_SEGMENTS; i++)
		for (unsigned t = 0; t < 2; t++)
			if (m->segment[i].table[t].extent)
				nh_table_lock_down(&m->segment[i].table[t]);
}

/* -------------------------------------------------------------- nh_core_ops */

/* May this thread write?  Not from inside an update callback. */
static inline int
nh_writable(void)
{
	return nh_unlikely(nh_self.in_update) ? NH_ERR_REENTRY : NH_OK;
}

static int
nh_core_reserve_op(struct nh_core *m, uint64_t n)
{
	return nh_writable() ?: nh_core_reserve(m, n);
}

static int
nh_core_shrink_op(struct nh_core *m)
{
	return nh_writable() ?: nh_core_shrink(m);
}

static void
nh_core_help_op(struct nh_core *m, unsigned segment)
{
	/* Without memory the old table serves on; there will be another time.
	 */
	(void)nh_segment_settle(m, &m->segment[segment]);
}

#endif
