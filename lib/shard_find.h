/*
 * shard_find.h - find and hold a key of nh_map that may be in either of two
 * places: the slow ways, for misses while keys move
 *
 * lib/shard.h has the argument.
 */
#ifndef NH_LIB_SHARD_FIND_H
#define NH_LIB_SHARD_FIND_H

#include "lib/bytes_find.h"

/* The key by another hash of its own. */
static inline struct nh_key
nh_key_at(const struct nh_key *key, uint64_t hash)
{
	struct nh_key at = *key;

	at.hash = hash;
	return at;
}

/* Does nh_places_of() still say what it said? */
static inline bool
nh_places_hold(const struct nh_map *m, const struct nh_places *p)
{
	return nh_shard_generation(&m->shard) == p->generation;
}

/* nh_meet_at() in a segment with a salt, whatever it is by now. */
static __attribute__((noinline)) int
nh_meet_salted(const struct nh_map *m, const struct nh_key *key,
	       struct nh_met *met)
{
	struct nh_key stored = *key;

	for (;;) {
		struct nh_look look =
			nh_look_salted(&m->core, key->hash, &stored.hash);
		enum nh_seen seen = nh_block_meet(&stored, &look, met);

		if (seen == NH_SEEN_KEY)
			return NH_OK;
		if (seen == NH_SEEN_NOTHING && nh_look_holds(&look))
			return NH_ERR_NOTFOUND;
	}
}

/* nh_meet_at - the key's entry in the place key->hash; NH_ERR_NOTFOUND */
static inline __attribute__((always_inline)) int
nh_meet_at(const struct nh_map *m, const struct nh_key *key, struct nh_met *met)
{
	if (NH_AGES)
		met->hash = key->hash;
	for (;;) {
		struct nh_look look = nh_look_begin(&m->core, key->hash);
		enum nh_seen seen;

		if (nh_likely(nh_home_glance(key, &look, met)))
			return NH_OK;
		seen = nh_block_meet(key, &look, met);
		if (seen == NH_SEEN_KEY)
			return NH_OK;
		if (seen == NH_SEEN_NOTHING && nh_look_holds(&look))
			return nh_unlikely(nh_look_is_salted(&look))
				       ? nh_meet_salted(m, key, met)
				       : NH_ERR_NOTFOUND;
	}
}

/* nh_meet_moving - in the old place, then in the new one */
static __attribute__((noinline)) int
nh_meet_moving(const struct nh_map *m, const struct nh_key *key,
	       struct nh_met *met)
{
	for (;;) {
		struct nh_places p = nh_places_of(m, &key->bytes);
		struct nh_key old = nh_key_at(key, p.old);
		struct nh_key now = nh_key_at(key, p.now);
		int err = NH_ERR_NOTFOUND;

		if (p.old != p.now)
			err = nh_meet_at(m, &old, met);
		if (err)
			err = nh_meet_at(m, &now, met);
		if (!err || nh_places_hold(m, &p))
			return err;
	}
}

/*
 * nh_hold_closing - as nh_hold(), which does not create; a segment without a
 * table is closed too
 *
 * Who gives the segment its first table takes `busy` before that, and asks for
 * the generation later.  We change `busy`, to what it is.  Either that is
 * before the other takes it, who will then see the generation that we have
 * seen; or the other is at it, or done, and we see that.
 */
static int
nh_hold_closing(struct nh_core *m, uint64_t hash, struct nh_held *held)
{
	unsigned spins = 0;

	for (;;) {
		int err = nh_hold(m, hash, false, held);
		struct nh_segment *s = held->segment;

		if (err != NH_ERR_NOTFOUND)
			return err;
		/* order(busy): both: the other way round, if the segment had a
		 * table meanwhile */
		if (!nh_add_acqrel(&s->busy, 0) &&
		    !nh_size_changed(nh_descriptor_of(m, s), held->size))
			return NH_ERR_NOTFOUND;
		nh_wait(&spins);
	}
}

/*
 * nh_hold_moving - hold the place the key is in, or else the new one
 *
 * As nh_hold(), of the key's places as they are now.  A key that is in the old
 * one is left there: that takes no memory, and the mover will come.
 */
static __attribute__((noinline)) int
nh_hold_moving(struct nh_map *m, const struct nh_key *key, bool create,
	       struct nh_held *held)
{
	for (;;) {
		struct nh_places p = nh_places_of(m, &key->bytes);
		int err;

		if (p.old != p.now) {
			err = nh_hold_closing(&m->core, p.old, held);
			if (!err && nh_block_key_spot(held->home, key).line)
				return NH_OK;
			if (!err)
				nh_release(held);
		}
		err = nh_hold(&m->core, p.now, create, held);
		if (nh_places_hold(m, &p))
			return err;
		if (!err)
			nh_release(held);
	}
}

#endif
