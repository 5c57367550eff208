/*
 * numahash.c - numahash, through its public interface alone
 */
#include "bench/table.h"
#include "numahash.h"

#include <err.h>
#include <stdbool.h>

static bool
table_get(void *map, uint64_t key, uint64_t *value)
{
	return nh_u64_get(map, key, value) == NH_OK;
}

static bool
table_put(void *map, uint64_t key, uint64_t value)
{
	return nh_u64_put(map, key, value) == NH_OK;
}

static bool
table_insert(void *map, uint64_t key, uint64_t value)
{
	return nh_u64_insert(map, key, value) == NH_OK;
}

static bool
table_erase(void *map, uint64_t key)
{
	return nh_u64_delete(map, key) == NH_OK;
}

static bool
table_add(void *map, uint64_t key, uint64_t delta, uint64_t *old)
{
	return nh_u64_fetch_add(map, key, delta, old) == NH_OK;
}

#define TABLE_HAS_BATCH

static size_t
table_get_batch(void *map, const uint64_t *keys, size_t n, uint64_t *values)
{
	uint8_t found[NH_BENCH_BATCH];
	size_t hits = 0;

	nh_u64_get_batch(map, keys, n, values, found, &hits);
	return hits;
}

#include "bench/loops.h"

static void *
create(void)
{
	int code;
	struct nh_u64 *m = nh_u64_create(NULL, &code);

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
