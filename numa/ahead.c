/*
 * ahead.c - pages that are there before somebody waits for them, and huge ones
 */
#include "numa/arena_inside.h"
#include "numa/where.h"

#define COLLAPSE_LOOKS 32 /* at huge pages in a call */

/* --------------------------------------------------------------- prefault */

/* What to fault in next: at most one huge page.  0 when enough is there. */
static size_t
prefault_next(struct nh_arena *a, size_t want, char **from)
{
	struct nh_chunk *c = a->chunks;
	size_t room;

	if (!c || c->top->bytes < want || c->top->resident >= want)
		return 0;
	*from = (char *)((uintptr_t)c->touched / NH_HUGE_PAGE * NH_HUGE_PAGE);
	if (*from < c->range.base)
		*from = c->range.base;
	room = (size_t)(c->range.base + c->range.bytes - *from);
	return room < NH_HUGE_PAGE ? room : NH_HUGE_PAGE;
}

/* A chunk whose top is as large as that, if there is none: nobody waits. */
static void
prefault_map(struct nh_arena *a, size_t want)
{
	bool missing;

	pthread_mutex_lock(&a->growing);
	pthread_mutex_lock(&a->mutex);
	missing = !a->chunks || a->chunks->top->bytes < want;
	pthread_mutex_unlock(&a->mutex);
	if (missing)
		nh_arena_grow(a, want, false, true);
	pthread_mutex_unlock(&a->growing);
}

static void
prefault_done(struct nh_arena *a, char *end)
{
	for (struct nh_chunk *c = a->chunks; c; c = c->next) {
		if (end <= c->touched || end <= c->range.base ||
		    end > c->range.base + c->range.bytes)
			continue;
		c->top->resident += (size_t)(end - c->touched);
		a->tops += (size_t)(end - c->touched);
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
prefault(struct nh_arena *a, size_t bytes)
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
	unsigned nodes = nh_arenas();

	if (node >= 0 && (unsigned)node < nodes) {
		prefault(nh_arena_of(kind, (unsigned)node), bytes);
		return;
	}
	for (unsigned i = 0; i < nodes; i++)
		prefault(nh_arena_of(kind, i), bytes / nodes);
}

/* ---------------------------------------------------------------- collapse */

/* The next huge page that was touched, behind the last one; NULL: no more. */
static char *
next_to_look_at(struct nh_arena *a)
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
collapse_next(struct nh_arena *a)
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
collapse(struct nh_arena *a)
{
	for (unsigned i = 0; i < COLLAPSE_LOOKS; i++)
		if (collapse_next(a))
			return true;
	return false;
}

bool
nh_arena_collapse(enum nh_arena_kind kind, int node)
{
	unsigned nodes = nh_arenas();

	if (node >= 0 && (unsigned)node < nodes)
		return collapse(nh_arena_of(kind, (unsigned)node));
	for (unsigned i = 0; i < nodes; i++)
		if (collapse(nh_arena_of(kind, i)))
			return true;
	return false;
}
