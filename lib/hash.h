/*
 * hash.h - a seeded bijection of 64 bits
 *
 *	h = key ^ seed;  h ^= h >> 32;  h *= k1;  h ^= h >> 32;  h *= k2
 *
 * Each step can be undone, so a hash is as good as its key and the key need not
 * be stored.  The second product carries every bit of the key to the top of
 * the hash, which is the part that decides segment and line; the first shift is
 * for keys that differ in their upper half only.  seed, k1 and k2
 * are drawn for each map.  (The shape is "xmx", after the finalizers of
 * MurmurHash3 by A. Appleby and of D. Lea's and G. Steele's SplittableRandom,
 * OOPSLA 2014.)  It spreads keys; it is no defence against who can guess it.
 */
#ifndef NH_LIB_HASH_H
#define NH_LIB_HASH_H

#include <stdint.h>

struct nh_hash {
	uint64_t seed, k1, k2;
	uint64_t inverse1, inverse2; /* of k1 and k2, modulo 2^64 */
};

/* nh_hash_init - draw the constants from one 64-bit seed.  Before others. */
void nh_hash_init(struct nh_hash *hash, uint64_t seed);

static inline uint64_t
nh_hash(const struct nh_hash *hash, uint64_t key)
{
	uint64_t h = key ^ hash->seed;

	h ^= h >> 32;
	h *= hash->k1;
	h ^= h >> 32;
	return h * hash->k2;
}

static inline uint64_t
nh_unhash(const struct nh_hash *hash, uint64_t h)
{
	h *= hash->inverse2;
	h ^= h >> 32;
	h *= hash->inverse1;
	h ^= h >> 32;
	return h ^ hash->seed;
}

#endif
