/*
 * twomap.c - the two-map baseline, bench/baseline
 *
 * A read-modify-write is a load and a compare-and-swap, as a caller of Go's
 * would write it.  To settle is to promote: else a map just filled would pay a
 * lock for each of its first reads, once.
 */
#include "bench/baseline/twomap.h"
#include "bench/baseline/twomap_cells.h"
#include "bench/table.h"

#include <stdbool.h>

/* What the baseline's keys and values are, and where it may write one. */
#if defined(NH_BENCH_VALUE_BYTES)

static gomap_key
key_of(const struct nh_bench_key *key)
{
	return (gomap_key){ key->bytes, sizeof(key->bytes) };
}

static twomap_value
value_of(const struct nh_bench_value *value)
{
	return (twomap_value){ (void *)value->bytes, sizeof(value->bytes) };
}

/* A value of another length than all have is no value. */
static bool
is_whole(const twomap_value *value)
{
	return value->len == NH_BENCH_VALUE_BYTES;
}

#define RESULT(value) (&(twomap_value){ (value)->bytes, 0 })

#else

static gomap_key
key_of(const struct nh_bench_key *key)
{
#ifdef NH_BENCH_K16
	return (gomap_key){ key->lo, key->hi };
#else
	return key->n;
#endif
}

static twomap_value
value_of(const struct nh_bench_value *value)
{
	return value->n;
}

static bool
is_whole(const twomap_value *value)
{
	(void)value;
	return true;
}

#define RESULT(value) (&(value)->n)

#endif

static bool
table_get(void *map, const struct nh_bench_key *key,
	  struct nh_bench_value *value)
{
	twomap_value *result = RESULT(value);

	return twomap_load(map, key_of(key), result) && is_whole(result);
}

static bool
table_put(void *map, const struct nh_bench_key *key,
	  const struct nh_bench_value *value)
{
	twomap_store(map, key_of(key), value_of(value));
	return true;
}

static bool
table_insert(void *map, const struct nh_bench_key *key,
	     const struct nh_bench_value *value)
{
	struct nh_bench_value actual;

	return !twomap_load_or_store(map, key_of(key), value_of(value),
				     RESULT(&actual));
}

static bool
table_erase(void *map, const struct nh_bench_key *key)
{
	return twomap_delete(map, key_of(key));
}

static bool
table_add(void *map, const struct nh_bench_key *key, uint64_t delta,
	  struct nh_bench_value *old)
{
	struct nh_bench_value sum;

	do {
		if (!table_get(map, key, old))
			return false;
		sum = *old;
		nh_bench_value_add(&sum, delta);
	} while (!twomap_compare_and_swap(map, key_of(key), value_of(old),
					  value_of(&sum)));
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
stop(void *arg, gomap_key key, twomap_value value)
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
	.allocs = twomap_cells_taken,
};
