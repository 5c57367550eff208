/*
 * bins.h - free extents by size: eight bins an octave, found through a bitmap
 *
 * With boundary tags kept outside of the memory, after TLSF (Masmano et al.,
 * ECRTS 2004).  All of it with the arena locked.
 */
#ifndef NH_NUMA_BINS_H
#define NH_NUMA_BINS_H

#include "numa/arena.h"

#define NH_BINS_SUB 3
#define NH_BINS (64 << NH_BINS_SUB)

struct nh_bins {
	struct nh_extent *first[NH_BINS];
	struct nh_extent *last[NH_BINS];
	uint64_t bitmap[NH_BINS / 64];
	size_t resident; /* of all that are in bins */
};

/* nh_bins_add - first those that have pages: for reuse, and to be given back */
void nh_bins_add(struct nh_bins *bins, struct nh_extent *e);

void nh_bins_remove(struct nh_bins *bins, struct nh_extent *e);

/* nh_bins_find - one that has `bytes` behind an aligned address, or NULL */
struct nh_extent *nh_bins_find(const struct nh_bins *bins, size_t bytes,
			       size_t align);

/*
 * nh_bins_largest - one of the largest with such pages, or NULL
 *
 * What nh_chunk_whole_pages() calls `page`.
 */
struct nh_extent *nh_bins_largest(const struct nh_bins *bins, size_t page);

/* What must be cut off the front of e for an address that is aligned. */
static inline size_t
nh_extent_head(const struct nh_extent *e, size_t align)
{
	return (size_t)(-(uintptr_t)e->base & (align - 1));
}

static inline bool
nh_extent_fits(const struct nh_extent *e, size_t bytes, size_t align)
{
	return e->bytes >= nh_extent_head(e, align) + bytes;
}

#endif
