/*
 * nh_map.c - numahash's map of byte strings, through its public interface
 *
 * Twice: with the keyed hash it has by default, and with the faster one that a
 * caller may ask for who trusts the keys.
 */
#include "bench/table.h"
#include "numahash.h"

#include <err.h>
#include <stdbool.h>

/* A value of another length than all have is no value. */
static bool
table_get(void *map, const struct nh_bench_key *key,
	  struct nh_bench_value *value)
{
	size_t len = sizeof(*value);

	return nh_map_get(map, key, sizeof(*key), value, &len) == NH_OK &&
	       len == sizeof(*value);
}

static bool
table_put(void *map, const struct nh_bench_key *key,
	  const struct nh_bench_value *value)
{
	return nh_map_put(map, key, sizeof(*key), value, sizeof(*value)) ==
	       NH_OK;
}

static bool
table_insert(void *map, const struct nh_bench_key *key,
	     const struct nh_bench_value *value)
{
	return nh_map_insert(map, key, sizeof(*key), value, sizeof(*value)) ==
	       NH_OK;
}

static bool
table_erase(void *map, const struct nh_bench_key *key)
{
	return nh_map_delete(map, key, sizeof(*key)) == NH_OK;
}

static bool
table_add(void *map, const struct nh_bench_key *key, uint64_t delta,
	  struct nh_bench_value *old)
{
	struct nh_bench_value sum;
	int code;

	do {
		if (!table_get(map, key, old))
			return false;
		sum = *old;
		nh_bench_value_add(&sum, delta);
		code = nh_map_compare_and_swap(map, key, sizeof(*key), old,
					       sizeof(*old), &sum, sizeof(sum));
	} while (code == NH_ERR_MISMATCH);
	return code == NH_OK;
}

#include "bench/loops.h"

static void *
create(const struct nh_config *config)
{
	int code;
	struct nh_map *m = nh_map_create(config, &code);

	if (!m)
		errx(1, "nh_map: %s", nh_strerror(code));
	return m;
}

static void *
create_keyed(void)
{
	return create(NULL);
}

static void *
create_trusted(void)
{
	struct nh_config config;

	nh_config_init(&config);
	config.hash = NH_HASH_TRUSTED;
	return create(&config);
}

static void
destroy(void *map)
{
	nh_map_destroy(map);
}

const struct nh_bench_table nh_bench_numahash = {
	.name = "numahash",
	.create = create_keyed,
	.destroy = destroy,
	.ops = &table_ops,
};

const struct nh_bench_table nh_bench_numahash_xxh3 = {
	.name = "numahash-xxh3",
	.create = create_trusted,
	.destroy = destroy,
	.ops = &table_ops,
};
