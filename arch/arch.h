/*
 * arch.h - what differs between processors, behind one set of names
 *
 * A file that handles lines is compiled once for each flavour the machine may
 * need (see Makefile): with NH_FLAVOUR_GENERIC it gets the portable C module,
 * without it the module of the processor.  Which of them a map uses is decided
 * when the map is made.  Each module offers, inline:
 *
 *	nh_pair_load	one pair (word, value) as one unit, acquire
 *	nh_pair_store	one pair as one unit, release; line locked
 *	nh_word_differs	load a word, relaxed, and compare
 *	nh_line_find	compare the four words of a line with one, in the bits
 *			of a mask: its value
 *	nh_line_glance	quickly: hit, or perhaps nothing is known
 *	nh_line_absent	when there was no hit: the flags, or NH_LOOK_AGAIN
 *	nh_line_peek	these two
 *	nh_found	what these two saw: `hit`, and `flags`, the words of
 *			slots 0 and 3 or'ed, to look at flags when not hit
 *	nh_found_value	the value, when hit
 *	nh_found_store	the same, to memory: saves the way through a register
 *	nh_line_match	which slots match: NH_MATCH_BITS bits for each, the
 *			lowest of which says so; line locked, or for a guess
 *	nh_mul_high	the upper half of a product
 *	nh_prefetch, nh_prefetch_write, nh_pause
 *
 * and, out of line, nh_arch_native_level(): what may run here?
 */
#ifndef NH_ARCH_ARCH_H
#define NH_ARCH_ARCH_H

#include "arch/atomic.h"

#define NH_LINE_SLOTS 4

/* A hash word and its value: what one 16-byte access moves. */
struct nh_pair {
	_Alignas(16) nh_atomic word;
	nh_atomic value;
};

/* One cache line. */
struct nh_line {
	_Alignas(64) struct nh_pair pair[NH_LINE_SLOTS];
};

/* A pair in registers. */
struct nh_kv {
	uint64_t word, value;
};

/* Flags when it is not known what is there: somebody may be writing. */
#define NH_LOOK_AGAIN (~UINT64_C(0))

#define nh_likely(x) __builtin_expect(!!(x), 1)
#define nh_unlikely(x) __builtin_expect(!!(x), 0)

#if defined(__x86_64__) && !defined(NH_FLAVOUR_GENERIC)
#include "arch/x86_64/inline.h"
#else
#include "arch/generic/inline.h"
#endif

/* nh_match_slot - the first slot of a match that is not 0 */
static inline unsigned
nh_match_slot(unsigned match)
{
	return (unsigned)__builtin_ctz(match) / NH_MATCH_BITS;
}

/* Which flavours run here: each one and those below it. */
enum nh_level {
	NH_LEVEL_GENERIC,
	NH_LEVEL_NATIVE, /* x86-64: AVX */
	NH_LEVEL_WIDE,	 /* x86-64: AVX-512VL */
	NH_LEVELS,
};

#if defined(__x86_64__)
#define NH_ARCH_HAS_MODULE 1
#else
#define NH_ARCH_HAS_MODULE 0
#endif

/* nh_arch_native_level - the highest that this processor can.  Any thread. */
int nh_arch_native_level(void);

#endif
