/*
 * glib.c - one GHashTable behind one reader-writer lock
 *
 * Keys and values are the pointers themselves, which GLib's manual offers for
 * numbers; its hash is 32 bits wide, and is given the upper ones of ours.
 */
#include "bench/hash.h"

#include <err.h>
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>

_Static_assert(sizeof(gpointer) == sizeof(uint64_t), "a key fits a pointer");

struct locked_map {
	GRWLock lock;
	GHashTable *table;
};

static gpointer
pointer_of(uint64_t number)
{
	return (gpointer)(uintptr_t)number;
}

static guint
hash(gconstpointer key)
{
	return (guint)(nh_bench_hash((uintptr_t)key) >> 32);
}

/* With the lock. */
static bool
find(const struct locked_map *m, uint64_t key, uint64_t *value)
{
	gpointer found;

	if (!g_hash_table_lookup_extended(m->table, pointer_of(key), NULL,
					  &found))
		return false;
	*value = (uintptr_t)found;
	return true;
}

static bool
table_get(void *map, uint64_t key, uint64_t *value)
{
	struct locked_map *m = map;
	bool found;

	g_rw_lock_reader_lock(&m->lock);
	found = find(m, key, value);
	g_rw_lock_reader_unlock(&m->lock);
	return found;
}

/* g_hash_table_insert() sets what is there, and tells whether it was. */
static bool
table_insert(void *map, uint64_t key, uint64_t value)
{
	struct locked_map *m = map;
	bool added;

	g_rw_lock_writer_lock(&m->lock);
	added = g_hash_table_insert(m->table, pointer_of(key),
				    pointer_of(value));
	g_rw_lock_writer_unlock(&m->lock);
	return added;
}

static bool
table_put(void *map, uint64_t key, uint64_t value)
{
	table_insert(map, key, value);
	return true;
}

static bool
table_erase(void *map, uint64_t key)
{
	struct locked_map *m = map;
	bool removed;

	g_rw_lock_writer_lock(&m->lock);
	removed = g_hash_table_remove(m->table, pointer_of(key));
	g_rw_lock_writer_unlock(&m->lock);
	return removed;
}

static bool
table_add(void *map, uint64_t key, uint64_t delta, uint64_t *old)
{
	struct locked_map *m = map;
	bool found;

	g_rw_lock_writer_lock(&m->lock);
	found = find(m, key, old);
	if (found)
		g_hash_table_insert(m->table, pointer_of(key),
				    pointer_of(*old + delta));
	g_rw_lock_writer_unlock(&m->lock);
	return found;
}

#include "bench/loops.h"

static void *
create(void)
{
	struct locked_map *m = calloc(1, sizeof(*m));

	if (!m)
		err(1, "glib");
	g_rw_lock_init(&m->lock);
	m->table = g_hash_table_new(hash, NULL);
	return m;
}

static void
destroy(void *map)
{
	struct locked_map *m = map;

	g_hash_table_destroy(m->table);
	g_rw_lock_clear(&m->lock);
	free(m);
}

const struct nh_bench_table nh_bench_glib = {
	.name = "glib",
	.create = create,
	.destroy = destroy,
	.ops = &table_ops,
};
