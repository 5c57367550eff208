/*
 * glib.c - one GHashTable behind one reader-writer lock
 *
 * Numbers are the pointers themselves, which GLib's manual offers for them.
 * Byte strings are blocks of their own; those looked up are a head on the stack
 * that points to the caller's bytes, and values are changed where they are. Its
 * hash is 32 bits wide, and is given the upper ones of ours.
 */
#include "bench/hash.h"
#include "bench/table.h"

#include <err.h>
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>

struct locked_map {
	GRWLock lock;
	GHashTable *table;
};

#ifdef NH_BENCH_VALUE_BYTES

struct text {
	size_t len;
	const void *bytes; /* behind it, if it is in the table */
};

static struct text *
text_new(const void *bytes, size_t len)
{
	struct text *t = g_malloc(sizeof(*t) + len);

	t->len = len;
	t->bytes = memcpy(t + 1, bytes, len);
	return t;
}

static guint
hash(gconstpointer key)
{
	const struct text *t = key;

	return (guint)(XXH3_64bits(t->bytes, t->len) >> 32);
}

static gboolean
equal(gconstpointer a, gconstpointer b)
{
	const struct text *x = a, *y = b;

	return x->len == y->len && memcmp(x->bytes, y->bytes, x->len) == 0;
}

static GHashTable *
table_new(void)
{
	return g_hash_table_new_full(hash, equal, g_free, g_free);
}

/* With the lock, as all up to table_get(). */
static bool
find(const struct locked_map *m, const struct nh_bench_key *key,
     gpointer *value)
{
	struct text wanted = { sizeof(key->bytes), key->bytes };

	*value = g_hash_table_lookup(m->table, &wanted);
	return *value;
}

static bool
copy_out(gpointer held, struct nh_bench_value *value)
{
	struct text *t = held;

	if (t->len != sizeof(value->bytes))
		return false;
	memcpy(value->bytes, t->bytes, sizeof(value->bytes));
	return true;
}

static bool
add(struct locked_map *m, const struct nh_bench_key *key,
    const struct nh_bench_value *value)
{
	return g_hash_table_insert(
		m->table, text_new(key->bytes, sizeof(key->bytes)),
		text_new(value->bytes, sizeof(value->bytes)));
}

static void
set(struct locked_map *m, const struct nh_bench_key *key, gpointer held,
    const struct nh_bench_value *value)
{
	struct text *t = held;

	if (t->len == sizeof(value->bytes))
		memcpy(t + 1, value->bytes, sizeof(value->bytes));
	else
		add(m, key, value);
}

static void
put(struct locked_map *m, const struct nh_bench_key *key,
    const struct nh_bench_value *value)
{
	gpointer held;

	if (find(m, key, &held))
		set(m, key, held, value);
	else
		add(m, key, value);
}

static bool
drop(struct locked_map *m, const struct nh_bench_key *key)
{
	struct text wanted = { sizeof(key->bytes), key->bytes };

	return g_hash_table_remove(m->table, &wanted);
}

#else

_Static_assert(sizeof(gpointer) == sizeof(struct nh_bench_key) &&
		       sizeof(gpointer) == sizeof(struct nh_bench_value),
	       "a key and a value fit a pointer");

static gpointer
pointer_of(uint64_t number)
{
	return (gpointer)(uintptr_t)number;
}

static guint
hash(gconstpointer key)
{
	struct nh_bench_key k = { (uintptr_t)key };

	return (guint)(nh_bench_hash(&k) >> 32);
}

static GHashTable *
table_new(void)
{
	return g_hash_table_new(hash, NULL);
}

/* With the lock, as all up to table_get(). */
static bool
find(const struct locked_map *m, const struct nh_bench_key *key,
     gpointer *value)
{
	return g_hash_table_lookup_extended(m->table, pointer_of(key->n), NULL,
					    value);
}

static bool
copy_out(gpointer held, struct nh_bench_value *value)
{
	value->n = (uintptr_t)held;
	return true;
}

/* g_hash_table_insert() sets what is there, and tells whether it was. */
static bool
add(struct locked_map *m, const struct nh_bench_key *key,
    const struct nh_bench_value *value)
{
	return g_hash_table_insert(m->table, pointer_of(key->n),
				   pointer_of(value->n));
}

static void
set(struct locked_map *m, const struct nh_bench_key *key, gpointer held,
    const struct nh_bench_value *value)
{
	(void)held;
	add(m, key, value);
}

static void
put(struct locked_map *m, const struct nh_bench_key *key,
    const struct nh_bench_value *value)
{
	add(m, key, value);
}

static bool
drop(struct locked_map *m, const struct nh_bench_key *key)
{
	return g_hash_table_remove(m->table, pointer_of(key->n));
}

#endif

static bool
table_get(void *map, const struct nh_bench_key *key,
	  struct nh_bench_value *value)
{
	struct locked_map *m = map;
	gpointer held;
	bool found;

	g_rw_lock_reader_lock(&m->lock);
	found = find(m, key, &held) && copy_out(held, value);
	g_rw_lock_reader_unlock(&m->lock);
	return found;
}

static bool
table_insert(void *map, const struct nh_bench_key *key,
	     const struct nh_bench_value *value)
{
	struct locked_map *m = map;
	bool added;

	g_rw_lock_writer_lock(&m->lock);
	added = add(m, key, value);
	g_rw_lock_writer_unlock(&m->lock);
	return added;
}

static bool
table_put(void *map, const struct nh_bench_key *key,
	  const struct nh_bench_value *value)
{
	struct locked_map *m = map;

	g_rw_lock_writer_lock(&m->lock);
	put(m, key, value);
	g_rw_lock_writer_unlock(&m->lock);
	return true;
}

static bool
table_erase(void *map, const struct nh_bench_key *key)
{
	struct locked_map *m = map;
	bool removed;

	g_rw_lock_writer_lock(&m->lock);
	removed = drop(m, key);
	g_rw_lock_writer_unlock(&m->lock);
	return removed;
}

static bool
table_add(void *map, const struct nh_bench_key *key, uint64_t delta,
	  struct nh_bench_value *old)
{
	struct locked_map *m = map;
	struct nh_bench_value sum;
	gpointer held;
	bool found;

	g_rw_lock_writer_lock(&m->lock);
	found = find(m, key, &held) && copy_out(held, old);
	if (found) {
		sum = *old;
		nh_bench_value_add(&sum, delta);
		set(m, key, held, &sum);
	}
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
	m->table = table_new();
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
