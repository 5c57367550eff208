/*
 * block.h - find, add and remove in one block
 *
 * line.h has the picture, and why what a reader does here is enough.
 */
#ifndef NH_LIB_BLOCK_H
#define NH_LIB_BLOCK_H

#include "lib/map.h"
#include "lib/overflow.h"

#define NH_LINK_SLOT 3
#define NH_CHAIN_PATIENCE 16 /* lines walked between two looks at `changed` */

/* Where a pair lies; no line: nowhere. */
struct nh_spot {
	struct nh_line *line;
	unsigned slot;
};

struct nh_replicas;

/* A locked block, and what is wanted there. */
struct nh_held {
	struct nh_segment *segment;
	struct nh_table *table;
	struct nh_line *home;
	uint64_t hash;
	uint64_t word; /* of the key in the table: VALID, no other flag */
	uint64_t age;  /* what its segment's clock says; with NH_AGES alone */
	uint64_t size; /* the descriptor's, as it was found */
	bool old;      /* the table is being left by a migration */
	bool create;   /* a segment without a table gets one */
	const struct nh_replicas *replicas; /* with NH_MIRRORED alone */
};

/* ---------------------------------------------------------------- readers */

/*
 * Walk a chain.  A reader that slept may be walking lines that have become
 * others' and could, in theory, be led around for ever: so it looks at its
 * descriptor now and then, and gives up when that has changed.
 *
 * Slot 3 is looked at as a pair once more when it is loaded as a link: the link
 * may just have been replaced by the pair that is wanted.
 */
static inline bool
nh_chain_find(struct nh_kv link, uint64_t word, const struct nh_descriptor *d,
	      uint64_t size, uint64_t *value)
{
	struct nh_line *line = nh_link_target(link);

	for (unsigned walked = 1; line; walked++) {
		struct nh_found f = nh_line_find(line, word, &nh_word_key);

		if (f.hit) {
			*value = nh_found_value(&f);
			return true;
		}
		link = nh_pair_load(&line->pair[NH_LINK_SLOT]);
		*value = link.value;
		if ((link.word & NH_WORD_KEY) == word)
			return true;
		/* relaxed: only to stop; the caller looks again. */
		if (walked % NH_CHAIN_PATIENCE == 0 &&
		    nh_load_relaxed(&d->size) != size)
			return false;
		line = nh_link_target(link);
	}
	return false;
}

/*
 * nh_block_find - the value of a key, without a lock
 *
 * True or false is right for some moment of the call if *d still has `size`
 * afterwards, which the caller checks.
 *
 * What the first load found in the odd line's slot 3 decides.  No link: then
 * there was no chain, and the key was there, or in a slot that no pair leaves,
 * or absent.  A link: while it is the same, no pair has moved out of the chain
 * and no line of it was freed, so both "yes" and "no" of the chain hold.
 */
static inline bool
nh_block_find(struct nh_line *home, uint64_t word,
	      const struct nh_descriptor *d, uint64_t size, uint64_t *value)
{
	const struct nh_pair *at = &nh_line_even(home)[1].pair[NH_LINK_SLOT];

	for (;;) {
		struct nh_kv link = nh_pair_load(at);
		struct nh_found f;
		bool found;

		/* On its way while the two lines are searched. */
		nh_prefetch(nh_link_target(link));
		f = nh_line_find(home, word, &nh_word_key);
		/* order(more): acquire, by the loads of nh_line_find() */
		if (!f.hit && !(f.flags & nh_word_more(word)))
			return false;
		if (!f.hit)
			f = nh_line_find(nh_line_other(home), word,
					 &nh_word_key);
		if (f.hit) {
			*value = nh_found_value(&f);
			return true;
		}
		if ((link.word & NH_WORD_KEY) == word) {
			*value = link.value;
			return true;
		}
		found = nh_chain_find(link, word, d, size, value);
		/* order(link): acquire, after the chain: see line.h, (b) */
		if (nh_load_acquire(&at->word) == link.word)
			return found;
	}
}

/*
 * nh_block_mark - set the age of a key that was just found here
 *
 * It may have moved since, and then is not marked.
 */
static inline void
nh_block_mark(struct nh_line *home, uint64_t word,
	      const struct nh_descriptor *d, uint64_t size, uint64_t age)
{
	struct nh_line *line = &nh_line_even(home)[1];

	if (nh_line_mark(home, word, age) ||
	    nh_line_mark(nh_line_other(home), word, age))
		return;
	do
		line = nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]));
	/* relaxed: only to stop. */
	while (line && !nh_line_mark(line, word, age) &&
	       nh_load_relaxed(&d->size) == size);
}

/* ------------------------------------------------------------ block locked */

/* nh_block_next_line - even, odd, then the chain; NULL.  Locked. */
static inline struct nh_line *
nh_block_next_line(struct nh_line *even, struct nh_line *line)
{
	if (line == even)
		return even + 1;
	return nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]));
}

/* nh_block_spot - where the key lies.  Locked. */
static inline struct nh_spot
nh_block_spot(struct nh_line *home, uint64_t word)
{
	struct nh_line *even = nh_line_even(home);
	struct nh_line *line = home;
	int slot = nh_line_slot(line, word);

	if (slot < 0 && nh_slot_word(home, 0) & nh_word_more(word)) {
		line = nh_line_other(home);
		slot = nh_line_slot(line, word);
		if (slot < 0)
			line = &even[1];
		while (slot < 0) {
			line = nh_link_target(
				nh_pair_load(&line->pair[NH_LINK_SLOT]));
			if (!line)
				break;
			slot = nh_line_slot(line, word);
		}
	}
	if (slot < 0)
		return (struct nh_spot){ NULL, 0 };
	return (struct nh_spot){ line, (unsigned)slot };
}

/* Of a word as it is stored in this table. */
static inline struct nh_line *
nh_table_home(const struct nh_table *t, uint64_t word)
{
	return nh_table_lines(t) + nh_line_index(word, 2 * nh_table_blocks(t));
}

/* The last line of a block's chain and the one before; the odd line: no chain.
 */
static inline struct nh_line *
nh_chain_tail(struct nh_line *even, struct nh_line **before)
{
	struct nh_line *line = &even[1];
	struct nh_line *next;

	*before = NULL;
	while ((next = nh_link_target(
			nh_pair_load(&line->pair[NH_LINK_SLOT])))) {
		*before = line;
		line = next;
	}
	return line;
}

/* The word of a new link: never the same twice. */
static inline uint64_t
nh_link_word(void)
{
	return nh_serial() << 8 | NH_WORD_LINK | NH_WORD_MORE;
}

/*
 * nh_chain_add - a pair into the chain of a block whose eight slots are full
 *
 * `fresh` is an overflow line in case one is needed; true when it was used.
 * Locked, or not yet published.
 */
static inline bool
nh_chain_add(struct nh_table *t, struct nh_line *even, struct nh_kv kv,
	     struct nh_line *fresh)
{
	struct nh_line *before;
	struct nh_line *tail = nh_chain_tail(even, &before);
	int slot = before ? nh_line_empty_slot(tail) : -1;
	struct nh_pair *at = &tail->pair[NH_LINK_SLOT];
	struct nh_kv displaced, link;

	nh_line_mark_more(nh_table_home(t, kv.word), kv.word);
	if (slot >= 0) {
		nh_pair_store(&tail->pair[slot], kv);
		return false;
	}
	displaced = nh_pair_load(at);
	nh_line_mark_more(nh_table_home(t, displaced.word), displaced.word);
	nh_pair_store(&fresh->pair[0], displaced);
	nh_pair_store(&fresh->pair[1], kv);
	nh_pair_store(&fresh->pair[2], (struct nh_kv){ 0, 0 });
	nh_pair_store(&fresh->pair[3], (struct nh_kv){ 0, 0 });
	link.word = nh_link_word();
	link.value = (uintptr_t)fresh;
	/* order(link): release, after the line it leads to; line.h, (a) */
	nh_pair_store(at, link);
	return true;
}

/* nh_chain_needs_line - would the next nh_chain_add() use a fresh line? */
static inline bool
nh_chain_needs_line(struct nh_line *even)
{
	struct nh_line *before;
	struct nh_line *tail = nh_chain_tail(even, &before);

	return !before || nh_line_empty_slot(tail) < 0;
}

/* nh_block_free_slot - in the home line, then in the other.  Locked. */
static inline struct nh_spot
nh_block_free_slot(struct nh_line *home)
{
	struct nh_line *line = home;
	int slot = nh_line_empty_slot(line);

	if (slot < 0) {
		line = nh_line_other(home);
		slot = nh_line_empty_slot(line);
	}
	if (slot < 0)
		return (struct nh_spot){ NULL, 0 };
	return (struct nh_spot){ line, (unsigned)slot };
}

/*
 * nh_block_add - a pair that is not there yet, where room was found
 *
 * In `spot`, or else in the chain, with `fresh` for it.  Locked.
 */
static inline void
nh_block_add(struct nh_table *t, struct nh_line *home, struct nh_kv kv,
	     struct nh_spot spot, struct nh_line *fresh)
{
	if (nh_unlikely(!spot.line)) {
		nh_chain_add(t, nh_line_even(home), kv, fresh);
		return;
	}
	if (spot.line != home)
		nh_line_mark_more(home, kv.word);
	nh_slot_store(spot.line, spot.slot, kv.word, kv.value);
}

/* nh_overflow_must - a line, whatever it takes; NULL when memory is out */
static inline struct nh_line *
nh_overflow_must(struct nh_core *m, struct nh_table *t)
{
	struct nh_line *line = nh_overflow_alloc(t);
	uint64_t bytes;

	while (!line) {
		bytes = nh_overflow_extend(
			t, 2 + (nh_table_blocks(t) / 8 & ~UINT64_C(1)));
		if (!bytes)
			return NULL;
		/* relaxed: a count that orders nothing. */
		nh_add_relaxed(&m->table_bytes, bytes);
		line = nh_overflow_alloc(t);
	}
	return line;
}

/* Number the link of the odd line anew: what readers look at; line.h, (b). */
static inline void
nh_block_renumber(struct nh_line *even)
{
	struct nh_pair *at = &even[1].pair[NH_LINK_SLOT];
	struct nh_kv link = nh_pair_load(at);

	link.word = nh_link_word();
	/* order(link): release, after the copy, before the slot is cleared */
	nh_pair_store(at, link);
}

static inline int
nh_line_last_pair(const struct nh_line *line)
{
	int slot = NH_LINE_SLOTS - 1;

	while (slot >= 0 &&
	       !(nh_slot_word(line, (unsigned)slot) & NH_WORD_VALID))
		slot--;
	return slot;
}

static inline unsigned
nh_line_pairs(const struct nh_line *line)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++)
		n += nh_slot_word(line, i) & NH_WORD_VALID;
	return n;
}

/*
 * Keep chains short: an overflow line that has one pair left gives it to the
 * slot that links to it.
 */
static inline void
nh_chain_fold(struct nh_table *t, struct nh_line *even)
{
	struct nh_line *before;
	struct nh_line *tail = nh_chain_tail(even, &before);

	while (before && nh_line_pairs(tail) <= 1) {
		int slot = nh_line_last_pair(tail);
		struct nh_kv kv = { 0, 0 };

		if (slot >= 0)
			kv = nh_pair_load(&tail->pair[slot]);
		/* order(link): release, before the tail is cleared */
		nh_pair_store(&before->pair[NH_LINK_SLOT], kv);
		if (before != &even[1])
			nh_block_renumber(even);
		nh_overflow_free(t, tail);
		tail = nh_chain_tail(even, &before);
	}
}

/* What MORE must say of the pairs of this line whose home is `home`. */
static inline uint64_t
nh_line_guests(const struct nh_table *t, const struct nh_line *line,
	       const struct nh_line *home)
{
	uint64_t more = 0;

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		uint64_t w = nh_slot_word(line, i);

		if (w & NH_WORD_VALID && nh_table_home(t, w) == home)
			more |= nh_word_more(w);
	}
	return more;
}

/*
 * Take MORE off a line none of whose keys lies elsewhere any longer; not off an
 * even line with a pair in slot 3, which may have come from the chain: line.h.
 */
static inline void
nh_line_unmark_more(const struct nh_table *t, struct nh_line *home)
{
	struct nh_line *even = nh_line_even(home);
	struct nh_line *line = &even[1];
	uint64_t w = nh_slot_word(home, 0);
	uint64_t more;

	if (!(w & NH_WORD_MORE) ||
	    (home == even && nh_slot_word(home, 3) & NH_WORD_VALID))
		return;
	more = nh_line_guests(t, nh_line_other(home), home);
	while ((line = nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]))))
		more |= nh_line_guests(t, line, home);
	/* order(more): release, for symmetry: a stale MORE does no harm */
	nh_store_release(&home->pair[0].word, w & ~(NH_WORD_MORE & ~more));
}

/*
 * nh_block_remove - clear a spot, and let the chain move up.  Locked.
 */
static inline void
nh_block_remove(struct nh_table *t, struct nh_line *even, struct nh_spot at)
{
	struct nh_line *before;
	struct nh_line *tail;
	struct nh_kv kv = { 0, 0 };
	int last;

	if (!((nh_slot_word(even, 0) | nh_slot_word(even + 1, 0)) &
	      NH_WORD_MORE)) {
		nh_slot_store(at.line, at.slot, 0, 0);
		return;
	}
	tail = nh_chain_tail(even, &before);
	last = before ? nh_line_last_pair(tail) : -1;
	if (last >= 0)
		kv = nh_pair_load(&tail->pair[last]);
	if (last < 0 || at.line == tail) {
		nh_slot_store(at.line, at.slot, 0, 0);
	} else {
		nh_slot_store(at.line, at.slot, kv.word, kv.value);
		nh_block_renumber(even);
		nh_pair_store(&tail->pair[last], (struct nh_kv){ 0, 0 });
	}
	nh_chain_fold(t, even);
	nh_line_unmark_more(t, even);
	nh_line_unmark_more(t, even + 1);
}

#endif
