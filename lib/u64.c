/*
 * u64.c - nh_u64 as the public sees it: arguments checked, then the flavour
 *
 * Each call ends in one indirect jump, to the operations of the flavour that
 * was chosen when the map was made.
 */
#include <stdlib.h>

#include "lib/idle.h"
#include "lib/placement.h"
#include "lib/u64.h"

/* ------------------------------------------------------- create and destroy */

static const struct nh_u64_ops *const flavours[] = {
	&nh_u64_ops_generic,
#if NH_ARCH_HAS_MODULE
	&nh_u64_ops_native,
	&nh_u64_ops_wide,
#endif
};

/* The same, with ages. */
static const struct nh_u64_ops *const aged[] = {
	&nh_u64_ops_generic_aged,
#if NH_ARCH_HAS_MODULE
	&nh_u64_ops_native_aged,
	&nh_u64_ops_wide_aged,
#endif
};

/* The same, with copies on all nodes. */
static const struct nh_u64_ops *const mirrored[] = {
	&nh_u64_ops_generic_mirrored,
#if NH_ARCH_HAS_MODULE
	&nh_u64_ops_native_mirrored,
	&nh_u64_ops_wide_mirrored,
#endif
};

static const struct nh_u64_ops *
choose_ops(const struct nh_config *c, int level)
{
	if (nh_placement_policy(c) == NH_PLACEMENT_REPLICATE)
		return mirrored[level];
	return (c->idle ? aged : flavours)[level];
}

static int
init_map(void *map, const struct nh_config *c)
{
	struct nh_u64 *m = map;
	int level = nh_core_level(c);
	uint64_t seed;
	int err = level < 0 ? level : nh_core_seed(c, &seed);

	if (!err && c->segment)
		err = NH_ERR_ARG;
	if (err)
		return err;
	nh_hash_init(&m->hash, seed);
	m->ops = choose_ops(c, level);
	return nh_core_init(&m->core, &m->ops->core, c);
}

static void
free_map(void *map)
{
	struct nh_u64 *m = map;

	if (m->ops)
		nh_core_fini(&m->core);
	free(m);
}

struct nh_u64 *
nh_u64_create(const struct nh_config *config, int *err)
{
	return nh_core_create(config, sizeof(struct nh_u64), init_map, free_map,
			      err);
}

void
nh_u64_destroy(struct nh_u64 *m)
{
	if (m)
		free_map(m);
}

/* --------------------------------------------------------------- operations */

int
nh_u64_get(const struct nh_u64 *m, uint64_t key, uint64_t *value)
{
	if (nh_unlikely(!m || !value))
		return NH_ERR_ARG;
	return m->ops->get(m, key, value);
}

int
nh_u64_put(struct nh_u64 *m, uint64_t key, uint64_t value)
{
	if (nh_unlikely(!m))
		return NH_ERR_ARG;
	return m->ops->put(m, key, value);
}

int
nh_u64_insert(struct nh_u64 *m, uint64_t key, uint64_t value)
{
	if (nh_unlikely(!m))
		return NH_ERR_ARG;
	return m->ops->insert(m, key, value);
}

int
nh_u64_load_or_store(struct nh_u64 *m, uint64_t key, uint64_t value,
		     uint64_t *actual, bool *loaded)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->load_or_store(m, key, value, actual, loaded);
}

int
nh_u64_swap(struct nh_u64 *m, uint64_t key, uint64_t value, uint64_t *old,
	    bool *loaded)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->swap(m, key, value, old, loaded);
}

int
nh_u64_compare_and_swap(struct nh_u64 *m, uint64_t key, uint64_t expected,
			uint64_t desired)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->compare_and_swap(m, key, expected, desired);
}

int
nh_u64_fetch_add(struct nh_u64 *m, uint64_t key, uint64_t delta, uint64_t *old)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->fetch_add(m, key, delta, old);
}

int
nh_u64_update(struct nh_u64 *m, uint64_t key, nh_u64_update_fn fn, void *arg)
{
	if (!m || !fn)
		return NH_ERR_ARG;
	return m->ops->update(m, key, fn, arg);
}

int
nh_u64_delete(struct nh_u64 *m, uint64_t key)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->remove(m, key, NULL, NULL);
}

int
nh_u64_load_and_delete(struct nh_u64 *m, uint64_t key, uint64_t *old)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->remove(m, key, NULL, old);
}

int
nh_u64_compare_and_delete(struct nh_u64 *m, uint64_t key, uint64_t expected)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->remove(m, key, &expected, NULL);
}

int
nh_u64_get_batch(const struct nh_u64 *m, const uint64_t *keys, size_t n,
		 uint64_t *values, uint8_t *found, size_t *hits)
{
	if (!m || (n && (!keys || !values || !found)))
		return NH_ERR_ARG;
	return m->ops->get_batch(m, keys, n, values, found, hits);
}

int
nh_u64_put_batch(struct nh_u64 *m, const uint64_t *keys, const uint64_t *values,
		 size_t n, size_t *done)
{
	if (!m || (n && (!keys || !values)))
		return NH_ERR_ARG;
	return m->ops->put_batch(m, keys, values, n, done);
}

/* -------------------------------------------------------------- whole map */

int
nh_u64_scan(const struct nh_u64 *m, struct nh_cursor *cursor, nh_u64_scan_fn fn,
	    void *arg)
{
	if (!m || !cursor || !fn)
		return NH_ERR_ARG;
	/* The scan writes nothing; the tables' types are not const. */
	return m->ops->scan((struct nh_u64 *)m, cursor, fn, arg);
}

uint64_t
nh_u64_len(const struct nh_u64 *m)
{
	return m ? nh_core_len(&m->core) : 0;
}

int
nh_u64_clear(struct nh_u64 *m)
{
	if (!m)
		return NH_ERR_ARG;
	return m->core.ops->clear(&m->core);
}

int
nh_u64_reserve(struct nh_u64 *m, uint64_t n)
{
	if (!m)
		return NH_ERR_ARG;
	return nh_core_reserve_more(&m->core, n);
}

int
nh_u64_shrink(struct nh_u64 *m)
{
	if (!m)
		return NH_ERR_ARG;
	return m->core.ops->shrink(&m->core);
}

int
nh_u64_rehome(struct nh_u64 *m, int segment, int node)
{
	return m ? nh_core_rehome(&m->core, segment, node) : NH_ERR_ARG;
}

int
nh_u64_segment(const struct nh_u64 *m, uint64_t key)
{
	return m ? (int)nh_segment_of(nh_hash(&m->hash, key)) : NH_ERR_ARG;
}

int
nh_u64_home_node(const struct nh_u64 *m, uint64_t key)
{
	if (!m)
		return NH_ERR_ARG;
	return nh_core_home_node(&m->core,
				 nh_segment_of(nh_hash(&m->hash, key)));
}

int
nh_u64_settle(struct nh_u64 *m)
{
	return m ? nh_core_settle(&m->core) : NH_ERR_ARG;
}

int
nh_u64_placement(struct nh_u64 *m, struct nh_placement *out)
{
	return m ? nh_core_placement(&m->core, out) : NH_ERR_ARG;
}

int
nh_u64_on_evict(struct nh_u64 *m, nh_u64_evict_fn fn, void *arg)
{
	if (!m || !m->core.idle)
		return NH_ERR_ARG;
	pthread_mutex_lock(&m->core.idle->mutex);
	m->core.idle->evict.u64 = fn;
	m->core.idle->arg = arg;
	pthread_mutex_unlock(&m->core.idle->mutex);
	return NH_OK;
}

int
nh_u64_reclaim(struct nh_u64 *m, uint64_t *gone)
{
	return m ? nh_core_reclaim(&m->core, gone) : NH_ERR_ARG;
}

int
nh_u64_stats(const struct nh_u64 *m, struct nh_stats *out)
{
	int err = m ? nh_core_stats(&m->core, out) : NH_ERR_ARG;

	if (!err)
		out->fixed_bytes = sizeof(*m) + nh_idle_bytes(&m->core);
	return err;
}

#ifdef NH_STALL
/* For tests that want keys of one block: only in builds with NH_STALL. */
NH_API uint64_t nh_test_hash(const struct nh_u64 *m, uint64_t key);

uint64_t
nh_test_hash(const struct nh_u64 *m, uint64_t key)
{
	return nh_hash(&m->hash, key);
}
#endif
