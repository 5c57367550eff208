/*
 * hash.h - the hash that every peer is given
 *
 * It is the form of numahash's own hash: two multiplications by odd constants
 * with a shift between them, so that nobody wins or loses by hashing less.  Its
 * constants are known when compiling, where numahash and the two-map baseline
 * load theirs from the map: what difference is left is in favour of the peers.
 */
#ifndef NH_BENCH_HASH_H
#define NH_BENCH_HASH_H

#include <stdint.h>

#define NH_BENCH_HASH_SEED UINT64_C(0x6a09e667f3bcc909)
#define NH_BENCH_HASH_K1 UINT64_C(0xbf58476d1ce4e5b9)
#define NH_BENCH_HASH_K2 UINT64_C(0x94d049bb133111eb)

static inline uint64_t
nh_bench_hash(uint64_t key)
{
	uint64_t h = key ^ NH_BENCH_HASH_SEED;

	h ^= h >> 32;
	h *= NH_BENCH_HASH_K1;
	h ^= h >> 32;
	return h * NH_BENCH_HASH_K2;
}

#endif
