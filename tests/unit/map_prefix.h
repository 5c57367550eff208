/*
 * map_prefix.h - maps whose keys say what their hash is
 *
 * For programs built with -DNH_STALL that are linked with the library built so.
 */
#ifndef NH_TESTS_MAP_PREFIX_H
#define NH_TESTS_MAP_PREFIX_H

#include "lib/bytes.h"
#include "tests/unit/map_fixture.h"

/* prefix_map - an empty map that hashes a key to its first eight bytes */
static inline struct nh_map *
prefix_map(int arch)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	struct nh_map *m;

	config.arch = arch;
	m = map_make(&config);
	m->hash.kind = NH_BYTES_PREFIX;
	return m;
}

/* prefix_key - the key number i with this hash: its length, always the same */
static inline size_t
prefix_key(uint64_t hash, unsigned i, unsigned char *to)
{
	for (unsigned k = 0; k < 8; k++)
		to[k] = (unsigned char)(hash >> 8 * k);
	to[8] = (unsigned char)i;
	to[9] = (unsigned char)(i >> 8);
	return 10;
}

#endif
