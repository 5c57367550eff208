/*
 * numahash.c - nh_u64 through its public interface
 */
#include "bench/table.h"
#include "numahash.h"

#include <err.h>
#include <stdbool.h>

static bool
table_get(void *map, const struct nh_bench_key *key,
	  struct nh_bench_value *value)
{
	return nh_u64_get(map, key->n, &value->n) == NH_OK;
}

static bool
table_put(void *map, const struct nh_bench_key *key,
	  const struct nh_bench_value *value)
{
	return nh_u64_put(map, key->n, value->n) == NH_OK;
}

static bool
table_insert(void *map, const struct nh_bench_key *key,
	     const struct nh_bench_value *value)
{
	return nh_u64_insert(map, key->n, value->n) == NH_OK;
}

static bool
table_erase(void *map, const struct nh_bench_key *key)
{
	return nh_u64_delete(map, key->n) == NH_OK;
}

static bool
table_add(void *map, const struct nh_bench_key *key, uint64_t delta,
	  struct nh_bench_value *old)
{
	return nh_u64_fetch_add(map, key->n, delta, &old->n) == NH_OK;
}

#define TABLE_HAS_BATCH

static size_t
table_get_batch(void *map, const struct nh_bench_key *keys, size_t n,
		struct nh_bench_value *values)
{
	uint8_t found[NH_BENCH_BATCH];
	size_t hits = 0;

	nh_u64_get_batch(map, &keys->n, n, &values->n, found, &hits);
	return hits;
}

#include "bench/loops.h"

static void *
create(void)
{
	int code;
	void *m = nh_u64_create(NULL, &code);

	if (!m)
		errx(1, "numahash: %s", nh_strerror(code));
	return m;
}

static void
destroy(void *map)
{
	nh_u64_destroy(map);
}

const struct nh_bench_table nh_bench_numahash = {
	.name = "numahash",
	.create = create,
	.destroy = destroy,
	.ops = &table_ops,
};
