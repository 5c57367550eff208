/*
 * slab.h - memory for the entries of a map: small objects, freed at once
 *
 *	alloc, free	caches of a thread's slot: lists, no lock
 *	  in batches	pages of objects of one size: lib/slab_page.h
 *	    whole	the arena of entries: numa/arena.h
 *
 * An object begins with a header of 8 bytes, whose low half is a version; the
 * rest of it is the user's.  Objects are written once and then published in a
 * table.  There is no grace period: free() makes an object available at once,
 * to this map or another, while readers may still be copying from it.
 *
 * Who writes an object fills its words with nh_slab_fill(), the header last,
 *and then publishes it in a table.  Who frees it took it out of the table
 *before. Who reads it does this, with all words loaded by nh_slab_word():
 *
 *  1. load the pair from the table;
 *  2. load the header.  Its version is 0: start over;
 *  3. load the pair again.  It changed: start over;
 *  4. copy as many words as the header's lengths tell;
 *  5. load the header again.  It changed: start over.
 *
 * What step 5 accepts is what the key had at step 3:
 *
 *  - As long as a page serves one class, the word that is an object's header is
 *    never anything else: 0, or what was stored when all of the object had been
 *    written.  A version is given out once in about 2^32 allocations of the
 *    whole process.  (So it does not depend on what the memory held, which is
 *    zeros when it went to the system in between; 0 is not a version.)  The
 *    same header at 2 and 5 therefore means the same object all the time, and
 *    the pair referred to it at 3.
 *  - free() stores 0 to the header before the memory is used in any other way,
 *    and every later store to any word of it is a release.  The words are
 *loaded with acquire.  So a reader that copied a single word of a later use
 *    sees the 0, or what came after it, at step 5.
 *  - Lengths are used only after step 3, so they are those of an object that
 *was published then.  Its memory is never unmapped: no step can fault.  Without
 *    step 3 they might be anything and lead beyond the end of a chunk.
 *  - When a page has become another class's, a header may be any user's data.
 *    For that the page was emptied, so the object was freed and its pair taken
 *    out.  Between 1 and 3 the page must then have been filled by others,
 *    emptied, got back by the first class, and the same key put at the same
 *    address, all while the reader went two steps.  A reference that holds some
 *    bits of the version, to be compared at step 2, makes that as much less
 *    likely.  Between 3 and 5, the page must have been emptied and filled with
 *    these very 8 bytes at this place.  A map whose values others choose should
 *    load the pair once more after step 5: then the page must have come back in
 *    that time, too.
 *
 * Memory of entries never becomes table lines or the other way round, as
 * somebody may still try to lock a line: see numa/arena.h.
 */
#ifndef NH_LIB_SLAB_H
#define NH_LIB_SLAB_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/atomic.h"
#include "lib/thread.h"

#define NH_SLAB_CLASSES 70
#define NH_SLAB_SMALL ((size_t)16368) /* larger ones are extents */
#define NH_SLAB_MAX ((size_t)1 << 31)

struct nh_slab_page;

/* Objects of one size. */
struct nh_slab_class {
	pthread_mutex_t mutex;
	struct nh_slab_page *partial; /* pages that have a free object */
	struct nh_slab_page *full;
	uint32_t empty; /* of the partial ones: those without an object */
	uint32_t size;
	uint32_t page_bytes;
	uint16_t first; /* the first object's place in a page */
	uint16_t objects;
};

/* The memory of one map; an empty one is this struct alone. */
struct nh_slab {
	int node;
	nh_atomic used;		     /* what is not counted in a cache */
	nh_atomic page_bytes;	     /* held from the arena */
	nh_atomic trims;	     /* asked for so far */
	pthread_mutex_t shared;	     /* of the cache of the shared slot */
	nh_atomic cache[NH_STRIPES]; /* struct cache *, made when needed */
	struct nh_slab_class class[NH_SLAB_CLASSES + 1]; /* last: extents */
};

/*
 * nh_slab_init - an empty set; memory will come from `node` (-1: any)
 *
 * NH_ERR_NOMEM, NH_ERR_SYSTEM: there is nothing to undo.  Before others.
 */
int nh_slab_init(struct nh_slab *slab, int node);

/*
 * nh_slab_fini - give back everything, objects that were never freed too
 *
 * No other thread uses the set any more, nor reads an object of it.
 */
void nh_slab_fini(struct nh_slab *slab);

/*
 * nh_slab_alloc - memory for an object of `bytes`, 8-byte aligned.  Any thread.
 *
 * *version is the one to put into its header, never 0; the header holds 0 until
 * then, and the rest may hold anything.  NULL: no memory, or more than
 * NH_SLAB_MAX.  Without a lock but for one batch in so many.
 */
void *nh_slab_alloc(struct nh_slab *slab, size_t bytes, uint32_t *version);

/*
 * nh_slab_free - an object that nobody can find any more.  Any thread.
 *
 * `bytes` is what it was allocated with: who frees an entry knows its lengths,
 * and a look into the page would be a cache miss.  Never fails.
 */
void nh_slab_free(struct nh_slab *slab, void *object, size_t bytes);

/*
 * nh_slab_trim - give back what is cached and the pages that are empty
 *
 * A thread that is using the set right now gives up its own cache the next
 * time that it comes to the end of a list; until then that is at most 8 KiB, or
 * two objects, of each size, and the pages in which these lie.  Any thread.
 */
void nh_slab_trim(struct nh_slab *slab);

/*
 * nh_slab_owner - which of several sets an object is of.  Any thread.
 *
 * `bytes` is what it was allocated with, `any` whichever of the sets.  Looks
 * into the object's page.
 */
struct nh_slab *nh_slab_owner(const struct nh_slab *any, const void *object,
			      size_t bytes);

struct nh_slab_stretch {
	const void *base;
	size_t bytes;
};

/*
 * nh_slab_stretches - the memory that a class holds: how many stretches
 *
 * Of those the first `most` are written.  Class NH_SLAB_CLASSES is that of the
 * large objects.  Any thread.
 */
size_t nh_slab_stretches(struct nh_slab *slab, unsigned class,
			 struct nh_slab_stretch *out, size_t most);

struct nh_slab_stats {
	uint64_t used;	/* bytes asked for and not freed */
	uint64_t pages; /* bytes of pages and extents held */
};

/* nh_slab_stats - off by what runs meanwhile.  Any thread. */
void nh_slab_stats(const struct nh_slab *slab, struct nh_slab_stats *out);

/* nh_slab_word - a word or the header of an object that may be gone.  Any. */
static inline uint64_t
nh_slab_word(const nh_atomic *word)
{
	/* order(object): acquire, so that what a later use did first is seen */
	return nh_load_acquire(word);
}

/* nh_slab_fill - a word of an object of one's own; the header last. */
static inline void
nh_slab_fill(nh_atomic *word, uint64_t value)
{
	/* order(object): release, after the 0 that free() put in the header */
	nh_store_release(word, value);
}

#endif
