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

#ifdef __AVX512VL__
#define NH_FLAVOUR_NAME "x86_64-avx512"
#else
#define NH_FLAVOUR_NAME "x86_64-avx"
#endif

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

/* MULX where it is there: it leaves one register be that MUL takes. */
static inline uint64_t
nh_mul_high(uint64_t a, uint64_t b)
{
#ifdef __BMI2__
	uint64_t high;

	__asm__("mulx %[b], %[high], %[high]"
		: [high] "=r"(high)
		: [b] "r"(b), "d"(a));
	return high;
#else
	return (uint64_t)((unsigned __int128)a * b >> 64);
#endif
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

/* One CMP with memory, which gcc makes a load and a CMP of an atomic access. */
static inline bool
nh_word_differs(const nh_atomic *p, uint64_t word)
{
	bool differs;

	nh_stall_point();
	__asm__ volatile("cmpq %[word], %[p]"
			 : "=@ccne"(differs)
			 : [p] "m"(*p), [word] "r"(word)
			 : "memory");
	return differs;
}

struct nh_found {
	bool hit;
	uint64_t flags;
	__m128i pair; /* the value is in the upper half */
};

static inline uint64_t
nh_found_value(const struct nh_found *f)
{
	return (uint64_t)_mm_extract_epi64(f->pair, 1);
}

static inline void
nh_found_store(const struct nh_found *f, uint64_t *value)
{
	_mm_storeh_pd((double *)(void *)value, _mm_castsi128_pd(f->pair));
}

/*
 * nh_line_find - the value of the slot whose word is want under *mask, if any
 *
 * Slot 3 is loaded first and slot 0 second: lib/line.h says why.  All four are
 * compared at once; which one matched decides no branch, and the value is
 * picked from the pair that was compared, so it is never a second load.  Two
 * may match, when the key left one slot and came to another in between: either
 * is right, and one of them is taken.
 */
static inline struct nh_found
nh_line_find(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	__m128i w = _mm_set1_epi64x((long long)(want & *mask));
	__m128i m = _mm_set1_epi64x((long long)*mask);
	__m128i p3 = nh_x86_load(&line->pair[3]);
	__m128i p0 = nh_x86_load(&line->pair[0]);
	__m128i p1 = nh_x86_load(&line->pair[1]);
	__m128i p2 = nh_x86_load(&line->pair[2]);
	__m128i w03 = _mm_unpacklo_epi64(p0, p3);
	__m128i w12 = _mm_unpacklo_epi64(p1, p2);
	__m128i hit03 = _mm_cmpeq_epi64(_mm_and_si128(w03, m), w);
	__m128i hit12 = _mm_cmpeq_epi64(_mm_and_si128(w12, m), w);
	__m128i any = _mm_or_si128(hit03, hit12);
	__m128i flags = _mm_or_si128(w03, _mm_unpackhi_epi64(w03, w03));
	struct nh_found f;
	__m128i v;

	v = _mm_blendv_epi8(_mm_unpackhi_epi64(p1, p2),
			    _mm_unpackhi_epi64(p0, p3), hit03);
	v = _mm_blendv_epi8(_mm_unpackhi_epi64(v, v), v, any);
	f.pair = _mm_unpacklo_epi64(v, v);
	f.hit = !_mm_testz_si128(any, any);
	f.flags = (uint64_t)_mm_cvtsi128_si64(flags);
	return f;
}

#ifndef __AVX512VL__

static inline struct nh_found
nh_line_peek(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	return nh_line_find(line, want, mask);
}

static inline struct nh_found
nh_line_glance(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	return nh_line_find(line, want, mask);
}

static inline uint64_t
nh_line_absent(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	struct nh_found f = nh_line_find(line, want, mask);

	return f.hit ? NH_LOOK_AGAIN : f.flags;
}

#else

/*
 * Which of the eight words of a line, values among them, match: bits 0, 2, 4
 * and 6 count.  One 64-byte load.  Registers from 16 up, which older code does
 * not have, so that none of it pays for dirty upper halves (VZEROUPPER).
 */
static inline uint64_t
nh_x86_match(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	uint64_t lanes;

	nh_stall_point();
	__asm__ volatile(
		"vpbroadcastq %[want], %%zmm16\n\t"
		"vpxorq %[line], %%zmm16, %%zmm16\n\t"
		"vptestnmq %[mask]%{1to8%}, %%zmm16, %%k1\n\t"
		"kmovb %%k1, %k[lanes]"
		: [lanes] "=r"(lanes)
		: [line] "m"(*line), [mask] "m"(*mask), [want] "r"(want)
		: "xmm16", "k1", "memory");
	return lanes & 0x55;
}

/* (a ^ b) & mask as one TEST with the mask in it, which gcc makes two of. */
static inline __attribute__((always_inline)) bool
nh_x86_differ(long long a, uint64_t b, uint64_t mask)
{
	bool differ;

	__asm__("testq %[mask], %[x]"
		: "=@ccnz"(differ)
		: [x] "r"((uint64_t)a ^ b), [mask] "e"((long long)mask));
	return differ;
}

/*
 * nh_line_glance - the pair, if it is easily seen, and nothing but that
 *
 * By the manual a 64-byte load is not one access, so it is believed only where
 * it need not be: the slot that matched is loaded again as a pair and compared
 * again.  Few instructions, for that decides how many searches the processor
 * can have under way.
 */
static inline __attribute__((always_inline)) struct nh_found
nh_line_glance(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	struct nh_found f = { false, NH_LOOK_AGAIN, _mm_setzero_si128() };
	uint64_t lanes = nh_x86_match(line, want, mask);
	const char *at = (const char *)line;

	if (nh_unlikely(!lanes))
		return f;
	at += sizeof(uint64_t) * _tzcnt_u64(lanes);
	f.pair = nh_x86_load((const void *)at);
	f.hit = !nh_x86_differ(_mm_cvtsi128_si64(f.pair), want, *mask);
	return f;
}

/*
 * nh_line_absent - the flags of a line without this word, or "look again"
 *
 * For "no" it is enough that the words of slots 0 to 2 are each read whole
 * after slot 3 and slot 0 were looked at by themselves.
 */
static inline __attribute__((always_inline)) uint64_t
nh_line_absent(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	/* order(pair): acquire, slot 3 before slot 0 before the others */
	uint64_t word3 = nh_load_acquire(&line->pair[3].word);
	/* order(pair): acquire, as above */
	uint64_t word0 = nh_load_acquire(&line->pair[0].word);

	if (nh_unlikely(nh_x86_match(line, want, mask) ||
			!nh_x86_differ((long long)word3, want, *mask)))
		return NH_LOOK_AGAIN;
	return word0 | word3;
}

/* nh_line_peek - as nh_line_find(), but it may also say "look again" */
static inline __attribute__((always_inline)) struct nh_found
nh_line_peek(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	struct nh_found f = nh_line_glance(line, want, mask);

	if (!f.hit)
		f.flags = nh_line_absent(line, want, mask);
	return f;
}

#endif

#ifndef __AVX512VL__

/* Four bits, one for each slot whose word & mask is want. */
static inline unsigned
nh_line_match(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	__m128i w = _mm_set1_epi64x((long long)(want & *mask));
	__m128i m = _mm_set1_epi64x((long long)*mask);
	__m128i p0 = nh_x86_load(&line->pair[0]);
	__m128i p1 = nh_x86_load(&line->pair[1]);
	__m128i p2 = nh_x86_load(&line->pair[2]);
	__m128i p3 = nh_x86_load(&line->pair[3]);
	__m128i hit01 = _mm_cmpeq_epi64(
		_mm_and_si128(_mm_unpacklo_epi64(p0, p1), m), w);
	__m128i hit23 = _mm_cmpeq_epi64(
		_mm_and_si128(_mm_unpacklo_epi64(p2, p3), m), w);

	return (unsigned)(_mm_movemask_pd(_mm_castsi128_pd(hit01)) |
			  _mm_movemask_pd(_mm_castsi128_pd(hit23)) << 2);
}

#define NH_MATCH_BITS 1

#else

static inline unsigned
nh_line_match(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	return (unsigned)nh_x86_match(line, want, mask);
}

#define NH_MATCH_BITS 2

#endif

#endif
