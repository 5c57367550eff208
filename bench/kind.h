/*
 * kind.h - what the keys and the values of this program are
 *
 * The bench is compiled once for each kind of pair, into a program of its own:
 * so the sizes are constants to every table, and none pays for another kind.
 *
 *	u64	8 bytes -> 8 bytes	unless one of these is defined
 *	k16	16 bytes -> 8 bytes	NH_BENCH_K16
 *	bKxV	K bytes -> V bytes	NH_BENCH_KEY_BYTES, NH_BENCH_VALUE_BYTES
 *
 * A key is made of a number, which no other key is made of.  A value has a word
 * with the upper 32 bits of its key's number; the lower 32 count how often it
 * was changed.  So every value read tells whether it belongs to its key, and
 * read-modify-writes can be summed up.  A value of many bytes has its word at
 * both ends: one that was torn, or cut off, shows it.
 */
#ifndef NH_BENCH_KIND_H
#define NH_BENCH_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The second word of a longer key, as random as the first. */
#define NH_BENCH_KEY_MORE UINT64_C(0x9fb21c651e98df25)

/* ------------------------------------------- keys, and the tables for them */

#if defined(NH_BENCH_VALUE_BYTES)

#if NH_BENCH_KEY_BYTES < 8 || NH_BENCH_KEY_BYTES > 24 || \
	NH_BENCH_VALUE_BYTES < 8
#error "a key has 8 to 24 bytes, and a value 8 or more"
#endif

#define NH_BENCH_TEXT(x) #x
#define NH_BENCH_KIND_OF(key, value) \
	"b" NH_BENCH_TEXT(key) "x" NH_BENCH_TEXT(value)
#define NH_BENCH_KIND NH_BENCH_KIND_OF(NH_BENCH_KEY_BYTES, NH_BENCH_VALUE_BYTES)
#define NH_BENCH_TABLES_OF_KIND(X) \
	X(numahash)                \
	X(numahash_xxh3) X(twomap) X(libcuckoo) X(tbb) X(abseil) X(glib)

struct nh_bench_key {
	unsigned char bytes[NH_BENCH_KEY_BYTES];
};

static inline void
nh_bench_key_set(struct nh_bench_key *key, uint64_t number)
{
	uint64_t words[3] = { number, number * NH_BENCH_KEY_MORE, number };

	memcpy(key->bytes, words, sizeof(key->bytes));
}

static inline uint64_t
nh_bench_key_number(const struct nh_bench_key *key)
{
	uint64_t number;

	memcpy(&number, key->bytes, sizeof(number));
	return number;
}

#elif defined(NH_BENCH_K16)

#define NH_BENCH_KIND "k16"
#define NH_BENCH_TABLES_OF_KIND(X) \
	X(numahash) X(numahash_xxh3) X(twomap) X(abseil)

struct nh_bench_key {
	uint64_t lo, hi;
};

static inline void
nh_bench_key_set(struct nh_bench_key *key, uint64_t number)
{
	key->lo = number;
	key->hi = number * NH_BENCH_KEY_MORE;
}

static inline uint64_t
nh_bench_key_number(const struct nh_bench_key *key)
{
	return key->lo;
}

static inline bool
nh_bench_key_equal(const struct nh_bench_key *a, const struct nh_bench_key *b)
{
	return !((a->lo ^ b->lo) | (a->hi ^ b->hi));
}

#else

#define NH_BENCH_KIND "u64"
#define NH_BENCH_TABLES_OF_KIND(X) \
	X(numahash) X(twomap) X(libcuckoo) X(tbb) X(lfht) X(abseil) X(glib)

struct nh_bench_key {
	uint64_t n;
};

static inline void
nh_bench_key_set(struct nh_bench_key *key, uint64_t number)
{
	key->n = number;
}

static inline uint64_t
nh_bench_key_number(const struct nh_bench_key *key)
{
	return key->n;
}

static inline bool
nh_bench_key_equal(const struct nh_bench_key *a, const struct nh_bench_key *b)
{
	return a->n == b->n;
}

#endif

/* ------------------------------------------------------------------ values */

#ifdef NH_BENCH_VALUE_BYTES

struct nh_bench_value {
	unsigned char bytes[NH_BENCH_VALUE_BYTES];
};

/* What is between the two words stays as it was. */
static inline void
nh_bench_value_set(struct nh_bench_value *value, uint64_t word)
{
	memcpy(value->bytes, &word, sizeof(word));
	memcpy(value->bytes + sizeof(*value) - sizeof(word), &word,
	       sizeof(word));
}

static inline uint64_t
nh_bench_value_word(const struct nh_bench_value *value)
{
	uint64_t word;

	memcpy(&word, value->bytes, sizeof(word));
	return word;
}

/* Not 0: the two ends differ. */
static inline uint64_t
nh_bench_value_torn(const struct nh_bench_value *value)
{
	uint64_t word;

	memcpy(&word, value->bytes + sizeof(*value) - sizeof(word),
	       sizeof(word));
	return word ^ nh_bench_value_word(value);
}

#else

struct nh_bench_value {
	uint64_t n;
};

static inline void
nh_bench_value_set(struct nh_bench_value *value, uint64_t word)
{
	value->n = word;
}

static inline uint64_t
nh_bench_value_word(const struct nh_bench_value *value)
{
	return value->n;
}

static inline uint64_t
nh_bench_value_torn(const struct nh_bench_value *value)
{
	(void)value;
	return 0;
}

#endif

/* nh_bench_value_init - a value of this key. */
static inline void
nh_bench_value_init(struct nh_bench_value *value,
		    const struct nh_bench_key *key, uint32_t version)
{
	uint64_t number = nh_bench_key_number(key);

	nh_bench_value_set(value, (number & ~UINT64_C(0xffffffff)) | version);
}

/* nh_bench_value_add - what a read-modify-write makes of a value. */
static inline void
nh_bench_value_add(struct nh_bench_value *value, uint64_t delta)
{
	nh_bench_value_set(value, nh_bench_value_word(value) + delta);
}

/* nh_bench_value_wrong - 0 if the value is whole and its key's. */
static inline uint64_t
nh_bench_value_wrong(const struct nh_bench_value *value,
		     const struct nh_bench_key *key)
{
	uint64_t other = nh_bench_value_word(value) ^ nh_bench_key_number(key);

	return other >> 32 | nh_bench_value_torn(value);
}

#endif
