/*
 * inline.h - pairs and lines on x86-64 with AVX
 *
 * A 16-byte aligned VMOVDQA is one access, whole or not at all, on every
 * processor that has AVX (Intel SDM vol. 3A, 9.1.1; AMD APM vol. 2, 7.3.2).
 * The asm names the instruction, so the compiler cannot split or merge it.
 * x86 keeps loads in order with loads and stores with stores, so a plain move
 * is an acquire load or a release store; the "memory" clobber keeps the
 * compiler from undoing that.
 */
#ifndef NH_ARCH_X86_64_INLINE_H
#define NH_ARCH_X86_64_INLINE_H

#include <immintrin.h>

#define NH_FLAVOUR_NAME "x86_64"

static inline void
nh_pause(void)
{
	_mm_pause();
}

static inline void
nh_prefetch(const void *p)
{
	_mm_prefetch((const char *)p, _MM_HINT_T0);
}

/* PREFETCHW: fetch for ownership, so that the lock need not ask again. */
static inline void
nh_prefetch_write(const void *p)
{
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
}

static inline __m128i
nh_x86_load(const struct nh_pair *p)
{
	__m128i v;

	nh_stall_point();
	__asm__ volatile("vmovdqa %1, %0" : "=x"(v) : "m"(*p) : "memory");
	return v;
}

static inline struct nh_kv
nh_pair_load(const struct nh_pair *p)
{
	__m128i v = nh_x86_load(p);
	struct nh_kv kv = { (uint64_t)_mm_cvtsi128_si64(v),
			    (uint64_t)_mm_extract_epi64(v, 1) };

	return kv;
}

static inline void
nh_pair_store(struct nh_pair *p, struct nh_kv kv)
{
	__m128i v = _mm_set_epi64x((long long)kv.value, (long long)kv.word);

	nh_stall_point();
	__asm__ volatile("vmovdqa %1, %0" : "=m"(*p) : "x"(v) : "memory");
}

/*
 * nh_line_find - the value of the slot whose word & mask is want, if any
 *
 * Slot 3 is loaded first and slot 0 second: lib/line.h says why.  All four are
 * compared at once; which one matched decides no branch, and the value is
 * or'ed out of the pair that was compared, so it is never a second load.
 */
static inline struct nh_found
nh_line_find(const struct nh_line *line, uint64_t want, uint64_t mask)
{
	__m128i w = _mm_set1_epi64x((long long)want);
	__m128i m = _mm_set1_epi64x((long long)mask);
	__m128i p3 = nh_x86_load(&line->pair[3]);
	__m128i p0 = nh_x86_load(&line->pair[0]);
	__m128i p1 = nh_x86_load(&line->pair[1]);
	__m128i p2 = nh_x86_load(&line->pair[2]);
	__m128i w03 = _mm_unpacklo_epi64(p0, p3);
	__m128i w12 = _mm_unpacklo_epi64(p1, p2);
	__m128i hit03 = _mm_cmpeq_epi64(_mm_and_si128(w03, m), w);
	__m128i hit12 = _mm_cmpeq_epi64(_mm_and_si128(w12, m), w);
	__m128i v =
		_mm_or_si128(_mm_and_si128(hit03, _mm_unpackhi_epi64(p0, p3)),
			     _mm_and_si128(hit12, _mm_unpackhi_epi64(p1, p2)));
	__m128i any = _mm_or_si128(hit03, hit12);
	__m128i flags = _mm_or_si128(w03, _mm_unpackhi_epi64(w03, w03));
	struct nh_found f;

	v = _mm_or_si128(v, _mm_unpackhi_epi64(v, v));
	f.hit = !_mm_testz_si128(any, any);
	f.flags = (uint64_t)_mm_cvtsi128_si64(flags);
	f.value = (uint64_t)_mm_cvtsi128_si64(v);
	return f;
}

/* nh_line_slot - which slot it is, or -1 */
static inline int
nh_line_slot(const struct nh_line *line, uint64_t want, uint64_t mask)
{
	__m128i w = _mm_set1_epi64x((long long)want);
	__m128i m = _mm_set1_epi64x((long long)mask);
	__m128i p0 = nh_x86_load(&line->pair[0]);
	__m128i p1 = nh_x86_load(&line->pair[1]);
	__m128i p2 = nh_x86_load(&line->pair[2]);
	__m128i p3 = nh_x86_load(&line->pair[3]);
	__m128i hit01 = _mm_cmpeq_epi64(
		_mm_and_si128(_mm_unpacklo_epi64(p0, p1), m), w);
	__m128i hit23 = _mm_cmpeq_epi64(
		_mm_and_si128(_mm_unpacklo_epi64(p2, p3), m), w);
	int bits = _mm_movemask_pd(_mm_castsi128_pd(hit01)) |
		   _mm_movemask_pd(_mm_castsi128_pd(hit23)) << 2;

	return bits ? __builtin_ctz((unsigned)bits) : -1;
}

#endif
