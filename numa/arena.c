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
#include "numa/arena_inside.h"
#include "numa/here.h"
#include "numa/room.h"

#define RETAIN_MIN ((size_t)512 << 10)
#define RETAIN_LITTLE 8 /* of what is in use, one part may lie free */
#define RETAIN_MUCH 2

static struct nh_arena arenas[NH_ARENA_KINDS][NH_NODES_MAX];
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
			struct nh_arena *a = &arenas[kind][node];

			pthread_mutex_init(&a->mutex, NULL);
			pthread_mutex_init(&a->growing, NULL);
			a->kind = (enum nh_arena_kind)kind;
			a->node = node;
		}
	nh_arena_watch_forks();
}

unsigned
nh_arenas(void)
{
	pthread_once(&once, init_arenas);
	return nodes;
}

struct nh_arena *
nh_arena_of(enum nh_arena_kind kind, unsigned node)
{
	nh_arenas();
	return &arenas[kind][node];
}

/* A node there is: this one, or where the caller runs. */
static unsigned
some_node(int node)
{
	unsigned n = nh_arenas();

	return node >= 0 && (unsigned)node < n ? (unsigned)node
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

/* ----------------------------------------------------------------- chunks */

static void
chunk_add(struct nh_arena *a, struct nh_chunk *c)
{
	c->next = a->chunks;
	a->chunks = c;
	a->reserved[c->range.pages] += c->range.bytes;
}

/* A chunk whose top has room, if possible in pages that are there already. */
static struct nh_chunk *
chunk_with_room(struct nh_arena *a, size_t bytes, size_t align)
{
	struct nh_chunk *room = NULL;

	for (struct nh_chunk *c = a->chunks; c; c = c->next) {
		if (!nh_extent_fits(c->top, bytes, align))
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
cut_head(struct nh_arena *a, struct nh_extent *e, struct spare *spare,
	 size_t align)
{
	size_t bytes = nh_extent_head(e, align);
	struct nh_extent *head = spare->head;

	if (!bytes)
		return;
	spare->head = NULL;
	split_front(e, head, bytes);
	head->resident = min_size(e->resident, bytes);
	e->resident -= head->resident;
	nh_bins_add(&a->bins, head);
}

static struct nh_extent *
take_free(struct nh_arena *a, struct spare *spare, size_t bytes, size_t align)
{
	struct nh_extent *e = nh_bins_find(&a->bins, bytes, align);
	struct nh_extent *front = spare->extent;

	if (!e)
		return NULL;
	nh_bins_remove(&a->bins, e);
	cut_head(a, e, spare, align);
	if (e->bytes == bytes)
		return e;
	spare->extent = NULL;
	split_front(e, front, bytes);
	e->resident = min_size(e->resident, e->bytes);
	nh_bins_add(&a->bins, e);
	return front;
}

/* What [top, top + bytes) takes of huge pages that nobody touched yet. */
static size_t
fresh_bytes(const struct nh_chunk *c, size_t bytes, size_t align)
{
	uintptr_t end =
		(uintptr_t)c->top->base + nh_extent_head(c->top, align) + bytes;
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
chunk_for(struct nh_arena *a, const struct wish *w)
{
	struct nh_chunk *c = chunk_with_room(a, w->bytes, w->align);
	size_t fresh = c ? fresh_bytes(c, w->bytes, w->align) : 0;

	if (fresh && !w->force && fresh > nh_room(a->node))
		return NULL;
	return c;
}

static struct nh_extent *
take_top(struct nh_arena *a, struct spare *spare, const struct wish *w)
{
	struct nh_chunk *c = chunk_for(a, w);
	struct nh_extent *front = spare->extent;
	size_t used;

	if (!c)
		return NULL;
	a->tops -= c->top->resident;
	cut_head(a, c->top, spare, w->align);
	spare->extent = NULL;
	split_front(c->top, front, w->bytes);
	if (c->touched < c->top->base)
		c->touched = c->top->base;
	used = min_size(c->top->resident, w->bytes);
	c->top->resident -= used;
	a->tops += c->top->resident;
	return front;
}

/* Of what is mapped already. */
static struct nh_extent *
take_mapped(struct nh_arena *a, struct spare *spare, const struct wish *w)
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

bool
nh_arena_grow(struct nh_arena *a, size_t bytes, bool force, bool patient)
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
take(struct nh_arena *a, struct spare *spare, const struct wish *w)
{
	struct nh_extent *e = take_mapped(a, spare, w);

	if (e)
		return e;
	pthread_mutex_lock(&a->growing);
	/* Somebody may have mapped it while this one waited. */
	e = take_mapped(a, spare, w);
	if (!e && nh_arena_grow(a, w->bytes + w->align - NH_ARENA_UNIT,
				w->force, false))
		e = take_mapped(a, spare, w);
	pthread_mutex_unlock(&a->growing);
	return e;
}

static void
fell_over(struct nh_arena *a)
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
settle(struct nh_arena *a, struct nh_extent *e)
{
	struct nh_chunk *c = e->chunk;

	if (e->before && e->before->free) {
		e = e->before;
		nh_bins_remove(&a->bins, e);
		join_after(e);
	}
	if (e->after->free) {
		nh_bins_remove(&a->bins, e->after);
		join_after(e);
	}
	if (!is_top(e->after)) {
		nh_bins_add(&a->bins, e);
		return;
	}
	a->tops += e->resident;
	join_after(e);
	c->top = e;
}

static void
returned(struct nh_arena *a, struct nh_chunk *c, const char *base, size_t bytes,
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
give_back(struct nh_arena *a, struct nh_extent *e, size_t page)
{
	struct nh_chunk *c = e->chunk;
	char *base = e->base;
	size_t bytes = nh_chunk_whole_pages(c, page, &base, e->bytes);
	bool done;

	nh_bins_remove(&a->bins, e);
	pthread_mutex_unlock(&a->mutex);
	done = nh_chunk_return(c, base, bytes);
	pthread_mutex_lock(&a->mutex);
	if (done)
		returned(a, c, base, bytes, e->resident);
	/* Refused: count it as gone, or we would ask for ever. */
	e->resident = min_size(e->resident, e->bytes - bytes);
	settle(a, e);
}

/* What of a top may go: of the pool all, as all of its pages are there. */
static size_t
top_pages(const struct nh_chunk *c, size_t page, char **base)
{
	const struct nh_extent *top = c->top;
	size_t used = (size_t)(c->touched - top->base), bytes;

	if (page == NH_CHUNK_POOL)
		used = top->bytes;
	*base = top->base;
	bytes = nh_chunk_whole_pages(c, page, base, used);
	if (!top->resident && !nh_chunk_pooled(c, *base, bytes))
		return 0;
	return bytes;
}

/* The same for what is resident of the top of a chunk. */
static void
give_back_top(struct nh_arena *a, struct nh_chunk *c, size_t page)
{
	struct nh_extent *top = c->top;
	char *base;
	size_t bytes = top_pages(c, page, &base);

	if (!bytes || !nh_chunk_return(c, base, bytes))
		return;
	returned(a, c, base, bytes, top->resident);
	a->tops -= top->resident;
	top->resident = 0;
	c->touched = base;
}

/* Beyond RETAIN_MIN and what somebody pays for having ahead. */
static bool
retains_too_much(const struct nh_arena *a, size_t most)
{
	return a->bins.resident + a->tops > RETAIN_MIN + a->ahead + most;
}

static void
trim_to(struct nh_arena *a, size_t most, size_t page)
{
	while (retains_too_much(a, most)) {
		struct nh_extent *e = nh_bins_largest(&a->bins, page);

		if (!e)
			return;
		give_back(a, e, page);
	}
}

static void
trim_tops(struct nh_arena *a, size_t page)
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
trim(struct nh_arena *a, enum nh_keep keep)
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
	struct nh_arena *a = &arenas[e->kind][e->node];

	if (e->chunk->gone)
		return;
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

/* ------------------------------------------------------------------- others */

void
nh_arena_choose_pages(enum nh_pages best)
{
	nh_chunk_choose(best);
}

static void
add_stats(struct nh_arena_stats *out, struct nh_arena *a)
{
	pthread_mutex_lock(&a->mutex);
	for (int pages = 0; pages < NH_PAGES_KINDS; pages++)
		out->reserved[pages] += a->reserved[pages];
	out->used += a->used;
	out->retained += a->bins.resident + a->tops;
	out->returned += a->returned;
	out->fell_over += a->fell_over;
	out->collapsed += a->collapsed;
	pthread_mutex_unlock(&a->mutex);
}

void
nh_arena_node_stats(unsigned node, struct nh_arena_stats *out)
{
	*out = (struct nh_arena_stats){ .used = 0 };
	for (int kind = 0; node < nh_arenas() && kind < NH_ARENA_KINDS; kind++)
		add_stats(out, &arenas[kind][node]);
}

void
nh_arena_stats(struct nh_arena_stats *out)
{
	*out = (struct nh_arena_stats){ .used = 0 };
	for (unsigned node = 0; node < nh_arenas(); node++)
		for (int kind = 0; kind < NH_ARENA_KINDS; kind++)
			add_stats(out, &arenas[kind][node]);
}
