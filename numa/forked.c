/*
 * forked.c - arenas in a child of fork(2)
 *
 * Pool pages are kept out of children: a child's copy could find the pool empty
 * when it is made, which kills.  So there the arenas forget the chunks that are
 * made of them, and the child's own maps lie elsewhere.  The locks are taken
 * before the fork, or the child would wait for threads that it does not have.
 */
#include <stdlib.h>

#include "numa/arena_inside.h"

static void
for_each(void (*fn)(struct nh_arena *a))
{
	for (unsigned kind = 0; kind < NH_ARENA_KINDS; kind++)
		for (unsigned node = 0; node < nh_arenas(); node++)
			fn(nh_arena_of((enum nh_arena_kind)kind, node));
}

static void
lock(struct nh_arena *a)
{
	pthread_mutex_lock(&a->growing);
	pthread_mutex_lock(&a->mutex);
}

static void
unlock(struct nh_arena *a)
{
	pthread_mutex_unlock(&a->mutex);
	pthread_mutex_unlock(&a->growing);
}

static void
forget(struct nh_arena *a, struct nh_chunk *c)
{
	a->tops -= c->top->resident;
	a->reserved[c->range.pages] -= c->range.bytes - c->swapped_bytes;
	a->reserved[NH_PAGES_THP] -= c->swapped_bytes;
	for (struct nh_extent *e = c->top->before; e; e = e->before)
		if (e->free)
			nh_bins_remove(&a->bins, e);
		else
			a->used -= e->bytes;
	c->gone = true;
}

static void
forget_pool(struct nh_arena *a)
{
	struct nh_chunk **at = &a->chunks;

	while (*at) {
		struct nh_chunk *c = *at;

		if (!nh_pages_pooled(c->range.pages)) {
			at = &c->next;
			continue;
		}
		forget(a, c);
		*at = c->next;
	}
	a->looked = NULL;
	unlock(a);
}

static void
before(void)
{
	for_each(lock);
}

static void
in_parent(void)
{
	for_each(unlock);
}

static void
in_child(void)
{
	for_each(forget_pool);
}

void
nh_arena_watch_forks(void)
{
	pthread_atfork(before, in_parent, in_child);
}
