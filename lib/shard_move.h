/*
 * shard_move.h - what goes over an nh_map whose keys may change their segment:
 * the mover, the wipe, and the count of one segment
 *
 * There is one mover at a time.  It copies the keys of a block, lets it go,
 *asks both rules where they belong, and takes each one that is in its old
 *place:
 *
 *	lock the old block, and find the key
 *	try to lock the new one
 *	store the pair there, then remove it here
 *	let both go
 *
 * Whoever holds a block waits for no other, so when the new one is not to be
 * had the old one is let go before it is waited for.  Both are held until the
 * key is in one place: a writer that holds either sees no half of it.  A reader
 * that looks into the old place before the new one misses it in neither.
 *
 * The cursor of the mover is a hash of the old rule.  What was put by that rule
 * is in the copies of its block or was put before that was locked first, which
 * closes it: see lib/shard.h.
 */
#ifndef NH_LIB_SHARD_MOVE_H
#define NH_LIB_SHARD_MOVE_H

#include "lib/bytes_scan.h"
#include "lib/shard_find.h"

/* ----------------------------------------------------------------- one key */

/* nh_hold_try - hold the block of a hash if that is to be had at once */
static bool
nh_hold_try(struct nh_core *m, uint64_t hash, struct nh_held *held)
{
	struct nh_segment *s = &m->segment[nh_segment_of(hash)];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	struct nh_home home;
	uint64_t word;

	held->segment = s;
	held->hash = hash;
	held->age = NH_AGES ? nh_age_now(m, hash) : 0;
	held->create = false;
	/* order(size): acquire, so that the tables' fields are seen */
	held->size = nh_load_acquire(&d->size);
	if (!nh_segment_home(s, d, held->size, nh_word_of(hash), &home))
		return false;
	held->table = home.table;
	held->home = home.line;
	held->word = home.word;
	held->old = held->size & NH_SIZE_MIGRATING &&
		    home.table == nh_segment_table(s, held->size);
	if (!nh_block_try_lock(nh_line_even(held->home), &word))
		return false;
	if (!nh_size_changed(d, held->size))
		return true;
	nh_release(held);
	return false;
}

/* nh_place_try - nh_place_find(), if there is room at once */
static bool
nh_place_try(struct nh_held *held, struct nh_place *place)
{
	place->fresh = NULL;
	place->spot = nh_block_free_slot(held->home);
	if (place->spot.line || !nh_chain_needs_line(nh_line_even(held->home)))
		return true;
	place->fresh = nh_overflow_alloc(held->table);
	return place->fresh != NULL;
}

/* Hold a place, and room for one pair there, without waiting. */
static bool
nh_goal_try(struct nh_core *m, uint64_t hash, struct nh_held *held,
	    struct nh_place *place)
{
	if (!nh_hold_try(m, hash, held))
		return false;
	if (nh_place_try(held, place))
		return true;
	nh_release(held);
	return false;
}

/* Wait until what nh_goal_try() wants can be had.  NH_ERR_NOMEM. */
static int
nh_goal_wait(struct nh_core *m, uint64_t hash)
{
	struct nh_place place;
	struct nh_held held;
	int err = nh_hold(m, hash, true, &held);

	if (!err)
		err = nh_place_find(m, &held, &place);
	if (err)
		return err == NH_RETRY ? NH_OK : err;
	nh_place_drop(&held, &place);
	nh_release(&held);
	return NH_OK;
}

/*
 * The age of a pair in another segment; with NH_AGES alone.
 *
 * One step younger, since that one's next step may come sooner: so it does not
 * go before its time, and at most one step after.
 */
static inline uint64_t
nh_age_moved(const struct nh_held *from, struct nh_spot at,
	     const struct nh_held *to)
{
	uint64_t age = nh_slot_word(at.line, at.slot) & NH_WORD_AGE;
	uint64_t steps = (from->age - age) & NH_WORD_AGE;

	return (to->age - (steps ? steps - NH_AGE_STEP : 0)) & NH_WORD_AGE;
}

/* The pair at a spot of a held block, to a place in another; lets both go. */
static void
nh_pair_move(struct nh_core *m, struct nh_held *from, struct nh_spot at,
	     struct nh_held *to, struct nh_place *place)
{
	/* relaxed: nobody else writes it while it is locked. */
	uint64_t ref = nh_load_relaxed(&at.line->pair[at.slot].value);
	bool grow;

	if (NH_AGES)
		to->age = nh_age_moved(from, at, to);
	/* The stores of a pair are releases: in this order for all readers. */
	nh_place_store(to, place, ref);
	nh_block_remove(from->table, nh_line_even(from->home), at);
	grow = place->fresh && nh_held_crowded(m, to);
	nh_release(to);
	/* One more there, one less here. */
	nh_stripe_add(&nh_stripe_mine(m->stripe)->live, 1);
	nh_removed(m, from);
	/* Without memory the chains serve on. */
	if (grow)
		(void)nh_segment_grow(m, to->segment, to->size);
}

/* Move a key that may be in its old place.  NH_ERR_NOMEM: it is there. */
static int
nh_key_move(struct nh_map *m, const struct nh_key *key,
	    const struct nh_places *p)
{
	struct nh_held from, to;
	struct nh_place place;
	struct nh_spot at;
	int err;

	for (;;) {
		err = nh_hold(&m->core, p->old, false, &from);
		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		at = nh_block_key_spot(from.home, key);
		if (!at.line) {
			nh_release(&from);
			return NH_OK;
		}
		if (nh_goal_try(&m->core, p->now, &to, &place))
			break;
		nh_release(&from);
		err = nh_goal_wait(&m->core, p->now);
		if (err)
			return err;
	}
	nh_pair_move(&m->core, &from, at, &to, &place);
	return NH_OK;
}

/* ---------------------------------------------------------------- all keys */

/* As nh_copies_take(), of keys alone, and the block is closed by it. */
static int
nh_copies_close(struct nh_map *m, struct nh_copies *c,
		const struct nh_cursor *cursor, uint64_t *last)
{
	unsigned number = nh_segment_of(cursor->position);
	struct nh_held held;
	int err = nh_hold_closing(&m->core, cursor->position, &held);

	c->n = c->used = 0;
	*last = nh_hash_of(number, ~NH_WORD_META);
	if (err)
		return err == NH_ERR_NOTFOUND ? NH_OK : err;
	err = nh_copies_add_block(m, c, cursor, held.table,
				  nh_line_even(held.home), 0);
	*last = nh_hash_of(
		number,
		nh_block_end(held.word, nh_table_blocks(held.table)) - 1);
	nh_release(&held);
	return err;
}

static int
nh_copies_move(struct nh_map *m, const struct nh_copies *c)
{
	int err = NH_OK;

	for (size_t i = 0; i < c->n && !err; i++) {
		const struct nh_shown *s = &c->shown[i];
		struct nh_key key = { { c->bytes + s->at, s->key_len }, 0, 0 };
		struct nh_places p = nh_places_of(m, &key.bytes);

		key.hash = p.old;
		/* Others are here by the new rule already. */
		if (p.old != p.now && p.old == s->hash)
			err = nh_key_move(m, &key, &p);
	}
	return err;
}

/* Move what is not where the new rule wants it.  NH_ERR_NOMEM. */
static int
nh_shard_sweep(struct nh_map *m)
{
	struct nh_copies c = { .keys_only = true, .last = UINT64_MAX };
	struct nh_cursor cursor = { 0 };
	int err = NH_OK;

	while (!cursor.done && !err) {
		uint64_t last;

		err = nh_copies_close(m, &c, &cursor, &last);
		if (!err)
			err = nh_copies_move(m, &c);
		nh_cursor_pass(&cursor, last);
	}
	nh_copies_free(&c);
	return err;
}

/*
 * Take the salt off one segment, whatever that costs.  NH_ERR_NOMEM.
 *
 * `busy` is changed to what it is once no salt is seen: who has it at that time
 * did not ask for m->plain after it was set, who gets it later does.
 */
static int
nh_segment_plain(struct nh_core *m, unsigned number)
{
	struct nh_segment *s = &m->segment[number];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	unsigned spins = 0;

	for (;; nh_wait(&spins)) {
		int err = nh_segment_settle(m, s);
		/* order(size): acquire, so that the tables' fields are seen */
		uint64_t size = nh_load_acquire(&d->size);
		struct nh_table *t = nh_segment_table(s, size);

		if (!err && !(size & NH_SIZE_MIGRATING) && nh_table_salt(t))
			err = nh_segment_reseed(m, s, size, nh_table_blocks(t),
						0);
		/* order(busy): both: the other way round */
		else if (!err && !nh_add_acqrel(&s->busy, 0) &&
			 !nh_size_changed(d, size))
			return NH_OK;
		if (err)
			return err;
	}
}

/*
 * From now on no segment has a salt: a rule's keys keep their position, and
 * what holds for two segments at a time is argued without.
 */
static int
nh_core_plain(struct nh_core *m)
{
	int err = NH_OK;

	/* relaxed: order(busy) below carries it. */
	nh_store_relaxed(&m->plain, 1);
	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = nh_segment_plain(m, i);
	return err;
}

/* nh_reshard - as nh_map_reshard() */
static int
nh_reshard(struct nh_map *m, nh_segment_fn fn, void *arg)
{
	struct nh_shard *s = &m->shard;
	uint64_t idle = 0;
	int err = NH_OK;

	/* order(reshard): acquire, so the last one's steps are seen */
	if (!nh_cas_acquire(&s->busy, &idle, 1))
		return NH_ERR_BUSY;
	while (!err) {
		if (nh_shard_generation(s) & 1) {
			err = nh_shard_sweep(m);
			if (!err)
				nh_shard_end(s);
		} else if (!nh_shard_is(s, fn, arg)) {
			err = nh_core_plain(&m->core);
			if (!err)
				nh_shard_begin(s, fn, arg);
		} else {
			break;
		}
	}
	/* order(reshard): release, after all that this one did */
	nh_store_release(&s->busy, 0);
	return err;
}

/* --------------------------------------------------------------------- wipe */

/*
 * nh_shard_wipe - remove every pair that was there at the beginning
 *
 * While keys move, one may leave a segment that comes later for one that was
 * before: it is there by the second turn, and nothing moves back.
 */
static int
nh_shard_wipe(struct nh_map *m)
{
	uint64_t generation;
	int err;

	do {
		generation = nh_shard_generation(&m->shard);
		err = nh_bytes_wipe(m);
		if (!err && generation & 1)
			err = nh_bytes_wipe(m);
	} while (!err && generation != nh_shard_generation(&m->shard));
	return err;
}

/* ------------------------------------------------------------ one segment */

/* Pairs of a held block. */
static uint64_t
nh_held_pairs(const struct nh_held *held)
{
	struct nh_line *even = nh_line_even(held->home);
	uint64_t n = 0;

	for (struct nh_line *line = even; line;
	     line = nh_block_next_line(even, line))
		n += nh_line_pairs(line);
	return n;
}

static int
nh_segment_keys(struct nh_core *m, unsigned number, uint64_t *entries)
{
	struct nh_walk walk = { .number = number };
	struct nh_held held;

	*entries = 0;
	while (!walk.done) {
		int err = nh_walk_hold(m, &walk, &held);

		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		if (walk.again)
			*entries = 0;
		walk.again = false;
		*entries += nh_held_pairs(&held);
		nh_walk_next(&walk, &held);
		nh_release(&held);
	}
	return NH_OK;
}

static void
nh_segment_stats_add(struct nh_segment_stats *out, const struct nh_table *t)
{
	uint64_t blocks = nh_table_blocks(t);
	uint64_t lines;

	if (!blocks)
		return;
	lines = 2 * blocks + nh_table_spare(t);
	/* relaxed: a number of its own. */
	out->overflow_lines += nh_load_relaxed(&t->used);
	out->slots += 2 * blocks * NH_LINE_SLOTS;
	out->table_bytes += lines * sizeof(struct nh_line);
}

/* nh_segment_stats_of - as nh_map_segment_stats() */
static int
nh_segment_stats_of(struct nh_map *m, unsigned number,
		    struct nh_segment_stats *out)
{
	struct nh_segment_stats st = { .size = out->size };
	struct nh_segment *s = &m->core.segment[number];
	int err = nh_segment_keys(&m->core, number, &st.entries);
	/* relaxed: numbers of their own. */
	uint64_t size = nh_load_relaxed(&m->core.descriptor[number].size);

	if (err)
		return err;
	nh_segment_stats_add(&st, nh_segment_table(s, size));
	st.migrating = size & NH_SIZE_MIGRATING;
	if (st.migrating)
		nh_segment_stats_add(&st, nh_segment_next(s, size));
	*out = st;
	return NH_OK;
}

#endif
