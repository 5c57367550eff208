#ifndef NH_LIB_BYTES_HASH_H
#define NH_LIB_BYTES_HASH_H
#include <stdint.h>
#include <stddef.h>
#include <string.h>
struct nh_bytes_hash {
	uint64_t a;
	int kind;
};
static inline int
nh_bytes_hash_init(struct nh_bytes_hash *h, int kind, uint64_t seed)
{
	h->a = seed ? seed : 88172645463325252ull;
	h->kind = kind;
	return 0;
}
static inline uint64_t
nh_bytes_hash(const struct nh_bytes_hash *h, const void *d, size_t n)
{
	const unsigned char *p = d;
	uint64_t x = h->a ^ n;
	uint64_t w;
	while (n >= 8) {
		memcpy(&w, p, 8);
		x = (x ^ w) * 0x9E3779B97F4A7C15ull;
		x ^= x >> 32;
		p += 8;
		n -= 8;
	}
	w = 0;
	memcpy(&w, p, n);
	x = (x ^ w) * 0x9E3779B97F4A7C15ull;
	x ^= x >> 29;
	x *= 0xBF58476D1CE4E5B9ull;
	return x ^ x >> 32;
}
static inline uint64_t
nh_bytes_tie(const struct nh_bytes_hash *h, const void *d, size_t n)
{
	struct nh_bytes_hash o = { h->a ^ 0x1234567, 0 };
	return nh_bytes_hash(&o, d, n) | 1;
}
#endif
