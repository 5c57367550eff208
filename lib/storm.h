/*
 * storm.h - chains that are longer than chance makes them
 *
 * At the loads that tables have, chance does not make a chain of nine lines in
 * the lifetime of anything.  So one that long is the work of somebody who knows
 * the seed, or of keys with equal hashes (of nh_map).  The segment is then
 * moved to a table with a new salt (lib/salt.h), where the keys that met have
 * no more in common than others.
 *
 * What a salt cannot spread is not worth moving for: pairs with the same word
 * stay together.  So those that share the new pair's word are left out of the
 * count; and should moving not help, it is done again only after 2, 4, 8 ...
 * more lines beyond the limit, until the segment has a table of another size.
 */
#ifndef NH_LIB_STORM_H
#define NH_LIB_STORM_H

#include "lib/migrate.h"

#define NH_ACTED_MOST 31 /* doublings */

/* What was seen of a held block that may be in a storm. */
struct nh_sighting {
	uint64_t lines; /* of its chain; 0: no storm, or not worth telling */
	bool spread;	/* another salt would help */
};

static uint64_t
nh_chain_lines(struct nh_line *even)
{
	struct nh_line *line = &even[1];
	uint64_t n = 0;

	while ((line = nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]))))
		n++;
	return n;
}

/* Pairs of a line whose word is not this one.  Locked. */
static unsigned
nh_line_others(const struct nh_line *line, uint64_t word)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		uint64_t w = nh_slot_word(line, i);

		n += w & NH_WORD_VALID && (w ^ word) & NH_WORD_KEY;
	}
	return n;
}

/* Pairs of a held block that have other words than its key. */
static uint64_t
nh_held_others(const struct nh_held *held)
{
	struct nh_line *even = nh_line_even(held->home);
	struct nh_line *line = &even[1];
	uint64_t n = nh_line_others(even, held->word);

	do
		n += nh_line_others(line, held->word);
	while ((line = nh_link_target(
			nh_pair_load(&line->pair[NH_LINK_SLOT]))));
	return n;
}

/* Pairs in a block whose chain is as long as it may be. */
static inline uint64_t
nh_storm_pairs(const struct nh_core *m)
{
	return NH_BLOCK_SLOTS + (NH_LINE_SLOTS - 1) * m->chain_limit;
}

/*
 * Is this line beyond the limit one of those that something is done about?
 *
 *	weather	| how many there were (32 bits) | since then (32 bits) |
 */
static bool
nh_storm_due(nh_atomic *weather)
{
	/* relaxed: how often to do something, about. */
	uint64_t w = nh_add_relaxed(weather, 1) + 1;
	uint64_t acted = w >> 32;

	if ((uint32_t)w < UINT64_C(1) << acted)
		return false;
	acted += acted < NH_ACTED_MOST;
	/* relaxed: as above. */
	nh_store_relaxed(weather, acted << 32);
	return true;
}

/*
 * nh_storm_look - a held block's chain got another line: is it too long?
 *
 * While the segment migrates its chains are about to change anyway.
 */
static struct nh_sighting
nh_storm_look(struct nh_core *m, const struct nh_held *held)
{
	struct nh_sighting seen = { 0, false };
	uint64_t lines;

	if (!m->chain_limit || held->size & NH_SIZE_MIGRATING)
		return seen;
	lines = nh_chain_lines(nh_line_even(held->home));
	if (nh_likely(lines <= m->chain_limit) ||
	    !nh_storm_due(&m->weather[nh_segment_of(held->hash)]))
		return seen;
	seen.lines = lines;
	/* relaxed: a guess; nh_segment_reseed() asks when it matters. */
	seen.spread = !m->fixed && m->ops->salts &&
		      !nh_load_relaxed(&m->plain) &&
		      nh_held_others(held) >= nh_storm_pairs(m);
	return seen;
}

/* Begin to spread a segment's keys over a table of `blocks`. */
static int
nh_storm_reseed(struct nh_core *m, struct nh_segment *s, uint64_t size,
		uint64_t blocks)
{
	uint64_t salt;
	int err = nh_core_random(&salt);

	/* 0, which is no salt, once in 2^64 times: then it is none. */
	return err ?: nh_segment_reseed(m, s, size, blocks, salt);
}

/* nh_storm_tell - count it and call back.  No block locked by this thread. */
static void
nh_storm_tell(struct nh_core *m, unsigned segment,
	      const struct nh_sighting *seen, bool reseeding)
{
	struct nh_storm storm = { segment, seen->lines, reseeding };

	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&m->storms, 1);
	if (m->on_storm)
		m->on_storm(m->storm_arg, &storm);
}

#endif
