/*
 * shard.h - rules: which segment a key of nh_map belongs to
 *
 *	hash	| segment (8) | position (56) |
 *
 * By hash, the default, a key's segment is the top 8 bits of its hash.  With a
 * rule it is what the caller's function says.  The position is the hash's all
 * the same, so a key that changes its segment keeps its word, and its place in
 * the order of positions.
 *
 *	generation 2k		rule k % 2 alone
 *	generation 2k + 1	keys move from where rule k % 2 put them, the
 *				old place, to where the other one puts them
 *	0			by hash, and it was never otherwise
 *
 * A pair that somebody finds is the key's, in whatever place: a key is in two
 * places only while the mover holds both locked (lib/shard_move.h).  So only
 * who misses asks for the generation:
 *
 *  - It is 2k before and after: all that time the key could be in one place
 *    only, where it was not.
 *  - It is 2k + 1 before and after, and a reader saw it neither in the old
 *    place nor, later, in the new one.  Had it been in the new one at the first
 *    look, then it left that in between, and not for the old one, which nobody
 *    puts anything into: it was deleted.
 *  - It changed: start over.
 *
 * Nobody puts anything into the old place, because all new keys go to the new
 * one, but for those writers that looked at the generation just before it
 * became odd.  Whoever adds a key holds the lock of its place and asks for the
 * generation after that.  So once somebody who knows that it is odd has had
 * this lock, the old place is *closed*: who locks it next knows too.  Hence,
 * before it adds a key to the new place, a writer closes the old one, and so
 * does the mover before it says that all have moved.  A segment without a table
 * has no lock; nh_hold_closing() says what stands in for it.
 */
#ifndef NH_LIB_SHARD_H
#define NH_LIB_SHARD_H

#include <numahash.h>

#include "arch/arch.h"

#define NH_POSITION ((UINT64_C(1) << 56) - 1)
#define NH_UNSETTLED UINT64_MAX /* no generation */

/* What a caller gave us; 0: by hash. */
struct nh_rule {
	nh_atomic fn, arg;
};

struct nh_shard {
	nh_atomic generation;
	nh_atomic busy; /* a reshard runs */
	struct nh_rule rule[2];
};

/* The hashes a key goes by, in a generation; both the same: it need not move.
 */
struct nh_places {
	uint64_t generation;
	uint64_t old, now;
};

/* nh_shard_init - before other threads */
void nh_shard_init(struct nh_shard *s, nh_segment_fn fn, void *arg);

/* nh_shard_places - where a key of this hash belongs.  Any thread. */
struct nh_places nh_shard_places(const struct nh_shard *s, uint64_t hash,
				 const void *data, size_t len);

/* nh_shard_is - is this the only rule, or the one that keys move to?  busy. */
bool nh_shard_is(const struct nh_shard *s, nh_segment_fn fn, void *arg);

/* nh_shard_begin - from now on keys move to this rule.  busy is ours. */
void nh_shard_begin(struct nh_shard *s, nh_segment_fn fn, void *arg);

/* nh_shard_end - all keys have moved.  busy is ours. */
void nh_shard_end(struct nh_shard *s);

static inline uint64_t
nh_shard_generation(const struct nh_shard *s)
{
	/* order(rules): acquire, so that the rules are seen; and who saw what
	 * was done in a generation finds it here */
	return nh_load_acquire(&s->generation);
}

#endif
