/*
 * twomap_cells.c - the depot of cells, and the threads that use it
 *
 * Slabs are never given back to malloc(): a cell that was one stays one, and
 * twomap_cells_memory() tells cells in use from memory held.
 */
#include "bench/baseline/twomap_cells.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/baseline/twomap.h"

#define LINE 64u
#define CELL sizeof(uint64_t)
#define BAGS_PER_SLAB 33u /* 64 KiB: below malloc's own mmap threshold */
#define BAG_BYTES (TWOMAP_BAG_CELLS * CELL)

struct slab {
	struct slab *next; /* so that leak checkers find it */
};

/* All under lock. */
static struct depot {
	pthread_mutex_t lock;
	struct twomap_bag *full;  /* bags with cells, maybe not to the brim */
	struct twomap_bag *empty; /* bags without */
	size_t free_cells;	  /* in the bags of full */
	size_t carved;		  /* cells ever cut from slabs */
	size_t held;		  /* bytes of slabs and bags */
	char *slab_next, *slab_end;
	struct slab *slabs;
	struct twomap_thread *threads;
} depot = { .lock = PTHREAD_MUTEX_INITIALIZER };

_Thread_local struct twomap_thread twomap_self;

/* What ThreadSanitizer takes for the grace period. */
static char grace;

_Noreturn void
twomap_die(const char *why)
{
	fprintf(stderr, "twomap: %s\n", why);
	abort();
}

static void *
allocate_locked(size_t size)
{
	void *p = aligned_alloc(LINE, size);

	if (!p)
		twomap_die("out of memory");
	depot.held += size;
	return p;
}

static struct twomap_bag *
pop(struct twomap_bag **list)
{
	struct twomap_bag *bag = *list;

	if (bag)
		*list = bag->next;
	return bag;
}

static void
push(struct twomap_bag **list, struct twomap_bag *bag)
{
	bag->next = *list;
	*list = bag;
}

static struct twomap_bag *
empty_bag_locked(void)
{
	struct twomap_bag *bag = pop(&depot.empty);

	if (!bag) {
		bag = allocate_locked((sizeof *bag + LINE - 1) & ~(LINE - 1));
		atomic_init(&bag->n, 0);
	}
	return bag;
}

/* The bag's owner has let go of it. */
static void
put_bag_locked(struct twomap_bag *bag)
{
	depot.free_cells += twomap_bag_len(bag);
	push(twomap_bag_len(bag) ? &depot.full : &depot.empty, bag);
}

/* A full bag of new cells, which will come out in the order of addresses. */
static struct twomap_bag *
carve_locked(void)
{
	struct twomap_bag *bag = empty_bag_locked();
	struct slab *slab;
	unsigned i = TWOMAP_BAG_CELLS;

	if (depot.slab_next == depot.slab_end) {
		slab = allocate_locked(LINE + BAGS_PER_SLAB * BAG_BYTES);
		slab->next = depot.slabs;
		depot.slabs = slab;
		depot.slab_next = (char *)slab + LINE;
		depot.slab_end = depot.slab_next + BAGS_PER_SLAB * BAG_BYTES;
		twomap_poison(depot.slab_next, BAGS_PER_SLAB * BAG_BYTES);
	}
	for (; i; depot.slab_next += CELL)
		bag->cell[--i] = depot.slab_next;
	twomap_bag_set_len(bag, TWOMAP_BAG_CELLS);
	depot.carved += TWOMAP_BAG_CELLS;
	return bag;
}

struct twomap_bag *
twomap_cells_refill(void)
{
	struct twomap_bag *bag;

	if (!twomap_self.fresh)
		twomap_die("this thread did not call twomap_thread_begin()");
	pthread_mutex_lock(&depot.lock);
	put_bag_locked(twomap_self.fresh);
	bag = pop(&depot.full);
	if (bag)
		depot.free_cells -= twomap_bag_len(bag);
	else
		bag = carve_locked();
	twomap_self.fresh = bag;
	pthread_mutex_unlock(&depot.lock);
	return bag;
}

static void
put_bag(struct twomap_bag *bag)
{
	for (uint32_t i = 0; i < twomap_bag_len(bag); i++)
		twomap_poison(bag->cell[i], CELL);
	pthread_mutex_lock(&depot.lock);
	put_bag_locked(bag);
	pthread_mutex_unlock(&depot.lock);
}

void
twomap_call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *))
{
	twomap_grace_release(&grace);
	urcu_qsbr_call_rcu(head, fn);
}

void
twomap_callback_begin(void)
{
	twomap_grace_acquire(&grace);
}

void
twomap_callback_end(void)
{
	twomap_grace_release(&grace);
}

static void
bag_reclaim(struct rcu_head *head)
{
	twomap_callback_begin();
	put_bag(caa_container_of(head, struct twomap_bag, rcu));
	twomap_callback_end();
}

void
twomap_cells_flush(void)
{
	twomap_call_rcu(&twomap_self.retired->rcu, bag_reclaim);
	pthread_mutex_lock(&depot.lock);
	twomap_self.retired = empty_bag_locked();
	pthread_mutex_unlock(&depot.lock);
}

void
twomap_bag_add(struct twomap_bag **bag, void *cell)
{
	uint32_t n;

	if (!*bag) {
		pthread_mutex_lock(&depot.lock);
		*bag = empty_bag_locked();
		pthread_mutex_unlock(&depot.lock);
	}
	n = twomap_bag_len(*bag);
	(*bag)->cell[n] = cell;
	twomap_bag_set_len(*bag, n + 1);
	if (n + 1 < TWOMAP_BAG_CELLS)
		return;
	put_bag(*bag);
	*bag = NULL;
}

void
twomap_bag_return(struct twomap_bag *bag)
{
	if (bag)
		put_bag(bag);
}

void
twomap_cells_memory(struct twomap_cells_memory *out)
{
	size_t unused;

	pthread_mutex_lock(&depot.lock);
	unused = depot.free_cells;
	for (struct twomap_thread *t = depot.threads; t; t = t->next)
		unused += twomap_bag_len(t->fresh);
	out->in_use = (depot.carved - unused) * CELL;
	out->held = depot.held;
	pthread_mutex_unlock(&depot.lock);
}

/* ----------------------------------------------------- threads and grace */

void
twomap_thread_begin(void)
{
	if (twomap_self.fresh)
		twomap_die("twomap_thread_begin() called twice");
	pthread_mutex_lock(&depot.lock);
	twomap_self.fresh = empty_bag_locked();
	twomap_self.retired = empty_bag_locked();
	twomap_self.next = depot.threads;
	depot.threads = &twomap_self;
	pthread_mutex_unlock(&depot.lock);
	urcu_qsbr_register_thread();
}

void
twomap_thread_end(void)
{
	struct twomap_thread **link = &depot.threads;

	if (!twomap_self.fresh)
		twomap_die("twomap_thread_end() without twomap_thread_begin()");
	if (twomap_bag_len(twomap_self.retired))
		twomap_cells_flush();
	pthread_mutex_lock(&depot.lock);
	while (*link != &twomap_self)
		link = &(*link)->next;
	*link = twomap_self.next;
	put_bag_locked(twomap_self.fresh);
	put_bag_locked(twomap_self.retired);
	pthread_mutex_unlock(&depot.lock);
	twomap_self = (struct twomap_thread){ 0 };
	twomap_grace_release(&grace);
	urcu_qsbr_unregister_thread();
}

void
twomap_quiescent(void)
{
	twomap_grace_release(&grace);
	urcu_qsbr_quiescent_state();
}

void
twomap_barrier(void)
{
	twomap_grace_release(&grace);
	urcu_qsbr_barrier();
	twomap_grace_acquire(&grace);
}
