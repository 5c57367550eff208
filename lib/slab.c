/*
 * slab.c - the caches of slots, before the pages
 *
 *	cache	| used | version | list 0 | list 1 | ...	one a slot
 *	list	head -> object -> object -> NULL, last in first out
 *
 * A free object has 0 in its header and the next one in the word behind.  A
 * cache is its slot's owner's alone; that of the shared slot has a mutex.  What
 * a list may hold is bounded in objects and in bytes; when it is full, or
 * empty, half of that goes to the pages, or comes from them, under one lock.
 */
#include "lib/slab.h"

#include <numahash.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "lib/slab_page.h"

#define SHARED_SLOT (NH_STRIPES - 1)
#define LIST_BYTES ((size_t)8 << 10)
#define LIST_OBJECTS 64
#define VERSIONS 1024u /* given to a cache at a time */

struct list {
	nh_atomic *head;
	uint32_t count;
	uint32_t most;
};

struct cache {
	_Alignas(64) nh_atomic used; /* bytes, modulo 2^64 */
	uint64_t trims;		     /* of the set, when last looked at */
	uint32_t version;	     /* the last that was given out */
	struct list list[NH_SLAB_CLASSES];
};

/* -------------------------------------------------------------------- lists */

/* relaxed: the owner of the list wrote it, or gave it to this thread. */
static nh_atomic *
object_next(const nh_atomic *object)
{
	/* relaxed: as above. */
	return (nh_atomic *)(uintptr_t)nh_load_relaxed(&object[1]);
}

/* From here on no reader believes what it copied from the object. */
static inline void
object_void(nh_atomic *object)
{
	/* order(object): release, as all that is written to such memory */
	nh_store_release(object, 0);
}

static inline void
list_push(struct list *l, nh_atomic *object)
{
	object_void(object);
	/* order(object): release, after the header */
	nh_store_release(&object[1], (uintptr_t)l->head);
	l->head = object;
	l->count++;
}

static inline nh_atomic *
list_pop(struct list *l)
{
	nh_atomic *object = l->head;

	if (nh_unlikely(!object))
		return NULL;
	l->head = object_next(object);
	l->count--;
	return object;
}

/* Fill an empty list from the pages. */
static void
list_refill(struct nh_slab *slab, struct cache *c, unsigned class)
{
	struct list *l = &c->list[class];
	void *objects[NH_SLAB_BATCH];
	unsigned n = nh_slab_take(slab, class, objects, l->most / 2);

	/* Backwards, so that they are handed out as they lie in the page. */
	while (n)
		list_push(l, objects[--n]);
}

static void
list_flush(struct nh_slab *slab, struct cache *c, unsigned class, unsigned n)
{
	struct list *l = &c->list[class];

	while (n) {
		void *objects[NH_SLAB_BATCH];
		unsigned some = 0;

		while (some < n && some < NH_SLAB_BATCH)
			objects[some++] = list_pop(l);
		nh_slab_put(slab, class, objects, some);
		n -= some;
	}
}

/* ------------------------------------------------------------------- caches */

static inline struct cache *
cache_of(const struct nh_slab *slab, unsigned slot)
{
	/* order(cache): acquire, so that what is in it is seen */
	return (struct cache *)(uintptr_t)nh_load_acquire(&slab->cache[slot]);
}

static struct cache *
cache_create(struct nh_slab *slab, unsigned slot)
{
	struct cache *c = aligned_alloc(_Alignof(struct cache), sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct cache){ .version = UINT32_MAX };
	for (unsigned i = 0; i < NH_SLAB_CLASSES; i++) {
		size_t most = LIST_BYTES / nh_slab_class_size(i);

		most = most < LIST_OBJECTS ? most : LIST_OBJECTS;
		c->list[i].most = most > 2 ? (uint32_t)most : 2;
	}
	/* order(cache): release, after it was filled */
	nh_store_release(&slab->cache[slot], (uintptr_t)c);
	return c;
}

static void
cache_flush(struct nh_slab *slab, struct cache *c)
{
	for (unsigned i = 0; i < NH_SLAB_CLASSES; i++)
		list_flush(slab, c, i, c->list[i].count);
}

/* Somebody may have asked for it since this cache's owner last came by. */
static void
cache_heed_trim(struct nh_slab *slab, struct cache *c)
{
	/* relaxed: to be heeded some time. */
	uint64_t trims = nh_load_relaxed(&slab->trims);

	if (c->trims == trims)
		return;
	c->trims = trims;
	cache_flush(slab, c);
}

static inline void
cache_count(struct cache *c, uint64_t bytes)
{
	/* relaxed: only the slot's owner writes it. */
	nh_store_relaxed(&c->used, nh_load_relaxed(&c->used) + bytes);
}

/*
 * The next of the process's versions, a block at a time.  Those that are 0
 * modulo VERSIONS are left out, 0 with them.
 */
static uint32_t
versions_begin(void)
{
	static nh_atomic blocks;

	/* relaxed: hands out each number once; orders nothing. */
	return (uint32_t)nh_add_relaxed(&blocks, 1) * VERSIONS + 1;
}

static inline uint32_t
cache_version(struct cache *c)
{
	uint32_t v = c->version + 1;

	if (nh_unlikely(v % VERSIONS == 0))
		v = versions_begin();
	c->version = v;
	return v;
}

/* ------------------------------------------------------------------ the slot
 */

/* The cache of this thread if it has one to itself, or NULL. */
static inline struct cache *
cache_mine(const struct nh_slab *slab)
{
	return nh_likely(nh_self.owned) ? cache_of(slab, nh_self.slot) : NULL;
}

/* The cache of this thread's slot, the shared one locked; NULL: no memory. */
static struct cache *
cache_enter(struct nh_slab *slab)
{
	struct cache *c;

	if (!nh_self.ready)
		nh_thread_begin();
	if (!nh_self.owned)
		pthread_mutex_lock(&slab->shared);
	c = cache_of(slab, nh_self.slot);
	return c ? c : cache_create(slab, nh_self.slot);
}

static void
cache_leave(struct nh_slab *slab)
{
	if (!nh_self.owned)
		pthread_mutex_unlock(&slab->shared);
}

/* -------------------------------------------------------------------- alloc */

static inline nh_atomic *
cache_alloc(struct cache *c, size_t bytes, uint32_t *version)
{
	nh_atomic *object = list_pop(&c->list[nh_slab_class_of(bytes)]);

	if (nh_unlikely(!object))
		return NULL;
	*version = cache_version(c);
	cache_count(c, bytes);
	return object;
}

static void *
alloc_small(struct nh_slab *slab, struct cache *c, size_t bytes,
	    uint32_t *version)
{
	nh_atomic *object = cache_alloc(c, bytes, version);

	if (object)
		return object;
	cache_heed_trim(slab, c);
	list_refill(slab, c, nh_slab_class_of(bytes));
	return cache_alloc(c, bytes, version);
}

static void *
alloc_large(struct nh_slab *slab, size_t bytes)
{
	nh_atomic *object = nh_slab_take_large(slab, bytes);

	if (!object)
		return NULL;
	object_void(object);
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&slab->used, bytes);
	return object;
}

/* A large object needs the cache for its version alone. */
static void *
alloc_slowly(struct nh_slab *slab, size_t bytes, uint32_t *version)
{
	struct cache *c = cache_enter(slab);
	void *object = NULL;

	if (c && bytes <= NH_SLAB_SMALL)
		object = alloc_small(slab, c, bytes, version);
	else if (c)
		*version = cache_version(c);
	cache_leave(slab);
	if (c && bytes > NH_SLAB_SMALL)
		object = alloc_large(slab, bytes);
	return object;
}

void *
nh_slab_alloc(struct nh_slab *slab, size_t bytes, uint32_t *version)
{
	struct cache *c = cache_mine(slab);
	nh_atomic *object = NULL;

	if (nh_unlikely(bytes > NH_SLAB_MAX))
		return NULL;
	if (nh_likely(c && bytes <= NH_SLAB_SMALL))
		object = cache_alloc(c, bytes, version);
	return nh_likely(object != NULL) ? object
					 : alloc_slowly(slab, bytes, version);
}

/* --------------------------------------------------------------------- free */

static void
free_large(struct nh_slab *slab, nh_atomic *object, size_t bytes)
{
	object_void(object);
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&slab->used, -(uint64_t)bytes);
	nh_slab_put_large(slab, object);
}

/* To its page, when there was no memory for a cache. */
static void
free_bare(struct nh_slab *slab, nh_atomic *object, size_t bytes)
{
	void *one = object;

	object_void(object);
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&slab->used, -(uint64_t)bytes);
	nh_slab_put(slab, nh_slab_class_of(bytes), &one, 1);
}

static void
free_small(struct nh_slab *slab, nh_atomic *object, size_t bytes)
{
	unsigned class = nh_slab_class_of(bytes);
	struct cache *c = cache_enter(slab);

	if (c) {
		cache_heed_trim(slab, c);
		if (c->list[class].count >= c->list[class].most)
			list_flush(slab, c, class, c->list[class].most / 2);
		list_push(&c->list[class], object);
		cache_count(c, -(uint64_t)bytes);
	}
	cache_leave(slab);
	if (!c)
		free_bare(slab, object, bytes);
}

void
nh_slab_free(struct nh_slab *slab, void *object, size_t bytes)
{
	struct cache *c = cache_mine(slab);
	struct list *l;

	if (nh_unlikely(bytes > NH_SLAB_SMALL)) {
		free_large(slab, object, bytes);
		return;
	}
	l = nh_likely(c != NULL) ? &c->list[nh_slab_class_of(bytes)] : NULL;
	if (nh_unlikely(!l || l->count >= l->most)) {
		free_small(slab, object, bytes);
		return;
	}
	list_push(l, object);
	cache_count(c, -(uint64_t)bytes);
}

/* ----------------------------------------------------------------- the set */

int
nh_slab_init(struct nh_slab *slab, int node)
{
	int err;

	*slab = (struct nh_slab){ .node = node };
	if (pthread_mutex_init(&slab->shared, NULL))
		return NH_ERR_SYSTEM;
	err = nh_slab_pages_init(slab);
	if (err)
		pthread_mutex_destroy(&slab->shared);
	return err;
}

void
nh_slab_fini(struct nh_slab *slab)
{
	nh_slab_pages_fini(slab);
	for (unsigned slot = 0; slot < NH_STRIPES; slot++)
		free(cache_of(slab, slot));
	pthread_mutex_destroy(&slab->shared);
}

/* Of slots without an owner: theirs may never come back. */
static void
trim_slot(struct nh_slab *slab, unsigned slot)
{
	struct cache *c = cache_of(slab, slot);

	if (!c || !nh_thread_borrow(slot))
		return;
	cache_flush(slab, c);
	nh_thread_give_back(slot);
}

void
nh_slab_trim(struct nh_slab *slab)
{
	struct cache *c;

	/* relaxed: to be heeded some time. */
	nh_add_relaxed(&slab->trims, 1);
	c = cache_mine(slab);
	if (c)
		cache_heed_trim(slab, c);
	for (unsigned slot = 0; slot < SHARED_SLOT; slot++)
		trim_slot(slab, slot);
	pthread_mutex_lock(&slab->shared);
	c = cache_of(slab, SHARED_SLOT);
	if (c)
		cache_flush(slab, c);
	pthread_mutex_unlock(&slab->shared);
	nh_slab_pages_trim(slab);
}

void
nh_slab_stats(const struct nh_slab *slab, struct nh_slab_stats *out)
{
	/* relaxed: counts that order nothing. */
	uint64_t used = nh_load_relaxed(&slab->used);

	for (unsigned slot = 0; slot < NH_STRIPES; slot++) {
		const struct cache *c = cache_of(slab, slot);

		/* relaxed: as above. */
		used += c ? nh_load_relaxed(&c->used) : 0;
	}
	/* An alloc may be counted after the free that follows it. */
	out->used = (int64_t)used < 0 ? 0 : used;
	/* relaxed: as above. */
	out->pages = nh_load_relaxed(&slab->page_bytes);
}
