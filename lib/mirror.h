/*
 * mirror.h - copies of a map's tables on the other memory nodes
 *
 *	view	for each node, on it: 256 descriptors, as in lib/map.h, that
 *		lead to the node's own copies
 *	copy	for each table and each node but the table's own:
 *
 *	| block 0 | ... | block n-1 | spare overflow lines |	as the table has
 *	| version 0 | ... | version n-1 |			of the blocks
 *
 * The table alone is true; a copy is for reading.  Who writes a block holds its
 * lock, and
 *
 *	1. in each copy: makes the block's version odd, then sets its LOCK
 *	2. writes the table
 *	3. in each copy: stores what the table has, makes the version even,
 *	   takes LOCK off
 *	4. unlocks the table's block
 *
 * so while a block of a copy is not locked it is as the table's is.  A reader
 * goes to its node's copy.  It loads the word that has LOCK, then searches:
 *
 *  - It was not locked, and the pair is found: then the table had that pair at
 *    some moment since.  Either the copy's slot was as it was at that look, and
 *    so was the table's; or a writer has stored it since, in step 3, and then
 *    the table had it at that moment.
 *  - It is not found, or is in a chain: no single load tells that.  So the
 *    block's version must be even before and the same after: then nobody
 *    stored to the block in between, and the copy was as the table all along.
 *  - Otherwise: the reader goes to the table, as if there were no copies.  It
 *    never waits.
 *
 * LOCK, too, is stored before the table is written and cleared after, so no
 * reader gets the old value from a copy when another has returned the new one.
 *
 * A copy's blocks are never LIVE, so nobody can lock them, and their memory can
 * be any table's afterwards.  Versions come from the arena of entries, where
 * nobody tries to lock what he takes for a line.
 *
 * Only the table of a segment that is not migrating has copies.  When a new
 * table is published, the views lead to it, wherever it is; the map's thread
 * then has it copied block by block (lib/mirror_sync.h) and turns each view to
 * its copy.  Before a migration begins, the views lead to nh_moving_block.
 */
#ifndef NH_LIB_MIRROR_H
#define NH_LIB_MIRROR_H

#include "lib/map.h"
#include "numa/topo.h"

/* A table's copy on one node; on the table's own node `lines` is NULL. */
struct nh_replica {
	struct nh_line *lines;
	nh_atomic *version;
	struct nh_extent *line_extent, *version_extent;
};

struct nh_replicas {
	unsigned nodes;
	struct nh_replica replica[];
};

/* What one node's readers go by. */
struct nh_view {
	_Alignas(64) struct nh_descriptor descriptor[NH_SEGMENTS];
	/* nh_atomic *, of the copy; NULL: the descriptor shows the table. */
	nh_atomic version[NH_SEGMENTS];
};

struct nh_mirrors {
	unsigned nodes;
	/* struct nh_replicas *, of each table; 0: it has none. */
	nh_atomic replicas[NH_SEGMENTS][2];
	struct nh_extent *extent[NH_NODES_MAX];
	struct nh_view *view[NH_NODES_MAX];
};

/* nh_mirrors_start - views as of an empty map.  NH_ERR_NOMEM.  Before others.
 */
int nh_mirrors_start(struct nh_core *m);

/* nh_mirrors_current - segments whose copies are in use.  Any thread. */
unsigned nh_mirrors_current(const struct nh_core *m);

/* nh_mirrors_stop - no other call may be running. */
void nh_mirrors_stop(struct nh_core *m);

/*
 * nh_replicas_make - memory for the copies of a table, not copied yet
 *
 * NULL: there is not enough.  A block of the table is locked, or its segment's
 * `busy` is the caller's.
 */
struct nh_replicas *nh_replicas_make(const struct nh_table *t, unsigned nodes);

/* nh_replicas_bytes - of what was just made */
uint64_t nh_replicas_bytes(const struct nh_replicas *replicas);

/* nh_replicas_free - how many bytes that were.  NULL will do. */
uint64_t nh_replicas_free(struct nh_replicas *replicas);

/* Of a segment's table.  A block of it is locked, or `busy` is the caller's. */
static inline nh_atomic *
nh_replicas_slot(const struct nh_core *m, const struct nh_segment *s,
		 const struct nh_table *t)
{
	return &m->mirrors->replicas[s - m->segment][t - s->table];
}

/* nh_table_replicas - what is there, or NULL.  As above. */
static inline struct nh_replicas *
nh_table_replicas(const struct nh_core *m, const struct nh_segment *s,
		  const struct nh_table *t)
{
	/* order(replicas): acquire, so that their fields are seen */
	return (struct nh_replicas *)(uintptr_t)nh_load_acquire(
		nh_replicas_slot(m, s, t));
}

/* nh_replicas_drop - of a table that ends: how many bytes.  busy is ours. */
uint64_t nh_replicas_drop(struct nh_core *m, struct nh_segment *s,
			  struct nh_table *t);

/* nh_replicas_report - of a table's.  Its segment's `busy` is the caller's. */
void nh_replicas_report(const struct nh_core *m, const struct nh_segment *s,
			const struct nh_table *t, struct nh_placement *out);

#endif
