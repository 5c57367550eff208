/*
 * bytes_ops.c - the operations of nh_map, compiled once for each flavour
 *
 * NH_FLAVOUR_OPS, from the Makefile, names the one symbol that leaves here.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes_find.h"
#include "lib/bytes_rehome.h"
#include "lib/shard_find.h"
#include "lib/shard_scan.h"
#ifdef NH_AGED
#include "lib/sweep.h"
#endif

#define BATCH 16

/* -------------------------------------------------------------- prefetching */

/* The home line of a key, asked for to be written. */
static inline const struct nh_line *
prefetch_home(const struct nh_map *m, const struct nh_key *key)
{
	struct nh_line *home = nh_look_begin(&m->core, key->hash).home;

	nh_prefetch_write(nh_line_even(home));
	return home;
}

/* The entries that the home line has for this word are wanted next. */
static inline void
prefetch_entry(const struct nh_line *home, uint64_t hash)
{
	uint64_t want = nh_word_of(hash);

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		struct nh_kv kv = nh_pair_load(&home->pair[i]);

		if (!((kv.word ^ want) & NH_WORD_KEY))
			nh_prefetch(nh_ref_entry(kv.value));
	}
}

/* ------------------------------------------------------------------ reading */

/* The entry of a key as it was at some moment; NH_ERR_NOTFOUND. */
static inline int
meet(const struct nh_map *m, const struct nh_key *key, struct nh_met *met)
{
	int err = nh_meet_at(m, key, met);

	if (nh_likely(!err || nh_key_settled(m, key)))
		return err;
	return nh_meet_moving(m, key, met);
}

/* Copy a value out.  NH_ERR_SHORT: only its length. */
static inline int
copy_value(const struct nh_entry *e, const struct nh_shape *shape,
	   struct nh_buffer *out)
{
	size_t room = out->len;

	out->len = shape->value_len;
	if (nh_unlikely(room < shape->value_len))
		return NH_ERR_SHORT;
	nh_entry_copy(e, shape->value, out->data, shape->value_len);
	return NH_OK;
}

static inline int
get_hashed(const struct nh_map *m, const struct nh_key *key,
	   struct nh_buffer *value)
{
	struct nh_buffer out;
	struct nh_met met;
	int err;

	do {
		out = *value;
		err = meet(m, key, &met);
		if (err)
			return err;
		err = copy_value(met.entry, &met.shape, &out);
	} while (nh_unlikely(!nh_met_still(&met)));
	if (NH_AGES)
		nh_word_mark((nh_atomic *)&met.at->word, met.word,
			     nh_age_now(&m->core, met.hash));
	value->len = out.len;
	return err;
}

static int
get(const struct nh_map *m, const struct nh_key *key, struct nh_buffer *value)
{
	return get_hashed(m, key, value);
}

/* ------------------------------------------------------------------ writing */

/* A key's block, locked, and what the key has there. */
struct found {
	struct nh_held held;
	struct nh_spot at;
	uint64_t ref; /* 0: none */
	struct nh_shape shape;
};

/* Look for the key in the block that is held. */
static inline void
find_held(const struct nh_key *key, struct found *f)
{
	const struct nh_entry *e;
	struct nh_key stored;

	f->ref = 0;
	stored = nh_key_stored(key, f->held.word);
	f->at = nh_block_key_spot(f->held.home, &stored);
	if (!f->at.line)
		return;
	nh_held_mark(&f->held, f->at);
	/* relaxed: nobody else writes it while it is locked. */
	f->ref = nh_load_relaxed(&f->at.line->pair[f->at.slot].value);
	e = nh_ref_entry(f->ref);
	f->shape = nh_entry_shape(e, nh_slab_word(&e->header));
}

static int
find_hold(struct nh_map *m, const struct nh_key *key, bool create,
	  struct found *f)
{
	int err = nh_hold(&m->core, key->hash, create, &f->held);

	f->ref = 0;
	if (!err)
		find_held(key, f);
	if (nh_likely(f->ref || nh_key_settled(m, key)))
		return err;
	if (!err)
		nh_release(&f->held);
	err = nh_hold_moving(m, key, create, &f->held);
	if (!err)
		find_held(key, f);
	return err;
}

/* Copy out what is about to go.  NH_ERR_SHORT: nothing may change. */
static int
found_copy(const struct found *f, struct nh_buffer *old)
{
	if (!old)
		return NH_OK;
	return copy_value(nh_ref_entry(f->ref), &f->shape, old);
}

static void
found_set(struct found *f, uint64_t ref)
{
	/* order(pair): release, as nh_pair_store(), after the entry's words */
	nh_store_release(&f->at.line->pair[f->at.slot].value, ref);
}

/* Add the key that was not found, and let go.  NH_RETRY or an error: let go. */
static int
found_add(struct nh_map *m, struct found *f, uint64_t ref)
{
	struct nh_place place;
	int err = nh_place_find(&m->core, &f->held, &place);

	if (err)
		return err;
	nh_place_store(&f->held, &place, ref);
	nh_added(&m->core, &f->held, place.fresh != NULL);
	return NH_OK;
}

/* An entry that is in no table any more.  Its block need not be locked. */
static void
entry_gone(struct nh_map *m, uint64_t ref)
{
	nh_pins_gone(&m->pins, ref);
}

/* Take a found key out, and let go. */
static void
found_remove(struct nh_map *m, struct found *f)
{
	nh_block_remove(f->held.table, nh_line_even(f->held.home), f->at);
	nh_removed(&m->core, &f->held);
	entry_gone(m, f->ref);
}

/*
 * Store with an entry that is ready.  When the key is there already, *loaded,
 * and the entry is used only to replace.
 */
static int
store_entry(struct nh_map *m, const struct nh_key *key, uint64_t ref,
	    bool replace, struct nh_buffer *old, bool *loaded)
{
	struct found f;
	int err;

	do {
		err = find_hold(m, key, true, &f);
		if (err)
			return err;
		if (!f.ref)
			err = found_add(m, &f, ref);
	} while (err == NH_RETRY);
	*loaded = f.ref != 0;
	if (err || !f.ref)
		return err;
	err = found_copy(&f, old);
	if (!err && replace)
		found_set(&f, ref);
	nh_release(&f.held);
	if (!err && replace)
		entry_gone(m, f.ref);
	return err;
}

/*
 * With `replace`: put, handing out what was there; without: only if the key is
 * absent, handing out what is there.
 */
static int
store(struct nh_map *m, const struct nh_key *key, const struct nh_bytes *value,
      bool replace, struct nh_buffer *old, bool *loaded)
{
	struct nh_buffer probe = { NULL, 0 };
	const struct nh_line *home;
	bool had = false;
	uint64_t ref;
	int err = nh_writable();

	if (err)
		return err;
	/* Who comes second mostly comes to look: no entry is made for that. */
	if (!replace) {
		err = get_hashed(m, key, old ? old : &probe);
		*loaded = err != NH_ERR_NOTFOUND;
		if (*loaded)
			return old ? err : NH_OK;
	}
	home = prefetch_home(m, key);
	ref = nh_entry_make(nh_map_slab(m, key->hash), &key->bytes, value);
	if (!ref)
		return NH_ERR_NOMEM;
	prefetch_entry(home, key->hash);
	err = store_entry(m, key, ref, replace, old, &had);
	if (err || (had && !replace))
		nh_entry_free(&m->slabs, ref);
	*loaded = had;
	return err;
}

/*
 * Replace (`desired`) or remove (NULL) a key that is there, if its value is the
 * expected one (NULL: any), handing out what was there.
 */
static int
change(struct nh_map *m, const struct nh_key *key,
       const struct nh_bytes *expected, const struct nh_bytes *desired,
       struct nh_buffer *old)
{
	struct found f;
	uint64_t ref = 0;
	int err = nh_writable();

	if (!err && desired) {
		ref = nh_entry_make(nh_map_slab(m, key->hash), &key->bytes,
				    desired);
		err = ref ? NH_OK : NH_ERR_NOMEM;
	}
	if (err)
		return err;
	err = find_hold(m, key, false, &f);
	if (err)
		goto drop;
	if (!f.ref)
		err = NH_ERR_NOTFOUND;
	else if (expected &&
		 !nh_entry_has_value(nh_ref_entry(f.ref), &f.shape, expected))
		err = NH_ERR_MISMATCH;
	else
		err = found_copy(&f, old);
	if (!err && !desired) {
		found_remove(m, &f);
		return NH_OK;
	}
	if (!err)
		found_set(&f, ref);
	nh_release(&f.held);
	if (!err)
		entry_gone(m, f.ref);
drop:
	if (err && ref)
		nh_entry_free(&m->slabs, ref);
	return err;
}

/* ------------------------------------------------------------------- update */

/* A plain copy of a value, for a callback to look at.  NULL: no memory. */
static void *
value_copy(const struct found *f)
{
	void *copy = malloc(f->shape.value_len + 1);

	if (copy)
		nh_entry_copy(nh_ref_entry(f->ref), f->shape.value, copy,
			      f->shape.value_len);
	return copy;
}

/* The callback's answer, carried out; lets the block go. */
static int
update_apply(struct nh_map *m, const struct nh_key *key, struct found *f,
	     struct nh_place *place, int verdict, const struct nh_bytes *value)
{
	uint64_t ref = 0;
	int err = NH_OK;

	if (verdict < NH_UPDATE_KEEP || verdict > NH_UPDATE_REMOVE)
		err = NH_ERR_ARG;
	if (verdict == NH_UPDATE_STORE) {
		if (value->len > NH_VALUE_MAX || (value->len && !value->data))
			err = NH_ERR_ARG;
		else
			ref = nh_entry_make(nh_map_slab(m, key->hash),
					    &key->bytes, value);
		err = err || ref ? err : NH_ERR_NOMEM;
	}
	if (!err && ref && !f->ref) {
		nh_place_store(&f->held, place, ref);
		nh_added(&m->core, &f->held, place->fresh != NULL);
		return NH_OK;
	}
	nh_place_drop(&f->held, place);
	if (!err && verdict == NH_UPDATE_REMOVE && f->ref) {
		found_remove(m, f);
		return NH_OK;
	}
	if (ref)
		found_set(f, ref);
	nh_release(&f->held);
	if (ref)
		entry_gone(m, f->ref);
	return err;
}

static int
update(struct nh_map *m, const struct nh_key *key, nh_map_update_fn fn,
       void *arg)
{
	struct nh_place place = { .fresh = NULL };
	struct nh_bytes value = { NULL, 0 };
	struct found f;
	void *copy = NULL;
	int verdict;
	int err = nh_writable();

	if (err)
		return err;
	do {
		err = find_hold(m, key, true, &f);
		if (err)
			return err;
		if (!f.ref)
			err = nh_place_find(&m->core, &f.held, &place);
	} while (err == NH_RETRY);
	if (err)
		return err;
	if (f.ref) {
		copy = value_copy(&f);
		if (!copy) {
			nh_release(&f.held);
			return NH_ERR_NOMEM;
		}
		value = (struct nh_bytes){ copy, f.shape.value_len };
	}
	nh_self.in_update = true;
	verdict = fn(arg, &key->bytes, f.ref != 0, &value);
	nh_self.in_update = false;
	err = update_apply(m, key, &f, &place, verdict, &value);
	free(copy);
	return err;
}

/* --------------------------------------------------------------------- pins */

/*
 * The pin is counted and the flag is set before the block is let go: whoever
 * takes the entry out of the table has locked the block since, and sees both.
 */
static int
pin(struct nh_map *m, const struct nh_key *key, struct nh_pin *out)
{
	struct found f;
	int err = nh_writable();

	if (!err)
		err = find_hold(m, key, false, &f);
	if (err)
		return err;
	err = f.ref ? nh_pins_add(&m->pins, f.ref) : NH_ERR_NOTFOUND;
	if (!err && !(f.ref & NH_REF_PINNED))
		found_set(&f, f.ref | NH_REF_PINNED);
	nh_release(&f.held);
	if (err)
		return err;
	out->value = (const char *)nh_ref_entry(f.ref) + f.shape.value;
	out->len = f.shape.value_len;
	out->own[0] = f.ref & ~NH_REF_FLAGS;
	out->own[1] = 0;
	return NH_OK;
}

/* ------------------------------------------------------------------ batches */

static size_t
get_some(const struct nh_map *m, const struct nh_bytes *keys, unsigned n,
	 struct nh_buffer *values, int *results)
{
	const struct nh_line *home[BATCH];
	struct nh_key key[BATCH];
	size_t hits = 0;

	for (unsigned i = 0; i < n; i++) {
		key[i] = nh_key_of(m, keys[i].data, keys[i].len);
		home[i] = nh_look_begin(&m->core, key[i].hash).home;
		nh_prefetch(home[i]);
	}
	for (unsigned i = 0; i < n; i++)
		prefetch_entry(home[i], key[i].hash);
	for (unsigned i = 0; i < n; i++) {
		results[i] = get_hashed(m, &key[i], &values[i]);
		hits += results[i] == NH_OK;
	}
	return hits;
}

static int
get_batch(const struct nh_map *m, const struct nh_bytes *keys, size_t n,
	  struct nh_buffer *values, int *results, size_t *hits)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i += BATCH) {
		unsigned some = n - i < BATCH ? (unsigned)(n - i) : BATCH;

		total += get_some(m, keys + i, some, values + i, results + i);
	}
	if (hits)
		*hits = total;
	return NH_OK;
}

static int
put_some(struct nh_map *m, const struct nh_bytes *keys,
	 const struct nh_bytes *values, unsigned n, size_t *done)
{
	struct nh_key key[BATCH];
	bool loaded;
	int err = NH_OK;

	for (unsigned i = 0; i < n; i++) {
		key[i] = nh_key_of(m, keys[i].data, keys[i].len);
		prefetch_home(m, &key[i]);
	}
	for (unsigned i = 0; i < n && !err; i++) {
		err = store(m, &key[i], &values[i], true, NULL, &loaded);
		*done += !err;
	}
	return err;
}

static int
put_batch(struct nh_map *m, const struct nh_bytes *keys,
	  const struct nh_bytes *values, size_t n, size_t *done)
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

static int
scan(struct nh_map *m, struct nh_cursor *cursor, nh_map_scan_fn fn, void *arg)
{
	int err = nh_writable();

	if (!err && !cursor->sharded && !nh_map_sharded(m))
		err = nh_bytes_scan(m, cursor, fn, arg);
	if (!err && !cursor->done)
		err = nh_shard_scan(m, cursor, fn, arg);
	return err;
}

static int
reshard(struct nh_map *m, nh_segment_fn fn, void *arg)
{
	return nh_writable() ?: nh_reshard(m, fn, arg);
}

static int
segment_stats(struct nh_map *m, unsigned number, struct nh_segment_stats *out)
{
	return nh_writable() ?: nh_segment_stats_of(m, number, out);
}

static struct nh_map *
map_of(struct nh_core *core)
{
	return (struct nh_map *)((char *)core - offsetof(struct nh_map, core));
}

static int
clear(struct nh_core *core)
{
	struct nh_map *m = map_of(core);
	int err = nh_writable();

	if (!err)
		err = nh_shard_wipe(m);
	if (!err)
		err = nh_core_shrink(core);
	nh_slabs_trim(&m->slabs);
	return err;
}

static int
shrink(struct nh_core *core)
{
	int err = nh_core_shrink_op(core);

	nh_slabs_trim(&map_of(core)->slabs);
	return err;
}

/*
 * Entries go after their table.  Those that do not find room on the node stay
 * where they are: NH_ERR_NOMEM.
 */
static int
rehome(struct nh_core *core, unsigned segment)
{
	int err = nh_core_rehome_op(core, segment);

	return err ?: nh_entries_rehome(map_of(core), segment);
}

#ifdef NH_AGED
/* Tell of an idle pair that was taken out, then let its entry go. */
static void
gone(struct nh_core *core, unsigned segment, struct nh_kv kv)
{
	const struct nh_entry *e = nh_ref_entry(kv.value);
	struct nh_shape shape = nh_entry_shape(e, nh_slab_word(&e->header));
	const char *bytes = (const char *)e;
	struct nh_bytes key = { bytes + shape.key, shape.key_len };
	struct nh_bytes value = { bytes + shape.value, shape.value_len };
	struct nh_idle *idle = core->idle;

	(void)segment;
	pthread_mutex_lock(&idle->mutex);
	if (idle->evict.map)
		idle->evict.map(idle->arg, &key, &value);
	pthread_mutex_unlock(&idle->mutex);
	entry_gone(map_of(core), kv.value);
}

static uint64_t
sweep(struct nh_core *core, unsigned segment)
{
	return nh_segment_sweep(core, segment, gone);
}
#endif

const struct nh_bytes_ops NH_FLAVOUR_OPS = {
	.core = {
		.name = NH_FLAVOUR_NAME,
		.salts = true,
		.clear = clear,
		.reserve = nh_core_reserve_op,
		.shrink = shrink,
		.settle = nh_core_settle_op,
		.lock_down = nh_core_lock_down,
		.rehome = rehome,
		.hide = nh_segment_hide,
#ifdef NH_AGED
		.sweep = sweep,
#endif
	},
	.get = get,
	.store = store,
	.change = change,
	.update = update,
	.pin = pin,
	.get_batch = get_batch,
	.put_batch = put_batch,
	.scan = scan,
	.reshard = reshard,
	.segment_stats = segment_stats,
};
