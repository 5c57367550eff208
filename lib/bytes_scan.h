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
	uint64_t last;	/* hash: none after it is wanted */
	bool keys_only; /* no values */
};

static void
nh_copies_free(struct nh_copies *c)
{
	free(c->shown);
	free(c->bytes);
}

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

	if (hash < cursor->position || hash > c->last)
		return NH_OK;
	shape = nh_entry_shape(e, nh_slab_word(&e->header));
	bytes = shape.key_len + (c->keys_only ? 0 : shape.value_len);
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

/* With one word only, or with any (0); `t` is the block's table. */
static int
nh_copies_add_block(struct nh_map *m, struct nh_copies *c,
		    const struct nh_cursor *cursor, const struct nh_table *t,
		    struct nh_line *even, uint64_t word)
{
	struct nh_line *line = even;
	int err = NH_OK;

	while (line && !err) {
		for (unsigned i = 0; i < NH_LINE_SLOTS && !err; i++) {
			struct nh_kv kv = nh_pair_load(&line->pair[i]);

			if (!(kv.word & NH_WORD_VALID) ||
			    (word && (kv.word ^ word) & NH_WORD_KEY))
				continue;
			kv.word = nh_table_plain(t, kv.word);
			err = nh_copies_add(m, c, cursor, kv);
		}
		line = nh_block_next_line(even, line);
	}
	return err;
}

/*
 * The entries of the block at the cursor; *last: the last hash it covers.
 * NH_RETRY, in a segment with a salt: go by nh_bytes_scan_window().
 */
static int
nh_copies_take(struct nh_map *m, struct nh_copies *c,
	       const struct nh_cursor *cursor, uint64_t *last)
{
	unsigned number = nh_segment_of(cursor->position);
	struct nh_held held;
	uint64_t end;
	int err = nh_hold(&m->core, cursor->position, false, &held);

	c->n = c->used = 0;
	*last = nh_hash_of(number, ~NH_WORD_META);
	if (err)
		return err == NH_ERR_NOTFOUND ? NH_OK : err;
	if (nh_unlikely(nh_segment_salted(held.segment, held.size))) {
		nh_release(&held);
		return NH_RETRY;
	}
	err = nh_copies_add_block(m, c, cursor, held.table,
				  nh_line_even(held.home), 0);
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

/* Has the map had a rule, so that keys may have changed their segment? */
static inline bool
nh_map_sharded(const struct nh_map *m)
{
	return nh_shard_generation(&m->shard) != 0;
}

/* The entries with the cursor's hash. */
static int
nh_copies_take_one(struct nh_map *m, struct nh_copies *c,
		   const struct nh_cursor *cursor)
{
	struct nh_held held;
	int err = nh_hold(&m->core, cursor->position, false, &held);

	c->n = 0;
	if (err)
		return err == NH_ERR_NOTFOUND ? NH_OK : err;
	err = nh_copies_add_block(m, c, cursor, held.table,
				  nh_line_even(held.home), held.word);
	nh_release(&held);
	return err;
}

/* Show what was copied, in order. */
static int
nh_copies_show_all(struct nh_copies *c, struct nh_cursor *cursor,
		   nh_map_scan_fn fn, void *arg)
{
	if (c->n)
		qsort(c->shown, c->n, sizeof(*c->shown), nh_shown_order);
	return nh_copies_show(c, cursor, fn, arg);
}

/* Let the cursor stand at a hash, unless it stands there already. */
static void
nh_cursor_reach(struct nh_cursor *cursor, uint64_t hash)
{
	if (cursor->position != hash)
		cursor->within = 0;
	cursor->position = hash;
}

/* What comes next of a segment with a salt, one hash after another. */
static int
nh_bytes_scan_window(struct nh_map *m, struct nh_copies *c,
		     struct nh_cursor *cursor, nh_map_scan_fn fn, void *arg)
{
	unsigned number = nh_segment_of(cursor->position);
	struct nh_window w;
	int err = NH_OK;

	nh_window_take(&m->core, cursor->position, &w);
	for (size_t i = 0; i < w.n && !err; i++) {
		nh_cursor_reach(cursor, nh_hash_of(number, w.word[i]));
		err = nh_copies_take_one(m, c, cursor);
		if (nh_map_sharded(m))
			break;
		if (!err)
			err = nh_copies_show_all(c, cursor, fn, arg);
	}
	if (!err && !nh_map_sharded(m)) {
		nh_cursor_pass(cursor, nh_hash_of(number, w.upto));
		cursor->within = 0;
	}
	nh_window_end(&w);
	return err;
}

/*
 * nh_bytes_scan - as nh_map_scan(); ends early when the map gets its first rule
 *
 * What was copied from a block counts if there was none afterwards: until then
 * no key has left its segment.
 */
static int
nh_bytes_scan(struct nh_map *m, struct nh_cursor *cursor, nh_map_scan_fn fn,
	      void *arg)
{
	struct nh_copies c = { .last = UINT64_MAX };
	int err = NH_OK;

	while (!cursor->done && !err) {
		uint64_t last;

		err = nh_copies_take(m, &c, cursor, &last);
		if (nh_map_sharded(m)) {
			err = err == NH_RETRY ? NH_OK : err;
			break;
		}
		if (err == NH_RETRY) {
			err = nh_bytes_scan_window(m, &c, cursor, fn, arg);
			continue;
		}
		if (!err)
			err = nh_copies_show_all(&c, cursor, fn, arg);
		if (err)
			break;
		nh_cursor_pass(cursor, last);
		cursor->within = 0;
	}
	nh_copies_free(&c);
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
 * Take up to so many pairs out of the block where the walk stands, and free
 * their entries when nobody can find them any more; then go on, if that is all.
 */
static int
nh_bytes_wipe_some(struct nh_map *m, struct nh_walk *walk)
{
	uint64_t refs[NH_WIPE_REFS];
	struct nh_spot at;
	struct nh_held held;
	unsigned n = 0;
	int err = nh_walk_hold(&m->core, walk, &held);

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
		nh_walk_next(walk, &held);
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
		struct nh_walk walk = { .number = i };

		while (!err && !walk.done)
			err = nh_bytes_wipe_some(m, &walk);
		if (err == NH_ERR_NOTFOUND)
			err = NH_OK;
	}
	return err;
}

#endif
