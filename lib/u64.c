/*
 * u64.c - nh_u64 as the public sees it: arguments checked, then the flavour
 *
 * Each call ends in one indirect jump, to the operations of the flavour that
 * was chosen when the map was made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/maintain.h"
#include "lib/map.h"
#include "lib/tune.h"

/* ------------------------------------------------------- create and destroy */

/* Random, or an error: a hash that can be guessed is worse than no map. */
static int
draw_seed(uint64_t *seed)
{
	ssize_t n;

	do
		n = getrandom(seed, sizeof(*seed), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(*seed) ? NH_OK : NH_ERR_SYSTEM;
}

static const struct nh_u64_ops *const flavours[] = {
	&nh_u64_ops_generic,
#if NH_ARCH_HAS_MODULE
	&nh_u64_ops_native,
	&nh_u64_ops_wide,
#endif
};

static const struct nh_u64_ops *
choose_ops(int arch)
{
	int level = nh_tune_level();

	if (arch == NH_ARCH_GENERIC)
		level = NH_LEVEL_GENERIC;
	if (arch == NH_ARCH_NATIVE && level == NH_LEVEL_GENERIC)
		return NULL;
	return flavours[level];
}

static int
check_config(const struct nh_config *c)
{
	if (c->size != sizeof(*c) || c->capacity > NH_CAPACITY_MAX ||
	    c->arch < NH_ARCH_AUTO || c->arch > NH_ARCH_GENERIC ||
	    (c->fixed && !c->capacity))
		return NH_ERR_ARG;
	return NH_OK;
}

static void
init_segments(struct nh_u64 *m)
{
	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		nh_table_none(&m->segment[i].table[0]);
		/* relaxed, both: no other thread has the map yet. */
		nh_store_relaxed(&m->descriptor[i].base,
				 (uintptr_t)nh_empty_block);
		/* relaxed: as above. */
		nh_store_relaxed(&m->descriptor[i].size, 2);
	}
}

static int
init_map(struct nh_u64 *m, const struct nh_config *c)
{
	uint64_t seed = c->seed;
	int err;

	m->ops = choose_ops(c->arch);
	if (!m->ops)
		return NH_ERR_ARG;
	err = seed ? NH_OK : draw_seed(&seed);
	if (err)
		return err;
	nh_hash_init(&m->hash, seed);
	m->node = -1;
	init_segments(m);
	/* Before `fixed` is set, which forbids the growing this takes. */
	err = c->capacity ? m->ops->reserve(m, c->capacity) : NH_OK;
	m->fixed = c->fixed;
	if (!err && c->maintenance)
		err = nh_maintenance_start(m);
	return err;
}

static void
free_map(struct nh_u64 *m)
{
	if (m->ops)
		m->ops->lock_down(m);
	for (unsigned i = 0; i < NH_SEGMENTS; i++)
		for (unsigned t = 0; t < 2; t++)
			nh_table_fini(&m->segment[i].table[t], NH_KEEP_RETAIN);
	free(m);
}

struct nh_u64 *
nh_u64_create(const struct nh_config *config, int *err)
{
	struct nh_config defaults;
	struct nh_u64 *m = NULL;
	int e;

	if (!config) {
		nh_config_init(&defaults);
		config = &defaults;
	}
	e = check_config(config);
	if (!e) {
		nh_tune_process();
		m = aligned_alloc(64, sizeof(*m));
		e = m ? NH_OK : NH_ERR_NOMEM;
	}
	if (!e) {
		memset(m, 0, sizeof(*m));
		e = init_map(m, config);
	}
	if (e && m) {
		free_map(m);
		m = NULL;
	}
	if (err)
		*err = e;
	return m;
}

void
nh_u64_destroy(struct nh_u64 *m)
{
	if (!m)
		return;
	if (m->maintenance)
		nh_maintenance_stop(m);
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
	uint64_t n = 0;

	if (!m)
		return 0;
	for (unsigned i = 0; i < NH_STRIPES; i++)
		/* relaxed: a count that orders nothing. */
		n += nh_load_relaxed(&m->stripe[i].live);
	/* An insert may be counted after the delete that follows it. */
	return (int64_t)n < 0 ? 0 : n;
}

int
nh_u64_clear(struct nh_u64 *m)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->clear(m);
}

int
nh_u64_reserve(struct nh_u64 *m, uint64_t n)
{
	if (!m || n > NH_CAPACITY_MAX)
		return NH_ERR_ARG;
	/* relaxed: a number of its own. */
	if (m->fixed)
		return n > nh_load_relaxed(&m->reserved) ? NH_ERR_FULL : NH_OK;
	return m->ops->reserve(m, n);
}

int
nh_u64_shrink(struct nh_u64 *m)
{
	if (!m)
		return NH_ERR_ARG;
	return m->ops->shrink(m);
}

/* --------------------------------------------------------------- statistics */

static void
add_table(struct nh_stats *out, const struct nh_table *t)
{
	uint64_t blocks = nh_table_blocks(t);
	uint64_t used, spare;

	if (!blocks)
		return;
	/* relaxed: numbers of their own. */
	used = nh_load_relaxed(&t->used);
	/* relaxed: as above. */
	spare = nh_load_relaxed(&t->spare);
	out->slots += blocks * 2 * NH_LINE_SLOTS;
	out->lines += blocks * 2 + spare;
	out->overflow_lines += used;
}

static void
add_segment(struct nh_stats *out, const struct nh_u64 *m, unsigned number)
{
	const struct nh_segment *s = &m->segment[number];
	/* relaxed: numbers of their own. */
	uint64_t size = nh_load_relaxed(&m->descriptor[number].size);

	add_table(out, &s->table[size >> 33 & 1]);
	if (!(size & NH_SIZE_MIGRATING))
		return;
	add_table(out, &s->table[~(size >> 33) & 1]);
	out->migrating++;
}

int
nh_u64_stats(const struct nh_u64 *m, struct nh_stats *out)
{
	struct nh_stats st = { .size = sizeof(st) };

	if (!m || !out || out->size < sizeof(st))
		return NH_ERR_ARG;
	st.size = out->size;
	st.entries = nh_u64_len(m);
	st.fixed_bytes = sizeof(*m);
	/* relaxed: a number of its own. */
	st.table_bytes = nh_load_relaxed(&m->table_bytes);
	for (unsigned i = 0; i < NH_SEGMENTS; i++)
		add_segment(&st, m, i);
	for (unsigned i = 0; i < NH_STRIPES; i++) {
		const struct nh_stripe *s = &m->stripe[i];

		/* relaxed: counts that order nothing. */
		st.grows += nh_load_relaxed(&s->grows);
		/* relaxed: as above. */
		st.shrinks += nh_load_relaxed(&s->shrinks);
		/* relaxed: as above. */
		st.blocks_moved += nh_load_relaxed(&s->moved);
		/* relaxed: as above. */
		st.lock_waits += nh_load_relaxed(&s->waits);
	}
	*out = st;
	return NH_OK;
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
