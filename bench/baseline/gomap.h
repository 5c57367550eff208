/*
 * gomap.h - Go's bucket map (up to Go 1.23), from a key to a pointer
 *
 *	 0        8                   72                    136        144
 *	+--------+------+- -+--------+-------+- -+---------+----------+
 *	| 8 tags | key0 |   | key7   | elem0 |   | elem7   | overflow |
 *	+--------+------+- -+--------+-------+- -+---------+----------+
 *
 * (of u64; other kinds of keys take 128 bytes, as in Go).
 *
 * A bucket holds eight pairs and a one-byte tag for each; more go to a chain
 * of overflow buckets.  2^B buckets take 6.5 * 2^B pairs, then an array twice
 * as large is allocated at once and each later write moves at most two old
 * buckets into it.  Too many overflow buckets cause the same at equal size.
 * Nothing ever shrinks, and a delete frees no bucket.  The rules and their
 * order are those of Go's runtime/map.go.
 *
 * What differs from Go, each time in favour of this map:
 *  - sync.Map keys are interfaces, 16 bytes in the bucket and the key itself
 *    boxed on the heap.  Here a number is the 8 bytes in the bucket, so that a
 *    bucket has 144 bytes instead of 208, and no compare of numbers or 16-byte
 *    keys follows a pointer; one of strings follows one, where Go has two;
 *  - the eight tags are compared at once instead of one after the other;
 *  - Go leaves dead buckets to the collector, here the writer frees them when
 *    it has moved them, so a map in growth holds less;
 *  - Go rounds an array up to its allocator's size class, here it is exact.
 *
 * A map has one writer at a time.  A map that is no longer written may be read
 * by any number of threads, even when it stopped in the middle of a growth:
 * no read changes anything.
 */
#ifndef BENCH_BASELINE_GOMAP_H
#define BENCH_BASELINE_GOMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/baseline/pair.h"

#define GOMAP_SLOTS 8u

/* Tags below GOMAP_TAG_MIN say what became of a slot. */
enum gomap_tag {
	GOMAP_EMPTY_REST = 0, /* empty, and so is all after it in the chain */
	GOMAP_EMPTY_ONE = 1,
	GOMAP_EVACUATED_X = 2, /* moved to the lower half */
	GOMAP_EVACUATED_Y = 3, /* moved to the upper half */
	GOMAP_EVACUATED_EMPTY = 4,
	GOMAP_TAG_MIN = 5,
};

struct gomap_bucket {
	uint64_t tags; /* slot i has bits 8i to 8i+7 */
	gomap_key key[GOMAP_SLOTS];
	void *elem[GOMAP_SLOTS];
	struct gomap_bucket *overflow;
};

/* What a read needs comes first, in one cache line. */
struct gomap {
	struct gomap_bucket *buckets; /* NULL until the first write if B is 0 */
	uint64_t seed;
	uint64_t mask; /* 2^B - 1 */
	size_t count;
	struct gomap_bucket *old; /* NULL unless growing */
	uint64_t old_mask;

	size_t evacuated; /* old buckets below this one have been moved */
	struct gomap_bucket *spare, *spare_end; /* overflow, allocated ahead */
	uint16_t overflows; /* an estimate from B = 16 on, as in Go */
	uint8_t B;
	bool same_size; /* the growth that is going on */
	size_t bytes;	/* of all arrays and overflow buckets */
	uint64_t grows, same_size_grows; /* begun since gomap_init() */
};

/* gomap_init - an empty map with room for hint.  As Go, ignores absurd ones. */
void gomap_init(struct gomap *m, size_t hint);

/* gomap_fini - free the buckets; what elements point to is the caller's. */
void gomap_fini(struct gomap *m);

/*
 * gomap_set - set key to elem, which must not be NULL.  Writer only.
 *
 * The bytes of a string stay where they are, and must stay while it is there.
 */
void gomap_set(struct gomap *m, gomap_key key, void *elem);

/* gomap_remove - take key out; its element, or NULL.  Writer only. */
void *gomap_remove(struct gomap *m, gomap_key key);

/*
 * gomap_clear_into - as Go's clear(m): an empty map with as many buckets
 *
 * Go wipes the array.  Here it goes to *content, whose elements somebody must
 * still free, and m gets a new array of the size.  Writer only.
 */
void gomap_clear_into(struct gomap *m, struct gomap *content);

/* gomap_seed_random - where seeds come from; getrandom(2) if never called. */
void gomap_seed_random(uint64_t state);

static inline uint8_t
gomap_tag(uint64_t hash)
{
	uint8_t top = (uint8_t)(hash >> 56);

	return top < GOMAP_TAG_MIN ? (uint8_t)(top + GOMAP_TAG_MIN) : top;
}

static inline uint8_t
gomap_tag_at(uint64_t tags, unsigned slot)
{
	return (uint8_t)(tags >> 8 * slot);
}

#define GOMAP_EACH_BYTE UINT64_C(0x0101010101010101)

/* A high bit for each zero byte; bytes above the lowest zero may be wrong. */
static inline uint64_t
gomap_zero_bytes(uint64_t word)
{
	return (word - GOMAP_EACH_BYTE) & ~word & GOMAP_EACH_BYTE << 7;
}

/* Moved already?  All slots of a bucket are, or none. */
static inline bool
gomap_is_evacuated(const struct gomap_bucket *b)
{
	uint8_t tag = gomap_tag_at(b->tags, 0);

	return tag > GOMAP_EMPTY_ONE && tag < GOMAP_TAG_MIN;
}

/*
 * gomap_find - the slot of key in a chain, or NULL
 *
 * A wrong bit of gomap_zero_bytes() is a slot whose tag is tag ^ 1, at least
 * 4: never an empty one, whose old key is still there.
 */
static inline void *const *
gomap_find(const struct gomap_bucket *b, uint8_t tag, gomap_key key)
{
	for (; b; b = b->overflow) {
		uint64_t hits =
			gomap_zero_bytes(b->tags ^ tag * GOMAP_EACH_BYTE);

		for (; hits; hits &= hits - 1) {
			unsigned i = (unsigned)__builtin_ctzll(hits) / 8;

			if (gomap_key_equal(b->key[i], key))
				return &b->elem[i];
		}
		if (gomap_tag_at(b->tags, GOMAP_SLOTS - 1) == GOMAP_EMPTY_REST)
			return NULL;
	}
	return NULL;
}

/* gomap_get - the element of key, or NULL.  Any thread if nobody writes. */
static inline void *
gomap_get(const struct gomap *m, gomap_key key)
{
	const struct gomap_bucket *b;
	void *const *slot;
	uint64_t hash;

	if (!m->count)
		return NULL;
	hash = gomap_hash(key, m->seed);
	b = &m->buckets[hash & m->mask];
	if (m->old && !gomap_is_evacuated(&m->old[hash & m->old_mask]))
		b = &m->old[hash & m->old_mask];
	slot = gomap_find(b, gomap_tag(hash), key);
	return slot ? *slot : NULL;
}

/* A walk over a map that is not written meanwhile; begin with { .map = m }. */
struct gomap_iter {
	const struct gomap *map;
	const struct gomap_bucket *bucket;
	size_t next; /* array index: the new array, then the old one */
	unsigned slot;
};

/* gomap_next - the next pair, each once, in no order; false at the end. */
bool gomap_next(struct gomap_iter *it, gomap_key *key, void **elem);

#endif
