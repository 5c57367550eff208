/*
 * shard_scan.h - a scan that keys cannot escape by changing their segment
 *
 * A key keeps its position when it moves.  So a map that has had a rule is gone
 * through in the order of positions, all segments side by side:
 *
 *	segment	  0	| window | ...			| positions
 *	segment	  1	| window | ...
 *	  ...
 *	segment 255	| window | ...
 *
 * The keys of a window are copied from one segment after another, sorted, and
 * shown once each, with the values that they have then.  While keys move, this
 * is done twice before anything is shown: a key that was missed in its old
 * segment has come to its new one by the second turn.  When the rules change
 * meanwhile, it begins again.
 *
 * Before a map has its first rule it is scanned in the order of hashes, which
 *is that of its segments.  A scan that began then goes on from the first
 *position and leaves out all keys whose hash is not after where it stood.
 */
#ifndef NH_LIB_SHARD_SCAN_H
#define NH_LIB_SHARD_SCAN_H

#include "lib/shard_move.h"

#define NH_PANE_FIRST 64 /* blocks, about, in all segments together */
#define NH_PANE_MOST 1024

/* A scan under way. */
struct nh_tour {
	struct nh_map *m;
	struct nh_cursor *cursor;
	struct nh_copies copies;
	struct nh_buffer value;
	size_t room; /* in value */
};

/* The last position of the next window of so many blocks. */
static uint64_t
nh_pane_last(struct nh_core *m, uint64_t from, uint64_t blocks)
{
	uint64_t had = 0, width;

	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		/* relaxed: an estimate. */
		uint64_t size = nh_load_relaxed(&m->descriptor[i].size);

		had += nh_table_blocks(nh_segment_table(&m->segment[i], size));
	}
	width = (NH_POSITION + 1) / (had / blocks + 1);
	return NH_POSITION - from < width ? NH_POSITION : from + width - 1;
}

/* One segment's keys of the window; c->last is its end. */
static int
nh_pane_add_segment(struct nh_map *m, struct nh_copies *c,
		    const struct nh_cursor *cursor, unsigned number)
{
	uint64_t position = cursor->position;
	struct nh_held held;
	int err;

	do {
		uint64_t hash = (uint64_t)number << 56 | position;

		err = nh_hold(&m->core, hash, false, &held);
		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		err = nh_copies_add_block(m, c, cursor, held.table,
					  nh_line_even(held.home), 0);
		position =
			nh_block_end(held.word, nh_table_blocks(held.table)) >>
			8;
		nh_release(&held);
	} while (!err && position && position <= c->last);
	return err;
}

/* All keys that are in the window throughout; some of them twice. */
static int
nh_pane_take(struct nh_map *m, struct nh_copies *c,
	     const struct nh_cursor *cursor)
{
	uint64_t generation;
	int err = NH_OK;

	do {
		unsigned turns;

		generation = nh_shard_generation(&m->shard);
		turns = generation & 1 ? 2 : 1;
		c->n = c->used = 0;
		for (unsigned i = 0; i < turns * NH_SEGMENTS && !err; i++)
			err = nh_pane_add_segment(m, c, cursor,
						  i % NH_SEGMENTS);
	} while (!err && generation != nh_shard_generation(&m->shard));
	return err;
}

static bool
nh_shown_same(const struct nh_copies *c, const struct nh_shown *a,
	      const struct nh_shown *b)
{
	return a->hash == b->hash && a->tie == b->tie &&
	       a->key_len == b->key_len &&
	       !memcmp(c->bytes + a->at, c->bytes + b->at, a->key_len);
}

/* Was it shown before the map had its first rule? */
static bool
nh_shown_before(const struct nh_tour *s, const struct nh_shown *key)
{
	const struct nh_cursor then = { .position = s->cursor->shown[0],
					.within = s->cursor->shown[1] };
	uint64_t hash;

	if (!then.position && !then.within)
		return false;
	hash = nh_bytes_hash(&s->m->hash, s->copies.bytes + key->at,
			     key->key_len);
	return !nh_shown_due(&then, hash, key->tie);
}

/* The key's value now; to look is not to use it.  NH_ERR_NOTFOUND,
 * NH_ERR_NOMEM.
 */
static int
nh_tour_get(struct nh_tour *t, const struct nh_bytes *key)
{
	struct nh_key k = nh_key_of(t->m, key->data, key->len);
	struct nh_met met;

	do {
		int err = nh_meet_moving(t->m, &k, &met);

		if (err)
			return err;
		t->value.len = met.shape.value_len;
		if (nh_array_room(&t->value.data, 1, t->value.len, &t->room))
			return NH_ERR_NOMEM;
		nh_entry_copy(met.entry, met.shape.value, t->value.data,
			      t->value.len);
	} while (!nh_met_still(&met));
	return NH_OK;
}

/* Show what is in the window, sorted. */
static int
nh_pane_show(struct nh_tour *s, nh_map_scan_fn fn, void *arg)
{
	const struct nh_copies *c = &s->copies;

	for (size_t i = 0; i < c->n; i++) {
		const struct nh_shown *at = &c->shown[i];
		struct nh_bytes key = { c->bytes + at->at, at->key_len };
		struct nh_bytes value;
		int err;

		if ((i && nh_shown_same(c, at - 1, at)) ||
		    nh_shown_before(s, at))
			continue;
		err = nh_tour_get(s, &key);
		if (err == NH_ERR_NOTFOUND)
			continue;
		if (err)
			return err;
		s->cursor->position = at->hash;
		s->cursor->within = at->tie;
		value = (struct nh_bytes){ s->value.data, s->value.len };
		if (fn(arg, &key, &value))
			return NH_ERR_STOPPED;
	}
	return NH_OK;
}

/* From the order of hashes to that of positions. */
static void
nh_cursor_shard(struct nh_cursor *cursor)
{
	cursor->shown[0] = cursor->position;
	cursor->shown[1] = cursor->within;
	cursor->position = cursor->within = 0;
	cursor->sharded = true;
}

/* nh_shard_scan - as nh_map_scan(), of a map that has had a rule */
static int
nh_shard_scan(struct nh_map *m, struct nh_cursor *cursor, nh_map_scan_fn fn,
	      void *arg)
{
	struct nh_tour s = { .m = m, .cursor = cursor };
	uint64_t blocks = NH_PANE_FIRST;
	int err = NH_OK;

	if (!cursor->sharded)
		nh_cursor_shard(cursor);
	s.copies.keys_only = true;
	while (!cursor->done && !err) {
		s.copies.last =
			nh_pane_last(&m->core, cursor->position, blocks);
		err = nh_pane_take(m, &s.copies, cursor);
		if (!err && s.copies.n)
			qsort(s.copies.shown, s.copies.n,
			      sizeof(*s.copies.shown), nh_shown_order);
		if (!err)
			err = nh_pane_show(&s, fn, arg);
		if (err)
			break;
		cursor->position = s.copies.last + 1;
		cursor->within = 0;
		cursor->done = s.copies.last == NH_POSITION;
		if (blocks < NH_PANE_MOST)
			blocks *= 2;
	}
	nh_copies_free(&s.copies);
	free(s.value.data);
	return err;
}

#endif
