/*
 * sweep.h - take out of a segment what is idle
 *
 * Readers are never kept waiting, and writers only of a block that has idle
 * entries, for as long as a few of them take.  A segment is first looked over
 * without a lock; mostly that is all.
 */
#ifndef NH_LIB_SWEEP_H
#define NH_LIB_SWEEP_H

#include "lib/idle.h"
#include "lib/scan.h"

#define NH_SWEEP_PAIRS 32 /* taken out of a block at a time */

/* What a kind of map does with a pair that was taken out; no lock is held. */
typedef void (*nh_gone_fn)(struct nh_core *m, unsigned segment,
			   struct nh_kv kv);

/* A segment being swept. */
struct nh_sweep {
	struct nh_core *m;
	unsigned number;
	uint64_t idle;	/* the age of those that are */
	uint64_t quota; /* so many may still go */
	uint64_t gone;
	nh_gone_fn fn;
};

static inline bool
nh_word_is_idle(uint64_t word, uint64_t idle)
{
	return word & NH_WORD_VALID && !((word ^ idle) & NH_WORD_AGE);
}

/* ----------------------------------------------------------- without a lock */

struct nh_tally {
	uint64_t pairs, idle;
};

/* Returns what slot 3 had. */
static struct nh_kv
nh_line_tally(const struct nh_line *line, uint64_t idle, struct nh_tally *n)
{
	struct nh_kv kv = { 0, 0 };

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		kv = nh_pair_load(&line->pair[i]);
		n->pairs += kv.word & NH_WORD_VALID;
		n->idle += nh_word_is_idle(kv.word, idle);
	}
	return kv;
}

/* Count a block's pairs; none is missed, for nh_snapshot_take()'s reasons. */
static struct nh_tally
nh_block_tally(const struct nh_line *even, uint64_t idle,
	       const struct nh_descriptor *d, uint64_t size)
{
	const struct nh_pair *at = &even[1].pair[NH_LINK_SLOT];
	const struct nh_line *line;
	struct nh_tally n;
	struct nh_kv link;

	do {
		n = (struct nh_tally){ 0, 0 };
		link = nh_pair_load(at);
		nh_line_tally(even, idle, &n);
		nh_line_tally(even + 1, idle, &n);
		line = nh_link_target(link);
		while (line && !nh_size_changed(d, size))
			line = nh_link_target(nh_line_tally(line, idle, &n));
		/* order(link): acquire, after the chain: see line.h, (b) */
	} while (nh_load_acquire(&at->word) != link.word &&
		 !nh_size_changed(d, size));
	return n;
}

/* Count the block at *word; then *word is the next block's, or 0. */
static struct nh_tally
nh_sweep_look(const struct nh_sweep *sw, uint64_t *word)
{
	struct nh_segment *s = &sw->m->segment[sw->number];
	const struct nh_descriptor *d = nh_descriptor_of(sw->m, s);
	struct nh_tally n = { 0, 0 };
	uint64_t size, blocks = 0;
	struct nh_line *home;

	do {
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		home = nh_segment_home(s, d, size, *word);
		if (!home)
			continue;
		blocks = nh_home_blocks(s, size, *word, home);
		n = nh_block_tally(nh_line_even(home), sw->idle, d, size);
	} while (!home || nh_size_changed(d, size));
	*word = blocks ? nh_block_end(*word, blocks) : 0;
	return n;
}

/* ------------------------------------------------------------- block locked */

/* The next line of a block: even, odd, then the chain; NULL.  Locked. */
static inline struct nh_line *
nh_block_next_line(struct nh_line *even, struct nh_line *line)
{
	if (line == even)
		return even + 1;
	return nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]));
}

/* Any pair that is idle; no line: there is none.  Locked. */
static struct nh_spot
nh_block_idle(struct nh_line *even, uint64_t idle)
{
	struct nh_line *line = even;

	for (; line; line = nh_block_next_line(even, line))
		for (unsigned i = 0; i < NH_LINE_SLOTS; i++)
			if (nh_word_is_idle(nh_slot_word(line, i), idle))
				return (struct nh_spot){ line, i };
	return (struct nh_spot){ NULL, 0 };
}

/* Make the idle ones one step younger: they stay.  Locked. */
static void
nh_block_keep(struct nh_line *even, uint64_t idle)
{
	uint64_t age = (idle + NH_AGE_STEP) & NH_WORD_AGE;
	struct nh_spot at;

	while ((at = nh_block_idle(even, idle)).line)
		nh_word_mark(&at.line->pair[at.slot].word,
			     nh_slot_word(at.line, at.slot), age);
}

/* Take up to NH_SWEEP_PAIRS idle ones out of a block: how many.  Locked. */
static unsigned
nh_block_reap(struct nh_sweep *sw, struct nh_held *held, struct nh_kv *out)
{
	struct nh_line *even = nh_line_even(held->home);
	unsigned n = 0;
	struct nh_spot at;

	while (n < NH_SWEEP_PAIRS && sw->quota &&
	       (at = nh_block_idle(even, sw->idle)).line) {
		out[n++] = nh_pair_load(&at.line->pair[at.slot]);
		nh_block_remove(held->table, even, at);
		sw->quota--;
	}
	if (!sw->quota)
		nh_block_keep(even, sw->idle);
	return n;
}

/* Sweep the block at *word; then *word is the next block's, or 0. */
static void
nh_sweep_block(struct nh_sweep *sw, uint64_t *word)
{
	struct nh_kv out[NH_SWEEP_PAIRS];
	struct nh_held held;
	uint64_t end;
	unsigned n;

	do {
		if (nh_hold(sw->m, nh_hash_of(sw->number, *word), false,
			    &held)) {
			*word = 0; /* the segment lost its table: empty */
			return;
		}
		n = nh_block_reap(sw, &held, out);
		end = nh_block_end(*word, nh_table_blocks(held.table));
		nh_release(&held);
		nh_stripe_add(&nh_stripe_mine(sw->m->stripe)->live,
			      -(uint64_t)n);
		nh_stripe_add(&nh_stripe_mine(sw->m->stripe)->evicted, n);
		sw->gone += n;
		for (unsigned i = 0; i < n; i++)
			sw->fn(sw->m, sw->number, out[i]);
	} while (n == NH_SWEEP_PAIRS);
	*word = end;
}

/* ------------------------------------------------------------------ segment */

/* Let the table fit what is left.  No memory: it stays as large as it is. */
static void
nh_sweep_shrink(struct nh_sweep *sw)
{
	struct nh_segment *s = &sw->m->segment[sw->number];
	struct nh_held held;
	uint64_t to;

	while (!nh_hold(sw->m, nh_hash_of(sw->number, 0), false, &held)) {
		to = nh_held_shrink(sw->m, &held);
		nh_release(&held);
		if (!to || nh_segment_move(sw->m, s, held.size, to) ||
		    nh_segment_settle(sw->m, s))
			return;
	}
}

/*
 * nh_segment_sweep - after a step of the segment's clock: how many went
 *
 * Counts before it takes anything, to know how many may go; deletes by others
 * meanwhile are not seen.
 */
static uint64_t
nh_segment_sweep(struct nh_core *m, unsigned number, nh_gone_fn fn)
{
	uint64_t age = nh_age_now(m, nh_hash_of(number, 0));
	struct nh_sweep sw = { m, number, 0, 0, 0, fn };
	struct nh_tally all = { 0, 0 };
	uint64_t word = 0;

	/* Three steps ago is where the next one will be. */
	sw.idle = (age + NH_AGE_STEP) & NH_WORD_AGE;
	do {
		struct nh_tally n = nh_sweep_look(&sw, &word);

		all.pairs += n.pairs;
		all.idle += n.idle;
	} while (word);
	nh_stripe_add(&nh_stripe_mine(m->stripe)->swept, 1);
	if (!all.idle)
		return 0;
	if (all.pairs > m->idle->least)
		sw.quota = all.pairs - m->idle->least;
	do {
		uint64_t here = word;

		if (nh_sweep_look(&sw, &word).idle) {
			nh_sweep_block(&sw, &here);
			word = here;
		}
	} while (word);
	if (sw.gone)
		nh_sweep_shrink(&sw);
	return sw.gone;
}

#endif
