/*
 * chunk.c - what an arena maps at a time, and of which pages
 *
 *	1 GiB pool  ->  2 MiB pool  ->  transparent  ->  4 KiB
 *
 * begins where it was chosen to.  Each step down is a refusal that is counted.
 */
#include "numa/chunk.h"

#include <stdlib.h>

#include "arch/atomic.h"

#define CHUNK_SMALL ((size_t)256 << 10) /* the first: small maps stay small */
#define CHUNK_POOL ((size_t)8 << 20)	/* taken from the pool at a time */
#define CHUNK_BYTES ((size_t)64 << 20)	/* address space, not memory */
/*
 * With the choice left to us, a page of 1 GiB is for those who fill half of it
 * at once, or who have as much already and nobody who waits: clearing it takes
 * as long as many thousand operations.
 */
#define GIANT_MIN (NH_GIANT_PAGE / 2)

static nh_atomic best_pages = NH_PAGES_AUTO;

void
nh_chunk_choose(enum nh_pages best)
{
	/* relaxed: for chunks that are mapped from now on, or a bit later. */
	nh_store_relaxed(&best_pages, best);
}

enum nh_pages
nh_chunk_best(void)
{
	/* relaxed: it was set before, or it does not matter when. */
	return (enum nh_pages)nh_load_relaxed(&best_pages);
}

static size_t
round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --------------------------------------------------------------------- map */

static void
chunk_free(struct nh_chunk *c)
{
	free(c->top);
	free(c->swapped);
	free(c);
}

/* All but the memory. */
static struct nh_chunk *
chunk_alloc(size_t bytes, enum nh_pages pages)
{
	struct nh_chunk *c = calloc(1, sizeof(*c));
	size_t words = bytes / nh_page_bytes(pages) / 64 + 1;

	if (!c)
		return NULL;
	c->top = calloc(1, sizeof(*c->top));
	if (nh_pages_pooled(pages))
		c->swapped = calloc(words, sizeof(*c->swapped));
	if (c->top && (c->swapped || !nh_pages_pooled(pages)))
		return c;
	chunk_free(c);
	return NULL;
}

static struct nh_chunk *
chunk_map(const struct nh_chunk_want *want, size_t bytes, enum nh_pages pages)
{
	struct nh_chunk *c = chunk_alloc(bytes, pages);

	if (!c)
		return NULL;
	if (nh_mem_map(&c->range, bytes, pages, want->node)) {
		chunk_free(c);
		return NULL;
	}
	c->top->base = c->range.base;
	c->top->bytes = c->range.bytes;
	c->top->node = (int)want->node;
	c->top->kind = want->kind;
	c->top->chunk = c;
	c->touched = c->range.base;
	return c;
}

/* As much as is handy, no more than the node has, no less than is needed. */
static struct nh_chunk *
chunk_of(const struct nh_chunk_want *want, enum nh_pages pages)
{
	bool pooled = nh_pages_pooled(pages);
	size_t page = pages == NH_PAGES_1G ? NH_GIANT_PAGE : NH_HUGE_PAGE;
	size_t need = round_up(want->bytes, page);
	size_t much = pooled ? CHUNK_POOL
			     : min_size(CHUNK_BYTES, want->room / page * page);
	struct nh_chunk *c = NULL;

	if (!pooled && need > want->room)
		return NULL;
	if (need < much)
		c = chunk_map(want, much, pages);
	return c ? c : chunk_map(want, need, pages);
}

static enum nh_pages
first_pages(const struct nh_chunk_want *want)
{
	enum nh_pages best = nh_chunk_best();

	if (best != NH_PAGES_AUTO)
		return best;
	if (want->bytes >= GIANT_MIN ||
	    (want->patient && want->used >= GIANT_MIN))
		return NH_PAGES_1G;
	return NH_PAGES_2M;
}

struct nh_chunk *
nh_chunk_new(const struct nh_chunk_want *want)
{
	struct nh_chunk *c = NULL;

	if (want->small)
		return want->room < CHUNK_SMALL
			       ? NULL
			       : chunk_map(want, CHUNK_SMALL, NH_PAGES_SMALL);
	for (unsigned pages = first_pages(want); !c && pages < NH_PAGES_KINDS;
	     pages++)
		c = chunk_of(want, (enum nh_pages)pages);
	return c;
}

/* --------------------------------------------------------------- give back */

size_t
nh_chunk_whole_pages(const struct nh_chunk *c, size_t page, char **base,
		     size_t bytes)
{
	bool pooled = nh_pages_pooled(c->range.pages);
	size_t head;

	if (pooled != (page == NH_CHUNK_POOL))
		return 0;
	if (pooled || c->range.pages == NH_PAGES_SMALL)
		page = nh_page_bytes(c->range.pages);
	head = (page - (uintptr_t)*base % page) % page;
	if (bytes < head + page)
		return 0;
	*base += head;
	return (bytes - head) / page * page;
}

bool
nh_chunk_return(struct nh_chunk *c, char *base, size_t bytes)
{
	if (nh_pages_pooled(c->range.pages))
		return nh_mem_unpool(base, bytes, (unsigned)c->top->node);
	return nh_mem_return(base, bytes);
}

size_t
nh_chunk_pooled(const struct nh_chunk *c, const char *base, size_t bytes)
{
	size_t page = nh_page_bytes(c->range.pages), pooled = 0;
	size_t at = (size_t)(base - c->range.base) / page;

	for (; c->swapped && bytes >= page; bytes -= page, at++)
		if (!(c->swapped[at / 64] & UINT64_C(1) << at % 64))
			pooled += page;
	return pooled;
}

size_t
nh_chunk_swapped(struct nh_chunk *c, const char *base, size_t bytes)
{
	size_t page = nh_page_bytes(c->range.pages);
	size_t at = (size_t)(base - c->range.base) / page;
	size_t fresh = nh_chunk_pooled(c, base, bytes);

	for (; c->swapped && bytes >= page; bytes -= page, at++)
		c->swapped[at / 64] |= UINT64_C(1) << at % 64;
	c->swapped_bytes += fresh;
	return fresh;
}
