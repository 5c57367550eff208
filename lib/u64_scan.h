/*
 * u64_scan.h - what goes over a whole nh_u64: scan and wipe
 */
#ifndef NH_LIB_U64_SCAN_H
#define NH_LIB_U64_SCAN_H

#include "lib/scan.h"
#include "lib/u64.h"

/* nh_u64_show - as the public nh_u64_scan() */
static int
nh_u64_show(struct nh_u64 *m, struct nh_cursor *cursor, nh_u64_scan_fn fn,
	    void *arg)
{
	struct nh_snapshot snap;

	while (!cursor->done) {
		uint64_t last = nh_core_snapshot(&m->core, cursor, &snap);
		unsigned segment = nh_segment_of(cursor->position);

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
	uint64_t word = 0;

	do {
		struct nh_held held;
		uint64_t n;
		int err;

		err = nh_hold(&m->core, nh_hash_of(number, word), false, &held);
		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		n = nh_block_wipe(held.table, nh_line_even(held.home));
		word = nh_block_end(word, nh_table_blocks(held.table));
		nh_release(&held);
		nh_stripe_add(&nh_stripe_mine(m->core.stripe)->live, -n);
	} while (word);
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
