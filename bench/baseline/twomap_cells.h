/*
 * twomap_cells.h - entries and boxes of the two-map, and when they are reused
 *
 * An entry is one pointer and a box is one value, so both are cells of eight
 * bytes from one pool; the entry and the box of a new key come out side by
 * side, mostly in one cache line.  (Go has 8 bytes for the entry, 16 for the
 * interface in the box and 8 for an integer behind it, in three places: here
 * the baseline is favoured.)
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

#include "bench/baseline/twomap_sanitize.h"

/* 31 cache lines of cells; with its head a bag has just under 2 KiB. */
#define TWOMAP_BAG_CELLS 248u

struct twomap_bag {
	struct rcu_head rcu;
	struct twomap_bag *next;
	_Atomic uint32_t n; /* written by its owner, read by the statistics */
	void *cell[TWOMAP_BAG_CELLS];
};

struct twomap_thread {
	struct twomap_bag *fresh;   /* to allocate from */
	struct twomap_bag *retired; /* never full between two operations */
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
struct twomap_bag *twomap_cells_refill(void);
void twomap_cells_flush(void);

/*
 * Cells that nobody can reach any more, gathered to go to the depot.  For any
 * thread, registered or not; begin with NULL and end with twomap_bag_return().
 */
void twomap_bag_add(struct twomap_bag **bag, void *cell);
void twomap_bag_return(struct twomap_bag *bag);

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

/* twomap_cell_alloc - eight bytes of any content; never NULL. */
static inline void *
twomap_cell_alloc(void)
{
	struct twomap_bag *bag = twomap_self.fresh;
	uint32_t n;
	void *cell;

	if (!bag || !twomap_bag_len(bag))
		bag = twomap_cells_refill();
	n = twomap_bag_len(bag) - 1;
	cell = bag->cell[n];
	twomap_bag_set_len(bag, n);
	twomap_unpoison(cell, sizeof(uint64_t));
	return cell;
}

/* twomap_cell_undo - give back the cell allocated last, never published. */
static inline void
twomap_cell_undo(void *cell)
{
	struct twomap_bag *bag = twomap_self.fresh;
	uint32_t n = twomap_bag_len(bag);

	twomap_poison(cell, sizeof(uint64_t));
	bag->cell[n] = cell;
	twomap_bag_set_len(bag, n + 1);
}

/* twomap_cell_retire - reuse it once no thread can still be reading it. */
static inline void
twomap_cell_retire(void *cell)
{
	struct twomap_bag *bag = twomap_self.retired;
	uint32_t n;

	if (!bag)
		twomap_die("this thread did not call twomap_thread_begin()");
	n = twomap_bag_len(bag);
	bag->cell[n] = cell;
	twomap_bag_set_len(bag, n + 1);
	if (n + 1 == TWOMAP_BAG_CELLS)
		twomap_cells_flush();
}

#endif
