/*
 * scan.h - what goes over a whole core, in the order of hashes
 *
 * A position is a hash.  A block holds the keys of one stretch of positions, in
 * whatever table, so a scan that has shown a block goes on where its stretch
 * ends, and what happened to the table in between does not matter.  In a table
 * with a salt that is not so, and a scan goes by lib/walk.h.
 */
#ifndef NH_LIB_SCAN_H
#define NH_LIB_SCAN_H

#include "lib/mirror_make.h"
#include "lib/rehome.h"
#include "lib/walk.h"

#define NH_SNAPSHOT_PAIRS 32

/* Where a reader looks for a key. */
struct nh_home {
	struct nh_table *table;
	struct nh_line *line;
	uint64_t word; /* as it is stored there */
};

static inline struct nh_home
nh_home_in(struct nh_table *t, uint64_t plain)
{
	uint64_t word = nh_table_word(t, plain);

	return (struct nh_home){ t, nh_table_home(t, word), word };
}

/*
 * nh_segment_home - the home line of a word, in the table that has the say
 *
 * False: the descriptor changed from `size`, look again.  A drained block is
 * told by LIVE alone; migrate.h says why looking once, before, will do.  A new
 * block that was not opened yet (scatter.h) had no pair when that was seen.
 */
static inline bool
nh_segment_home(struct nh_segment *s, const struct nh_descriptor *d,
		uint64_t size, uint64_t plain, struct nh_home *home)
{
	*home = nh_home_in(nh_segment_table(s, size), plain);
	if (nh_size_changed(d, size))
		return false;
	if (!(size & NH_SIZE_MIGRATING) || nh_line_is_live(home->line))
		return true;
	*home = nh_home_in(nh_segment_next(s, size), plain);
	if (nh_size_changed(d, size))
		return false;
	if (nh_segment_scatters(s, size) && !nh_line_is_live(home->line))
		home->line = nh_empty_block;
	return true;
}

/* ----------------------------------------------------------------- snapshot */

/* The pairs of a block from some word on, sorted by word, each once. */
struct nh_snapshot {
	unsigned pairs;
	bool cut;    /* there were more: these are the first */
	bool salted; /* none was taken: the segment wants lib/window.h */
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

/* --------------------------------------------------------------------- scan */

/* Let the cursor stand at the hash after this one. */
static void
nh_cursor_pass(struct nh_cursor *cursor, uint64_t hash)
{
	cursor->position = hash + 1;
	cursor->done = hash == UINT64_MAX;
}

/*
 * A snapshot of the block at the cursor; returns the last hash it covers.  Or
 * snap->salted, and nothing else.
 */
static uint64_t
nh_core_snapshot(struct nh_core *m, const struct nh_cursor *cursor,
		 struct nh_snapshot *snap)
{
	unsigned number = nh_segment_of(cursor->position);
	struct nh_segment *s = &m->segment[number];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	uint64_t from = nh_word_of(cursor->position);
	uint64_t size, end, blocks = 0;
	struct nh_home home;
	bool known;

	snap->pairs = 0;
	do {
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		snap->salted = nh_segment_salted(s, size);
		known = nh_segment_home(s, d, size, from, &home);
		if (!known || snap->salted)
			continue;
		blocks = nh_table_blocks(home.table);
		nh_snapshot_take(snap, nh_line_even(home.line), from, d, size);
	} while (!known || nh_size_changed(d, size));
	if (snap->salted)
		return cursor->position;
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

/*
 * What the keys of a segment would be in a table without a salt: how many, and
 * in `crowd`, unless NULL, how many to each of so many blocks, up to 65,535.
 */
struct nh_census {
	uint64_t entries;
	uint64_t blocks;
	uint16_t *crowd;
	uint16_t most;
};

static void
nh_census_add_line(struct nh_census *c, const struct nh_table *t,
		   const struct nh_line *line)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		uint64_t w = nh_slot_word(line, i);
		uint16_t *at;

		if (!(w & NH_WORD_VALID))
			continue;
		c->entries++;
		if (!c->crowd)
			continue;
		at = &c->crowd[nh_line_index(nh_table_plain(t, w), c->blocks)];
		*at += *at < UINT16_MAX;
		c->most = *at > c->most ? *at : c->most;
	}
}

/* Begin anew. */
static void
nh_census_reset(struct nh_census *c)
{
	if (c->crowd)
		memset(c->crowd, 0, c->blocks * sizeof(*c->crowd));
	c->entries = c->most = 0;
}

static int
nh_segment_census(struct nh_core *m, unsigned number, struct nh_census *c)
{
	struct nh_walk walk = { .number = number, .again = true };

	while (!walk.done) {
		struct nh_held held;
		struct nh_line *line;
		int err = nh_walk_hold(m, &walk, &held);

		if (walk.again)
			nh_census_reset(c);
		walk.again = false;
		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		line = nh_line_even(held.home);
		nh_census_add_line(c, held.table, line++);
		for (; line; line = nh_link_target(
				     nh_pair_load(&line->pair[NH_LINK_SLOT])))
			nh_census_add_line(c, held.table, line);
		nh_walk_next(&walk, &held);
		nh_release(&held);
	}
	return NH_OK;
}

/* Entries of a segment, by looking at every block. */
static int
nh_segment_entries(struct nh_core *m, unsigned number, uint64_t *entries)
{
	struct nh_cursor cursor = { .position = (uint64_t)number << 56 };
	struct nh_census census = { .crowd = NULL };
	struct nh_snapshot snap;
	uint64_t n = 0;
	int err = NH_OK;

	while (!cursor.done && nh_segment_of(cursor.position) == number) {
		uint64_t last = nh_core_snapshot(m, &cursor, &snap);

		if (snap.salted) {
			err = nh_segment_census(m, number, &census);
			n = census.entries;
			break;
		}
		n += snap.pairs;
		nh_cursor_pass(&cursor, last);
	}
	*entries = n;
	return err;
}

/*
 * Take the salt off a segment again if its keys do not crowd any more.  If
 * there is no memory to find out, it stays.
 */
static int
nh_segment_desalt(struct nh_core *m, unsigned number)
{
	struct nh_segment *s = &m->segment[number];
	/* order(size): acquire, so that the tables' fields are seen */
	uint64_t size = nh_load_acquire(&m->descriptor[number].size);
	struct nh_table *t = nh_segment_table(s, size);
	struct nh_census c = { .blocks = nh_table_blocks(t) };
	int err;

	if (size & NH_SIZE_MIGRATING || !c.blocks || !nh_table_salt(t))
		return NH_OK;
	c.crowd = malloc(c.blocks * sizeof(*c.crowd));
	if (!c.crowd)
		return NH_OK;
	err = nh_segment_census(m, number, &c);
	free(c.crowd);
	if (err || (m->chain_limit && c.most > nh_storm_pairs(m)))
		return err;
	err = nh_segment_reseed(m, s, size, c.blocks, 0);
	return err ?: nh_segment_settle(m, s);
}

/* The smallest table for what a segment holds, or none for nothing. */
static int
nh_segment_fit(struct nh_core *m, unsigned number)
{
	uint64_t n;
	int err = nh_segment_entries(m, number, &n);

	if (!err)
		err = nh_segment_resize(m, number,
					nh_blocks_for(n, NH_LOAD_TIGHT), false);
	if (!err && n)
		err = nh_segment_desalt(m, number);
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

static int
nh_core_settle_op(struct nh_core *m, unsigned segment)
{
	unsigned spins = 0;
	int err = nh_writable();

	while (!err) {
		err = nh_segment_settle(m, &m->segment[segment]);
		if (err || !NH_MIRRORS)
			break;
		err = nh_segment_mirror(m, segment);
		if (err != NH_RETRY)
			break;
		nh_wait(&spins);
		err = NH_OK;
	}
	return err;
}

static int
nh_core_rehome_op(struct nh_core *m, unsigned segment)
{
	return nh_writable() ?: nh_segment_rehome(m, segment);
}

#endif
