/*
 * twomap_cells.h - entries and boxes of the two-map, and when they are reused
 *
 * Entries are cells of one size and boxes of another, each from a pool of its
 * own; where both have eight bytes it is one pool, and the entry and the box of
 * a new key come out side by side, mostly in one cache line.  (Go has 8 bytes
 * for the entry, 16 for the interface in the box and the value behind it, in
 * three places, for a []byte in four: here the baseline is favoured.)
 *
 * A thread takes cells from a bag of its own and puts those it has replaced
 * into another one.  Full bags go to call_rcu(), and after a grace period to a
 * depot where threads that run out fetch them.  So the shared lock is taken,
 * and liburcu called, once in TWOMAP_BAG_CELLS cells.
 *
 * The flavour is QSBR: its readers do nothing at all, and the price is that a
 * thread says when it holds no reference.  The worker of call_rcu() looks
 * every 10 ms, which is how long replaced boxes are garbage.
 */
#ifndef BENCH_BASELINE_TWOMAP_CELLS_H
#define BENCH_BASELINE_TWOMAP_CELLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/urcu-qsbr.h>

#include "bench/baseline/pair.h"
#include "bench/baseline/twomap_sanitize.h"

/* With its head a bag has just under 2 KiB. */
#define TWOMAP_BAG_CELLS 248u

enum twomap_pool {
	TWOMAP_ENTRIES = 0,
	TWOMAP_BOXES = sizeof(struct twomap_box) != sizeof(struct twomap_entry),
	TWOMAP_POOLS = TWOMAP_BOXES + 1,
};

/* twomap_cell_size - bytes of each cell of a pool */
static inline size_t
twomap_cell_size(enum twomap_pool pool)
{
	return pool == TWOMAP_BOXES ? sizeof(struct twomap_box)
				    : sizeof(struct twomap_entry);
}

struct twomap_bag {
	struct rcu_head rcu;
	struct twomap_bag *next;
	enum twomap_pool pool; /* that its cells are of */
	_Atomic uint32_t n; /* written by its owner, read by the statistics */
	void *cell[TWOMAP_BAG_CELLS];
};

struct twomap_thread {
	struct twomap_bag *fresh[TWOMAP_POOLS];	  /* to allocate from */
	struct twomap_bag *retired[TWOMAP_POOLS]; /* not full between two
						     operations */
	uint64_t taken;				  /* cells */
	struct twomap_thread *next;
};

extern _Thread_local struct twomap_thread twomap_self;

/* twomap_die - say why on standard error and end the process. */
_Noreturn void twomap_die(const char *why);

/* twomap_call_rcu - fn(head) after a grace period, in liburcu's worker. */
void twomap_call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *));

/* First and last thing in each such fn: for ThreadSanitizer alone. */
void twomap_callback_begin(void);
void twomap_callback_end(void);

/* Slow sides of the functions below. */
struct twomap_bag *twomap_cells_refill(enum twomap_pool pool);
void twomap_cells_flush(enum twomap_pool pool);

/*
 * Cells that nobody can reach any more, gathered to go to the depot.  For any
 * thread, registered or not; begin with zeros, end with twomap_bags_return().
 */
struct twomap_bags {
	struct twomap_bag *bag[TWOMAP_POOLS];
};

void twomap_bags_add(struct twomap_bags *bags, enum twomap_pool pool,
		     void *cell);
void twomap_bags_return(struct twomap_bags *bags);

/* Bytes in cells that are in use or retired, and bytes got from malloc(). */
struct twomap_cells_memory {
	size_t in_use;
	size_t held;
};

/* twomap_cells_memory - of all maps.  Any thread; exact while none writes. */
void twomap_cells_memory(struct twomap_cells_memory *out);

/* relaxed: only the owner writes n, others read it for statistics alone. */
static inline uint32_t
twomap_bag_len(const struct twomap_bag *bag)
{
	return atomic_load_explicit(&bag->n, memory_order_relaxed);
}

static inline void
twomap_bag_set_len(struct twomap_bag *bag, uint32_t n)
{
	atomic_store_explicit(&bag->n, n, memory_order_relaxed);
}

/* twomap_cells_taken - by this thread since it began; each is a malloc in Go */
static inline uint64_t
twomap_cells_taken(void)
{
	return twomap_self.taken;
}

/* twomap_cell_alloc - a cell of any content; never NULL. */
static inline void *
twomap_cell_alloc(enum twomap_pool pool)
{
	struct twomap_bag *bag = twomap_self.fresh[pool];
	uint32_t n;
	void *cell;

	if (!bag || !twomap_bag_len(bag))
		bag = twomap_cells_refill(pool);
	n = twomap_bag_len(bag) - 1;
	cell = bag->cell[n];
	twomap_bag_set_len(bag, n);
	twomap_self.taken++;
	twomap_unpoison(cell, twomap_cell_size(pool));
	return cell;
}

/* twomap_cell_undo - give back the cell allocated last, never published. */
static inline void
twomap_cell_undo(enum twomap_pool pool, void *cell)
{
	struct twomap_bag *bag = twomap_self.fresh[pool];
	uint32_t n = twomap_bag_len(bag);

	twomap_self.taken--;
	twomap_poison(cell, twomap_cell_size(pool));
	bag->cell[n] = cell;
	twomap_bag_set_len(bag, n + 1);
}

/* twomap_cell_retire - reuse it once no thread can still be reading it. */
static inline void
twomap_cell_retire(enum twomap_pool pool, void *cell)
{
	struct twomap_bag *bag = twomap_self.retired[pool];
	uint32_t n;

	if (!bag)
		twomap_die("this thread did not call twomap_thread_begin()");
	n = twomap_bag_len(bag);
	bag->cell[n] = cell;
	twomap_bag_set_len(bag, n + 1);
	if (n + 1 == TWOMAP_BAG_CELLS)
		twomap_cells_flush(pool);
}

#endif
