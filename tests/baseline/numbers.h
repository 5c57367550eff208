/*
 * numbers.h - the two-map on numbers, whatever its keys and values are
 *
 * For tests that are compiled for each kind of pair (bench/baseline/pair.h).  A
 * number that becomes a string has a length of its own as well, and one that
 * comes back damaged is none that a test expects.
 */
#ifndef TESTS_BASELINE_NUMBERS_H
#define TESTS_BASELINE_NUMBERS_H

#include "bench/baseline/twomap.h"

/* Where a number is that is not passed as it is. */
struct number_room {
	unsigned char bytes[512];
};

#define NUMBER_DAMAGED UINT64_C(0xdeaddeaddeaddead)

#ifdef NH_BENCH_VALUE_BYTES

/* The number, and n % most bytes more. */
static inline size_t
number_write(unsigned char *bytes, uint64_t n, size_t most)
{
	memcpy(bytes, &n, sizeof n);
	memset(bytes + sizeof n, (int)(n * 7), n % (most - sizeof n + 1));
	return sizeof n + n % (most - sizeof n + 1);
}

static inline uint64_t
number_read(const void *data, size_t len, size_t most)
{
	unsigned char expected[sizeof(struct number_room)];
	uint64_t n;

	if (len < sizeof n || len > most)
		return NUMBER_DAMAGED;
	memcpy(&n, data, sizeof n);
	if (number_write(expected, n, most) != len ||
	    memcmp(expected, data, len) != 0)
		return NUMBER_DAMAGED;
	return n;
}

static inline gomap_key
number_key(uint64_t n, struct number_room *room)
{
	size_t len = number_write(room->bytes, n, NH_BENCH_KEY_BYTES);

	return (gomap_key){ room->bytes, len };
}

static inline uint64_t
number_of_key(gomap_key key)
{
	return number_read(key.data, key.len, NH_BENCH_KEY_BYTES);
}

static inline twomap_value
number_value(uint64_t n, struct number_room *room)
{
	size_t len = number_write(room->bytes, n, NH_BENCH_VALUE_BYTES);

	return (twomap_value){ room->bytes, len };
}

static inline uint64_t
number_of_value(twomap_value value)
{
	return number_read(value.data, value.len, NH_BENCH_VALUE_BYTES);
}

#else

static inline gomap_key
number_key(uint64_t n, struct number_room *room)
{
	(void)room;
#ifdef NH_BENCH_K16
	return (gomap_key){ n % 16, n }; /* few differ in their lower half */
#else
	return n;
#endif
}

static inline uint64_t
number_of_key(gomap_key key)
{
#ifdef NH_BENCH_K16
	return key.lo == key.hi % 16 ? key.hi : NUMBER_DAMAGED;
#else
	return key;
#endif
}

static inline twomap_value
number_value(uint64_t n, struct number_room *room)
{
	(void)room;
	return n;
}

static inline uint64_t
number_of_value(twomap_value value)
{
	return value;
}

#endif

/* ------------------------- twomap.h's operations; results as they are there */

static inline bool
number_load(struct twomap *m, uint64_t key, uint64_t *value)
{
	struct number_room k, v;
	twomap_value result = number_value(0, &v);

	if (!twomap_load(m, number_key(key, &k), &result))
		return false;
	*value = number_of_value(result);
	return true;
}

static inline void
number_store(struct twomap *m, uint64_t key, uint64_t value)
{
	struct number_room k, v;

	twomap_store(m, number_key(key, &k), number_value(value, &v));
}

static inline bool
number_swap(struct twomap *m, uint64_t key, uint64_t value, uint64_t *old)
{
	struct number_room k, v, o;
	twomap_value result = number_value(0, &o);

	if (!twomap_swap(m, number_key(key, &k), number_value(value, &v),
			 &result))
		return false;
	*old = number_of_value(result);
	return true;
}

static inline bool
number_load_or_store(struct twomap *m, uint64_t key, uint64_t value,
		     uint64_t *actual)
{
	struct number_room k, v, a;
	twomap_value result = number_value(0, &a);
	bool loaded = twomap_load_or_store(m, number_key(key, &k),
					   number_value(value, &v), &result);

	*actual = number_of_value(result);
	return loaded;
}

static inline bool
number_delete(struct twomap *m, uint64_t key)
{
	struct number_room k;

	return twomap_delete(m, number_key(key, &k));
}

static inline bool
number_load_and_delete(struct twomap *m, uint64_t key, uint64_t *old)
{
	struct number_room k, o;
	twomap_value result = number_value(0, &o);

	if (!twomap_load_and_delete(m, number_key(key, &k), &result))
		return false;
	*old = number_of_value(result);
	return true;
}

static inline bool
number_compare_and_swap(struct twomap *m, uint64_t key, uint64_t expected,
			uint64_t desired)
{
	struct number_room k, e, d;

	return twomap_compare_and_swap(m, number_key(key, &k),
				       number_value(expected, &e),
				       number_value(desired, &d));
}

static inline bool
number_compare_and_delete(struct twomap *m, uint64_t key, uint64_t expected)
{
	struct number_room k, e;

	return twomap_compare_and_delete(m, number_key(key, &k),
					 number_value(expected, &e));
}

struct number_range {
	bool (*fn)(void *arg, uint64_t key, uint64_t value);
	void *arg;
};

static inline bool
number_show(void *arg, gomap_key key, twomap_value value)
{
	struct number_range *r = arg;

	return r->fn(r->arg, number_of_key(key), number_of_value(value));
}

static inline void
number_range(struct twomap *m, bool (*fn)(void *, uint64_t, uint64_t),
	     void *arg)
{
	struct number_range r = { fn, arg };

	twomap_range(m, number_show, &r);
}

#endif
