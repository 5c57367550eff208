/*
 * bins.c - free extents by size
 */
#include "numa/bins.h"

#include "numa/chunk.h"

#define TRIES 16 /* looked at in a bin where not all will do */

static unsigned
bin_of(size_t bytes)
{
	unsigned log = 63 - (unsigned)__builtin_clzll(bytes);
	unsigned sub = (unsigned)(bytes >> (log - NH_BINS_SUB)) &
		       ((1u << NH_BINS_SUB) - 1);

	return (log << NH_BINS_SUB) + sub;
}

/* Has e more resident than the ragged ends beside such pages can hold? */
static bool
has_pages(const struct nh_extent *e, size_t page)
{
	char *base = e->base;
	size_t whole = nh_chunk_whole_pages(e->chunk, page, &base, e->bytes);

	return whole && e->resident > e->bytes - whole;
}

void
nh_bins_add(struct nh_bins *bins, struct nh_extent *e)
{
	unsigned b = bin_of(e->bytes);
	bool front = has_pages(e, NH_SMALL_PAGE) || has_pages(e, NH_CHUNK_POOL);

	e->free = true;
	e->prev = front ? NULL : bins->last[b];
	e->next = front ? bins->first[b] : NULL;
	*(e->next ? &e->next->prev : &bins->last[b]) = e;
	*(e->prev ? &e->prev->next : &bins->first[b]) = e;
	bins->bitmap[b / 64] |= UINT64_C(1) << b % 64;
	bins->resident += e->resident;
}

void
nh_bins_remove(struct nh_bins *bins, struct nh_extent *e)
{
	unsigned b = bin_of(e->bytes);

	e->free = false;
	*(e->next ? &e->next->prev : &bins->last[b]) = e->prev;
	*(e->prev ? &e->prev->next : &bins->first[b]) = e->next;
	if (!bins->first[b])
		bins->bitmap[b / 64] &= ~(UINT64_C(1) << b % 64);
	bins->resident -= e->resident;
}

/* The first bin from b up that has something, or NH_BINS. */
static unsigned
next_bin(const struct nh_bins *bins, unsigned b)
{
	for (unsigned i = b / 64; i < NH_BINS / 64; i++) {
		uint64_t bits = bins->bitmap[i];

		if (i == b / 64)
			bits &= ~UINT64_C(0) << b % 64;
		if (bits)
			return i * 64 + (unsigned)__builtin_ctzll(bits);
	}
	return NH_BINS;
}

/* Those that may be too small, or lie askew, are tried; the rest all fit. */
struct nh_extent *
nh_bins_find(const struct nh_bins *bins, size_t bytes, size_t align)
{
	unsigned surely = bin_of(bytes + align - NH_ARENA_UNIT) + 1;
	unsigned b = next_bin(bins, bin_of(bytes));

	for (; b < surely; b = next_bin(bins, b + 1)) {
		struct nh_extent *e = bins->first[b];

		for (int tries = TRIES; e && tries; tries--, e = e->next)
			if (nh_extent_fits(e, bytes, align))
				return e;
	}
	return b < NH_BINS ? bins->first[b] : NULL;
}

/*
 * Those without any such pages lie behind the others of their bin, so a few
 * looks at each will do: there may be many.
 */
struct nh_extent *
nh_bins_largest(const struct nh_bins *bins, size_t page)
{
	for (unsigned b = NH_BINS; b-- > bin_of(NH_SMALL_PAGE);) {
		struct nh_extent *e = bins->first[b];

		for (int tries = TRIES; e && tries; tries--, e = e->next)
			if (has_pages(e, page))
				return e;
	}
	return NULL;
}
