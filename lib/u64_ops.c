/*
 * u64_ops.c - the operations of nh_u64, compiled once for each flavour
 *
 * NH_FLAVOUR_OPS, from the Makefile, names the one symbol that leaves here.
 */
#include <stddef.h>
#include <string.h>

#include "lib/u64_scan.h"
#ifdef NH_AGED
#include "lib/sweep.h"
#endif

#define BATCH 32

/* ------------------------------------------------------------------ reading */

/* In a segment that migrates, has a salt, or has just changed. */
static __attribute__((noinline)) int
get_slowly(const struct nh_u64 *map, uint64_t hash, uint64_t *value)
{
	uint64_t v;

	if (!nh_u64_find((struct nh_core *)&map->core, hash, &v, true))
		return NH_ERR_NOTFOUND;
	*value = v;
	return NH_OK;
}

/* What a quick look compares with: the word, and with ages the present one. */
static inline __attribute__((always_inline)) uint64_t
want_quickly(const struct nh_u64 *m, uint64_t hash)
{
	uint64_t want = nh_want_of(hash);

	if (NH_AGES)
		want &= nh_idle_clock(&m->core, hash);
	return want;
}

/*
 * Beyond the home line, which said that there may be more.  Mostly it is in the
 * other line; a whole pair, seen there, counts like any.
 */
static __attribute__((noinline)) int
get_away(const struct nh_u64 *m, uint64_t hash, uint64_t *value,
	 struct nh_line *home, uint64_t size)
{
	const struct nh_descriptor *d = nh_descriptor_of_hash(&m->core, hash);
	struct nh_found f = nh_line_glance(
		nh_line_other(home), want_quickly(m, hash), &nh_word_quick);
	uint64_t v;
	bool found;

	if (f.hit && !nh_size_changed(d, size)) {
		nh_found_store(&f, value);
		return NH_OK;
	}
	if (nh_unlikely(!nh_size_is_plain(size)))
		return get_slowly(m, hash, value);
	found = nh_block_find(home, nh_word_of(hash), d, size, &v);
	if (nh_unlikely(nh_size_changed(d, size)))
		return get_slowly(m, hash, value);
	if (!found)
		return NH_ERR_NOTFOUND;
	if (NH_AGES)
		nh_block_mark(home, nh_word_of(hash), d, size,
			      nh_age_now(&m->core, hash));
	*value = v;
	return NH_OK;
}

/*
 * The home line of a word, and the size that *d must still have once it has
 * been looked at.  A line of nh_moving_block where the segment is migrating or
 * has a salt.
 */
static inline __attribute__((always_inline)) struct nh_line *
home_quickly(const struct nh_descriptor *d, uint64_t word, uint64_t *size)
{
	/* order(size): acquire, so that the lines are seen filled */
	struct nh_kv kv = nh_pair_load(&d->pair);

	*size = kv.word;
	return (struct nh_line *)(uintptr_t)kv.value +
	       nh_line_index(word, kv.word & NH_SIZE_LINES);
}

/* Not seen in the home line at a glance, or there with another age. */
static __attribute__((noinline)) int
get_carefully(const struct nh_u64 *m, uint64_t hash, uint64_t *value,
	      struct nh_line *home, uint64_t size)
{
	const struct nh_descriptor *d = nh_descriptor_of_hash(&m->core, hash);
	struct nh_found f = nh_line_peek(home, nh_want_of(hash), &nh_word_key);

	if (nh_unlikely(!f.hit && f.flags & nh_word_more(nh_want_of(hash))))
		return get_away(m, hash, value, home, size);
	if (nh_unlikely(nh_size_changed(d, size)))
		return get_slowly(m, hash, value);
	if (nh_likely(!f.hit))
		return NH_ERR_NOTFOUND;
	if (NH_AGES)
		nh_line_mark(home, nh_word_of(hash),
			     nh_age_now(&m->core, hash));
	nh_found_store(&f, value);
	return NH_OK;
}

static inline __attribute__((always_inline)) int
get_at_home(const struct nh_u64 *m, uint64_t hash, uint64_t *value)
{
	uint64_t want = nh_want_of(hash);
	const struct nh_descriptor *d = nh_descriptor_of_hash(&m->core, hash);
	uint64_t size;
	struct nh_line *home = home_quickly(d, want, &size);
	struct nh_found f =
		nh_line_glance(home, want_quickly(m, hash), &nh_word_quick);

	if (nh_unlikely(!f.hit)) {
		if (!NH_AGES && f.flags == NH_LOOK_AGAIN)
			f.flags = nh_line_absent(home, want, &nh_word_key);
		if (NH_AGES || nh_unlikely(f.flags & nh_word_more(want)))
			return get_carefully(m, hash, value, home, size);
		if (nh_likely(!nh_size_changed(d, size)))
			return NH_ERR_NOTFOUND;
		return get_slowly(m, hash, value);
	}
	if (nh_unlikely(nh_size_changed(d, size)))
		return get_slowly(m, hash, value);
	nh_found_store(&f, value);
	return NH_OK;
}

/*
 * In the node's own copy, not seen at a glance: another line, a chain, or not
 * there.  Its version says whether that holds; lib/mirror.h says why.
 */
static __attribute__((noinline)) int
get_from_copy(const struct nh_u64 *m, uint64_t hash, uint64_t *value,
	      const struct nh_view *view)
{
	unsigned segment = nh_segment_of(hash);
	const struct nh_descriptor *d = &view->descriptor[segment];
	uint64_t word = nh_word_of(hash);
	/* order(size): acquire, so that the lines are seen filled */
	struct nh_kv kv = nh_pair_load(&d->pair);
	/* order(view): acquire, so that the versions are seen made */
	const nh_atomic *version =
		(void *)(uintptr_t)nh_load_acquire(&view->version[segment]);
	uint64_t line = nh_line_index(word, kv.word & NH_SIZE_LINES);
	uint64_t v = 0, before;
	bool found;

	if (!version || !nh_size_is_plain(kv.word))
		return get_slowly(m, hash, value);
	/* order(mirror-version): acquire, before the lines are looked at */
	before = nh_load_acquire(&version[line / 2]);
	if (before % 2)
		return get_slowly(m, hash, value);
	found = nh_block_find((struct nh_line *)(uintptr_t)kv.value + line,
			      word, d, kv.word, &v);
	/* relaxed: after acquires that saw what a writer stored, its version
	 * is seen, too. */
	if (nh_load_relaxed(&version[line / 2]) != before ||
	    nh_size_changed(d, kv.word))
		return get_slowly(m, hash, value);
	if (!found)
		return NH_ERR_NOTFOUND;
	*value = v;
	return NH_OK;
}

/* By the view of the node that this thread runs on, or has run on just now. */
static inline int
get_on_node(const struct nh_u64 *m, uint64_t hash, uint64_t *value)
{
	const struct nh_view *view = m->core.mirrors->view[nh_topo_here()];
	const struct nh_descriptor *d = &view->descriptor[nh_segment_of(hash)];
	uint64_t want = nh_want_of(hash);
	uint64_t size;
	struct nh_line *home = home_quickly(d, want, &size);
	/* order(mirror-lock): acquire, before the pair is looked at */
	uint64_t word0 = nh_load_acquire(&nh_line_even(home)->pair[0].word);
	struct nh_found f = nh_line_glance(home, want, &nh_word_key);

	if (nh_unlikely(!f.hit || word0 & NH_WORD_LOCK ||
			nh_size_changed(d, size)))
		return get_from_copy(m, hash, value, view);
	nh_found_store(&f, value);
	return NH_OK;
}

static inline __attribute__((always_inline)) int
get_hashed(const struct nh_u64 *m, uint64_t hash, uint64_t *value)
{
	if (NH_MIRRORS)
		return get_on_node(m, hash, value);
	return get_at_home(m, hash, value);
}

static int
get(const struct nh_u64 *m, uint64_t key, uint64_t *value)
{
	return get_hashed(m, nh_hash(&m->hash, key), value);
}

/* ------------------------------------------------------------------ writing */

/* What a store did.  Small enough to be returned in registers. */
struct stored {
	uint64_t old; /* if the key was found */
	enum { STORED_NOT = 0, STORED_NEW, STORED_FOUND } how;
};

/* Replace a value, or just look at it.  Locked. */
static inline struct stored
store_value(const struct nh_u64 *m, uint64_t hash, struct nh_line *line,
	    unsigned slot, uint64_t value, bool replace)
{
	nh_atomic *at = &line->pair[slot].value;
	/* relaxed: nobody else writes it while it is locked. */
	struct stored did = { nh_load_relaxed(at), STORED_FOUND };

	if (NH_AGES)
		nh_word_mark(&line->pair[slot].word, nh_slot_word(line, slot),
			     nh_age_now(&m->core, hash));
	if (replace)
		/* order(pair): release, as nh_pair_store() */
		nh_store_release(at, value);
	return did;
}

/*
 * Store a key that is not in its home line; the block is locked, and let go.
 * STORED_NOT, and nothing was done, where there is a chain or would be one.
 */
static __attribute__((noinline)) struct stored
store_beside(struct nh_u64 *m, uint64_t hash, uint64_t value, bool replace,
	     struct nh_line *home)
{
	uint64_t word = nh_word_of(hash);
	struct nh_line *even = nh_line_even(home);
	struct nh_line *to = nh_line_other(home);
	struct stored did = { 0, STORED_NOT };
	unsigned match = 0;

	if (nh_unlikely(nh_slot_word(even + 1, NH_LINK_SLOT) & NH_WORD_LINK)) {
		nh_block_unlock(even);
		return did;
	}
	if (nh_slot_word(home, 0) & nh_word_more(word))
		match = nh_line_match(to, word, &nh_word_key);
	if (match) {
		did = store_value(m, hash, to, nh_match_slot(match), value,
				  replace);
		nh_block_unlock(even);
		return did;
	}
	match = nh_line_match(home, 0, &nh_word_taken);
	if (match)
		to = home;
	else
		match = nh_line_match(to, 0, &nh_word_taken);
	if (match && to != home)
		nh_line_mark_more(home, word);
	if (NH_AGES)
		word |= nh_age_now(&m->core, hash);
	if (match) {
		nh_slot_store(to, nh_match_slot(match), word, value);
		did.how = STORED_NEW;
	}
	nh_block_unlock(even);
	if (match)
		nh_stripe_add(&nh_stripe_mine(m->core.stripe)->live, 1);
	return did;
}

/*
 * Store in a block, under its lock.  STORED_NOT, and nothing was done, unless
 * all is as it mostly is: the block is free and has no chain, and the segment
 * has a table that is not migrating.
 *
 * A value that is overwritten is stored alone: its word stays as it is while
 * the block is locked, so a reader gets the old pair or the new one.
 *
 * Short on purpose: the processor fetches the lines of as many calls at a time
 * as fit its window of some hundred instructions.
 */
static inline __attribute__((always_inline)) struct stored
store_quickly(struct nh_u64 *m, uint64_t hash, uint64_t value, bool replace)
{
	const struct nh_descriptor *d = nh_descriptor_of_hash(&m->core, hash);
	uint64_t want = nh_want_of(hash);
	uint64_t size, word0;
	struct nh_line *home = home_quickly(d, want, &size);
	struct nh_line *even = nh_line_even(home);
	struct stored did = { 0, STORED_NOT };
	unsigned match;

	/* There are copies to be locked as well. */
	if (NH_MIRRORS)
		return did;
	if (nh_unlikely(!nh_block_try_lock(even, &word0)))
		return did;
	match = nh_line_match(home, want, &nh_word_key);
	if (nh_unlikely(nh_size_changed(d, size))) {
		nh_block_unlock_as(even, word0);
		return did;
	}
	if (!match)
		return store_beside(m, hash, value, replace, home);
	did = store_value(m, hash, home, nh_match_slot(match), value, replace);
	nh_block_unlock_as(even, word0);
	return did;
}

/* What was found of a key, with its block held. */
struct entry {
	struct nh_held held;
	struct nh_spot at;
	uint64_t value;
};

/* Hold the block of a key, whatever its segment is at. */
static __attribute__((noinline)) int
entry_hold(struct nh_u64 *m, uint64_t hash, bool create, struct entry *e)
{
	int err = nh_hold(&m->core, hash, create, &e->held);

	if (err)
		return err;
	e->at = nh_block_spot(e->held.home, e->held.word);
	e->value = 0;
	if (!e->at.line)
		return NH_OK;
	nh_held_mark(&e->held, e->at);
	/* relaxed: nobody else writes it while it is locked. */
	e->value = nh_load_relaxed(&e->at.line->pair[e->at.slot].value);
	return NH_OK;
}

/* A key that was found in its home line, with its block locked. */
struct seized {
	struct nh_line *home;
	unsigned slot;
	uint64_t size;	/* the descriptor's */
	uint64_t word0; /* what slot 0 of the even line had */
	uint64_t value;
};

/* Hold a key where all is as it mostly is; otherwise nothing is held. */
static inline __attribute__((always_inline)) bool
seize(const struct nh_u64 *m, uint64_t hash, struct seized *z)
{
	const struct nh_descriptor *d = nh_descriptor_of_hash(&m->core, hash);
	uint64_t want = nh_want_of(hash);
	struct nh_line *even;
	struct nh_pair *pair;
	unsigned match;

	z->home = home_quickly(d, want, &z->size);
	even = nh_line_even(z->home);
	/* There are copies to be locked as well. */
	if (NH_MIRRORS || nh_unlikely(!nh_block_try_lock(even, &z->word0)))
		return false;
	match = nh_line_match(z->home, want, &nh_word_key);
	if (nh_unlikely(!match || nh_size_changed(d, z->size))) {
		nh_block_unlock_as(even, z->word0);
		return false;
	}
	z->slot = nh_match_slot(match);
	pair = &z->home->pair[z->slot];
	if (NH_AGES)
		nh_word_mark(&pair->word, nh_slot_word(z->home, z->slot),
			     nh_age_now(&m->core, hash));
	/* relaxed: nobody else writes it while it is locked. */
	z->value = nh_load_relaxed(&pair->value);
	return true;
}

static inline void
seized_set(const struct seized *z, uint64_t value)
{
	/* order(pair): release, as nh_pair_store() */
	nh_store_release(&z->home->pair[z->slot].value, value);
}

static inline void
seized_release(const struct seized *z)
{
	nh_block_unlock_as(nh_line_even(z->home), z->word0);
}

/* The same in full, for what goes on with it. */
static inline void
entry_of_seized(struct nh_u64 *m, uint64_t hash, const struct seized *z,
		struct entry *e)
{
	struct nh_segment *s = &m->core.segment[nh_segment_of(hash)];

	e->held = (struct nh_held){ .segment = s,
				    .table = nh_segment_table(s, z->size),
				    .home = z->home,
				    .hash = hash,
				    .word = nh_word_of(hash),
				    .size = z->size };
	e->at = (struct nh_spot){ z->home, z->slot };
	e->value = z->value;
}

static void
entry_set(struct entry *e, uint64_t value)
{
	/* order(pair): release, as nh_pair_store() */
	nh_store_release(&e->at.line->pair[e->at.slot].value, value);
}

/* Add the key that was not found, and let go.  NH_RETRY or an error: let go. */
static int
entry_add(struct nh_u64 *m, struct entry *e, uint64_t value)
{
	struct nh_place place;
	int err = nh_place_find(&m->core, &e->held, &place);

	if (err)
		return err;
	nh_place_store(&e->held, &place, value);
	nh_added(&m->core, &e->held, place.fresh != NULL);
	return NH_OK;
}

static void
entry_remove(struct nh_u64 *m, struct entry *e)
{
	nh_block_remove(e->held.table, nh_line_even(e->held.home), e->at);
	nh_removed(&m->core, &e->held);
}

/* Store when there is a chain, or somebody else, or a migration. */
static __attribute__((noinline)) int
store_slowly(struct nh_u64 *m, uint64_t hash, uint64_t value, bool replace,
	     struct stored *was)
{
	struct entry e;
	int err;

	do {
		err = entry_hold(m, hash, true, &e);
		if (err)
			return err;
		if (!e.at.line)
			err = entry_add(m, &e, value);
	} while (err == NH_RETRY);
	if (err)
		return err;
	was->how = e.at.line ? STORED_FOUND : STORED_NEW;
	was->old = e.value;
	if (!e.at.line)
		return NH_OK;
	if (replace)
		entry_set(&e, value);
	nh_release(&e.held);
	return NH_OK;
}

static inline __attribute__((always_inline)) int
store_hashed(struct nh_u64 *m, uint64_t hash, uint64_t value, bool replace,
	     struct stored *was)
{
	*was = store_quickly(m, hash, value, replace);
	if (nh_likely(was->how != STORED_NOT))
		return NH_OK;
	return store_slowly(m, hash, value, replace, was);
}

static __attribute__((noinline)) int
put_slowly(struct nh_u64 *m, uint64_t hash, uint64_t value)
{
	struct stored was;

	return store_slowly(m, hash, value, true, &was);
}

static inline int
put_hashed(struct nh_u64 *m, uint64_t hash, uint64_t value)
{
	if (nh_likely(store_quickly(m, hash, value, true).how != STORED_NOT))
		return NH_OK;
	return put_slowly(m, hash, value);
}

static int
put(struct nh_u64 *m, uint64_t key, uint64_t value)
{
	return nh_writable() ?: put_hashed(m, nh_hash(&m->hash, key), value);
}

static int
insert(struct nh_u64 *m, uint64_t key, uint64_t value)
{
	struct stored was;
	int err = nh_writable();

	if (!err)
		err = store_hashed(m, nh_hash(&m->hash, key), value, false,
				   &was);
	if (err)
		return err;
	return was.how == STORED_FOUND ? NH_ERR_EXISTS : NH_OK;
}

static int
load_or_store(struct nh_u64 *m, uint64_t key, uint64_t value, uint64_t *actual,
	      bool *loaded)
{
	uint64_t hash = nh_hash(&m->hash, key);
	struct stored was = { 0, STORED_FOUND };
	int err = nh_writable();

	if (!err && get_hashed(m, hash, &was.old))
		err = store_hashed(m, hash, value, false, &was);
	if (err)
		return err;
	if (actual)
		*actual = was.how == STORED_FOUND ? was.old : value;
	if (loaded)
		*loaded = was.how == STORED_FOUND;
	return NH_OK;
}

static int
swap(struct nh_u64 *m, uint64_t key, uint64_t value, uint64_t *old,
     bool *loaded)
{
	struct stored was;
	int err = nh_writable();

	if (!err)
		err = store_hashed(m, nh_hash(&m->hash, key), value, true,
				   &was);
	if (err)
		return err;
	if (old && was.how == STORED_FOUND)
		*old = was.old;
	if (loaded)
		*loaded = was.how == STORED_FOUND;
	return NH_OK;
}

static __attribute__((noinline)) int
compare_slowly(struct nh_u64 *m, uint64_t hash, uint64_t expected,
	       uint64_t desired)
{
	struct entry e;
	int err = entry_hold(m, hash, false, &e);

	if (err)
		return err;
	if (!e.at.line)
		err = NH_ERR_NOTFOUND;
	else if (e.value != expected)
		err = NH_ERR_MISMATCH;
	else
		entry_set(&e, desired);
	nh_release(&e.held);
	return err;
}

static int
compare_and_swap(struct nh_u64 *m, uint64_t key, uint64_t expected,
		 uint64_t desired)
{
	uint64_t hash = nh_hash(&m->hash, key);
	struct seized z;
	int err = nh_writable();

	if (err)
		return err;
	if (nh_unlikely(!seize(m, hash, &z)))
		return compare_slowly(m, hash, expected, desired);
	if (z.value == expected)
		seized_set(&z, desired);
	seized_release(&z);
	return z.value == expected ? NH_OK : NH_ERR_MISMATCH;
}

/* Add to a value whose key is not in its home line, or was not there yet. */
static __attribute__((noinline)) int
add_slowly(struct nh_u64 *m, uint64_t hash, uint64_t delta, uint64_t *old)
{
	struct entry e;
	int err;

	do {
		err = entry_hold(m, hash, true, &e);
		if (err)
			return err;
		if (!e.at.line)
			err = entry_add(m, &e, delta);
	} while (err == NH_RETRY);
	if (err)
		return err;
	if (e.at.line) {
		entry_set(&e, e.value + delta);
		nh_release(&e.held);
	}
	if (old)
		*old = e.value;
	return NH_OK;
}

static int
fetch_add(struct nh_u64 *m, uint64_t key, uint64_t delta, uint64_t *old)
{
	uint64_t hash = nh_hash(&m->hash, key);
	struct seized z;
	int err = nh_writable();

	if (err)
		return err;
	if (nh_unlikely(!seize(m, hash, &z)))
		return add_slowly(m, hash, delta, old);
	seized_set(&z, z.value + delta);
	seized_release(&z);
	if (old)
		*old = z.value;
	return NH_OK;
}

/* The line of a block without a chain that has the key; *match: where. */
static inline struct nh_line *
line_of(struct nh_line *home, uint64_t word, unsigned *match)
{
	*match = nh_line_match(home, word, &nh_word_key);
	if (nh_likely(*match) || !(nh_slot_word(home, 0) & nh_word_more(word)))
		return home;
	home = nh_line_other(home);
	*match = nh_line_match(home, word, &nh_word_key);
	return home;
}

/* Clear what has no chain behind it; MORE is what this can change. */
static inline void
clear_slot(const struct nh_table *t, struct nh_line *line, unsigned slot,
	   struct nh_line *home)
{
	nh_slot_store(line, slot, 0, 0);
	if (line != home)
		nh_line_unmark_more(t, home);
	if (slot == NH_LINK_SLOT && nh_slot_word(line, 0) & NH_WORD_MORE)
		nh_line_unmark_more(t, line);
}

/*
 * Remove from a block, under its lock, where nothing has to move up.  NH_RETRY,
 * and nothing was done, unless all is as it mostly is; also when it is time to
 * look at the load.
 */
static inline int
remove_quickly(struct nh_u64 *m, uint64_t hash, const uint64_t *expected,
	       uint64_t *old)
{
	struct nh_segment *s = &m->core.segment[nh_segment_of(hash)];
	const struct nh_descriptor *d = nh_descriptor_of_hash(&m->core, hash);
	uint64_t word = nh_word_of(hash);
	uint64_t size;
	struct nh_line *home = home_quickly(d, word, &size);
	struct nh_line *even = nh_line_even(home);
	struct nh_line *line;
	uint64_t word0;
	unsigned match;
	int err = NH_RETRY;

	if (NH_MIRRORS ||
	    nh_unlikely((nh_self.deletes + 1) % NH_DELETES_BETWEEN == 0 ||
			!nh_block_try_lock(even, &word0)))
		return NH_RETRY;
	line = line_of(home, word, &match);
	if (nh_likely(!nh_size_changed(d, size) &&
		      !(nh_slot_word(even + 1, NH_LINK_SLOT) & NH_WORD_LINK))) {
		unsigned slot = match ? nh_match_slot(match) : 0;

		/* relaxed: nobody else writes it while it is locked. */
		*old = nh_load_relaxed(&line->pair[slot].value);
		err = !match			      ? NH_ERR_NOTFOUND
		      : expected && *old != *expected ? NH_ERR_MISMATCH
						      : NH_OK;
		if (!err)
			clear_slot(nh_segment_table(s, size), line, slot, home);
	}
	nh_block_unlock(even);
	if (err)
		return err;
	nh_self.deletes++;
	nh_stripe_add(&nh_stripe_mine(m->core.stripe)->live, (uint64_t)-1);
	return NH_OK;
}

static __attribute__((noinline)) int
remove_slowly(struct nh_u64 *m, uint64_t hash, const uint64_t *expected,
	      uint64_t *old)
{
	struct entry e;
	int err = entry_hold(m, hash, false, &e);

	if (err)
		return err;
	if (!e.at.line)
		err = NH_ERR_NOTFOUND;
	else if (expected && e.value != *expected)
		err = NH_ERR_MISMATCH;
	if (err) {
		nh_release(&e.held);
		return err;
	}
	entry_remove(m, &e);
	*old = e.value;
	return NH_OK;
}

static int
remove_key(struct nh_u64 *m, uint64_t key, const uint64_t *expected,
	   uint64_t *old)
{
	uint64_t hash = nh_hash(&m->hash, key);
	uint64_t was;
	int err = nh_writable();

	if (err)
		return err;
	err = remove_quickly(m, hash, expected, &was);
	if (nh_unlikely(err == NH_RETRY))
		err = remove_slowly(m, hash, expected, &was);
	if (!err && old)
		*old = was;
	return err;
}

/* ------------------------------------------------------------------- update */

/* The callback's answer, carried out; lets the block go. */
static int
update_apply(struct nh_u64 *m, struct entry *e, struct nh_place *place,
	     int verdict, uint64_t value)
{
	bool present = e->at.line != NULL;

	if (verdict == NH_UPDATE_STORE && !present) {
		nh_place_store(&e->held, place, value);
		nh_added(&m->core, &e->held, place->fresh != NULL);
		return NH_OK;
	}
	nh_place_drop(&e->held, place);
	if (verdict == NH_UPDATE_REMOVE && present) {
		entry_remove(m, e);
		return NH_OK;
	}
	if (verdict == NH_UPDATE_STORE)
		entry_set(e, value);
	nh_release(&e->held);
	return verdict >= NH_UPDATE_KEEP && verdict <= NH_UPDATE_REMOVE
		       ? NH_OK
		       : NH_ERR_ARG;
}

/* Hold the key, and find room for it if it is new. */
static __attribute__((noinline)) int
update_hold(struct nh_u64 *m, uint64_t hash, struct entry *e,
	    struct nh_place *place)
{
	int err;

	do {
		err = entry_hold(m, hash, true, e);
		if (err)
			return err;
		if (!e->at.line)
			err = nh_place_find(&m->core, &e->held, place);
	} while (err == NH_RETRY);
	return err;
}

static int
update(struct nh_u64 *m, uint64_t key, nh_u64_update_fn fn, void *arg)
{
	uint64_t hash = nh_hash(&m->hash, key);
	struct nh_place place = { .fresh = NULL };
	struct seized z;
	struct entry e;
	uint64_t value;
	int verdict;
	int err = nh_writable();

	if (err)
		return err;
	if (nh_likely(seize(m, hash, &z)))
		entry_of_seized(m, hash, &z, &e);
	else
		err = update_hold(m, hash, &e, &place);
	if (err)
		return err;
	value = e.value;
	nh_self.in_update = true;
	verdict = fn(arg, key, e.at.line != NULL, &value);
	nh_self.in_update = false;
	return update_apply(m, &e, &place, verdict, value);
}

/* ------------------------------------------------------------------ batches */

/* One get of a batch, between its prefetch and its answer. */
struct probe {
	uint64_t hash, size;
	struct nh_line *home;
};

static inline void
probe_begin(const struct nh_u64 *m, struct probe *p, uint64_t key)
{
	const struct nh_descriptor *d;

	p->hash = nh_hash(&m->hash, key);
	d = nh_descriptor_of_hash(&m->core, p->hash);
	if (NH_MIRRORS)
		d = &m->core.mirrors->view[nh_topo_here()]
			     ->descriptor[nh_segment_of(p->hash)];
	p->home = home_quickly(d, nh_want_of(p->hash), &p->size);
	nh_prefetch(p->home);
}

/* True: answered.  False: to be looked up slowly; its chain is on its way. */
static inline bool
probe_end(const struct nh_u64 *m, const struct probe *p, uint64_t *value,
	  uint8_t *found)
{
	const struct nh_descriptor *d =
		nh_descriptor_of_hash(&m->core, p->hash);
	struct nh_line *line = p->home;
	struct nh_found f;

	if (NH_MIRRORS)
		return false;
	f = nh_line_peek(line, nh_want_of(p->hash), &nh_word_key);
	if (nh_unlikely(nh_size_changed(d, p->size)))
		return false;
	*found = f.hit;
	if (nh_likely(f.hit)) {
		if (NH_AGES)
			nh_line_mark(line, nh_word_of(p->hash),
				     nh_age_now(&m->core, p->hash));
		nh_found_store(&f, value);
		return true;
	}
	if (nh_likely(!(f.flags & nh_word_more(nh_want_of(p->hash)))))
		return true;
	line = nh_line_even(line) + 1;
	nh_prefetch(nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT])));
	return false;
}

static size_t
get_some(const struct nh_u64 *m, const uint64_t *keys, unsigned n,
	 uint64_t *values, uint8_t *found)
{
	struct probe probe[BATCH];
	uint8_t later[BATCH];
	unsigned pending = 0;
	size_t hits = 0;

	for (unsigned i = 0; i < n; i++)
		probe_begin(m, &probe[i], keys[i]);
	for (unsigned i = 0; i < n; i++) {
		if (nh_unlikely(
			    !probe_end(m, &probe[i], &values[i], &found[i])))
			later[pending++] = (uint8_t)i;
		else
			hits += found[i];
	}
	for (unsigned k = 0; k < pending; k++) {
		unsigned i = later[k];

		found[i] = NH_MIRRORS ? get_on_node(m, probe[i].hash,
						    &values[i]) == NH_OK
				      : get_away(m, probe[i].hash, &values[i],
						 probe[i].home,
						 probe[i].size) == NH_OK;
		hits += found[i];
	}
	return hits;
}

static int
get_batch(const struct nh_u64 *m, const uint64_t *keys, size_t n,
	  uint64_t *values, uint8_t *found, size_t *hits)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i += BATCH) {
		unsigned some = n - i < BATCH ? (unsigned)(n - i) : BATCH;

		total += get_some(m, keys + i, some, values + i, found + i);
	}
	if (hits)
		*hits = total;
	return NH_OK;
}

static int
put_some(struct nh_u64 *m, const uint64_t *keys, const uint64_t *values,
	 unsigned n, size_t *done)
{
	struct probe probe[BATCH];
	int err = NH_OK;

	for (unsigned i = 0; i < n; i++) {
		probe_begin(m, &probe[i], keys[i]);
		nh_prefetch_write(nh_line_even(probe[i].home));
	}
	for (unsigned i = 0; i < n && !err; i++) {
		err = put_hashed(m, probe[i].hash, values[i]);
		*done += !err;
	}
	return err;
}

static int
put_batch(struct nh_u64 *m, const uint64_t *keys, const uint64_t *values,
	  size_t n, size_t *done)
{
	size_t total = 0;
	int err = nh_writable();

	for (size_t i = 0; i < n && !err; i += BATCH) {
		unsigned some = n - i < BATCH ? (unsigned)(n - i) : BATCH;

		err = put_some(m, keys + i, values + i, some, &total);
	}
	if (done)
		*done = total;
	return err;
}

/* ---------------------------------------------------------------- whole map */

static struct nh_u64 *
map_of(struct nh_core *core)
{
	return (struct nh_u64 *)((char *)core - offsetof(struct nh_u64, core));
}

static int
clear(struct nh_core *core)
{
	int err = nh_writable();

	if (!err)
		err = nh_u64_wipe(map_of(core));
	if (!err)
		err = nh_core_shrink(core);
	return err;
}

#ifdef NH_AGED
/* Tell of an idle pair that was taken out. */
static void
gone(struct nh_core *core, unsigned segment, struct nh_kv kv)
{
	uint64_t hash = nh_hash_of(segment, kv.word);
	struct nh_idle *idle = core->idle;

	pthread_mutex_lock(&idle->mutex);
	if (idle->evict.u64)
		idle->evict.u64(idle->arg, nh_unhash(&map_of(core)->hash, hash),
				kv.value);
	pthread_mutex_unlock(&idle->mutex);
}

static uint64_t
sweep(struct nh_core *core, unsigned segment)
{
	return nh_segment_sweep(core, segment, gone);
}
#endif

const struct nh_u64_ops NH_FLAVOUR_OPS = {
	.core = {
		.name = NH_FLAVOUR_NAME,
		.salts = true,
		.clear = clear,
		.reserve = nh_core_reserve_op,
		.shrink = nh_core_shrink_op,
		.settle = nh_core_settle_op,
		.lock_down = nh_core_lock_down,
		.rehome = nh_core_rehome_op,
		.hide = nh_segment_hide,
#ifdef NH_MIRRORED
		.mirror = nh_segment_mirror,
#endif
#ifdef NH_AGED
		.sweep = sweep,
#endif
	},
	.get = get,
	.put = put,
	.insert = insert,
	.load_or_store = load_or_store,
	.swap = swap,
	.compare_and_swap = compare_and_swap,
	.fetch_add = fetch_add,
	.update = update,
	.remove = remove_key,
	.get_batch = get_batch,
	.put_batch = put_batch,
	.scan = nh_u64_show,
};
