/*
 * hold.h - lock the block of a hash, wherever the segment stands
 */
#ifndef NH_LIB_HOLD_H
#define NH_LIB_HOLD_H

#include "lib/adapt.h"
#include "lib/idle.h"
#include "lib/storm.h"

#define NH_RETRY 1 /* not an error of the interface: begin again */

/* Loads in percent of the slots of the blocks. */
#define NH_LOAD_FIT 66	  /* made to measure */
#define NH_LOAD_TIGHT 76  /* the same, when asked for */
#define NH_LOAD_SHRINK 36 /* below: too large */
#define NH_LOAD_SMALL 18  /* the same of a small table, which chance fills */
#define NH_LOAD_SPARSE 35 /* overflow below this is bad luck, or malice */
#define NH_SAMPLE_BLOCKS 32
#define NH_DELETES_BETWEEN 64 /* looks at the load */
#define NH_SETTLE_BLOCKS 128  /* moved at once, not by those who come */

static inline unsigned
nh_segment_number(const struct nh_core *m, const struct nh_segment *s)
{
	return (unsigned)(s - m->segment);
}

/* ------------------------------------------------------------------ sizing */

/* Pairs in up to `want` blocks from `block` on, round the end.  Unlocked. */
static uint64_t
nh_table_sample(const struct nh_table *t, uint64_t block, uint64_t want)
{
	uint64_t blocks = nh_table_blocks(t);
	const struct nh_line *lines = nh_table_lines(t);
	uint64_t n = 0;

	for (uint64_t i = 0; i < want; i++) {
		const struct nh_line *line = lines + 2 * ((block + i) % blocks);

		for (unsigned slot = 0; slot < NH_BLOCK_SLOTS; slot++)
			/* relaxed: an estimate. */
			n += nh_load_relaxed(
				     &line[slot / 4].pair[slot % 4].word) &
			     NH_WORD_VALID;
	}
	return n;
}

/*
 * nh_table_estimate - entries, judged by the blocks around one
 *
 * Counts every block of a small table.  `most` bounds the work.  A block of the
 * table is locked, so that it is not retired meanwhile.
 */
static uint64_t
nh_table_estimate(const struct nh_table *t, uint64_t block, uint64_t most)
{
	uint64_t blocks = nh_table_blocks(t);
	uint64_t want = blocks < most ? blocks : most;
	/* relaxed: an estimate; a chain's line holds about two pairs more. */
	uint64_t chained = 2 * nh_load_relaxed(&t->used);

	if (!want)
		return 0;
	return nh_table_sample(t, block, want) * blocks / want + chained;
}

/* Blocks that hold n entries at a load in percent. */
static inline uint64_t
nh_blocks_for(uint64_t n, uint64_t load)
{
	return n * 100 / (load * NH_BLOCK_SLOTS) + 1;
}

/* About the square root, and not below it: Newton's method. */
static inline uint64_t
nh_root(uint64_t n)
{
	uint64_t root = 1;

	for (int i = 0; i < 40; i++)
		root = (root + n / root) / 2 + 1;
	return root;
}

/* Entries a segment should have room for, when the whole map gets n. */
static inline uint64_t
nh_segment_share(uint64_t n)
{
	uint64_t mean = n / NH_SEGMENTS + 1;

	/* Six standard deviations above the mean. */
	return n ? mean + 6 * nh_root(mean) : 0;
}

static inline uint64_t
nh_blocks_reserved(const struct nh_core *m)
{
	/* relaxed: a number of its own. */
	uint64_t n = nh_load_relaxed(&m->reserved);

	return n ? nh_blocks_for(nh_segment_share(n), NH_LOAD_FIT) : 1;
}

/*
 * Move a segment to a table of `blocks`.  NH_ERR_NOMEM.
 *
 * A small one at once: the writes that would move it bit by bit might not come,
 * and until it has moved its reads take the slow way.
 */
static int
nh_segment_move(struct nh_core *m, struct nh_segment *s, uint64_t size,
		uint64_t blocks)
{
	int err = nh_segment_start(m, s, size, blocks);

	if (!err && blocks <= NH_SETTLE_BLOCKS)
		err = nh_segment_settle(m, s);
	return err;
}

/* Start the next larger table.  NH_ERR_NOMEM. */
static int
nh_segment_grow(struct nh_core *m, struct nh_segment *s, uint64_t size)
{
	uint64_t had = nh_table_blocks(nh_segment_table(s, size));
	unsigned number = nh_segment_number(m, s);

	if (nh_size_changed(nh_descriptor_of(m, s), size))
		return NH_OK;
	return nh_segment_move(m, s, size, nh_ladder_at_least(had + 1, number));
}

/* ----------------------------------------------------------------- holding */

static inline void
nh_count_wait(struct nh_core *m, bool waited)
{
	if (nh_unlikely(waited))
		nh_stripe_add(&nh_stripe_mine(m->stripe)->waits, 1);
}

/* Where the key lies in a table, should that have the say. */
static inline void
nh_held_aim(struct nh_held *held, struct nh_table *t)
{
	held->table = t;
	held->word = nh_table_word(t, nh_word_of(held->hash));
	held->home = nh_table_home(t, held->word);
}

/*
 * Drain what covers the key, if the help that was given did not.  Between two
 * salts first of all: its block may be the one that somebody crowds.
 */
static bool
nh_hold_helps(struct nh_core *m, struct nh_held *held)
{
	struct nh_segment *s = held->segment;
	uint64_t group = nh_segment_group(s, held->word);
	bool scatters = nh_segment_scatters(s, held->size);
	int err = NH_OK;

	if (scatters)
		err = nh_group_drain(m, s, held->size, group);
	/* All groups are claimed: let a slow helper not hold us up. */
	if (!nh_segment_help(m, s, held->size) && !scatters &&
	    !nh_size_changed(nh_descriptor_of(m, s), held->size))
		err = nh_group_drain(m, s, held->size, group);
	(void)err; /* without memory the old block serves on */
	return scatters;
}

/* Open the new block that was aimed at and is not live: lib/scatter.h. */
static void
nh_hold_opens(struct nh_core *m, struct nh_held *held)
{
	uint64_t groups = nh_segment_groups(held->segment);
	uint64_t blocks = nh_table_blocks(held->table);

	if (!groups || !blocks)
		return;
	/* Without memory it is opened all the same. */
	(void)nh_group_drain(
		m, held->segment, held->size,
		nh_scatter_opener(nh_line_index(held->word, blocks), blocks,
				  groups));
}

/* While a migration is under way.  NH_RETRY: look at the descriptor again. */
static int
nh_hold_migrating(struct nh_core *m, struct nh_held *held)
{
	struct nh_segment *s = held->segment;
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	bool waited = false;
	bool scatters;

	nh_held_aim(held, nh_segment_table(s, held->size));
	scatters = nh_hold_helps(m, held);
	held->old = true;
	if (nh_size_changed(d, held->size))
		return NH_RETRY;
	if (!nh_block_lock(nh_line_even(held->home), &waited)) {
		nh_held_aim(held, nh_segment_next(s, held->size));
		held->old = false;
		if (nh_size_changed(d, held->size))
			return NH_RETRY;
		if (!nh_block_lock(nh_line_even(held->home), &waited)) {
			if (scatters)
				nh_hold_opens(m, held);
			return NH_RETRY;
		}
	}
	nh_count_wait(m, waited);
	if (!nh_size_changed(d, held->size))
		return NH_OK;
	nh_block_unlock(nh_line_even(held->home));
	return NH_RETRY;
}

/* In a table that the descriptor does not show: salted, or just hidden. */
static int
nh_hold_salted(struct nh_core *m, struct nh_held *held)
{
	const struct nh_descriptor *d = nh_descriptor_of(m, held->segment);
	bool waited = false;

	nh_adapt_note(m, held->hash);
	nh_held_aim(held, held->table);
	if (nh_size_changed(d, held->size) ||
	    !nh_block_lock(nh_line_even(held->home), &waited))
		return NH_RETRY;
	nh_count_wait(m, waited);
	if (!nh_size_changed(d, held->size))
		return NH_OK;
	nh_block_unlock(nh_line_even(held->home));
	return NH_RETRY;
}

static int
nh_hold_stable(struct nh_core *m, struct nh_held *held)
{
	const struct nh_descriptor *d = nh_descriptor_of(m, held->segment);
	/* order(size): acquire, so that the table's fields are seen */
	struct nh_kv kv = nh_pair_load(&d->pair);
	bool waited = false;

	if (kv.word != held->size)
		return NH_RETRY;
	held->table = nh_segment_table(held->segment, held->size);
	held->old = false;
	held->word = nh_word_of(held->hash);
	held->home = (struct nh_line *)(uintptr_t)kv.value +
		     nh_line_index(held->word, held->size & NH_SIZE_LINES);
	nh_prefetch_write(nh_line_even(held->home));
	if (nh_block_lock(nh_line_even(held->home), &waited)) {
		nh_count_wait(m, waited);
		if (!nh_size_changed(d, held->size))
			return NH_OK;
		nh_block_unlock(nh_line_even(held->home));
		return NH_RETRY;
	}
	if (nh_size_changed(d, held->size))
		return NH_RETRY;
	if (!nh_size_is_plain(held->size))
		return nh_hold_salted(m, held);
	/* Not live and not moved on: the segment has no table yet. */
	if (!held->create)
		return NH_ERR_NOTFOUND;
	if (m->fixed)
		return NH_ERR_FULL;
	return nh_segment_start(m, held->segment, held->size, NH_LADDER_FIRST)
		       ?: NH_RETRY;
}

/*
 * nh_hold - lock the block that has the last word on `hash`
 *
 * When the segment has no table it gets its first if `create` says so, or
 * NH_ERR_NOMEM; otherwise NH_ERR_NOTFOUND.
 */
static int
nh_hold(struct nh_core *m, uint64_t hash, bool create, struct nh_held *held)
{
	unsigned spins = 0;
	int err;

	held->segment = &m->segment[nh_segment_of(hash)];
	held->hash = hash;
	if (NH_AGES)
		held->age = nh_age_now(m, hash);
	held->create = create;
	for (;;) {
		/* order(size): acquire, so that the tables' fields are seen */
		held->size = nh_load_acquire(
			&m->descriptor[nh_segment_of(hash)].size);
		if (held->size & NH_SIZE_MIGRATING)
			err = nh_hold_migrating(m, held);
		else
			err = nh_hold_stable(m, held);
		if (nh_likely(err != NH_RETRY))
			break;
		nh_wait(&spins);
	}
	if (NH_MIRRORS && !err)
		nh_held_mirror(m, held);
	return err;
}

/* nh_held_mark - the held key's pair lies here, and is being used */
static inline void
nh_held_mark(const struct nh_held *held, struct nh_spot at)
{
	if (NH_AGES)
		nh_word_mark(&at.line->pair[at.slot].word,
			     nh_slot_word(at.line, at.slot), held->age);
}

static inline void
nh_release(struct nh_held *held)
{
	if (NH_MIRRORS)
		nh_held_unmirror(held);
	nh_block_unlock(nh_line_even(held->home));
}

/* ------------------------------------------------------------------- adding */

/* Of a held block's table. */
static uint64_t
nh_held_estimate(const struct nh_held *held)
{
	const struct nh_table *t = held->table;
	uint64_t block = nh_line_index(held->word, nh_table_blocks(t));

	return nh_table_estimate(t, block, NH_SAMPLE_BLOCKS);
}

/* Has this table n entries or more to a hundred slots? */
static inline bool
nh_table_loaded(const struct nh_table *t, uint64_t entries, uint64_t n)
{
	return entries * 100 >= nh_table_blocks(t) * NH_BLOCK_SLOTS * n;
}

/* Room for one pair in a held block. */
struct nh_place {
	struct nh_spot spot;
	struct nh_line *fresh; /* for the chain, or NULL */
};

/*
 * An overflow line for a held block.  NULL with NH_RETRY after the block was
 * let go and the table is being replaced, or with an error.
 */
static struct nh_line *
nh_held_overflow(struct nh_core *m, struct nh_held *held, int *err)
{
	struct nh_segment *s = held->segment;
	struct nh_line *line = nh_overflow_alloc(held->table);
	bool grow;

	if (nh_likely(line))
		return line;
	grow = !(held->size & NH_SIZE_MIGRATING) &&
	       nh_table_loaded(held->table, nh_held_estimate(held),
			       NH_LOAD_SPARSE);
	*err = NH_ERR_FULL;
	if (!m->fixed && !grow && !held->old) {
		line = nh_overflow_must(m, held->table);
		*err = NH_ERR_NOMEM;
		if (line)
			return line;
	}
	nh_release(held);
	if (!m->fixed && held->old)
		*err = nh_group_drain(m, s, held->size,
				      nh_segment_group(s, held->word));
	else if (grow && !m->fixed)
		*err = nh_segment_grow(m, s, held->size);
	if (*err == NH_OK)
		*err = NH_RETRY;
	return NULL;
}

/*
 * nh_place_find - room for held->word, which is not there yet
 *
 * NH_OK, still held; or NH_RETRY or an error, and the block was let go.
 */
static inline int
nh_place_find(struct nh_core *m, struct nh_held *held, struct nh_place *place)
{
	int err;

	place->fresh = NULL;
	place->spot = nh_block_free_slot(held->home);
	if (nh_likely(place->spot.line) ||
	    !nh_chain_needs_line(nh_line_even(held->home)))
		return NH_OK;
	place->fresh = nh_held_overflow(m, held, &err);
	return place->fresh ? NH_OK : err;
}

static inline void
nh_place_store(struct nh_held *held, struct nh_place *place, uint64_t value)
{
	struct nh_kv kv = { held->word | (NH_AGES ? held->age : 0), value };

	nh_block_add(held->table, held->home, kv, place->spot, place->fresh);
}

static inline void
nh_place_drop(struct nh_held *held, struct nh_place *place)
{
	if (place->fresh)
		nh_overflow_free(held->table, place->fresh);
}

/*
 * Too many overflow lines are in use: should the table grow?  When it is
 * sparse growing would not help, and it is let have more of them.
 */
static bool
nh_held_crowded(const struct nh_core *m, const struct nh_held *held)
{
	struct nh_table *t = held->table;

	/* relaxed: both are numbers of their own. */
	if (m->fixed || held->size & NH_SIZE_MIGRATING ||
	    nh_load_relaxed(&t->used) <= nh_load_relaxed(&t->trigger))
		return false;
	if (nh_table_loaded(t, nh_held_estimate(held), NH_LOAD_SPARSE))
		return true;
	/* relaxed: a threshold of its own. */
	nh_add_relaxed(&t->trigger, nh_table_trigger(nh_table_blocks(t)) + 1);
	return false;
}

/* Do something about a chain that is too long, and tell. */
static void
nh_held_storm(struct nh_core *m, const struct nh_held *held,
	      const struct nh_sighting *seen, bool grow)
{
	struct nh_segment *s = held->segment;
	unsigned number = nh_segment_number(m, s);
	uint64_t blocks = nh_table_blocks(nh_segment_table(s, held->size));
	int err = NH_ERR_FULL;

	if (grow)
		blocks = nh_ladder_at_least(blocks + 1, number);
	if (seen->spread &&
	    !nh_size_changed(nh_descriptor_of(m, s), held->size))
		err = nh_storm_reseed(m, s, held->size, blocks);
	if (!err && blocks <= NH_SETTLE_BLOCKS)
		(void)nh_segment_settle(m, s);
	nh_storm_tell(m, number, seen, !err);
}

/* A held block got another overflow line; lets it go. */
static __attribute__((noinline)) void
nh_added_line(struct nh_core *m, struct nh_held *held)
{
	bool grow = nh_held_crowded(m, held);
	struct nh_sighting seen = nh_storm_look(m, held);

	nh_release(held);
	nh_stripe_add(&nh_stripe_mine(m->stripe)->live, 1);
	/* Without memory the chains serve on, and later inserts try again. */
	if (nh_likely(!seen.spread) && grow)
		(void)nh_segment_grow(m, held->segment, held->size);
	if (nh_unlikely(seen.lines))
		nh_held_storm(m, held, &seen, grow);
}

/* nh_added - let a held block go after a pair was added to it */
static inline void
nh_added(struct nh_core *m, struct nh_held *held, bool chained)
{
	if (nh_unlikely(chained)) {
		nh_added_line(m, held);
		return;
	}
	nh_release(held);
	nh_stripe_add(&nh_stripe_mine(m->stripe)->live, 1);
}

/* Blocks a held block's table should shrink to, or 0: leave it. */
static uint64_t
nh_held_shrink(const struct nh_core *m, const struct nh_held *held)
{
	uint64_t had = nh_table_blocks(held->table);
	uint64_t n, want, to;

	if (m->fixed || held->size & NH_SIZE_MIGRATING ||
	    had <= NH_LADDER_FIRST)
		return 0;
	n = nh_held_estimate(held);
	if (nh_table_loaded(held->table, n,
			    had < NH_TABLE_SMALL ? NH_LOAD_SMALL
						 : NH_LOAD_SHRINK))
		return 0;
	/* With room for keys to come and go, or it would soon grow again. */
	want = nh_blocks_for(n + 3 * nh_root(n), NH_LOAD_FIT);
	if (want < nh_blocks_reserved(m))
		want = nh_blocks_reserved(m);
	to = nh_ladder_toward(had, want, nh_segment_number(m, held->segment));
	return to < had ? to : 0;
}

/*
 * nh_removed - let a held block go after a pair was taken from it
 *
 * Every so many deletes look at the load.
 */
static inline void
nh_removed(struct nh_core *m, struct nh_held *held)
{
	struct nh_segment *s = held->segment;
	uint64_t to = 0;

	if (nh_unlikely(++nh_self.deletes % NH_DELETES_BETWEEN == 0))
		to = nh_held_shrink(m, held);
	nh_release(held);
	nh_stripe_add(&nh_stripe_mine(m->stripe)->live, (uint64_t)-1);
	/* Without memory the map stays large, and later deletes try again. */
	if (nh_unlikely(to))
		(void)nh_segment_move(m, s, held->size, to);
}

#endif
