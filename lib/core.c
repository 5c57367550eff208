/*
 * core.c - what every kind of map does when it is made, counted and ended
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/adapt.h"
#include "lib/idle.h"
#include "lib/maintain.h"
#include "lib/mirror.h"
#include "lib/placement.h"
#include "lib/tune.h"

/* ------------------------------------------------------- create and destroy */

int
nh_core_random(uint64_t *random)
{
	ssize_t n;

	do
		n = getrandom(random, sizeof(*random), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(*random) ? NH_OK : NH_ERR_SYSTEM;
}

/* Random, or an error: a hash that can be guessed is worse than no map. */
int
nh_core_seed(const struct nh_config *c, uint64_t *seed)
{
	*seed = c->seed;
	return *seed ? NH_OK : nh_core_random(seed);
}

int
nh_core_level(const struct nh_config *c)
{
	int level = nh_tune_level();

	if (c->arch == NH_ARCH_GENERIC)
		level = NH_LEVEL_GENERIC;
	if (c->arch == NH_ARCH_NATIVE && level == NH_LEVEL_GENERIC)
		return NH_ERR_ARG;
	return level;
}

static int
check_config(const struct nh_config *c)
{
	if (c->size != sizeof(*c) || c->capacity > NH_CAPACITY_MAX ||
	    c->arch < NH_ARCH_AUTO || c->arch > NH_ARCH_GENERIC ||
	    c->hash < NH_HASH_KEYED || c->hash > NH_HASH_TRUSTED ||
	    c->chain_limit > NH_CHAIN_LIMIT_MAX || c->debug & ~NH_DEBUG_PINS ||
	    (c->fixed && (!c->capacity || c->segment)) ||
	    (c->idle && !c->idle_timeout_ms))
		return NH_ERR_ARG;
	return nh_placement_check(c);
}

static void
init_segments(struct nh_core *m)
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

int
nh_core_init(struct nh_core *m, const struct nh_core_ops *ops,
	     const struct nh_config *c)
{
	int err = NH_OK;

	m->ops = ops;
	m->chain_limit = c->chain_limit;
	m->on_storm = c->on_storm;
	m->storm_arg = c->storm_arg;
	init_segments(m);
	nh_placement_init(m, c);
	if (m->policy == NH_PLACEMENT_ADAPTIVE)
		err = nh_adapt_start(m);
	if (m->policy == NH_PLACEMENT_REPLICATE)
		err = nh_mirrors_start(m);
	if (err)
		return err;
	if (c->idle)
		err = ops->sweep ? nh_idle_start(m, c) : NH_ERR_ARG;
	if (err)
		return err;
	/* Before `fixed` is set, which forbids the growing this takes. */
	err = c->capacity ? ops->reserve(m, c->capacity) : NH_OK;
	m->fixed = c->fixed;
	if (!err && (c->maintenance || nh_placement_moves(m) ||
		     (m->idle && m->idle->interval_ns)))
		err = nh_maintenance_start(m, c->maintenance);
	return err;
}

void
nh_core_fini(struct nh_core *m)
{
	if (m->idle)
		nh_idle_quit(m);
	if (m->maintenance)
		nh_maintenance_stop(m);
	if (m->idle)
		nh_idle_stop(m);
	m->ops->lock_down(m);
	for (unsigned i = 0; i < NH_SEGMENTS; i++)
		for (unsigned t = 0; t < 2; t++) {
			struct nh_segment *s = &m->segment[i];

			nh_replicas_drop(m, s, &s->table[t]);
			nh_table_fini(&s->table[t], NH_KEEP_RETAIN);
		}
	if (m->mirrors)
		nh_mirrors_stop(m);
	nh_adapt_stop(m);
}

void *
nh_core_create(const struct nh_config *config, size_t bytes,
	       int (*init)(void *map, const struct nh_config *config),
	       void (*fini)(void *map), int *err)
{
	struct nh_config defaults;
	void *m = NULL;
	int e;

	if (!config) {
		nh_config_init(&defaults);
		config = &defaults;
	}
	e = check_config(config);
	if (!e) {
		nh_tune_process();
		m = aligned_alloc(64, bytes);
		e = m ? NH_OK : NH_ERR_NOMEM;
	}
	if (!e) {
		memset(m, 0, bytes);
		e = init(m, config);
	}
	if (e && m) {
		fini(m);
		m = NULL;
	}
	if (err)
		*err = e;
	return m;
}

/* -------------------------------------------------------------- whole map */

int
nh_core_reserve_more(struct nh_core *m, uint64_t n)
{
	if (n > NH_CAPACITY_MAX)
		return NH_ERR_ARG;
	/* relaxed: a number of its own. */
	if (m->fixed)
		return n > nh_load_relaxed(&m->reserved) ? NH_ERR_FULL : NH_OK;
	return m->ops->reserve(m, n);
}

uint64_t
nh_core_len(const struct nh_core *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < NH_STRIPES; i++)
		/* relaxed: a count that orders nothing. */
		n += nh_load_relaxed(&m->stripe[i].live);
	/* An insert may be counted after the delete that follows it. */
	return (int64_t)n < 0 ? 0 : n;
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
	spare = nh_table_spare(t);
	out->slots += blocks * 2 * NH_LINE_SLOTS;
	out->lines += blocks * 2 + spare;
	out->overflow_lines += used;
}

static void
add_segment(struct nh_stats *out, const struct nh_core *m, unsigned number)
{
	const struct nh_segment *s = &m->segment[number];
	/* relaxed: numbers of their own. */
	uint64_t size = nh_load_relaxed(&m->descriptor[number].size);

	add_table(out, &s->table[size >> 33 & 1]);
	out->salted += nh_table_salt(&s->table[size >> 33 & 1]) != 0;
	if (!(size & NH_SIZE_MIGRATING))
		return;
	add_table(out, &s->table[~(size >> 33) & 1]);
	out->migrating++;
}

int
nh_core_stats(const struct nh_core *m, struct nh_stats *out)
{
	struct nh_stats st = { .size = sizeof(st) };

	if (!out || out->size < sizeof(st))
		return NH_ERR_ARG;
	st.size = out->size;
	st.entries = nh_core_len(m);
	/* relaxed: a number of its own. */
	st.table_bytes = nh_load_relaxed(&m->table_bytes);
	/* relaxed: counts that order nothing. */
	st.storms = nh_load_relaxed(&m->storms);
	/* relaxed: as above. */
	st.reseeds = nh_load_relaxed(&m->reseeds);
	/* relaxed: as above. */
	st.rehomed = nh_load_relaxed(&m->rehomes);
	st.mirrored = nh_mirrors_current(m);
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
		/* relaxed: as above. */
		st.evicted += nh_load_relaxed(&s->evicted);
		/* relaxed: as above. */
		st.swept += nh_load_relaxed(&s->swept);
	}
	*out = st;
	return NH_OK;
}
