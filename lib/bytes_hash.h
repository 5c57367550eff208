/*
 * bytes_hash.h - byte strings to 64 bits, with a key for each map
 *
 * SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, INDOCRYPT 2012; one round a
 * word and three at the end, as in Rust and Python) under 128 random bits: who
 * chooses keys and sees how long operations take still cannot make keys that
 * collide.
 *
 * XXH3 (Y. Collet) is for keys that nobody hostile chooses.  It is not keyed in
 * that sense, whatever secret it has: there are pairs of strings that collide
 * for far more secrets than chance would have it, and more is found each year.
 * The map's own secret has all lengths covered, and it is drawn at random, so
 * that no fixed set of keys is bad for every map.  This is why it is
 * XXH3_64bits_withSecret():
 *  - ..._withSeed() alters the public secret by 64 bits, and for that price
 *    makes a new one at each long string;
 *  - ..._withSecretandSeed() uses the secret for strings above 240 bytes only,
 *    so nearly all keys would be hashed with the public one and a seed;
 *  - of a secret, a short string meets only a few words (up to 16 bytes: two or
 *    four), so all of it must be random, not a text or a pattern, and it must
 *    have 136 bytes at least: XXH3_generateSecret() sees to that.
 *
 * Neither hash may be told to anybody, nor an order of keys that follows from
 * it, where keys are chosen by others.
 */
#ifndef NH_LIB_BYTES_HASH_H
#define NH_LIB_BYTES_HASH_H

#include <numahash.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NH_BYTES_SECRET 192 /* what XXH3 uses at most of it */

enum nh_bytes_hash_kind {
	NH_BYTES_SIPHASH = NH_HASH_KEYED,
	NH_BYTES_XXH3 = NH_HASH_TRUSTED,
#ifdef NH_STALL
	/* Tests choose hashes: the first eight bytes, the first one lowest. */
	NH_BYTES_PREFIX,
#endif
};

struct nh_bytes_hash {
	int kind;
	uint64_t key[2];			      /* of SipHash */
	_Alignas(64) uint8_t secret[NH_BYTES_SECRET]; /* of XXH3 */
};

/*
 * nh_bytes_hash_init - draw keys of its own.  Before others.
 *
 * Seed 0 takes them from getrandom(2): NH_ERR_SYSTEM when there is none.  Any
 * other seed gives the same keys each time, for tests: whoever knows it can
 * make keys that collide.  NH_ERR_ARG: no such kind.
 */
int nh_bytes_hash_init(struct nh_bytes_hash *hash, int kind, uint64_t seed);

/* nh_bytes_xxh3 - hash by XXH3, whatever the kind.  Any thread. */
uint64_t nh_bytes_xxh3(const struct nh_bytes_hash *hash, const void *data,
		       size_t len);

/* ----------------------------------------------------------------- SipHash */

struct nh_sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
nh_sip_rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void
nh_sip_rounds(struct nh_sip *s, unsigned n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = nh_sip_rotate(s->v1, 13) ^ s->v0;
		s->v3 = nh_sip_rotate(s->v3, 16) ^ s->v2;
		s->v0 = nh_sip_rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = nh_sip_rotate(s->v1, 17) ^ s->v2;
		s->v3 = nh_sip_rotate(s->v3, 21) ^ s->v0;
		s->v2 = nh_sip_rotate(s->v2, 32);
	}
}

static inline void
nh_sip_word(struct nh_sip *s, unsigned c, uint64_t word)
{
	s->v3 ^= word;
	nh_sip_rounds(s, c);
	s->v0 ^= word;
}

/* Eight bytes from anywhere, the first one lowest. */
static inline uint64_t
nh_bytes_load8(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

static inline uint64_t
nh_bytes_load4(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap32(x);
#endif
	return x;
}

/* Up to seven bytes, the first one lowest: loads overlap, nothing loops. */
static inline uint64_t
nh_bytes_load_few(const uint8_t *p, size_t n)
{
	if (n >= 4)
		return nh_bytes_load4(p) | nh_bytes_load4(p + n - 4)
						   << 8 * (n - 4);
	if (!n)
		return 0;
	return p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) |
	       (uint64_t)p[n - 1] << 8 * (n - 1);
}

/* What is left of a string behind its whole words: no load passes its ends. */
static inline uint64_t
nh_bytes_load_rest(const uint8_t *p, size_t len)
{
	size_t rest = len % 8;

	if (!rest)
		return 0;
	if (len < 8)
		return nh_bytes_load_few(p, rest);
	return nh_bytes_load8(p + len - 8) >> (64 - 8 * rest);
}

/*
 * nh_sip_hash - SipHash-c-d.  Any thread.
 *
 * c and d are constants where it is called, so that the rounds unroll.
 */
static inline __attribute__((always_inline)) uint64_t
nh_sip_hash(unsigned c, unsigned d, const uint64_t key[2], const void *data,
	    size_t len)
{
	const uint8_t *p = data;
	struct nh_sip s = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};

	for (size_t at = 0; at + 8 <= len; at += 8)
		nh_sip_word(&s, c, nh_bytes_load8(p + at));
	nh_sip_word(&s, c, (uint64_t)len << 56 | nh_bytes_load_rest(p, len));
	s.v2 ^= 0xff;
	nh_sip_rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* --------------------------------------------------------------------- both */

/* nh_bytes_hash - the hash of a key, by the kind of the map.  Any thread. */
static inline uint64_t
nh_bytes_hash(const struct nh_bytes_hash *hash, const void *data, size_t len)
{
	if (hash->kind == NH_BYTES_SIPHASH)
		return nh_sip_hash(1, 3, hash->key, data, len);
#ifdef NH_STALL
	if (hash->kind == NH_BYTES_PREFIX)
		return len < 8 ? nh_bytes_load_few(data, len)
			       : nh_bytes_load8(data);
#endif
	return nh_bytes_xxh3(hash, data, len);
}

/* nh_bytes_tie - another hash, for keys that share the first; never 0 */
static inline uint64_t
nh_bytes_tie(const struct nh_bytes_hash *hash, const void *data, size_t len)
{
	uint64_t key[2] = { hash->key[1], hash->key[0] };

	return nh_sip_hash(1, 3, key, data, len) | 1;
}

#endif
