/*
 * keys.c - key streams, uniform and zipfian
 *
 * The zipfian ranks are drawn as YCSB draws them (Gray et al., "Quickly
 * generating billion-record synthetic databases", 1994).  Its constant zeta(n)
 * is summed up to a million terms and continued by the integral of the rest,
 * which is right to ten digits.  A rank is made an id by a permutation, so that
 * the popular entries are not the ones that were inserted first.
 */
#include "bench/keys.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>

#define THETA 0.99
#define ZETA_TERMS 1000000
#define RANK_PRIME UINT64_C(2654435761) /* above any number of entries */

struct zipf {
	double n;
	double zeta;
	double eta;
	double half; /* 1 + 0.5^theta: below it the rank is 1 */
};

static double
zeta(uint64_t n)
{
	uint64_t terms = n < ZETA_TERMS ? n : ZETA_TERMS;
	double a = (double)terms, b = (double)n, sum = 0;

	for (uint64_t i = terms; i > 0; i--)
		sum += pow((double)i, -THETA);
	sum += (pow(b, 1 - THETA) - pow(a, 1 - THETA)) / (1 - THETA);
	return sum + (pow(b, -THETA) - pow(a, -THETA)) / 2;
}

static void
zipf_init(struct zipf *z, uint64_t n)
{
	z->n = (double)n;
	z->zeta = zeta(n);
	z->half = 1 + pow(0.5, THETA);
	z->eta = (1 - pow(2 / z->n, 1 - THETA)) / (1 - z->half / z->zeta);
}

static uint64_t
zipf_rank(const struct zipf *z, double u)
{
	double uz = u * z->zeta;

	if (uz < 1)
		return 0;
	if (uz < z->half)
		return 1;
	return (uint64_t)(z->n * pow(z->eta * u - z->eta + 1, 1 / (1 - THETA)));
}

void
nh_bench_stream_init(struct nh_bench_stream *s, enum nh_bench_dist dist,
		     uint64_t first, uint64_t entries, size_t n)
{
	uint64_t state = first + entries + (uint64_t)dist;
	struct zipf z;

	zipf_init(&z, entries);
	s->n = n;
	s->keys = malloc(n * sizeof(*s->keys));
	if (!s->keys)
		err(1, "a stream of %zu keys", n);
	for (size_t i = 0; i < n; i++) {
		uint64_t r = nh_bench_random(&state);
		uint64_t id = r * entries >> 32;

		if (dist == NH_BENCH_ZIPF)
			id = zipf_rank(&z, (double)r / 4294967296.0) *
			     RANK_PRIME % entries;
		nh_bench_key_of(&s->keys[i], first + id);
	}
}

void
nh_bench_stream_fini(struct nh_bench_stream *s)
{
	free(s->keys);
	s->keys = NULL;
	s->n = 0;
}
