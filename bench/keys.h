/*
 * keys.h - which keys there are, and in which order they are asked for
 *
 * An entry has an id: a table of n entries holds ids 0 to n - 1.  The number
 * that its key is made of is a bijection that costs two multiplications, so no
 * array of keys is needed to fill a table.  What is measured reads its keys
 * from a stream: an array long enough that neither the branch predictor nor a
 * cache learns it, made before the clock starts and the same for all tables.
 */
#ifndef NH_BENCH_KEYS_H
#define NH_BENCH_KEYS_H

#include "bench/kind.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nh_bench_dist {
	NH_BENCH_UNIFORM = 0,
	NH_BENCH_ZIPF, /* theta 0.99, as YCSB's scrambled zipfian */
	NH_BENCH_DISTS,
};

/* Ids from here on are in no table. */
#define NH_BENCH_ABSENT (UINT64_C(1) << 48)

struct nh_bench_stream {
	struct nh_bench_key *keys;
	size_t n; /* a multiple of NH_BENCH_CHUNK */
};

/* nh_bench_key_of - the key of an id */
static inline void
nh_bench_key_of(struct nh_bench_key *key, uint64_t id)
{
	uint64_t k = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);

	k ^= k >> 29;
	k *= UINT64_C(0xff51afd7ed558ccd);
	nh_bench_key_set(key, k ^ k >> 32);
}

/* A random number of 32 bits; the state is any number. */
static inline uint32_t
nh_bench_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

/*
 * nh_bench_stream_init - n keys of ids drawn from [first, first + entries)
 *
 * Exits when there is no memory for it.
 */
void nh_bench_stream_init(struct nh_bench_stream *s, enum nh_bench_dist dist,
			  uint64_t first, uint64_t entries, size_t n);

void nh_bench_stream_fini(struct nh_bench_stream *s);

#ifdef __cplusplus
}
#endif

#endif
