/*
 * twomap.c - the two-map baseline, bench/baseline
 *
 * A read-modify-write is a load and a compare-and-swap, as a caller of Go's
 * would write it.  To settle is to promote: else a map just filled would pay a
 * lock for each of its first reads, once.
 */
#include "bench/baseline/twomap.h"

#include <stdbool.h>

static bool
table_get(void *map, uint64_t key, uint64_t *value)
{
	return twomap_load(map, key, value);
}

static bool
table_put(void *map, uint64_t key, uint64_t value)
{
	twomap_store(map, key, value);
	return true;
}

static bool
table_insert(void *map, uint64_t key, uint64_t value)
{
	uint64_t actual;

	return !twomap_load_or_store(map, key, value, &actual);
}

static bool
table_erase(void *map, uint64_t key)
{
	return twomap_delete(map, key);
}

static bool
table_add(void *map, uint64_t key, uint64_t delta, uint64_t *old)
{
	do
		if (!twomap_load(map, key, old))
			return false;
	while (!twomap_compare_and_swap(map, key, *old, *old + delta));
	return true;
}

#include "bench/loops.h"

static void *
create(void)
{
	return twomap_create(0);
}

static void
destroy(void *map)
{
	twomap_thread_begin();
	twomap_destroy(map);
	twomap_thread_end();
}

static bool
stop(void *arg, uint64_t key, uint64_t value)
{
	(void)arg;
	(void)key;
	(void)value;
	return false;
}

static void
settle(void *map)
{
	twomap_range(map, stop, NULL);
}

const struct nh_bench_table nh_bench_twomap = {
	.name = "twomap",
	.create = create,
	.destroy = destroy,
	.ops = &table_ops,
	.thread_begin = twomap_thread_begin,
	.thread_end = twomap_thread_end,
	.quiescent = twomap_quiescent,
	.settle = settle,
};
