/*
 * hash.h - the hash that every peer is given
 *
 * For 8-byte keys it is the form of numahash's own hash: two multiplications by
 * odd constants with a shift between them, so that nobody wins or loses by
 * hashing less.  Its constants are known when compiling, where numahash and the
 * two-map baseline load theirs from the map: what difference is left is in
 * favour of the peers.
 *
 * Longer keys get XXH3, which is what numahash takes for keys that are trusted,
 * with its built-in secret; the same holds for its length.
 */
#ifndef NH_BENCH_HASH_H
#define NH_BENCH_HASH_H

#include "bench/kind.h"

#include <stdint.h>

#if defined(NH_BENCH_VALUE_BYTES) || defined(NH_BENCH_K16)

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t
nh_bench_hash(const struct nh_bench_key *key)
{
	return XXH3_64bits(key, sizeof(*key));
}

#else

#define NH_BENCH_HASH_SEED UINT64_C(0x6a09e667f3bcc909)
#define NH_BENCH_HASH_K1 UINT64_C(0xbf58476d1ce4e5b9)
#define NH_BENCH_HASH_K2 UINT64_C(0x94d049bb133111eb)

static inline uint64_t
nh_bench_hash(const struct nh_bench_key *key)
{
	uint64_t h = key->n ^ NH_BENCH_HASH_SEED;

	h ^= h >> 32;
	h *= NH_BENCH_HASH_K1;
	h ^= h >> 32;
	return h * NH_BENCH_HASH_K2;
}

#endif

#endif
