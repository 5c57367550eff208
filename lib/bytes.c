/*
 * bytes.c - nh_map as the public sees it: arguments checked, then the flavour
 */
#include "lib/bytes.h"

#include <stdlib.h>

#include "lib/idle.h"
#include "lib/placement.h"

/* ------------------------------------------------------- create and destroy */

static const struct nh_bytes_ops *const flavours[] = {
	&nh_bytes_ops_generic,
#if NH_ARCH_HAS_MODULE
	&nh_bytes_ops_native,
	&nh_bytes_ops_wide,
#endif
};

/* The same, with ages. */
static const struct nh_bytes_ops *const aged[] = {
	&nh_bytes_ops_generic_aged,
#if NH_ARCH_HAS_MODULE
	&nh_bytes_ops_native_aged,
	&nh_bytes_ops_wide_aged,
#endif
};

static int
init_map(void *map, const struct nh_config *c)
{
	struct nh_map *m = map;
	int level = nh_core_level(c);
	int err = level < 0 ? level
			    : nh_bytes_hash_init(&m->hash, c->hash, c->seed);

	if (!err)
		err = nh_slabs_init(&m->slabs);
	if (err)
		return err;
	nh_shard_init(&m->shard, c->segment, c->segment_arg);
	/* relaxed: no other thread has the map yet; lib/shard_move.h. */
	nh_store_relaxed(&m->core.plain, c->segment != NULL);
	m->ops = (c->idle ? aged : flavours)[level];
	nh_pins_init(&m->pins, &m->slabs, c);
	return nh_core_init(&m->core, &m->ops->core, c);
}

static void
free_map(void *map)
{
	struct nh_map *m = map;

	if (m->ops) {
		nh_core_fini(&m->core);
		nh_pins_fini(&m->pins);
		nh_slabs_fini(&m->slabs);
	}
	free(m);
}

struct nh_map *
nh_map_create(const struct nh_config *config, int *err)
{
	return nh_core_create(config, sizeof(struct nh_map), init_map, free_map,
			      err);
}

void
nh_map_destroy(struct nh_map *m)
{
	if (m)
		free_map(m);
}

/* ------------------------------------------------------------------- checks */

static bool
key_is_legal(const void *key, size_t len)
{
	return key && len && len <= NH_KEY_MAX;
}

/* Something to store or to compare with. */
static bool
value_is_legal(const void *value, size_t len)
{
	return (value || !len) && len <= NH_VALUE_MAX;
}

/* A buffer to copy to; `len` tells its room. */
static bool
room_is_legal(const void *value, const size_t *len)
{
	return len && (value || !*len);
}

/* The same, where nobody need want it: both NULL. */
static bool
room_is_optional(const void *value, const size_t *len)
{
	return (!value && !len) || room_is_legal(value, len);
}

/* What an operation wrote into a buffer, told to the caller. */
static int
told(int err, const struct nh_buffer *buffer, size_t *len)
{
	if (len && (err == NH_OK || err == NH_ERR_SHORT))
		*len = buffer->len;
	return err;
}

/* --------------------------------------------------------------- operations */

struct nh_key
nh_key_sharded(const struct nh_map *m, const void *data, size_t len)
{
	struct nh_bytes bytes = { data, len };
	struct nh_places p = nh_places_of(m, &bytes);
	bool moving = p.generation & 1;

	return (struct nh_key){ bytes, p.now,
				moving ? NH_UNSETTLED : p.generation };
}

int
nh_map_get(const struct nh_map *m, const void *key, size_t key_len, void *value,
	   size_t *value_len)
{
	struct nh_buffer out;
	struct nh_key k;

	if (!m || !key_is_legal(key, key_len) ||
	    !room_is_legal(value, value_len))
		return NH_ERR_ARG;
	k = nh_key_of(m, key, key_len);
	out = (struct nh_buffer){ value, *value_len };
	return told(m->ops->get(m, &k, &out), &out, value_len);
}

/* All that may store a new key. */
static int
store(struct nh_map *m, const void *key, size_t key_len, const void *value,
      size_t value_len, bool replace, void *old, size_t *old_len, bool *loaded)
{
	struct nh_buffer out = { old, old_len ? *old_len : 0 };
	struct nh_bytes v = { value, value_len };
	bool had = false;
	struct nh_key k;
	int err;

	if (!m || !key_is_legal(key, key_len) ||
	    !value_is_legal(value, value_len) ||
	    !room_is_optional(old, old_len))
		return NH_ERR_ARG;
	k = nh_key_of(m, key, key_len);
	err = m->ops->store(m, &k, &v, replace, old_len ? &out : NULL, &had);
	if (!err && loaded)
		*loaded = had;
	if (had)
		told(err, &out, old_len);
	return err;
}

int
nh_map_put(struct nh_map *m, const void *key, size_t key_len, const void *value,
	   size_t value_len)
{
	return store(m, key, key_len, value, value_len, true, NULL, NULL, NULL);
}

int
nh_map_insert(struct nh_map *m, const void *key, size_t key_len,
	      const void *value, size_t value_len)
{
	bool loaded = false;
	int err = store(m, key, key_len, value, value_len, false, NULL, NULL,
			&loaded);

	return !err && loaded ? NH_ERR_EXISTS : err;
}

int
nh_map_load_or_store(struct nh_map *m, const void *key, size_t key_len,
		     const void *value, size_t value_len, void *actual,
		     size_t *actual_len, bool *loaded)
{
	return store(m, key, key_len, value, value_len, false, actual,
		     actual_len, loaded);
}

int
nh_map_swap(struct nh_map *m, const void *key, size_t key_len,
	    const void *value, size_t value_len, void *old, size_t *old_len,
	    bool *loaded)
{
	return store(m, key, key_len, value, value_len, true, old, old_len,
		     loaded);
}

/* All that need the key to be there. */
static int
change(struct nh_map *m, const void *key, size_t key_len,
       const struct nh_bytes *expected, const struct nh_bytes *desired,
       void *old, size_t *old_len)
{
	struct nh_buffer out = { old, old_len ? *old_len : 0 };
	struct nh_key k;
	int err;

	if (!m || !key_is_legal(key, key_len) ||
	    !room_is_optional(old, old_len) ||
	    (expected && !value_is_legal(expected->data, expected->len)) ||
	    (desired && !value_is_legal(desired->data, desired->len)))
		return NH_ERR_ARG;
	k = nh_key_of(m, key, key_len);
	err = m->ops->change(m, &k, expected, desired, old_len ? &out : NULL);
	return told(err, &out, old_len);
}

int
nh_map_compare_and_swap(struct nh_map *m, const void *key, size_t key_len,
			const void *expected, size_t expected_len,
			const void *desired, size_t desired_len)
{
	struct nh_bytes e = { expected, expected_len };
	struct nh_bytes d = { desired, desired_len };

	return change(m, key, key_len, &e, &d, NULL, NULL);
}

int
nh_map_delete(struct nh_map *m, const void *key, size_t key_len)
{
	return change(m, key, key_len, NULL, NULL, NULL, NULL);
}

int
nh_map_load_and_delete(struct nh_map *m, const void *key, size_t key_len,
		       void *old, size_t *old_len)
{
	return change(m, key, key_len, NULL, NULL, old, old_len);
}

int
nh_map_compare_and_delete(struct nh_map *m, const void *key, size_t key_len,
			  const void *expected, size_t expected_len)
{
	struct nh_bytes e = { expected, expected_len };

	return change(m, key, key_len, &e, NULL, NULL, NULL);
}

int
nh_map_update(struct nh_map *m, const void *key, size_t key_len,
	      nh_map_update_fn fn, void *arg)
{
	struct nh_key k;

	if (!m || !key_is_legal(key, key_len) || !fn)
		return NH_ERR_ARG;
	k = nh_key_of(m, key, key_len);
	return m->ops->update(m, &k, fn, arg);
}

int
nh_map_get_batch(const struct nh_map *m, const struct nh_bytes *keys, size_t n,
		 struct nh_buffer *values, int *results, size_t *hits)
{
	if (!m || (n && (!keys || !values || !results)))
		return NH_ERR_ARG;
	for (size_t i = 0; i < n; i++)
		if (!key_is_legal(keys[i].data, keys[i].len) ||
		    !room_is_legal(values[i].data, &values[i].len))
			return NH_ERR_ARG;
	return m->ops->get_batch(m, keys, n, values, results, hits);
}

int
nh_map_put_batch(struct nh_map *m, const struct nh_bytes *keys,
		 const struct nh_bytes *values, size_t n, size_t *done)
{
	if (!m || (n && (!keys || !values)))
		return NH_ERR_ARG;
	for (size_t i = 0; i < n; i++)
		if (!key_is_legal(keys[i].data, keys[i].len) ||
		    !value_is_legal(values[i].data, values[i].len))
			return NH_ERR_ARG;
	return m->ops->put_batch(m, keys, values, n, done);
}

/* ---------------------------------------------------------------- whole map */

int
nh_map_scan(const struct nh_map *m, struct nh_cursor *cursor, nh_map_scan_fn fn,
	    void *arg)
{
	if (!m || !cursor || !fn)
		return NH_ERR_ARG;
	/* The scan changes no entry; the tables' types are not const. */
	return m->ops->scan((struct nh_map *)m, cursor, fn, arg);
}

uint64_t
nh_map_len(const struct nh_map *m)
{
	return m ? nh_core_len(&m->core) : 0;
}

int
nh_map_clear(struct nh_map *m)
{
	if (!m)
		return NH_ERR_ARG;
	return m->core.ops->clear(&m->core);
}

int
nh_map_reserve(struct nh_map *m, uint64_t n)
{
	if (!m)
		return NH_ERR_ARG;
	return nh_core_reserve_more(&m->core, n);
}

int
nh_map_shrink(struct nh_map *m)
{
	if (!m)
		return NH_ERR_ARG;
	return m->core.ops->shrink(&m->core);
}

int
nh_map_reshard(struct nh_map *m, nh_segment_fn fn, void *arg)
{
	if (!m || m->core.fixed)
		return NH_ERR_ARG;
	return m->ops->reshard(m, fn, arg);
}

int
nh_map_segment_stats(const struct nh_map *m, unsigned segment,
		     struct nh_segment_stats *out)
{
	if (!m || segment >= NH_SEGMENTS || !out || out->size < sizeof(*out))
		return NH_ERR_ARG;
	/* Nothing is changed; the tables' types are not const. */
	return m->ops->segment_stats((struct nh_map *)m, segment, out);
}

int
nh_map_rehome(struct nh_map *m, int segment, int node)
{
	return m ? nh_core_rehome(&m->core, segment, node) : NH_ERR_ARG;
}

/* A key may be on its way to where a new rule wants it: that place counts. */
int
nh_map_segment(const struct nh_map *m, const void *key, size_t key_len)
{
	struct nh_bytes bytes = { key, key_len };

	if (!m || !key_is_legal(key, key_len))
		return NH_ERR_ARG;
	return (int)nh_segment_of(nh_places_of(m, &bytes).now);
}

int
nh_map_home_node(const struct nh_map *m, const void *key, size_t key_len)
{
	int segment = nh_map_segment(m, key, key_len);

	return segment < 0 ? segment
			   : nh_core_home_node(&m->core, (unsigned)segment);
}

int
nh_map_settle(struct nh_map *m)
{
	return m ? nh_core_settle(&m->core) : NH_ERR_ARG;
}

int
nh_map_placement(struct nh_map *m, struct nh_placement *out)
{
	struct nh_placement p = { .size = sizeof(p) };
	int err;

	if (!m || !out || out->size < sizeof(p))
		return NH_ERR_ARG;
	err = nh_core_placement(&m->core, &p);
	if (!err)
		err = nh_slabs_report(&m->slabs,
				      m->core.policy != NH_PLACEMENT_LOCAL, &p);
	if (err)
		return err;
	p.size = out->size;
	*out = p;
	return NH_OK;
}

int
nh_map_on_evict(struct nh_map *m, nh_map_evict_fn fn, void *arg)
{
	if (!m || !m->core.idle)
		return NH_ERR_ARG;
	pthread_mutex_lock(&m->core.idle->mutex);
	m->core.idle->evict.map = fn;
	m->core.idle->arg = arg;
	pthread_mutex_unlock(&m->core.idle->mutex);
	return NH_OK;
}

int
nh_map_reclaim(struct nh_map *m, uint64_t *gone)
{
	return m ? nh_core_reclaim(&m->core, gone) : NH_ERR_ARG;
}

int
nh_map_stats(const struct nh_map *m, struct nh_stats *out)
{
	struct nh_slab_stats slab;
	int err = m ? nh_core_stats(&m->core, out) : NH_ERR_ARG;

	if (err)
		return err;
	nh_slabs_stats(&m->slabs, &slab);
	out->fixed_bytes = sizeof(*m) + nh_idle_bytes(&m->core);
	out->entry_bytes = slab.used;
	out->slab_bytes = slab.pages;
	nh_pins_stats(&m->pins, out);
	return NH_OK;
}

#ifdef NH_STALL
/* For tests that want keys of one block: only in builds with NH_STALL. */
NH_API uint64_t nh_test_map_hash(const struct nh_map *m, const void *key,
				 size_t len);

uint64_t
nh_test_map_hash(const struct nh_map *m, const void *key, size_t len)
{
	return nh_bytes_hash(&m->hash, key, len);
}
#endif
