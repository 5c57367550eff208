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
#define SLAB_BYTES 65472u /* below malloc's own mmap threshold */

struct slab {
	struct slab *next; /* so that leak checkers find it */
};

struct pool {
	struct twomap_bag *full; /* bags with cells, maybe not to the brim */
	size_t free_cells;	 /* in the bags of full */
	size_t carved;		 /* cells ever cut from slabs */
	char *slab_next, *slab_end;
};

/* All under lock. */
static struct depot {
	pthread_mutex_t lock;
	struct pool pool[TWOMAP_POOLS];
	struct twomap_bag *empty; /* bags without cells, of no pool yet */
	size_t held;		  /* bytes of slabs and bags */
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
empty_bag_locked(enum twomap_pool pool)
{
	struct twomap_bag *bag = pop(&depot.empty);

	if (!bag) {
		bag = allocate_locked((sizeof *bag + LINE - 1) & ~(LINE - 1));
		atomic_init(&bag->n, 0);
	}
	bag->pool = pool;
	return bag;
}

/* The bag's owner has let go of it. */
static void
put_bag_locked(struct twomap_bag *bag)
{
	struct pool *p = &depot.pool[bag->pool];

	p->free_cells += twomap_bag_len(bag);
	push(twomap_bag_len(bag) ? &p->full : &depot.empty, bag);
}

/* A slab of as many bags as fit, or of one. */
static void
new_slab_locked(struct pool *p, size_t bag_bytes)
{
	size_t bags = SLAB_BYTES / bag_bytes ? SLAB_BYTES / bag_bytes : 1;
	struct slab *slab = allocate_locked(LINE + bags * bag_bytes);

	slab->next = depot.slabs;
	depot.slabs = slab;
	p->slab_next = (char *)slab + LINE;
	p->slab_end = p->slab_next + bags * bag_bytes;
	twomap_poison(p->slab_next, bags * bag_bytes);
}

/* A full bag of new cells, which will come out in the order of addresses. */
static struct twomap_bag *
carve_locked(enum twomap_pool pool)
{
	struct twomap_bag *bag = empty_bag_locked(pool);
	struct pool *p = &depot.pool[pool];
	size_t cell = twomap_cell_size(pool);

	if (p->slab_next == p->slab_end)
		new_slab_locked(p, TWOMAP_BAG_CELLS * cell);
	for (unsigned i = TWOMAP_BAG_CELLS; i; p->slab_next += cell)
		bag->cell[--i] = p->slab_next;
	twomap_bag_set_len(bag, TWOMAP_BAG_CELLS);
	p->carved += TWOMAP_BAG_CELLS;
	return bag;
}

struct twomap_bag *
twomap_cells_refill(enum twomap_pool pool)
{
	struct pool *p = &depot.pool[pool];
	struct twomap_bag *bag;

	if (!twomap_self.fresh[pool])
		twomap_die("this thread did not call twomap_thread_begin()");
	pthread_mutex_lock(&depot.lock);
	put_bag_locked(twomap_self.fresh[pool]);
	bag = pop(&p->full);
	if (bag)
		p->free_cells -= twomap_bag_len(bag);
	else
		bag = carve_locked(pool);
	twomap_self.fresh[pool] = bag;
	pthread_mutex_unlock(&depot.lock);
	return bag;
}

static void
put_bag(struct twomap_bag *bag)
{
	for (uint32_t i = 0; i < twomap_bag_len(bag); i++)
		twomap_poison(bag->cell[i], twomap_cell_size(bag->pool));
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
twomap_cells_flush(enum twomap_pool pool)
{
	twomap_call_rcu(&twomap_self.retired[pool]->rcu, bag_reclaim);
	pthread_mutex_lock(&depot.lock);
	twomap_self.retired[pool] = empty_bag_locked(pool);
	pthread_mutex_unlock(&depot.lock);
}

void
twomap_bags_add(struct twomap_bags *bags, enum twomap_pool pool, void *cell)
{
	struct twomap_bag **bag = &bags->bag[pool];
	uint32_t n;

	if (!*bag) {
		pthread_mutex_lock(&depot.lock);
		*bag = empty_bag_locked(pool);
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
twomap_bags_return(struct twomap_bags *bags)
{
	for (int pool = 0; pool < TWOMAP_POOLS; pool++)
		if (bags->bag[pool])
			put_bag(bags->bag[pool]);
}

static size_t
in_use_locked(enum twomap_pool pool)
{
	size_t unused = depot.pool[pool].free_cells;

	for (struct twomap_thread *t = depot.threads; t; t = t->next)
		unused += twomap_bag_len(t->fresh[pool]);
	return (depot.pool[pool].carved - unused) * twomap_cell_size(pool);
}

void
twomap_cells_memory(struct twomap_cells_memory *out)
{
	pthread_mutex_lock(&depot.lock);
	out->in_use = 0;
	for (int pool = 0; pool < TWOMAP_POOLS; pool++)
		out->in_use += in_use_locked(pool);
	out->held = depot.held;
	pthread_mutex_unlock(&depot.lock);
}

/* ----------------------------------------------------- threads and grace */

void
twomap_thread_begin(void)
{
	if (twomap_self.fresh[0])
		twomap_die("twomap_thread_begin() called twice");
	pthread_mutex_lock(&depot.lock);
	for (int pool = 0; pool < TWOMAP_POOLS; pool++) {
		twomap_self.fresh[pool] = empty_bag_locked(pool);
		twomap_self.retired[pool] = empty_bag_locked(pool);
	}
	twomap_self.next = depot.threads;
	depot.threads = &twomap_self;
	pthread_mutex_unlock(&depot.lock);
	urcu_qsbr_register_thread();
}

void
twomap_thread_end(void)
{
	struct twomap_thread **link = &depot.threads;

	if (!twomap_self.fresh[0])
		twomap_die("twomap_thread_end() without twomap_thread_begin()");
	for (int pool = 0; pool < TWOMAP_POOLS; pool++)
		if (twomap_bag_len(twomap_self.retired[pool]))
			twomap_cells_flush(pool);
	pthread_mutex_lock(&depot.lock);
	while (*link != &twomap_self)
		link = &(*link)->next;
	*link = twomap_self.next;
	for (int pool = 0; pool < TWOMAP_POOLS; pool++) {
		put_bag_locked(twomap_self.fresh[pool]);
		put_bag_locked(twomap_self.retired[pool]);
	}
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
