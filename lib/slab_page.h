/*
 * slab_page.h - pages of objects of one size, and extents for large objects
 *
 *	page	| word | object 0 | object 1 | ... | object n-1 |
 *
 * A page has 16 to 256 KiB and lies at a multiple of its size, so an object's
 * address leads to it.  The word leads to what describes the page, which lives
 * elsewhere: what a stale reader can see is written by atomics alone.
 *
 * Sizes: by 8 to 128 bytes, then by about an eighth, eight an octave.  Those
 * above 128 are 16 less than round, so that with the word they fill a page.
 * Lost in an object: at most 7 bytes up to 128, then at most 13 %, and 4.4 % on
 * the average of all sizes.  Lost in a page: at most 1/32, in one class 1/27.
 */
#ifndef NH_LIB_SLAB_PAGE_H
#define NH_LIB_SLAB_PAGE_H

#include "lib/slab.h"

#define NH_SLAB_STEP 8	 /* bytes: up to NH_SLAB_FINE */
#define NH_SLAB_FINE 128 /* bytes: sizes above are eight an octave */
#define NH_SLAB_LEAST 16 /* bytes: a header, and a link while it is free */
#define NH_SLAB_BATCH 64 /* objects at most taken or put at a time */

/* nh_slab_class_of - the class of the least size that holds so many bytes. */
static inline unsigned
nh_slab_class_of(size_t bytes)
{
	unsigned b, log;

	if (bytes <= NH_SLAB_LEAST)
		return 0;
	if (bytes <= NH_SLAB_FINE)
		return (unsigned)((bytes - NH_SLAB_LEAST + 7) / NH_SLAB_STEP);
	b = (unsigned)bytes + 15;
	log = 31 - (unsigned)__builtin_clz(b);
	return 14 + (log - 7) * 8 + (b >> (log - 3) & 7);
}

/* nh_slab_class_size - bytes that an object of a class has.  Any thread. */
size_t nh_slab_class_size(unsigned class);

/* nh_slab_pages_init - as nh_slab_init(), for what is here. */
int nh_slab_pages_init(struct nh_slab *slab);

/* nh_slab_pages_fini - as nh_slab_fini(). */
void nh_slab_pages_fini(struct nh_slab *slab);

/*
 * nh_slab_take - up to `want` objects of a class: how many.  Any thread.
 *
 * At most NH_SLAB_BATCH; 0: no memory.  Their words may hold anything.
 */
unsigned nh_slab_take(struct nh_slab *slab, unsigned class, void **objects,
		      unsigned want);

/* nh_slab_put - give objects of a class back, at most a batch.  Any thread. */
void nh_slab_put(struct nh_slab *slab, unsigned class, void *const *objects,
		 unsigned n);

/* nh_slab_take_large, nh_slab_put_large - one with an extent of its own. */
void *nh_slab_take_large(struct nh_slab *slab, size_t bytes);
void nh_slab_put_large(struct nh_slab *slab, void *object);

/* nh_slab_pages_trim - give back the pages that are empty.  Any thread. */
void nh_slab_pages_trim(struct nh_slab *slab);

#endif
