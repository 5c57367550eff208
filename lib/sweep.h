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

/*
 * Count the block at *word; then *word is the next block's, or 0.  False, and
 * nothing was counted: the segment has a salt.
 */
static bool
nh_sweep_look(const struct nh_sweep *sw, uint64_t *word, struct nh_tally *n)
{
	struct nh_segment *s = &sw->m->segment[sw->number];
	const struct nh_descriptor *d = nh_descriptor_of(sw->m, s);
	struct nh_home home;
	uint64_t size, blocks = 0;
	bool known;

	do {
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		known = nh_segment_home(s, d, size, *word, &home);
		if (!known)
			continue;
		if (nh_unlikely(nh_segment_salted(s, size)))
			return false;
		blocks = nh_table_blocks(home.table);
		*n = nh_block_tally(nh_line_even(home.line), sw->idle, d, size);
	} while (!known || nh_size_changed(d, size));
	*word = blocks ? nh_block_end(*word, blocks) : 0;
	return true;
}

/* ------------------------------------------------------------- block locked */

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
		out[n] = nh_pair_load(&at.line->pair[at.slot]);
		out[n].word = nh_table_plain(held->table, out[n].word);
		n++;
		nh_block_remove(held->table, even, at);
		sw->quota--;
	}
	if (!sw->quota)
		nh_block_keep(even, sw->idle);
	return n;
}

/* Take idle ones out of a held block, let go, and tell: was that all? */
static bool
nh_sweep_held(struct nh_sweep *sw, struct nh_held *held)
{
	struct nh_kv out[NH_SWEEP_PAIRS];
	unsigned n = nh_block_reap(sw, held, out);

	nh_release(held);
	nh_stripe_add(&nh_stripe_mine(sw->m->stripe)->live, -(uint64_t)n);
	nh_stripe_add(&nh_stripe_mine(sw->m->stripe)->evicted, n);
	sw->gone += n;
	for (unsigned i = 0; i < n; i++)
		sw->fn(sw->m, sw->number, out[i]);
	return n < NH_SWEEP_PAIRS;
}

/*
 * Sweep the block at `word`.  False: the segment has got a salt.
 *
 * Then it is left alone: a block that others scatter pairs to may have some
 * whose old block still has the say, and which are taken out of here again when
 * memory is out (lib/scatter.h).
 */
static bool
nh_sweep_block(struct nh_sweep *sw, uint64_t word)
{
	struct nh_held held;

	do {
		/* An error: the segment lost its table, so it is empty. */
		if (nh_hold(sw->m, nh_hash_of(sw->number, word), false, &held))
			return true;
		if (nh_unlikely(nh_segment_salted(held.segment, held.size))) {
			nh_release(&held);
			return false;
		}
	} while (!nh_sweep_held(sw, &held));
	return true;
}

/*
 * The same for a whole segment that has a salt, block after block, each held:
 * all that is idle goes, but what the segment is to keep.
 */
static void
nh_sweep_salted(struct nh_sweep *sw)
{
	struct nh_walk walk = { .number = sw->number };
	struct nh_tally all = { 0, 0 };
	struct nh_held held;

	for (; !walk.done; nh_release(&held)) {
		struct nh_line *line;

		if (nh_walk_hold(sw->m, &walk, &held))
			return;
		if (walk.again)
			all = (struct nh_tally){ 0, 0 };
		walk.again = false;
		for (line = nh_line_even(held.home); line;
		     line = nh_block_next_line(nh_line_even(held.home), line))
			nh_line_tally(line, sw->idle, &all);
		nh_walk_next(&walk, &held);
	}
	sw->quota = 0;
	if (all.pairs > sw->m->idle->least)
		sw->quota = all.pairs - sw->m->idle->least;
	walk = (struct nh_walk){ .number = sw->number };
	while (all.idle && !walk.done) {
		struct nh_walk next;

		if (nh_walk_hold(sw->m, &walk, &held))
			return;
		next = walk;
		nh_walk_next(&next, &held);
		if (nh_sweep_held(sw, &held))
			walk = next;
	}
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

static uint64_t
nh_sweep_end(struct nh_sweep *sw)
{
	if (sw->gone)
		nh_sweep_shrink(sw);
	return sw->gone;
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
	struct nh_tally n;

	/* Three steps ago is where the next one will be. */
	sw.idle = (age + NH_AGE_STEP) & NH_WORD_AGE;
	nh_stripe_add(&nh_stripe_mine(m->stripe)->swept, 1);
	do {
		if (!nh_sweep_look(&sw, &word, &n)) {
			nh_sweep_salted(&sw);
			return nh_sweep_end(&sw);
		}
		all.pairs += n.pairs;
		all.idle += n.idle;
	} while (word);
	if (!all.idle)
		return 0;
	if (all.pairs > m->idle->least)
		sw.quota = all.pairs - m->idle->least;
	do {
		uint64_t here = word;

		if (!nh_sweep_look(&sw, &word, &n) ||
		    (n.idle && !nh_sweep_block(&sw, here))) {
			nh_sweep_salted(&sw);
			break;
		}
	} while (word);
	return nh_sweep_end(&sw);
}

#endif
