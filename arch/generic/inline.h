/*
 * inline.h - pairs and lines in portable C11, and the oracle of the others
 *
 * Nothing here is wider than eight bytes, so a pair takes two accesses and a
 * reader must notice when a writer came between them.  A line has no room for
 * a version, so versions stand beside the table: an array of counters shared
 * by all lines of the process, picked by address.
 *
 *	writer (line locked):	begin += 1;  value, word;  end += 1
 *	reader:			end; word, value; begin;  equal, or again
 *
 * Two writers may share a counter, which is why there are two counts and not
 * one that is odd meanwhile.  A reader here can wait for a writer: that is the
 * price of a machine without 16-byte accesses, and nh_describe() names it.
 */
#ifndef NH_ARCH_GENERIC_INLINE_H
#define NH_ARCH_GENERIC_INLINE_H

#include <sched.h>

#ifndef NH_FLAVOUR_NAME
#define NH_FLAVOUR_NAME "generic"
#endif

#define NH_VERSIONS 1024
#define NH_SPINS 64

struct nh_version_pair {
	_Alignas(64) nh_atomic begin;
	nh_atomic end;
};

extern struct nh_version_pair nh_versions[NH_VERSIONS];

static inline void
nh_pause(void)
{
}

static inline void
nh_prefetch(const void *p)
{
	__builtin_prefetch(p, 0);
}

static inline void
nh_prefetch_write(const void *p)
{
	__builtin_prefetch(p, 1);
}

static inline uint64_t
nh_mul_high(uint64_t a, uint64_t b)
{
	return (uint64_t)((unsigned __int128)a * b >> 64);
}

static inline struct nh_version_pair *
nh_version_of(const struct nh_pair *p)
{
	uint64_t line = (uint64_t)(uintptr_t)p >> 6;

	return &nh_versions[line * UINT64_C(0x9E3779B97F4A7C15) >> 54];
}

static inline struct nh_kv
nh_pair_load(const struct nh_pair *p)
{
	struct nh_version_pair *v = nh_version_of(p);
	struct nh_kv kv;
	unsigned spins = 0;
	uint64_t end;

	for (;;) {
		/* order(version-end): acquire, pairs older than end are seen */
		end = nh_load_acquire(&v->end);
		/* order(version-data): acquire, so begin is read after it */
		kv.word = nh_load_acquire(&p->word);
		/* order(version-data): acquire, so begin is read after it */
		kv.value = nh_load_acquire(&p->value);
		/* relaxed: a torn pair came from a store after begin += 1. */
		if (nh_load_relaxed(&v->begin) == end)
			return kv;
		if (++spins % NH_SPINS == 0)
			sched_yield();
	}
}

static inline void
nh_pair_store(struct nh_pair *p, struct nh_kv kv)
{
	struct nh_version_pair *v = nh_version_of(p);

	/* relaxed: the release stores below carry it. */
	nh_add_relaxed(&v->begin, 1);
	/* order(version-data): release, after begin += 1 */
	nh_store_release(&p->value, kv.value);
	/* order(version-data): release, after begin += 1 */
	nh_store_release(&p->word, kv.word);
	/* order(version-end): release, after the pair */
	nh_add_acqrel(&v->end, 1);
}

static inline bool
nh_word_differs(const nh_atomic *p, uint64_t word)
{
	/* relaxed: the caller says why. */
	return nh_load_relaxed(p) != word;
}

struct nh_found {
	bool hit;
	uint64_t flags;
	uint64_t value;
};

static inline uint64_t
nh_found_value(const struct nh_found *f)
{
	return f->value;
}

static inline void
nh_found_store(const struct nh_found *f, uint64_t *value)
{
	*value = f->value;
}

static inline struct nh_found
nh_line_find(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	static const unsigned char order[NH_LINE_SLOTS] = { 3, 0, 1, 2 };
	struct nh_found f = { false, 0, 0 };

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		struct nh_kv kv = nh_pair_load(&line->pair[order[i]]);

		if (i < 2)
			f.flags |= kv.word;
		if ((kv.word ^ want) & *mask)
			continue;
		f.hit = true;
		f.value = kv.value;
	}
	return f;
}

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

static inline unsigned
nh_line_match(const struct nh_line *line, uint64_t want, const uint64_t *mask)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++)
		/* relaxed: nobody else writes it while it is locked. */
		if (!((nh_load_relaxed(&line->pair[i].word) ^ want) & *mask))
			bits |= 1u << i;
	return bits;
}

#define NH_MATCH_BITS 1

#endif
