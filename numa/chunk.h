/*
 * chunk.h - what an arena maps at a time, and of which pages
 */
#ifndef NH_NUMA_CHUNK_H
#define NH_NUMA_CHUNK_H

#include "numa/arena.h"

/* For nh_chunk_whole_pages(): the pages of the pool, whatever their size. */
#define NH_CHUNK_POOL ((size_t)0)

struct nh_chunk {
	struct nh_range range;
	struct nh_extent *top; /* what was never carved, at the end */
	char *touched;	       /* pages beyond were never asked for */
	struct nh_chunk *next;
	uint64_t *swapped; /* of pool pages: a bit for each that went back */
	size_t swapped_bytes;
	bool gone; /* in a child of fork(2): not there */
};

struct nh_chunk_want {
	enum nh_arena_kind kind;
	unsigned node;
	size_t bytes; /* at least */
	size_t room;  /* what the node can give: SIZE_MAX for no limit */
	size_t used;  /* by others of this arena */
	bool small;   /* the first chunk, for a small table: 4 KiB pages */
	bool patient; /* nobody waits: time to clear a 1 GiB page */
};

/* nh_chunk_choose - see nh_arena_choose_pages() */
void nh_chunk_choose(enum nh_pages best);

/* nh_chunk_best - what was chosen.  Any thread. */
enum nh_pages nh_chunk_best(void);

/*
 * nh_chunk_new - map one, of the best pages to be had; NULL: no memory
 *
 * Pool pages are there at once, so few are taken at a time; the others cost
 * address space only, which may be limited as well.  Any thread; no lock is
 * wanted, and with pool pages it takes the time to clear them.
 */
struct nh_chunk *nh_chunk_new(const struct nh_chunk_want *want);

/*
 * nh_chunk_whole_pages - pages of a size that lie whole in [*base, + bytes)
 *
 * Moves *base to the first, returns the bytes.  Of transparent and small pages:
 * those of size `page`, or the least that the chunk has.  Of the pool: only for
 * NH_CHUNK_POOL, and only these for that.  Arena locked.
 */
size_t nh_chunk_whole_pages(const struct nh_chunk *c, size_t page, char **base,
			    size_t bytes);

/*
 * nh_chunk_return - give such pages back; false: refused, nothing changed
 *
 * Pool pages go back to the pool, and others take their place.  No lock is
 * wanted, if nobody else has this stretch.
 */
bool nh_chunk_return(struct nh_chunk *c, char *base, size_t bytes);

/* nh_chunk_pooled - of pool pages: what of them is the pool's still.  Locked.
 */
size_t nh_chunk_pooled(const struct nh_chunk *c, const char *base,
		       size_t bytes);

/*
 * nh_chunk_swapped - note that [base, + bytes) went back to the pool: how many
 * bytes of it had not before.  Arena locked.
 */
size_t nh_chunk_swapped(struct nh_chunk *c, const char *base, size_t bytes);

#endif
