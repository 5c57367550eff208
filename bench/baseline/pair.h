/*
 * pair.h - what the keys and the values of the baseline are
 *
 * The baseline is compiled for one kind of pair, that of bench/kind.h:
 *
 *		key in its bucket	key of an entry		value, in its
 *box u64	8 bytes			-			8 bytes k16
 *16 bytes		-			8 bytes bKxV	a string, 16
 *bytes	up to K bytes		up to V bytes
 *
 * sync.Map has an interface in the bucket for any of them, also of 16 bytes,
 * and the number or the header of the string boxed behind it, and the bytes
 * behind that; its values are boxed twice in the same way.  Here is at most one
 * pointer to follow, and a key's bytes are beside the entry that each hit needs
 * as well: the baseline is favoured.
 *
 * A string that is passed in is the caller's.  One that a map hands out to a
 * callback is the map's, and good while the callback runs.
 */
#ifndef BENCH_BASELINE_PAIR_H
#define BENCH_BASELINE_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench/kind.h"

/* ---------------------------------------------------------- keys of a gomap */

#if defined(NH_BENCH_VALUE_BYTES) || defined(NH_BENCH_K16)
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

#if defined(NH_BENCH_VALUE_BYTES)

struct gomap_string {
	const void *data;
	size_t len;
};

typedef struct gomap_string gomap_key;

static inline bool
gomap_key_equal(gomap_key a, gomap_key b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static inline uint64_t
gomap_hash(gomap_key key, uint64_t seed)
{
	return XXH3_64bits_withSeed(key.data, key.len, seed);
}

#elif defined(NH_BENCH_K16)

struct gomap_key16 {
	uint64_t lo, hi;
};

typedef struct gomap_key16 gomap_key;

static inline bool
gomap_key_equal(gomap_key a, gomap_key b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static inline uint64_t
gomap_hash(gomap_key key, uint64_t seed)
{
	return XXH3_64bits_withSeed(&key, sizeof key, seed);
}

#else

typedef uint64_t gomap_key;

static inline bool
gomap_key_equal(gomap_key a, gomap_key b)
{
	return a == b;
}

/*
 * The mixer of the library, so that all do the same hash work.
 *
 * A multiplication leaves its best bits on top, and Go takes a bucket from the
 * bottom and a tag from the top: the rotation puts bits 40 to 63 at the bottom
 * and bits 32 to 39 on top.
 */
static inline uint64_t
gomap_hash(gomap_key key, uint64_t seed)
{
	uint64_t h = key ^ seed;

	h ^= h >> 32;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 32;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h >> 40 | h << 24;
}

#endif

/* -------------------------------------------- entries and boxes of a two-map
 */

#ifdef NH_BENCH_VALUE_BYTES

/* In results, what data points to has room for NH_BENCH_VALUE_BYTES. */
struct twomap_bytes {
	void *data;
	size_t len;
};

typedef struct twomap_bytes twomap_value;

/* Written before it is published, never after. */
struct twomap_box {
	_Alignas(8) uint32_t len;
	unsigned char bytes[NH_BENCH_VALUE_BYTES];
};

struct twomap_entry {
	_Atomic(struct twomap_box *) p;
	unsigned char key[NH_BENCH_KEY_BYTES];
};

/* twomap_entry_key - key, which is e's own, as e's map may keep it. */
static inline gomap_key
twomap_entry_key(const struct twomap_entry *e, gomap_key key)
{
	return (gomap_key){ e->key, key.len };
}

/* twomap_entry_init - e gets a key; false if it has no room for it. */
static inline bool
twomap_entry_init(struct twomap_entry *e, gomap_key key)
{
	if (key.len > sizeof e->key)
		return false;
	memcpy(e->key, key.data, key.len);
	return true;
}

/* twomap_box_init - the box gets a value; false if it has no room for it. */
static inline bool
twomap_box_init(struct twomap_box *box, twomap_value value)
{
	if (value.len > sizeof box->bytes)
		return false;
	box->len = (uint32_t)value.len;
	memcpy(box->bytes, value.data, value.len);
	return true;
}

/* twomap_box_value - what is in the box, where it is. */
static inline twomap_value
twomap_box_value(struct twomap_box *box)
{
	return (twomap_value){ box->bytes, box->len };
}

static inline void
twomap_value_copy(twomap_value *to, twomap_value from)
{
	memcpy(to->data, from.data, from.len);
	to->len = from.len;
}

static inline bool
twomap_value_equal(twomap_value a, twomap_value b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

#else

typedef uint64_t twomap_value;

/* Written before it is published, never after. */
struct twomap_box {
	uint64_t value;
};

struct twomap_entry {
	_Atomic(struct twomap_box *) p;
};

/* twomap_entry_key - key, which is e's own, as e's map may keep it. */
static inline gomap_key
twomap_entry_key(const struct twomap_entry *e, gomap_key key)
{
	(void)e;
	return key;
}

/* twomap_entry_init - e gets a key; false if it has no room for it. */
static inline bool
twomap_entry_init(struct twomap_entry *e, gomap_key key)
{
	(void)e;
	(void)key;
	return true;
}

/* twomap_box_init - the box gets a value; false if it has no room for it. */
static inline bool
twomap_box_init(struct twomap_box *box, twomap_value value)
{
	box->value = value;
	return true;
}

/* twomap_box_value - what is in the box, where it is. */
static inline twomap_value
twomap_box_value(struct twomap_box *box)
{
	return box->value;
}

static inline void
twomap_value_copy(twomap_value *to, twomap_value from)
{
	*to = from;
}

static inline bool
twomap_value_equal(twomap_value a, twomap_value b)
{
	return a == b;
}

#endif

#endif
