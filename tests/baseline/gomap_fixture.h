/*
 * gomap_fixture.h - what the tests of Go's bucket map share
 *
 * An element is the address of its key's place in an array, so each look-up
 * can be checked for the right one.
 */
#ifndef TESTS_BASELINE_GOMAP_FIXTURE_H
#define TESTS_BASELINE_GOMAP_FIXTURE_H

#include "bench/baseline/gomap.h"
#include "tests/baseline/kit.h"

#define KEYS 20000u
#define ARRAY_BYTES(B) (((1u << (B)) + (1u << (B)) / 16) * 144u)

static uint64_t place[KEYS];

static inline void *
elem_of(uint64_t key)
{
	return &place[key % KEYS];
}

static inline void
insert(struct gomap *m, uint64_t first, uint64_t n)
{
	for (uint64_t key = first; key < first + n; key++)
		gomap_set(m, key, elem_of(key));
}

static inline void
check_has(const struct gomap *m, uint64_t first, uint64_t n)
{
	for (uint64_t key = first; key < first + n; key++)
		assert_ptr_equal(gomap_get(m, key), elem_of(key));
}

static inline size_t
moved_buckets(const struct gomap *m)
{
	size_t moved = 0;

	for (size_t i = 0; m->old && i <= m->old_mask; i++)
		moved += gomap_is_evacuated(&m->old[i]);
	return moved;
}

static inline unsigned
chain_length(const struct gomap *m, size_t bucket)
{
	unsigned n = 0;

	for (const struct gomap_bucket *b = &m->buckets[bucket]; b;
	     b = b->overflow)
		n++;
	return n;
}

/* The next key from *from on that falls into a bucket. */
static inline uint64_t
next_colliding(const struct gomap *m, size_t bucket, uint64_t *from)
{
	while ((gomap_hash(*from, m->seed) & m->mask) != bucket)
		++*from;
	return (*from)++;
}

/* Insert keys until a growth begins, and stop in the middle of it. */
static inline uint64_t
stop_in_growth(struct gomap *m)
{
	uint64_t n = 0;

	while (n < 1000 || !m->old || moved_buckets(m) < 20)
		gomap_set(m, n, elem_of(n)), n++;
	assert_true(moved_buckets(m) <= m->old_mask);
	return n;
}

static inline void
check_walk(const struct gomap *m)
{
	static uint8_t seen[KEYS];
	struct gomap_iter it = { .map = m };
	size_t n = 0;
	uint64_t key;
	void *elem;

	for (uint64_t i = 0; i < KEYS; i++)
		seen[i] = 0;
	while (gomap_next(&it, &key, &elem)) {
		assert_ptr_equal(elem, gomap_get(m, key));
		assert_int_equal(seen[key]++, 0);
		n++;
	}
	assert_int_equal(n, m->count);
}

#endif
