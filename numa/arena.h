/*
 * arena.h - memory for tables and entries, one arena of each a memory node
 *
 * Memory that once held table lines only ever holds table lines, and what once
 * held entries only ever holds entries.  Address space is never unmapped: a
 * thread that slept through a migration, or while an entry was freed, may still
 * look at it (lib/table.h and lib/slab.h say why that is harmless).  It may
 * even try to lock what it takes for a line, hence the two kinds.
 *
 * Nodes are those of numa/topo.h.  Memory of an arena is bound to its node when
 * it is mapped.  When the node has no more, the next one by distance gives.
 */
#ifndef NH_NUMA_ARENA_H
#define NH_NUMA_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "numa/mem.h"
#include "numa/topo.h"

#define NH_ARENA_UNIT ((size_t)128) /* sizes and addresses are multiples */

/* What memory is for: it never goes from one to the other. */
enum nh_arena_kind {
	NH_ARENA_LINES,
	NH_ARENA_ENTRIES,
	NH_ARENA_KINDS,
};

/* A stretch of one chunk: a table, a page of entries, or free. */
struct nh_extent {
	char *base;
	size_t bytes;
	int node;  /* whose memory it is: of the arena it comes from */
	int asked; /* whose was asked for; another one: it fell over */
	enum nh_arena_kind kind;
	struct nh_extent *link; /* for whoever holds it */

	/* The arena's own: */
	struct nh_chunk *chunk;
	struct nh_extent *before, *after; /* neighbours in the chunk */
	struct nh_extent *prev, *next;	  /* in a list of free ones */
	size_t resident; /* of a free one: bytes that may hold pages */
	bool free;
};

/*
 * nh_arena_alloc - `bytes` for one kind of use on `node`
 *
 * -1, or what is no node: the one nearest to where this thread runs.
 *
 * Lines: what it holds is zeros or the lines of a drained table: no word of it
 * has a bit that a live line has.  Entries: zeros, or what was there before.
 * NULL when memory is out, on every node.  Any thread; takes the arena's mutex;
 * O(1) but for the system calls when the arena must grow.
 */
struct nh_extent *nh_arena_alloc(enum nh_arena_kind kind, size_t bytes,
				 int node);

/* nh_arena_alloc_aligned - the same at a multiple of `align`, a power of two */
struct nh_extent *nh_arena_alloc_aligned(enum nh_arena_kind kind, size_t bytes,
					 size_t align, int node);

/* How much free memory the arena may keep for later when it gets some back. */
enum nh_keep {
	NH_KEEP_LITTLE, /* the owner shrinks: an eighth of what is in use */
	NH_KEEP_MUCH,	/* it grows and will soon ask for more: half */
	NH_KEEP_RETAIN, /* it ends; another may begin: nh_arena_retain() */
};

/*
 * nh_arena_free - hand an extent back; never fails.  Any thread.
 *
 * It joins its free neighbours.  When the arena then keeps more free pages than
 * it may, the largest free extents are given back to the system.
 */
void nh_arena_free(struct nh_extent *e, enum nh_keep keep);

/*
 * nh_arena_retain - bytes of a kind kept when a map ends.  Any thread.
 *
 * Of all nodes together: each keeps its share.
 */
void nh_arena_retain(size_t bytes);

/*
 * nh_arena_prefault - have `bytes` of never-used memory faulted in on `node`
 *
 * -1: on all of them together, each its share.  Any thread.
 *
 * Done a huge page at a time without the mutex, so nobody waits for it.  The
 * arena keeps that much until a later call says another number.
 * What the kernel then had no huge page for is made one, where it can.
 */
void nh_arena_prefault(enum nh_arena_kind kind, size_t bytes, int node);

/*
 * nh_arena_collapse - make one huge page of small ones that are in use
 *
 * Where the kernel had no huge page, or they came in pieces: one at a call, and
 * a look at a few.  True when it made one.  -1: on any node.  Who reads there
 * meanwhile waits for a copy of 2 MiB.  Does nothing before Linux 6.7.  Any
 * thread.
 */
bool nh_arena_collapse(enum nh_arena_kind kind, int node);

/*
 * nh_arena_choose_pages - the best kind to ask for.  Any thread.
 *
 * NH_PAGES_AUTO: the best of the pools, but 1 GiB pages only for large demands
 * or when nobody waits for it (numa/chunk.c).
 * It holds for what is mapped from then on.
 */
void nh_arena_choose_pages(enum nh_pages best);

/* Bytes; of all kinds of use together. */
struct nh_arena_stats {
	uint64_t reserved[NH_PAGES_KINDS];
	uint64_t used, retained, returned;
	uint64_t fell_over; /* times another node had to give */
	uint64_t collapsed; /* made huge pages of small ones */
};

/* nh_arena_stats - of all nodes.  Any thread. */
void nh_arena_stats(struct nh_arena_stats *out);

/* nh_arena_node_stats - of one; zeros when there is none such.  Any thread. */
void nh_arena_node_stats(unsigned node, struct nh_arena_stats *out);

#endif
