/*
 * bytes_scan.h - what goes over a whole nh_map: scan and wipe
 *
 * A block's entries are copied with the block locked, and shown when it is not:
 * so a key is there once, and nobody waits for a callback.  Readers go on all
 * the time; writers of these few keys wait for the copying.
 *
 * Keys may share a hash.  They are shown in the order of a second one, `tie`,
 * and the cursor says after which: within is 0 before all of them.
 */
#ifndef NH_LIB_BYTES_SCAN_H
#define NH_LIB_BYTES_SCAN_H

#include <stdlib.h>

#include "lib/bytes_find.h"

#define NH_WIPE_REFS 64

/* An entry copied out of the map. */
struct nh_shown {
	uint64_t hash, tie;
	size_t at; /* of its key in `bytes`; the value follows */
	size_t key_len, value_len;
};

/* The entries of a block from the cursor on. */
struct nh_copies {
	struct nh_shown *shown;
	unsigned char *bytes;
	size_t n, room;
	size_t used, bytes_room;
};

/* Room for one more in an array that doubles.  NH_ERR_NOMEM. */
static int
nh_array_room(void **array, size_t size, size_t need, size_t *room)
{
	size_t want = *room ? *room : 64;
	void *more;

	if (need <= *room)
		return NH_OK;
	while (want < need)
		want *= 2;
	more = realloc(*array, want * size);
	if (!more)
		return NH_ERR_NOMEM;
	*array = more;
	*room = want;
	return NH_OK;
}

/* Is this after where the cursor stands? */
static inline bool
nh_shown_due(const struct nh_cursor *cursor, uint64_t hash, uint64_t tie)
{
	if (hash != cursor->position)
		return hash > cursor->position;
	return tie > cursor->within;
}

static int
nh_copies_add(struct nh_map *m, struct nh_copies *c,
	      const struct nh_cursor *cursor, struct nh_kv kv)
{
	uint64_t hash = nh_hash_of(nh_segment_of(cursor->position), kv.word);
	const struct nh_entry *e = nh_ref_entry(kv.value);
	struct nh_shape shape;
	struct nh_shown *shown;
	size_t bytes;

	if (hash < cursor->position)
		return NH_OK;
	shape = nh_entry_shape(e, nh_slab_word(&e->header));
	bytes = shape.key_len + shape.value_len;
	if (nh_array_room((void **)&c->shown, sizeof(*c->shown), c->n + 1,
			  &c->room) ||
	    nh_array_room((void **)&c->bytes, 1, c->used + bytes,
			  &c->bytes_room))
		return NH_ERR_NOMEM;
	nh_entry_copy(e, shape.key, c->bytes + c->used, bytes);
	shown = &c->shown[c->n];
	*shown = (struct nh_shown){ hash, 0, c->used, shape.key_len,
				    shape.value_len };
	shown->tie = nh_bytes_tie(&m->hash, c->bytes + c->used, shape.key_len);
	if (!nh_shown_due(cursor, hash, shown->tie))
		return NH_OK;
	c->n++;
	c->used += bytes;
	return NH_OK;
}

static int
nh_copies_add_block(struct nh_map *m, struct nh_copies *c,
		    const struct nh_cursor *cursor, struct nh_line *even)
{
	struct nh_line *line = even;
	int err = NH_OK;

	c->n = c->used = 0;
	while (line && !err) {
		for (unsigned i = 0; i < NH_LINE_SLOTS && !err; i++) {
			struct nh_kv kv = nh_pair_load(&line->pair[i]);

			if (kv.word & NH_WORD_VALID)
				err = nh_copies_add(m, c, cursor, kv);
		}
		if (line == even)
			line = even + 1;
		else
			line = nh_link_target(
				nh_pair_load(&line->pair[NH_LINK_SLOT]));
	}
	return err;
}

/* The entries of the block at the cursor; *last: the last hash it covers. */
static int
nh_copies_take(struct nh_map *m, struct nh_copies *c,
	       const struct nh_cursor *cursor, uint64_t *last)
{
	unsigned number = nh_segment_of(cursor->position);
	struct nh_held held;
	uint64_t end;
	int err = nh_hold(&m->core, cursor->position, false, &held);

	c->n = 0;
	*last = nh_hash_of(number, ~NH_WORD_META);
	if (err)
		return err == NH_ERR_NOTFOUND ? NH_OK : err;
	err = nh_copies_add_block(m, c, cursor, nh_line_even(held.home));
	end = nh_block_end(held.word, nh_table_blocks(held.table));
	nh_release(&held);
	*last = nh_hash_of(number, end - 1);
	return err;
}

static int
nh_shown_order(const void *a, const void *b)
{
	const struct nh_shown *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->tie < y->tie ? -1 : x->tie > y->tie;
}

static int
nh_copies_show(const struct nh_copies *c, struct nh_cursor *cursor,
	       nh_map_scan_fn fn, void *arg)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct nh_shown *s = &c->shown[i];
		struct nh_bytes key = { c->bytes + s->at, s->key_len };
		struct nh_bytes value = { c->bytes + s->at + s->key_len,
					  s->value_len };

		cursor->position = s->hash;
		cursor->within = s->tie;
		if (fn(arg, &key, &value))
			return NH_ERR_STOPPED;
	}
	return NH_OK;
}

/* nh_bytes_scan - as nh_map_scan() */
static int
nh_bytes_scan(struct nh_map *m, struct nh_cursor *cursor, nh_map_scan_fn fn,
	      void *arg)
{
	struct nh_copies c = { 0 };
	int err = NH_OK;

	while (!cursor->done && !err) {
		uint64_t last;

		err = nh_copies_take(m, &c, cursor, &last);
		if (err)
			break;
		if (c.n)
			qsort(c.shown, c.n, sizeof(*c.shown), nh_shown_order);
		err = nh_copies_show(&c, cursor, fn, arg);
		if (err)
			break;
		nh_cursor_pass(cursor, last);
		cursor->within = 0;
	}
	free(c.shown);
	free(c.bytes);
	return err;
}

/* --------------------------------------------------------------------- wipe */

/* Any pair of a block; no line: there is none.  Locked. */
static struct nh_spot
nh_block_any(struct nh_line *even)
{
	for (unsigned i = 0; i < NH_BLOCK_SLOTS; i++)
		if (nh_slot_word(&even[i / 4], i % 4) & NH_WORD_VALID)
			return (struct nh_spot){ &even[i / 4], i % 4 };
	return (struct nh_spot){ NULL, 0 };
}

/*
 * Take up to so many pairs out of the block at *word, and free their entries
 * when nobody can find them any more; then *word is the next block's, or 0.
 */
static int
nh_bytes_wipe_some(struct nh_map *m, unsigned number, uint64_t *word)
{
	uint64_t refs[NH_WIPE_REFS];
	struct nh_spot at;
	struct nh_held held;
	unsigned n = 0;
	int err = nh_hold(&m->core, nh_hash_of(number, *word), false, &held);

	if (err)
		return err;
	while (n < NH_WIPE_REFS) {
		at = nh_block_any(nh_line_even(held.home));
		if (!at.line)
			break;
		/* relaxed: nobody else writes it while it is locked. */
		refs[n++] = nh_load_relaxed(&at.line->pair[at.slot].value);
		nh_block_remove(held.table, nh_line_even(held.home), at);
	}
	if (n < NH_WIPE_REFS)
		*word = nh_block_end(*word, nh_table_blocks(held.table));
	nh_release(&held);
	nh_stripe_add(&nh_stripe_mine(m->core.stripe)->live, -(uint64_t)n);
	for (unsigned i = 0; i < n; i++)
		nh_pins_gone(&m->pins, refs[i]);
	return NH_OK;
}

/* nh_bytes_wipe - remove every pair, block by block */
static int
nh_bytes_wipe(struct nh_map *m)
{
	int err = NH_OK;

	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++) {
		uint64_t word = 0;

		do
			err = nh_bytes_wipe_some(m, i, &word);
		while (!err && word);
		if (err == NH_ERR_NOTFOUND)
			err = NH_OK;
	}
	return err;
}

#endif
