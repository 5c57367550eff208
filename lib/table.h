/*
 * table.h - the memory of one segment's table
 *
 *	| block 0 | block 1 | ... | block n-1 | spare overflow lines |
 *
 * The two tables of a segment take turns.  Their fields are read by threads
 * that may have slept through a migration, hence atomic; what such a thread
 * reads, it discards when it finds the segment's descriptor changed.
 *
 * Why no epochs are needed.  The memory of a retired table goes to the arena
 * at once and may soon be another table, of this or any map.  A sleeper that
 * still holds a pointer into it can
 *  - read: it gets pairs or zeros, then finds its descriptor changed and
 *    starts over (address space is never unmapped, links only ever lead to
 *    lines, and each pair is read whole);
 *  - lock: only a live block, by the means everybody uses, and then finds its
 *    descriptor changed and unlocks it unchanged.  That block's owner cannot
 *    drain it meanwhile, so its memory cannot move on under the sleeper;
 *  - help with a migration: it locks the first block of a group first: as
 *above.
 */
#ifndef NH_LIB_TABLE_H
#define NH_LIB_TABLE_H

#include "lib/line.h"
#include "numa/arena.h"

#define NH_TABLE_SMALL 64      /* fewer blocks: there to be quick, not dense */
#define NH_NODE_ANY UINT64_MAX /* no node in particular */

/* A node as the arena takes it. */
static inline int
nh_node_for_arena(uint64_t node)
{
	return node == NH_NODE_ANY ? -1 : (int)node;
}

struct nh_table {
	nh_atomic lines;    /* struct nh_line *, the first */
	nh_atomic blocks;   /* 0: the segment has no table yet */
	nh_atomic spare;    /* overflow lines behind the blocks | node << 32 */
	nh_atomic bump;	    /* of those, never used yet: the first */
	nh_atomic recycled; /* freed ones: tagged pointer */
	nh_atomic used;	    /* overflow lines in chains */
	nh_atomic trigger;  /* used above this: time to grow */
	nh_atomic extras;   /* struct nh_extent *: more overflow lines */
	nh_atomic salt;	    /* lib/salt.h; 0: none */
	struct nh_extent *extent;
};

/* Two empty lines that are never live: what a segment without a table has. */
extern struct nh_line nh_empty_block[2];

/* The same with MORE: what a segment shows that only the slow paths know. */
extern struct nh_line nh_moving_block[2];

static inline struct nh_line *
nh_table_lines(const struct nh_table *t)
{
	/* order(table): acquire, so the descriptor is looked at after it */
	return (struct nh_line *)(uintptr_t)nh_load_acquire(&t->lines);
}

static inline uint64_t
nh_table_blocks(const struct nh_table *t)
{
	/* order(table): acquire, so the descriptor is looked at after it */
	return nh_load_acquire(&t->blocks);
}

static inline struct nh_line *
nh_table_even(const struct nh_table *t, uint64_t block)
{
	return nh_table_lines(t) + 2 * block;
}

/*
 * nh_table_init - memory for `blocks` blocks, none of them live
 *
 * `fixed` tables never grow, so they get more overflow lines.  NH_ERR_NOMEM.
 * The table is nobody else's yet.
 */
int nh_table_init(struct nh_table *t, uint64_t blocks, bool fixed,
		  uint64_t node);

/* nh_table_none - be the table of a segment that has none.  Nobody else's. */
void nh_table_none(struct nh_table *t);

/* nh_table_fini - give its memory back: how much.  No block of it is live. */
uint64_t nh_table_fini(struct nh_table *t, enum nh_keep keep);

/* nh_table_spare - overflow lines that it came with.  Any thread. */
static inline uint64_t
nh_table_spare(const struct nh_table *t)
{
	/* order(table): acquire, so the descriptor is looked at after it */
	return nh_load_acquire(&t->spare) & UINT32_MAX;
}

/* nh_table_node - where a table lies; NH_NODE_ANY: there is none.  Any. */
static inline uint64_t
nh_table_node(const struct nh_table *t)
{
	/* order(table): acquire, so the descriptor is looked at after it */
	uint64_t spare = nh_load_acquire(&t->spare);

	return nh_table_blocks(t) ? spare >> 32 : NH_NODE_ANY;
}

/* nh_table_bytes - of one just made.  The table is nobody else's yet. */
static inline uint64_t
nh_table_bytes(const struct nh_table *t)
{
	return t->extent->bytes;
}

/* nh_table_trigger - overflow lines in use that say "grow", for a size */
uint64_t nh_table_trigger(uint64_t blocks);

/* Overflow lines: lib/overflow.h. */

#endif
