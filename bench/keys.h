/*
 * keys.h - which keys there are, and in which order they are asked for
 *
 * An entry has a number, its id: a table of n entries holds ids 0 to n - 1.
 * The key of an id is a bijection that costs two multiplications, so no array
 * of keys is needed to fill a table.  What is measured reads its keys from a
 * stream: an array long enough that neither the branch predictor nor a cache
 * learns it, made before the clock starts and the same for all tables.
 *
 * The value of a key has the key's upper 32 bits; the lower 32 count how often
 * it was changed.  So every value read tells whether it belongs to its key, and
 * read-modify-writes can be summed up.
 */
#ifndef NH_BENCH_KEYS_H
#define NH_BENCH_KEYS_H

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
	uint64_t *keys;
	size_t n; /* a multiple of NH_BENCH_CHUNK */
};

static inline uint64_t
nh_bench_key(uint64_t id)
{
	uint64_t k = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);

	k ^= k >> 29;
	k *= UINT64_C(0xff51afd7ed558ccd);
	return k ^ k >> 32;
}

static inline uint64_t
nh_bench_value(uint64_t key, uint32_t version)
{
	return (key & ~UINT64_C(0xffffffff)) | version;
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
