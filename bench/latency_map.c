/*
 * latency_map.c - the maps that are measured, one row each
 */
#include "bench/latency_map.h"

#include "bench/baseline/twomap.h"
#include "numahash.h"

#include <err.h>
#include <stdlib.h>

static void *
create(bool maintenance)
{
	struct nh_config config;
	struct nh_u64 *m;
	int error;

	nh_config_init(&config);
	config.maintenance = maintenance;
	m = nh_u64_create(&config, &error);
	if (!m)
		errx(EXIT_FAILURE, "nh_u64_create: %s", nh_strerror(error));
	return m;
}

static void *
plain_create(void)
{
	return create(false);
}

static void *
maintained_create(void)
{
	return create(true);
}

static void
plain_destroy(void *map)
{
	nh_u64_destroy(map);
}

static int
plain_insert(void *map, uint64_t key, uint64_t value)
{
	return nh_u64_insert(map, key, value);
}

static int
plain_put(void *map, uint64_t key, uint64_t value)
{
	return nh_u64_put(map, key, value);
}

static int
plain_get(void *map, uint64_t key, uint64_t *value)
{
	return nh_u64_get(map, key, value);
}

static uint64_t
plain_len(void *map)
{
	return nh_u64_len(map);
}

static void *
empty_create(void)
{
	return NULL;
}

static void
empty_destroy(void *map)
{
	(void)map;
}

static int
empty_put(void *map, uint64_t key, uint64_t value)
{
	(void)map;
	(void)key;
	(void)value;
	return 0;
}

static int
empty_get(void *map, uint64_t key, uint64_t *value)
{
	(void)map;
	*value = key;
	return 0;
}

static void *
twomap_new(void)
{
	return twomap_create(0);
}

static void
twomap_delete_map(void *map)
{
	twomap_destroy(map);
}

static int
twomap_insert(void *map, uint64_t key, uint64_t value)
{
	uint64_t actual;

	return twomap_load_or_store(map, key, value, &actual) ? NH_ERR_EXISTS
							      : NH_OK;
}

static int
twomap_put(void *map, uint64_t key, uint64_t value)
{
	twomap_store(map, key, value);
	return NH_OK;
}

static int
twomap_get(void *map, uint64_t key, uint64_t *value)
{
	return twomap_load(map, key, value) ? NH_OK : NH_ERR_NOTFOUND;
}

static bool
count_one(void *arg, uint64_t key, uint64_t value)
{
	uint64_t *n = arg;

	(void)key;
	(void)value;
	++*n;
	return true;
}

/* It has no length; to walk it promotes it, so this is for the end. */
static uint64_t
twomap_count(void *map)
{
	uint64_t n = 0;

	twomap_range(map, count_one, &n);
	return n;
}

static void
nothing(void)
{
}

const struct nh_lat_map_kind nh_lat_maps[NH_LAT_MAPS] = {
	{ "EMPTY loop", "empty", empty_create, empty_destroy, empty_put,
	  empty_put, empty_get, NULL, nothing, nothing, nothing },
	{ "numahash", "numahash", plain_create, plain_destroy, plain_insert,
	  plain_put, plain_get, plain_len, nothing, nothing, nothing },
	{ "numahash, maintained", "numahash-maintained", maintained_create,
	  plain_destroy, plain_insert, plain_put, plain_get, plain_len, nothing,
	  nothing, nothing },
	{ "two-map baseline", "two-map", twomap_new, twomap_delete_map,
	  twomap_insert, twomap_put, twomap_get, twomap_count,
	  twomap_thread_begin, twomap_thread_end, twomap_quiescent },
};
