/*
 * walk.h - over all of a segment, whatever order its table is in
 *
 * nh_walk	each block, held: for what changes or counts all there is.  It
 *		goes by stored words, and starts over when the salt changed.
 * nh_window	the plain words that come next, without a lock: for scans, which
 *		promise the order of hashes.  They say which keys to look up,
 *and no more: what each has is for an ordinary search to find.  So it does no
 *harm that some of them are gone, or were not yet there.
 */
#ifndef NH_LIB_WALK_H
#define NH_LIB_WALK_H

#include <stdlib.h>

#include "lib/hold.h"

#define NH_WINDOW_OWN 32
#define NH_WINDOW_MOST 65536

static inline uint64_t
nh_hash_of(unsigned segment, uint64_t word)
{
	return (uint64_t)segment << 56 | word >> 8;
}

/* The first word of the block after the one that `word` lies in; 0: no more. */
static inline uint64_t
nh_block_end(uint64_t word, uint64_t blocks)
{
	unsigned __int128 next = nh_line_index(word, blocks) + 1;
	uint64_t end;

	if (next == blocks)
		return 0;
	end = (uint64_t)(((next << 64) + blocks - 1) / blocks);
	return end & ~NH_WORD_META;
}

static inline bool
nh_line_is_live(struct nh_line *line)
{
	/* order(drained): acquire, so the new block is seen filled */
	return nh_load_acquire(&nh_line_even(line)->pair[0].word) &
	       NH_WORD_LIVE;
}

/* Has a table with a salt to do with this segment?  Any thread. */
static inline bool
nh_segment_salted(struct nh_segment *s, uint64_t size)
{
	return nh_table_salt(nh_segment_table(s, size)) ||
	       (size & NH_SIZE_MIGRATING &&
		nh_table_salt(nh_segment_next(s, size)));
}

/* --------------------------------------------------------------------- walk */

/* Zero but for the number to begin with. */
struct nh_walk {
	unsigned number;
	bool done;
	uint64_t salt;
	uint64_t word; /* as stored in tables of that salt */
	bool again;    /* the salt changed: what was counted counts no more */
};

/* A hash that lies where the walk stands; false: look again. */
static bool
nh_walk_hash(struct nh_core *m, struct nh_walk *walk, uint64_t *hash)
{
	struct nh_segment *s = &m->segment[walk->number];
	const struct nh_descriptor *d = &m->descriptor[walk->number];
	/* order(size): acquire, so that the tables' fields are seen */
	uint64_t size = nh_load_acquire(&d->size);
	const struct nh_table *t = nh_segment_table(s, size);
	uint64_t salt = nh_table_salt(t);

	if (salt != walk->salt) {
		walk->again = true;
		walk->salt = salt;
		walk->word = 0;
	}
	*hash = nh_hash_of(walk->number, nh_table_plain(t, walk->word));
	return !nh_size_changed(d, size) &&
	       !(size & NH_SIZE_MIGRATING && nh_segment_scatters(s, size));
}

/*
 * nh_walk_hold - the next block; NH_ERR_NOTFOUND: the segment has no table
 *
 * A migration between two salts is finished first.  NH_ERR_NOMEM.
 */
static int
nh_walk_hold(struct nh_core *m, struct nh_walk *walk, struct nh_held *held)
{
	for (;;) {
		uint64_t hash;
		int err;

		if (!nh_walk_hash(m, walk, &hash)) {
			err = nh_segment_settle(m, &m->segment[walk->number]);
			if (err)
				return err;
			continue;
		}
		err = nh_hold(m, hash, false, held);
		if (err || nh_table_salt(held->table) == walk->salt)
			return err;
		nh_release(held);
	}
}

/* nh_walk_next - on to the block after this one.  Held. */
static void
nh_walk_next(struct nh_walk *walk, const struct nh_held *held)
{
	walk->word = nh_block_end(walk->word, nh_table_blocks(held->table));
	walk->done = !walk->word;
}

/* ------------------------------------------------------------------- window */

/* The words from some on, sorted, each once, up to `upto`. */
struct nh_window {
	uint64_t *word;
	size_t n, room;
	uint64_t from, upto;
	uint64_t own[NH_WINDOW_OWN]; /* when there is no memory for more */
};

static int
nh_word_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
nh_window_sort(struct nh_window *w)
{
	size_t n = 0;

	qsort(w->word, w->n, sizeof(*w->word), nh_word_order);
	for (size_t i = 0; i < w->n; i++)
		if (!n || w->word[n - 1] != w->word[i])
			w->word[n++] = w->word[i];
	w->n = n;
}

/* When there are too many, the later ones have to wait for another window. */
static void
nh_window_add(struct nh_window *w, uint64_t word)
{
	word &= NH_WORD_KEY;
	if (word < w->from || word > w->upto)
		return;
	w->word[w->n++] = word;
	if (w->n < w->room)
		return;
	nh_window_sort(w);
	if (w->n <= w->room / 2)
		return;
	w->n = w->room / 2;
	w->upto = w->word[w->n - 1];
}

/* Returns what slot 3 had. */
static struct nh_kv
nh_window_add_line(struct nh_window *w, const struct nh_table *t,
		   const struct nh_line *line)
{
	struct nh_kv kv = { 0, 0 };

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		kv = nh_pair_load(&line->pair[i]);
		if (kv.word & NH_WORD_VALID)
			nh_window_add(w, nh_table_plain(t, kv.word));
	}
	return kv;
}

/* As nh_snapshot_take(). */
static void
nh_window_add_block(struct nh_window *w, const struct nh_table *t,
		    const struct nh_line *even, const struct nh_descriptor *d,
		    uint64_t size)
{
	const struct nh_pair *at = &even[1].pair[NH_LINK_SLOT];
	struct nh_kv link;

	do {
		const struct nh_line *line;

		link = nh_pair_load(at);
		if (link.word & NH_WORD_VALID)
			nh_window_add(w, nh_table_plain(t, link.word));
		nh_window_add_line(w, t, even);
		nh_window_add_line(w, t, even + 1);
		line = nh_link_target(link);
		while (line && !nh_size_changed(d, size))
			line = nh_link_target(nh_window_add_line(w, t, line));
		/* order(link): acquire, after the chain: see line.h, (b) */
	} while (nh_load_acquire(&at->word) != link.word &&
		 !nh_size_changed(d, size));
}

static void
nh_window_add_table(struct nh_window *w, const struct nh_table *t,
		    const struct nh_descriptor *d, uint64_t size)
{
	struct nh_line *even = nh_table_lines(t);
	uint64_t blocks = nh_table_blocks(t);

	for (uint64_t i = 0; i < blocks && !nh_size_changed(d, size); i++)
		if (nh_line_is_live(even + 2 * i))
			nh_window_add_block(w, t, even + 2 * i, d, size);
}

static void
nh_window_begin(struct nh_window *w, uint64_t from, uint64_t slots)
{
	size_t room = slots < NH_WINDOW_MOST ? (size_t)slots : NH_WINDOW_MOST;

	*w = (struct nh_window){ .from = from, .upto = UINT64_MAX };
	w->word = room > NH_WINDOW_OWN ? malloc(room * sizeof(*w->word)) : NULL;
	w->room = w->word ? room : NH_WINDOW_OWN;
	if (!w->word)
		w->word = w->own;
}

static void
nh_window_end(struct nh_window *w)
{
	if (w->word != w->own)
		free(w->word);
}

/*
 * nh_window_take - the words of a segment that come next from a hash on
 *
 * All that stay throughout, up to w->upto.  Old table first: a pair that was
 * drained before its old block was looked at is in the new one by then.  Call
 * nh_window_end() when done with it.
 */
static void
nh_window_take(struct nh_core *m, uint64_t hash, struct nh_window *w)
{
	struct nh_segment *s = &m->segment[nh_segment_of(hash)];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);

	for (;;) {
		/* order(size): acquire, so that the tables' fields are seen */
		uint64_t size = nh_load_acquire(&d->size);
		const struct nh_table *t = nh_segment_table(s, size);

		nh_window_begin(w, nh_word_of(hash),
				4 * NH_BLOCK_SLOTS * nh_table_blocks(t));
		nh_window_add_table(w, t, d, size);
		if (size & NH_SIZE_MIGRATING)
			nh_window_add_table(w, nh_segment_next(s, size), d,
					    size);
		if (!nh_size_changed(d, size))
			break;
		nh_window_end(w);
	}
	nh_window_sort(w);
}

#endif
