/*
 * u64_scan.h - what goes over a whole nh_u64: scan and wipe
 */
#ifndef NH_LIB_U64_SCAN_H
#define NH_LIB_U64_SCAN_H

#include "lib/scan.h"
#include "lib/u64.h"

/*
 * nh_u64_find - the pair of a hash, wherever its segment stands
 *
 * Any thread, without a lock.  *value is anything when it is not found. `used`:
 * this counts as a use, where idle reclaim asks.
 */
static bool
nh_u64_find(struct nh_core *m, uint64_t hash, uint64_t *value, bool used)
{
	struct nh_segment *s = &m->segment[nh_segment_of(hash)];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	bool known, found = false;
	struct nh_home home;
	uint64_t size;

	nh_adapt_note(m, hash);
	do {
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		known = nh_segment_home(s, d, size, nh_word_of(hash), &home);
		if (known)
			found = nh_block_find(home.line, home.word, d, size,
					      value);
	} while (!known || nh_size_changed(d, size));
	if (NH_AGES && found && used)
		nh_block_mark(home.line, home.word, d, size,
			      nh_age_now(m, hash));
	return found;
}

/* What comes next of a segment with a salt. */
static int
nh_u64_show_window(struct nh_u64 *m, struct nh_cursor *cursor,
		   nh_u64_scan_fn fn, void *arg)
{
	unsigned segment = nh_segment_of(cursor->position);
	struct nh_window w;
	int err = NH_OK;

	nh_window_take(&m->core, cursor->position, &w);
	for (size_t i = 0; i < w.n && !err; i++) {
		uint64_t hash = nh_hash_of(segment, w.word[i]);
		uint64_t value;

		nh_cursor_pass(cursor, hash);
		if (nh_u64_find(&m->core, hash, &value, false) &&
		    fn(arg, nh_unhash(&m->hash, hash), value))
			err = NH_ERR_STOPPED;
	}
	if (!err)
		nh_cursor_pass(cursor, nh_hash_of(segment, w.upto));
	nh_window_end(&w);
	return err;
}

/* nh_u64_show - as the public nh_u64_scan() */
static int
nh_u64_show(struct nh_u64 *m, struct nh_cursor *cursor, nh_u64_scan_fn fn,
	    void *arg)
{
	struct nh_snapshot snap;

	while (!cursor->done) {
		uint64_t last = nh_core_snapshot(&m->core, cursor, &snap);
		unsigned segment = nh_segment_of(cursor->position);

		if (nh_unlikely(snap.salted)) {
			if (nh_u64_show_window(m, cursor, fn, arg))
				return NH_ERR_STOPPED;
			continue;
		}
		for (unsigned i = 0; i < snap.pairs; i++) {
			uint64_t hash = nh_hash_of(segment, snap.pair[i].word);

			nh_cursor_pass(cursor, hash);
			if (fn(arg, nh_unhash(&m->hash, hash),
			       snap.pair[i].value))
				return NH_ERR_STOPPED;
		}
		nh_cursor_pass(cursor, last);
	}
	return NH_OK;
}

/* --------------------------------------------------------------------- wipe */

/* Remove all pairs of a held block: how many. */
static uint64_t
nh_block_wipe(struct nh_table *t, struct nh_line *even)
{
	struct nh_line *line =
		nh_link_target(nh_pair_load(&even[1].pair[NH_LINK_SLOT]));
	uint64_t n = nh_line_pairs(even) + nh_line_pairs(even + 1);

	for (unsigned i = NH_BLOCK_SLOTS; i-- > 0;)
		nh_slot_store(&even[i / 4], i % 4, 0, 0);
	while (line) {
		struct nh_line *next =
			nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]));

		n += nh_line_pairs(line);
		nh_overflow_free(t, line);
		line = next;
	}
	nh_line_unmark_more(t, even);
	nh_line_unmark_more(t, even + 1);
	return n;
}

static int
nh_segment_wipe(struct nh_u64 *m, unsigned number)
{
	struct nh_walk walk = { .number = number };

	while (!walk.done) {
		struct nh_held held;
		uint64_t n;
		int err = nh_walk_hold(&m->core, &walk, &held);

		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		n = nh_block_wipe(held.table, nh_line_even(held.home));
		nh_walk_next(&walk, &held);
		nh_release(&held);
		nh_stripe_add(&nh_stripe_mine(m->core.stripe)->live, -n);
	}
	return NH_OK;
}

/* nh_u64_wipe - remove every pair, block by block */
static int
nh_u64_wipe(struct nh_u64 *m)
{
	int err = NH_OK;

	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = nh_segment_wipe(m, i);
	return err;
}

#endif
