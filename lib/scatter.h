/*
 * scatter.h - a migration between tables whose salts differ
 *
 * Such tables do not keep each other's order, so there are no groups with the
 * same keys on both sides.  A group is one old block, and its pairs go wherever
 * they belong now:
 *
 *	lock the old block
 *	open this group's share of the new blocks
 *	add each pair to its new block, under that block's lock
 *	take LIVE and LOCK off the old one
 *
 * Until then the old block has the last word on its keys, and nobody looks for
 * them in the new table.  Locks are taken old before new, one of each.
 *
 * The new blocks are opened bit by bit, so that nobody pays for the whole
 * table, the others' before they are due when a pair needs one.  A block that
 * is not open yet has no pairs: a reader takes it as empty, and a writer drains
 * the group that opens it.  LOCK without LIVE says that somebody is opening it.
 * Only who holds an old block may do so: the migration cannot end meanwhile, so
 * the memory is still this table's.
 */
#ifndef NH_LIB_SCATTER_H
#define NH_LIB_SCATTER_H

#include "lib/block.h"

/* The group that opens a new block. */
static inline uint64_t
nh_scatter_opener(uint64_t block, uint64_t blocks, uint64_t groups)
{
	return ((block + 1) * groups - 1) / blocks;
}

static void
nh_block_clear(struct nh_line *even)
{
	for (unsigned i = NH_BLOCK_SLOTS; i-- > 1;)
		nh_pair_store(&even[i / NH_LINE_SLOTS].pair[i % NH_LINE_SLOTS],
			      (struct nh_kv){ 0, 0 });
	/* order(drained): release, in nh_pair_store(), after the others */
	nh_pair_store(&even->pair[0], (struct nh_kv){ NH_WORD_LIVE, 0 });
}

/* nh_block_open - empty and live, unless it is live.  An old block locked. */
static void
nh_block_open(struct nh_line *even)
{
	nh_atomic *lock = &even->pair[0].word;
	unsigned spins = 0;

	for (;;) {
		/* order(drained): acquire, so the new block is seen cleared */
		uint64_t w = nh_load_acquire(lock);

		if (w & NH_WORD_LIVE)
			return;
		if (w & NH_WORD_LOCK)
			nh_wait(&spins);
		/* order(block-lock): acquire, as nh_block_lock() */
		else if (nh_cas_acquire(lock, &w, NH_WORD_LOCK))
			break;
	}
	nh_block_clear(even);
}

/* One old block on its way. */
struct nh_scatter {
	struct nh_core *m;
	struct nh_table *old, *next;
	unsigned moved; /* pairs that are in the new table */
};

/* Lock the home of an old pair in the new table; its word there. */
static struct nh_line *
nh_scatter_lock(const struct nh_scatter *sc, uint64_t old, uint64_t *word)
{
	struct nh_line *home;
	bool waited = false;

	*word = nh_table_word(sc->next, nh_table_plain(sc->old, old));
	home = nh_table_home(sc->next, *word);
	nh_block_open(nh_line_even(home));
	nh_block_lock(nh_line_even(home), &waited);
	return home;
}

/* Add one pair to the new table.  False: no memory. */
static bool
nh_scatter_add(struct nh_scatter *sc, struct nh_kv kv)
{
	struct nh_line *fresh = NULL;
	struct nh_line *home, *even;
	struct nh_spot spot;
	bool room = true;

	home = nh_scatter_lock(sc, kv.word & NH_WORD_PAIR, &kv.word);
	even = nh_line_even(home);
	spot = nh_block_free_slot(home);
	if (nh_unlikely(!spot.line) && nh_chain_needs_line(even)) {
		fresh = nh_overflow_must(sc->m, sc->next);
		room = fresh != NULL;
	}
	if (nh_likely(room))
		nh_block_add(sc->next, home, kv, spot, fresh);
	nh_block_unlock(even);
	sc->moved += room;
	return room;
}

/*
 * Take one pair out of the new table again, if it is one of those that got
 * there.  Whichever has its word will do: all that have it come from this
 * block, and all of them go.
 */
static bool
nh_scatter_remove(struct nh_scatter *sc, struct nh_kv kv)
{
	struct nh_line *home;
	uint64_t word;

	if (!sc->moved)
		return false;
	sc->moved--;
	home = nh_scatter_lock(sc, kv.word & NH_WORD_KEY, &word);
	nh_block_remove(sc->next, nh_line_even(home),
			nh_block_spot(home, word));
	nh_block_unlock(nh_line_even(home));
	return true;
}

/* Each pair of an old block, in a certain order, until `fn` says false. */
static bool
nh_scatter_each(struct nh_scatter *sc, struct nh_line *even,
		bool (*fn)(struct nh_scatter *sc, struct nh_kv kv))
{
	struct nh_line *line = even;

	while (line) {
		for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
			struct nh_kv kv = nh_pair_load(&line->pair[i]);

			if (kv.word & NH_WORD_VALID && !fn(sc, kv))
				return false;
		}
		line = nh_block_next_line(even, line);
	}
	return true;
}

/*
 * nh_scatter_block - copy what old block `group` has to the new table
 *
 * False: no memory, and the new table has none of it.  Old block locked.
 */
static bool
nh_scatter_block(struct nh_core *m, struct nh_table *old, struct nh_table *next,
		 uint64_t group)
{
	struct nh_scatter sc = { m, old, next, 0 };
	struct nh_line *even = nh_table_even(old, group);
	uint64_t groups = nh_table_blocks(old);
	uint64_t blocks = nh_table_blocks(next);

	for (uint64_t b = group * blocks / groups;
	     b < (group + 1) * blocks / groups; b++)
		nh_block_open(nh_table_even(next, b));
	if (nh_scatter_each(&sc, even, nh_scatter_add))
		return true;
	nh_scatter_each(&sc, even, nh_scatter_remove);
	return false;
}

#endif
