/*
 * slab_page.c - pages of objects of one size, and extents for large objects
 *
 * A bit for each object says whether it is free.  A page is in one of two lists
 * of its class: full, or partial; the first partial one is taken from, which is
 * the one that was full last.  One page of a class may stay empty, so that a
 * map that breathes does not take and give back the same page all the time.
 */
#include "lib/slab_page.h"

#include <numahash.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "numa/arena.h"

#define PAGE_LEAST ((size_t)16 << 10)
#define PAGE_MOST ((size_t)256 << 10)
#define TAIL_MOST 32 /* of a page, one part may be lost behind its objects */
#define SPARE_PAGES 1
#define LARGE NH_SLAB_CLASSES
#define LARGE_FIRST 64 /* the object's place in its extent */

struct nh_slab_page {
	struct nh_slab *slab;
	struct nh_slab_page *next;
	struct nh_slab_page **from; /* what points to this one */
	struct nh_extent *extent;
	uint32_t free;	 /* objects */
	uint64_t bits[]; /* 1: free */
};

/* ---------------------------------------------------------------- classes */

size_t
nh_slab_class_size(unsigned class)
{
	unsigned step = class - 14;

	if (class <= 14)
		return NH_SLAB_LEAST + NH_SLAB_STEP * class;
	return ((size_t)(9 + step % 8) << (4 + step / 8)) - 16;
}

/* Small sizes at multiples of their power of two: 64 bytes in one line. */
static size_t
first_place(size_t size)
{
	size_t align = size & -size;

	if (size > NH_SLAB_FINE)
		return 16;
	return align < 64 ? align : 64;
}

static void
class_shape(struct nh_slab_class *c, size_t size)
{
	size_t first = first_place(size);
	size_t bytes = PAGE_LEAST;

	while (bytes < PAGE_MOST && (bytes - first) % size > bytes / TAIL_MOST)
		bytes *= 2;
	c->size = (uint32_t)size;
	c->page_bytes = (uint32_t)bytes;
	c->first = (uint16_t)first;
	c->objects = (uint16_t)((bytes - first) / size);
}

int
nh_slab_pages_init(struct nh_slab *slab)
{
	for (unsigned i = 0; i <= LARGE; i++) {
		struct nh_slab_class *c = &slab->class[i];

		*c = (struct nh_slab_class){ .size = 0 };
		if (i < LARGE)
			class_shape(c, nh_slab_class_size(i));
		if (!pthread_mutex_init(&c->mutex, NULL))
			continue;
		while (i--)
			pthread_mutex_destroy(&slab->class[i].mutex);
		return NH_ERR_SYSTEM;
	}
	return NH_OK;
}

/* ------------------------------------------------------------------ lists */

static void
page_link(struct nh_slab_page **list, struct nh_slab_page *p)
{
	p->next = *list;
	p->from = list;
	if (p->next)
		p->next->from = &p->next;
	*list = p;
}

static void
page_unlink(struct nh_slab_page *p)
{
	*p->from = p->next;
	if (p->next)
		p->next->from = p->from;
}

/* ---------------------------------------------------------- pages come and go
 */

static struct nh_slab_page *
page_create(struct nh_slab *slab, size_t bytes, size_t align, size_t bits)
{
	struct nh_slab_page *p = malloc(sizeof(*p) + bits / 8);

	if (!p)
		return NULL;
	p->extent = nh_arena_alloc_aligned(NH_ARENA_ENTRIES, bytes, align,
					   slab->node);
	if (!p->extent) {
		free(p);
		return NULL;
	}
	p->slab = slab;
	/* order(object): release, as all that is written to such memory */
	nh_store_release((nh_atomic *)(void *)p->extent->base, (uintptr_t)p);
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&slab->page_bytes, p->extent->bytes);
	return p;
}

static void
page_destroy(struct nh_slab *slab, struct nh_slab_page *p, enum nh_keep keep)
{
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&slab->page_bytes, -(uint64_t)p->extent->bytes);
	nh_arena_free(p->extent, keep);
	free(p);
}

static void
list_destroy(struct nh_slab *slab, struct nh_slab_page *list, enum nh_keep keep)
{
	struct nh_slab_page *next;

	for (struct nh_slab_page *p = list; p; p = next) {
		next = p->next;
		page_destroy(slab, p, keep);
	}
}

static struct nh_slab_page *
page_of(const nh_atomic *base)
{
	/* relaxed: written before any object of the page was handed out. */
	return (struct nh_slab_page *)(uintptr_t)nh_load_relaxed(base);
}

/* A page of a class, all of whose objects are free. */
static struct nh_slab_page *
class_page_create(struct nh_slab *slab, const struct nh_slab_class *c)
{
	size_t bits = ((size_t)c->objects + 63) / 64 * 64;
	struct nh_slab_page *p =
		page_create(slab, c->page_bytes, c->page_bytes, bits);

	if (!p)
		return NULL;
	for (size_t i = 0; i < bits / 64; i++)
		p->bits[i] = ~UINT64_C(0);
	if (c->objects % 64)
		p->bits[bits / 64 - 1] = (UINT64_C(1) << c->objects % 64) - 1;
	p->free = c->objects;
	return p;
}

void
nh_slab_pages_fini(struct nh_slab *slab)
{
	for (unsigned i = 0; i <= LARGE; i++) {
		struct nh_slab_class *c = &slab->class[i];

		list_destroy(slab, c->partial, NH_KEEP_RETAIN);
		list_destroy(slab, c->full, NH_KEEP_RETAIN);
		pthread_mutex_destroy(&c->mutex);
	}
}

/* ------------------------------------------------------------ take and put */

/* Objects off a page that has some.  Locked. */
static unsigned
page_take(struct nh_slab_class *c, struct nh_slab_page *p, void **objects,
	  unsigned want)
{
	char *first = p->extent->base + c->first;
	unsigned n = 0;

	c->empty -= p->free == c->objects;
	if (want > p->free)
		want = p->free;
	for (unsigned word = 0; n < want; word++)
		while (p->bits[word] && n < want) {
			unsigned bit = (unsigned)__builtin_ctzll(p->bits[word]);

			p->bits[word] &= p->bits[word] - 1;
			objects[n++] =
				first + (size_t)(word * 64 + bit) * c->size;
		}
	p->free -= n;
	if (p->free)
		return n;
	page_unlink(p);
	page_link(&c->full, p);
	return n;
}

static unsigned
class_take(struct nh_slab_class *c, void **objects, unsigned want)
{
	unsigned n = 0;

	while (n < want && c->partial)
		n += page_take(c, c->partial, objects + n, want - n);
	return n;
}

unsigned
nh_slab_take(struct nh_slab *slab, unsigned class, void **objects,
	     unsigned want)
{
	struct nh_slab_class *c = &slab->class[class];
	struct nh_slab_page *p;
	unsigned n;

	pthread_mutex_lock(&c->mutex);
	n = class_take(c, objects, want);
	pthread_mutex_unlock(&c->mutex);
	if (n)
		return n;
	p = class_page_create(slab, c);
	if (!p)
		return 0;
	pthread_mutex_lock(&c->mutex);
	page_link(&c->partial, p);
	c->empty++;
	n = class_take(c, objects, want);
	pthread_mutex_unlock(&c->mutex);
	return n;
}

/* An object back to its page.  Locked.  A page too many goes to *dead. */
static void
page_put(struct nh_slab_class *c, const char *object,
	 struct nh_slab_page **dead)
{
	const char *base = (const char *)((uintptr_t)object &
					  ~((uintptr_t)c->page_bytes - 1));
	struct nh_slab_page *p = page_of((const nh_atomic *)(const void *)base);
	unsigned i = (unsigned)(object - base - c->first) / c->size;

	p->bits[i / 64] |= UINT64_C(1) << i % 64;
	if (!p->free++) {
		page_unlink(p);
		page_link(&c->partial, p);
	}
	if (p->free < c->objects)
		return;
	if (c->empty < SPARE_PAGES) {
		c->empty++;
		return;
	}
	page_unlink(p);
	page_link(dead, p);
}

/* Cold objects miss twice, in the page's word and then in what it leads to. */
static void
fetch_pages(const struct nh_slab_class *c, void *const *objects, unsigned n)
{
	uintptr_t mask = ~((uintptr_t)c->page_bytes - 1);

	for (unsigned i = 0; i < n; i++)
		nh_prefetch((const void *)((uintptr_t)objects[i] & mask));
	for (unsigned i = 0; i < n; i++)
		nh_prefetch(page_of(
			(const nh_atomic *)((uintptr_t)objects[i] & mask)));
}

void
nh_slab_put(struct nh_slab *slab, unsigned class, void *const *objects,
	    unsigned n)
{
	struct nh_slab_class *c = &slab->class[class];
	struct nh_slab_page *dead = NULL;

	fetch_pages(c, objects, n);
	pthread_mutex_lock(&c->mutex);
	for (unsigned i = 0; i < n; i++)
		page_put(c, objects[i], &dead);
	pthread_mutex_unlock(&c->mutex);
	list_destroy(slab, dead, NH_KEEP_LITTLE);
}

void
nh_slab_pages_trim(struct nh_slab *slab)
{
	for (unsigned i = 0; i < LARGE; i++) {
		struct nh_slab_class *c = &slab->class[i];
		struct nh_slab_page *dead = NULL, *next;

		pthread_mutex_lock(&c->mutex);
		for (struct nh_slab_page *p = c->partial; p && c->empty;
		     p = next) {
			next = p->next;
			if (p->free < c->objects)
				continue;
			c->empty--;
			page_unlink(p);
			page_link(&dead, p);
		}
		pthread_mutex_unlock(&c->mutex);
		list_destroy(slab, dead, NH_KEEP_LITTLE);
	}
}

/* ------------------------------------------------------------ large objects */

void *
nh_slab_take_large(struct nh_slab *slab, size_t bytes)
{
	struct nh_slab_class *c = &slab->class[LARGE];
	struct nh_slab_page *p =
		page_create(slab, bytes + LARGE_FIRST, NH_ARENA_UNIT, 0);

	if (!p)
		return NULL;
	pthread_mutex_lock(&c->mutex);
	page_link(&c->full, p);
	pthread_mutex_unlock(&c->mutex);
	return p->extent->base + LARGE_FIRST;
}

void
nh_slab_put_large(struct nh_slab *slab, void *object)
{
	struct nh_slab_class *c = &slab->class[LARGE];
	char *base = (char *)object - LARGE_FIRST;
	struct nh_slab_page *p = page_of((nh_atomic *)(void *)base);

	pthread_mutex_lock(&c->mutex);
	page_unlink(p);
	pthread_mutex_unlock(&c->mutex);
	page_destroy(slab, p, NH_KEEP_LITTLE);
}

/* ------------------------------------------------------------- several sets */

struct nh_slab *
nh_slab_owner(const struct nh_slab *any, const void *object, size_t bytes)
{
	uintptr_t at = (uintptr_t)object;

	if (bytes > NH_SLAB_SMALL)
		at -= LARGE_FIRST;
	else
		at &= ~((uintptr_t)any->class[nh_slab_class_of(bytes)]
				.page_bytes -
			1);
	return page_of((const nh_atomic *)at)->slab;
}

/* How many pages a list has, and where they are.  Locked. */
static size_t
list_stretches(const struct nh_slab_page *p, struct nh_slab_stretch *out,
	       size_t most)
{
	size_t n = 0;

	for (; p; p = p->next, n++)
		if (n < most)
			out[n] = (struct nh_slab_stretch){ p->extent->base,
							   p->extent->bytes };
	return n;
}

size_t
nh_slab_stretches(struct nh_slab *slab, unsigned class,
		  struct nh_slab_stretch *out, size_t most)
{
	struct nh_slab_class *c = &slab->class[class];
	size_t n;

	pthread_mutex_lock(&c->mutex);
	n = list_stretches(c->partial, out, most);
	n += list_stretches(c->full, out + (n < most ? n : most),
			    n < most ? most - n : 0);
	pthread_mutex_unlock(&c->mutex);
	return n;
}
