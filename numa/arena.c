/*
 * arena.c - extents carved from big chunks, coalesced when freed
 *
 *	chunk  | table | free | table | free        | top ........... |
 *				       ^ in a bin     ^ never in a bin
 *						      touched ^
 *
 * A segregated fit with boundary tags kept outside of the memory (after TLSF,
 * Masmano et al., ECRTS 2004): free extents hang in bins by size, eight bins
 * an octave, found through a bitmap; an extent knows its neighbours, so freeing
 * joins them at once.  That matters here more than usual: a growing map frees
 * tables that are each a little too small for the next one, and only joined
 * neighbours can be used again.  The top of each chunk is what was never
 * carved; recycled memory goes first, since its pages are there already.
 *
 * Each node has an arena of each kind, with chunks, lists and a mutex of its
 * own, so what one retains and gives back is its own as well.
 */
#include "numa/arena.h"

#include <numahash.h>
#include <pthread.h>
#include <stdlib.h>

#include "arch/atomic.h"
#include "numa/chunk.h"
#include "numa/here.h"
#include "numa/room.h"
#include "numa/where.h"

#define SUB_BITS 3
#define BINS (64 << SUB_BITS)
#define BIN_TRIES 16 /* looked at in a bin where not all will do */

#define COLLAPSE_LOOKS 32 /* at huge pages in a call */
#define RETAIN_MIN ((size_t)512 << 10)
#define RETAIN_LITTLE 8 /* of what is in use, one part may lie free */
#define RETAIN_MUCH 2

struct arena {
	pthread_mutex_t mutex;
	pthread_mutex_t growing; /* taken before it, by who maps a chunk */
	enum nh_arena_kind kind;
	unsigned node;
	struct nh_chunk *chunks; /* newest first */
	struct nh_extent *bin[BINS];
	struct nh_extent *last[BINS];
	uint64_t bitmap[BINS / 64];
	size_t used, retained, returned;
	size_t ahead;	  /* kept faulted in for nh_arena_prefault() */
	size_t fell_over; /* asked for here, and not to be had */
	size_t collapsed; /* bytes made huge pages */
	char *looked;	  /* of nh_arena_collapse(): where it goes on */
	size_t reserved[NH_PAGES_KINDS];
};

static struct arena arenas[NH_ARENA_KINDS][NH_NODES_MAX];
static unsigned nodes;
static nh_atomic retain_bytes; /* kept when a map ends, of each kind */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What a first chunk that is small must hold. */
static const size_t small_max[NH_ARENA_KINDS] = {
	[NH_ARENA_LINES] = (size_t)16 << 10,
	[NH_ARENA_ENTRIES] = (size_t)128 << 10,
};

static void
init_arenas(void)
{
	nodes = nh_topo_nodes();
	for (unsigned kind = 0; kind < NH_ARENA_KINDS; kind++)
		for (unsigned node = 0; node < nodes; node++) {
			struct arena *a = &arenas[kind][node];

			pthread_mutex_init(&a->mutex, NULL);
			pthread_mutex_init(&a->growing, NULL);
			a->kind = (enum nh_arena_kind)kind;
			a->node = node;
		}
}

/* A node there is: this one, or where the caller runs. */
static unsigned
some_node(int node)
{
	pthread_once(&once, init_arenas);
	return node >= 0 && (unsigned)node < nodes ? (unsigned)node
						   : nh_topo_here();
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

/* ------------------------------------------------------------------- bins */

static unsigned
bin_of(size_t bytes)
{
	unsigned log = 63 - (unsigned)__builtin_clzll(bytes);
	unsigned sub =
		(unsigned)(bytes >> (log - SUB_BITS)) & ((1u << SUB_BITS) - 1);

	return (log << SUB_BITS) + sub;
}

/* Has e more resident than the ragged ends beside such pages can hold? */
static bool
has_pages(const struct nh_extent *e, size_t page)
{
	char *base = e->base;
	size_t whole = nh_chunk_whole_pages(e->chunk, page, &base, e->bytes);

	return whole && e->resident > e->bytes - whole;
}

/* First those that have pages: for reuse, and for who looks for some. */
static void
bin_add(struct arena *a, struct nh_extent *e)
{
	unsigned b = bin_of(e->bytes);
	bool front = has_pages(e, NH_SMALL_PAGE) || has_pages(e, NH_CHUNK_POOL);

	e->free = true;
	e->prev = front ? NULL : a->last[b];
	e->next = front ? a->bin[b] : NULL;
	*(e->next ? &e->next->prev : &a->last[b]) = e;
	*(e->prev ? &e->prev->next : &a->bin[b]) = e;
	a->bitmap[b / 64] |= UINT64_C(1) << b % 64;
	a->retained += e->resident;
}

static void
bin_remove(struct arena *a, struct nh_extent *e)
{
	unsigned b = bin_of(e->bytes);

	e->free = false;
	*(e->next ? &e->next->prev : &a->last[b]) = e->prev;
	*(e->prev ? &e->prev->next : &a->bin[b]) = e->next;
	if (!a->bin[b])
		a->bitmap[b / 64] &= ~(UINT64_C(1) << b % 64);
	a->retained -= e->resident;
}

/* The first bin from b up that has something, or BINS. */
static unsigned
bin_next(const struct arena *a, unsigned b)
{
	for (unsigned i = b / 64; i < BINS / 64; i++) {
		uint64_t bits = a->bitmap[i];

		if (i == b / 64)
			bits &= ~UINT64_C(0) << b % 64;
		if (bits)
			return i * 64 + (unsigned)__builtin_ctzll(bits);
	}
	return BINS;
}

/* What must be cut off the front of e for an address that is aligned. */
static size_t
head_of(const struct nh_extent *e, size_t align)
{
	return (size_t)(-(uintptr_t)e->base & (align - 1));
}

static bool
fits(const struct nh_extent *e, size_t bytes, size_t align)
{
	return e->bytes >= head_of(e, align) + bytes;
}

/* Those that may be too small, or lie askew, are tried; the rest all fit. */
static struct nh_extent *
bin_find(const struct arena *a, size_t bytes, size_t align)
{
	unsigned surely = bin_of(bytes + align - NH_ARENA_UNIT) + 1;
	unsigned b = bin_next(a, bin_of(bytes));

	for (; b < surely; b = bin_next(a, b + 1)) {
		struct nh_extent *e = a->bin[b];

		for (int tries = BIN_TRIES; e && tries; tries--, e = e->next)
			if (fits(e, bytes, align))
				return e;
	}
	return b < BINS ? a->bin[b] : NULL;
}

/* ----------------------------------------------------------------- chunks */

static void
chunk_add(struct arena *a, struct nh_chunk *c)
{
	c->next = a->chunks;
	a->chunks = c;
	a->reserved[c->range.pages] += c->range.bytes;
}

/* A chunk whose top has room, if possible in pages that are there already. */
static struct nh_chunk *
chunk_with_room(struct arena *a, size_t bytes, size_t align)
{
	struct nh_chunk *room = NULL;

	for (struct nh_chunk *c = a->chunks; c; c = c->next) {
		if (!fits(c->top, bytes, align))
			continue;
		if (c->top->resident >= bytes)
			return c;
		if (!room)
			room = c;
	}
	return room;
}

/* ---------------------------------------------------------- alloc and free */

/* Cut `bytes` off the front of e into `front`, its new neighbour. */
static void
split_front(struct nh_extent *e, struct nh_extent *front, size_t bytes)
{
	*front = (struct nh_extent){
		.base = e->base,
		.bytes = bytes,
		.node = e->node,
		.kind = e->kind,
		.chunk = e->chunk,
		.before = e->before,
		.after = e,
	};
	if (e->before)
		e->before->after = front;
	e->before = front;
	e->base += bytes;
	e->bytes -= bytes;
}

/* Nodes for an extent and for what lies before it, askew.  NULL: used up. */
struct spare {
	struct nh_extent *extent, *head;
};

static bool
spare_get(struct spare *spare, bool head)
{
	spare->extent = malloc(sizeof(*spare->extent));
	spare->head = head ? malloc(sizeof(*spare->head)) : NULL;
	return spare->extent && (spare->head || !head);
}

static void
spare_put(struct spare *spare)
{
	free(spare->extent);
	free(spare->head);
}

/* Leave what lies before the next aligned address of e, if any, in a bin. */
static void
cut_head(struct arena *a, struct nh_extent *e, struct spare *spare,
	 size_t align)
{
	size_t bytes = head_of(e, align);
	struct nh_extent *head = spare->head;

	if (!bytes)
		return;
	spare->head = NULL;
	split_front(e, head, bytes);
	head->resident = min_size(e->resident, bytes);
	e->resident -= head->resident;
	bin_add(a, head);
}

static struct nh_extent *
take_free(struct arena *a, struct spare *spare, size_t bytes, size_t align)
{
	struct nh_extent *e = bin_find(a, bytes, align);
	struct nh_extent *front = spare->extent;

	if (!e)
		return NULL;
	bin_remove(a, e);
	cut_head(a, e, spare, align);
	if (e->bytes == bytes)
		return e;
	spare->extent = NULL;
	split_front(e, front, bytes);
	e->resident = min_size(e->resident, e->bytes);
	bin_add(a, e);
	return front;
}

/* What [top, top + bytes) takes of huge pages that nobody touched yet. */
static size_t
fresh_bytes(const struct nh_chunk *c, size_t bytes, size_t align)
{
	uintptr_t end =
		(uintptr_t)c->top->base + head_of(c->top, align) + bytes;
	uintptr_t there = round_up((uintptr_t)c->touched, NH_HUGE_PAGE);

	/* Of the pool: all of its pages are there. */
	if (nh_pages_pooled(c->range.pages) || end <= there)
		return 0;
	return end - there;
}

/* Somebody's wish. */
struct wish {
	size_t bytes, align;
	bool force; /* whatever the node says it has */
};

/* A chunk that has room for it, if the node has the pages. */
static struct nh_chunk *
chunk_for(struct arena *a, const struct wish *w)
{
	struct nh_chunk *c = chunk_with_room(a, w->bytes, w->align);
	size_t fresh = c ? fresh_bytes(c, w->bytes, w->align) : 0;

	if (fresh && !w->force && fresh > nh_room(a->node))
		return NULL;
	return c;
}

static struct nh_extent *
take_top(struct arena *a, struct spare *spare, const struct wish *w)
{
	struct nh_chunk *c = chunk_for(a, w);
	struct nh_extent *front = spare->extent;
	size_t used;

	if (!c)
		return NULL;
	a->retained -= c->top->resident;
	cut_head(a, c->top, spare, w->align);
	spare->extent = NULL;
	split_front(c->top, front, w->bytes);
	if (c->touched < c->top->base)
		c->touched = c->top->base;
	used = min_size(c->top->resident, w->bytes);
	c->top->resident -= used;
	a->retained += c->top->resident;
	return front;
}

/* Of what is mapped already. */
static struct nh_extent *
take_mapped(struct arena *a, struct spare *spare, const struct wish *w)
{
	struct nh_extent *e;

	pthread_mutex_lock(&a->mutex);
	e = take_free(a, spare, w->bytes, w->align);
	if (!e)
		e = take_top(a, spare, w);
	if (e)
		a->used += w->bytes;
	pthread_mutex_unlock(&a->mutex);
	return e;
}

/*
 * Map one more, by the one who may.  Others go on with what there is.
 */
static bool
grow(struct arena *a, size_t bytes, bool force, bool patient)
{
	struct nh_chunk_want want = {
		.kind = a->kind,
		.node = a->node,
		.bytes = bytes,
		.room = force ? SIZE_MAX : nh_room(a->node),
		.patient = patient,
	};
	struct nh_chunk *c;

	pthread_mutex_lock(&a->mutex);
	want.used = a->used;
	want.small = !a->chunks && bytes <= small_max[a->kind];
	pthread_mutex_unlock(&a->mutex);
	c = nh_chunk_new(&want);
	if (!c)
		return false;
	pthread_mutex_lock(&a->mutex);
	chunk_add(a, c);
	pthread_mutex_unlock(&a->mutex);
	return true;
}

static struct nh_extent *
take(struct arena *a, struct spare *spare, const struct wish *w)
{
	struct nh_extent *e = take_mapped(a, spare, w);

	if (e)
		return e;
	pthread_mutex_lock(&a->growing);
	/* Somebody may have mapped it while this one waited. */
	e = take_mapped(a, spare, w);
	if (!e && grow(a, w->bytes + w->align - NH_ARENA_UNIT, w->force, false))
		e = take_mapped(a, spare, w);
	pthread_mutex_unlock(&a->growing);
	return e;
}

static void
fell_over(struct arena *a)
{
	pthread_mutex_lock(&a->mutex);
	a->fell_over++;
	pthread_mutex_unlock(&a->mutex);
}

/*
 * From the node, else from the nearest that has some.  When none says it has,
 * the node's own once more: what is free is not all that the kernel can give.
 */
static struct nh_extent *
take_near(enum nh_arena_kind kind, unsigned node, struct spare *spare,
	  struct wish *w)
{
	struct nh_extent *e = NULL;

	for (unsigned k = 0; !e && k < nodes; k++)
		e = take(&arenas[kind][nh_topo_nearest(node, k)], spare, w);
	w->force = true;
	if (!e && nodes > 1)
		e = take(&arenas[kind][node], spare, w);
	if (!e)
		return NULL;
	e->asked = (int)node;
	if (e->node != e->asked)
		fell_over(&arenas[kind][node]);
	return e;
}

struct nh_extent *
nh_arena_alloc_aligned(enum nh_arena_kind kind, size_t bytes, size_t align,
		       int node)
{
	struct wish w = { round_up(bytes, NH_ARENA_UNIT), align, false };
	unsigned home = some_node(node);
	struct spare spare;
	struct nh_extent *e = NULL;

	if (spare_get(&spare, align > NH_ARENA_UNIT))
		e = take_near(kind, home, &spare, &w);
	spare_put(&spare);
	return e;
}

struct nh_extent *
nh_arena_alloc(enum nh_arena_kind kind, size_t bytes, int node)
{
	return nh_arena_alloc_aligned(kind, bytes, NH_ARENA_UNIT, node);
}

static bool
is_top(const struct nh_extent *e)
{
	return e->chunk->top == e;
}

/* Make `e` and the extent after it one; the latter's node goes. */
static void
join_after(struct nh_extent *e)
{
	struct nh_extent *dead = e->after;

	e->bytes += dead->bytes;
	e->resident += dead->resident;
	e->after = dead->after;
	if (e->after)
		e->after->before = e;
	free(dead);
}

/* Put a free extent, out of every bin, where it belongs. */
static void
settle(struct arena *a, struct nh_extent *e)
{
	struct nh_chunk *c = e->chunk;

	if (e->before && e->before->free) {
		e = e->before;
		bin_remove(a, e);
		join_after(e);
	}
	if (e->after->free) {
		bin_remove(a, e->after);
		join_after(e);
	}
	if (!is_top(e->after)) {
		bin_add(a, e);
		return;
	}
	a->retained += e->resident;
	join_after(e);
	c->top = e;
}

/*
 * The largest free extent with such pages to give back, or NULL.  Those without
 * any lie behind the others of their bin, so a few looks at each will do: there
 * may be many.
 */
static struct nh_extent *
largest_resident(struct arena *a, size_t page)
{
	for (unsigned b = BINS; b-- > bin_of(NH_SMALL_PAGE);) {
		struct nh_extent *e = a->bin[b];

		for (int tries = BIN_TRIES; e && tries; tries--, e = e->next)
			if (has_pages(e, page))
				return e;
	}
	return NULL;
}

static void
returned(struct arena *a, struct nh_chunk *c, const char *base, size_t bytes,
	 size_t resident)
{
	size_t swapped = nh_chunk_swapped(c, base, bytes);

	a->returned += min_size(resident, bytes);
	a->reserved[c->range.pages] -= swapped;
	a->reserved[NH_PAGES_THP] += swapped;
}

/*
 * The extent is taken out of its bin meanwhile, so that the system call needs
 * no mutex: others go on allocating.  Its ragged ends stay resident.
 */
static void
give_back(struct arena *a, struct nh_extent *e, size_t page)
{
	struct nh_chunk *c = e->chunk;
	char *base = e->base;
	size_t bytes = nh_chunk_whole_pages(c, page, &base, e->bytes);
	bool done;

	bin_remove(a, e);
	pthread_mutex_unlock(&a->mutex);
	done = nh_chunk_return(c, base, bytes);
	pthread_mutex_lock(&a->mutex);
	if (done)
		returned(a, c, base, bytes, e->resident);
	/* Refused: count it as gone, or we would ask for ever. */
	e->resident = min_size(e->resident, e->bytes - bytes);
	settle(a, e);
}

/* The same for what is resident of the top of a chunk. */
static void
give_back_top(struct arena *a, struct nh_chunk *c, size_t page)
{
	struct nh_extent *top = c->top;
	char *base = top->base;
	size_t used = (size_t)(c->touched - base);
	size_t bytes = nh_chunk_whole_pages(c, page, &base, used);

	if (!bytes || !top->resident || !nh_chunk_return(c, base, bytes))
		return;
	returned(a, c, base, bytes, top->resident);
	a->retained -= top->resident;
	top->resident = 0;
	c->touched = base;
}

/* Beyond RETAIN_MIN and what somebody pays for having ahead. */
static bool
retains_too_much(const struct arena *a, size_t most)
{
	return a->retained > RETAIN_MIN + a->ahead + most;
}

static void
trim_to(struct arena *a, size_t most, size_t page)
{
	while (retains_too_much(a, most)) {
		struct nh_extent *e = largest_resident(a, page);

		if (!e)
			return;
		give_back(a, e, page);
	}
}

static void
trim_tops(struct arena *a, size_t page)
{
	for (struct nh_chunk *c = a->chunks; c; c = c->next)
		give_back_top(a, c, page);
}

static size_t
max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/*
 * Whole huge pages of a growing map go back early, unless somebody pays for
 * having pages ahead.  Smaller pieces only when there are many, as it will use
 * most of them again soon: giving them back breaks up huge pages for good.
 * What the last map left to the next is not taken from it while it grows.
 * Pages of the pool go back when a map shrinks or ends: they do not come again.
 */
static void
trim(struct arena *a, enum nh_keep keep)
{
	size_t little = a->used / RETAIN_LITTLE;
	size_t most = keep == NH_KEEP_MUCH ? a->used / RETAIN_MUCH : little;
	/* relaxed: it was set before, or it does not matter when. */
	size_t retain = nh_load_relaxed(&retain_bytes) / nodes;

	if (keep != NH_KEEP_LITTLE) {
		little = max_size(little, retain);
		most = max_size(most, retain);
	}
	trim_to(a, a->ahead ? most : little, NH_HUGE_PAGE);
	if (!retains_too_much(a, most))
		return;
	trim_tops(a, NH_SMALL_PAGE);
	trim_to(a, most, NH_SMALL_PAGE);
	if (keep == NH_KEEP_MUCH || !retains_too_much(a, most))
		return;
	trim_tops(a, NH_CHUNK_POOL);
	trim_to(a, most, NH_CHUNK_POOL);
}

void
nh_arena_free(struct nh_extent *e, enum nh_keep keep)
{
	struct arena *a = &arenas[e->kind][e->node];

	pthread_mutex_lock(&a->mutex);
	a->used -= e->bytes;
	e->resident = e->bytes;
	settle(a, e);
	trim(a, keep);
	pthread_mutex_unlock(&a->mutex);
}

void
nh_arena_retain(size_t bytes)
{
	/* relaxed: a limit for those who free from now on, or a bit later. */
	nh_store_relaxed(&retain_bytes, bytes);
}

/* --------------------------------------------------------------- prefault */

/* What to fault in next: at most one huge page.  0 when enough is there. */
static size_t
prefault_next(struct arena *a, size_t want, char **from)
{
	struct nh_chunk *c = a->chunks;
	size_t room;

	if (!c || c->top->bytes < want || c->top->resident >= want)
		return 0;
	*from = (char *)((uintptr_t)c->touched / NH_HUGE_PAGE * NH_HUGE_PAGE);
	if (*from < c->range.base)
		*from = c->range.base;
	room = (size_t)(c->range.base + c->range.bytes - *from);
	return min_size(room, NH_HUGE_PAGE);
}

/* A chunk whose top is as large as that, if there is none: nobody waits. */
static void
prefault_map(struct arena *a, size_t want)
{
	bool missing;

	pthread_mutex_lock(&a->growing);
	pthread_mutex_lock(&a->mutex);
	missing = !a->chunks || a->chunks->top->bytes < want;
	pthread_mutex_unlock(&a->mutex);
	if (missing)
		grow(a, round_up(want, NH_HUGE_PAGE), false, true);
	pthread_mutex_unlock(&a->growing);
}

static void
prefault_done(struct arena *a, char *end)
{
	for (struct nh_chunk *c = a->chunks; c; c = c->next) {
		if (end <= c->touched || end <= c->range.base ||
		    end > c->range.base + c->range.bytes)
			continue;
		c->top->resident += (size_t)(end - c->touched);
		a->retained += (size_t)(end - c->touched);
		c->touched = end;
	}
}

/* A huge page, made one of small ones if the kernel had none. */
static bool
prefault_page(char *from, size_t bytes)
{
	if (!nh_mem_populate(from, bytes))
		return false;
	if (bytes == NH_HUGE_PAGE && nh_huge_at(from) != NH_HUGE_IS)
		nh_mem_collapse(from, bytes);
	return true;
}

static void
prefault(struct arena *a, size_t bytes)
{
	char *from = NULL;

	pthread_mutex_lock(&a->mutex);
	a->ahead = bytes;
	pthread_mutex_unlock(&a->mutex);
	if (!bytes || nh_chunk_best() == NH_PAGES_SMALL)
		return;
	prefault_map(a, bytes);
	for (;;) {
		size_t n;

		pthread_mutex_lock(&a->mutex);
		n = prefault_next(a, bytes, &from);
		pthread_mutex_unlock(&a->mutex);
		if (!n || !prefault_page(from, n))
			return;
		pthread_mutex_lock(&a->mutex);
		prefault_done(a, from + n);
		pthread_mutex_unlock(&a->mutex);
	}
}

void
nh_arena_prefault(enum nh_arena_kind kind, size_t bytes, int node)
{
	some_node(node);
	if (node >= 0 && (unsigned)node < nodes) {
		prefault(&arenas[kind][node], bytes);
		return;
	}
	for (unsigned i = 0; i < nodes; i++)
		prefault(&arenas[kind][i], bytes / nodes);
}

/* ---------------------------------------------------------------- collapse */

/* The next huge page that was touched, behind the last one; NULL: no more. */
static char *
next_to_look_at(struct arena *a)
{
	for (struct nh_chunk *c = a->chunks; c; c = c->next) {
		char *from = c->range.base;

		if (c->range.pages != NH_PAGES_THP)
			continue;
		if (a->looked >= from && a->looked < from + c->range.bytes)
			from = a->looked + NH_HUGE_PAGE;
		else if (a->looked)
			continue;
		a->looked = NULL;
		if (from + NH_HUGE_PAGE <= c->touched)
			return from;
	}
	return NULL;
}

static bool
collapse_next(struct arena *a)
{
	char *at;

	pthread_mutex_lock(&a->mutex);
	at = next_to_look_at(a);
	a->looked = at;
	pthread_mutex_unlock(&a->mutex);
	if (!at || nh_huge_at(at) != NH_HUGE_NOT ||
	    !nh_mem_collapse(at, NH_HUGE_PAGE))
		return false;
	pthread_mutex_lock(&a->mutex);
	a->collapsed += NH_HUGE_PAGE;
	pthread_mutex_unlock(&a->mutex);
	return true;
}

static bool
collapse(struct arena *a)
{
	for (unsigned i = 0; i < COLLAPSE_LOOKS; i++)
		if (collapse_next(a))
			return true;
	return false;
}

bool
nh_arena_collapse(enum nh_arena_kind kind, int node)
{
	some_node(node);
	if (node >= 0 && (unsigned)node < nodes)
		return collapse(&arenas[kind][node]);
	for (unsigned i = 0; i < nodes; i++)
		if (collapse(&arenas[kind][i]))
			return true;
	return false;
}

/* ------------------------------------------------------------------- others */

void
nh_arena_choose_pages(enum nh_pages best)
{
	nh_chunk_choose(best);
}

static void
add_stats(struct nh_arena_stats *out, struct arena *a)
{
	pthread_mutex_lock(&a->mutex);
	for (int pages = 0; pages < NH_PAGES_KINDS; pages++)
		out->reserved[pages] += a->reserved[pages];
	out->used += a->used;
	out->retained += a->retained;
	out->returned += a->returned;
	out->fell_over += a->fell_over;
	out->collapsed += a->collapsed;
	pthread_mutex_unlock(&a->mutex);
}

void
nh_arena_node_stats(unsigned node, struct nh_arena_stats *out)
{
	*out = (struct nh_arena_stats){ .used = 0 };
	some_node(-1);
	for (int kind = 0; node < nodes && kind < NH_ARENA_KINDS; kind++)
		add_stats(out, &arenas[kind][node]);
}

void
nh_arena_stats(struct nh_arena_stats *out)
{
	*out = (struct nh_arena_stats){ .used = 0 };
	some_node(-1);
	for (unsigned node = 0; node < nodes; node++)
		for (int kind = 0; kind < NH_ARENA_KINDS; kind++)
			add_stats(out, &arenas[kind][node]);
}
