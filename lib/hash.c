/*
 * hash.c - the constants of a map's hash
 */
#include "lib/hash.h"

/* splitmix64 (S. Vigna, 2015): every seed gives well-mixed constants. */
static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/*
 * Newton's iteration doubles the correct low bits; an odd number is its own
 * inverse modulo 8, so five steps make 96.
 */
static uint64_t
inverse(uint64_t odd)
{
	uint64_t x = odd;

	for (int i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

void
nh_hash_init(struct nh_hash *hash, uint64_t seed)
{
	hash->seed = next(&seed);
	hash->k1 = next(&seed) | 1;
	hash->k2 = next(&seed) | 1;
	hash->inverse1 = inverse(hash->k1);
	hash->inverse2 = inverse(hash->k2);
}
