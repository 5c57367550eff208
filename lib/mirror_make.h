/*
 * mirror_make.h - make copies of a segment's table, and turn the views to them
 *
 * Copies are attached to the table first: from then on whoever locks a block
 * keeps them.  Then each block is locked in turn and copied, so that what was
 * written before is copied, too.  A migration may begin at any time: it lets
 * the views lead elsewhere, and the table's end is the end of its copies.
 */
#ifndef NH_LIB_MIRROR_MAKE_H
#define NH_LIB_MIRROR_MAKE_H

#include "lib/hold.h"
#include "lib/mirror_sync.h"

/* Take a segment's `busy` if its descriptor still says this. */
static bool
nh_segment_seize(struct nh_core *m, struct nh_segment *s, uint64_t size)
{
	uint64_t idle = 0;

	/* order(busy): acquire, so the last migration's end is seen */
	if (!nh_cas_acquire(&s->busy, &idle, 1))
		return false;
	if (!nh_size_changed(nh_descriptor_of(m, s), size))
		return true;
	/* order(busy): release, nothing was changed */
	nh_store_release(&s->busy, 0);
	return false;
}

/* NH_ERR_NOMEM; NH_RETRY: a migration is under way, or as good as. */
static int
nh_table_attach(struct nh_core *m, struct nh_segment *s, struct nh_table *t,
		uint64_t size)
{
	struct nh_replicas *replicas;

	if (!nh_segment_seize(m, s, size))
		return NH_RETRY;
	replicas = nh_table_replicas(m, s, t);
	if (!replicas) {
		replicas = nh_replicas_make(t, m->mirrors->nodes);
		/* relaxed: a count that orders nothing. */
		nh_add_relaxed(&m->table_bytes,
			       replicas ? nh_replicas_bytes(replicas) : 0);
		/* order(replicas): release, after their fields */
		nh_store_release(nh_replicas_slot(m, s, t),
				 (uintptr_t)replicas);
	}
	/* order(busy): release, after the table got its copies */
	nh_store_release(&s->busy, 0);
	return replicas ? NH_OK : NH_ERR_NOMEM;
}

/* Copy one block.  False: the segment has moved on. */
static bool
nh_block_copy(struct nh_core *m, struct nh_segment *s, struct nh_table *t,
	      uint64_t size, uint64_t block)
{
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	struct nh_line *even = nh_table_even(t, block);
	const struct nh_replicas *replicas;
	bool waited = false;
	bool same;

	if (nh_size_changed(d, size) || !nh_block_lock(even, &waited))
		return false;
	same = !nh_size_changed(d, size);
	replicas = same ? nh_table_replicas(m, s, t) : NULL;
	if (replicas) {
		nh_replicas_lock(t, replicas, even);
		nh_replicas_sync(t, replicas, even);
	}
	nh_block_unlock(even);
	return same;
}

/*
 * nh_segment_mirror - have a segment's table copied to all other nodes
 *
 * NH_OK also when it has no table, or one with a salt: then there are none.
 * NH_RETRY: it migrates, or somebody else is about it.  NH_ERR_NOMEM.
 */
static int
nh_segment_mirror(struct nh_core *m, unsigned number)
{
	struct nh_segment *s = &m->segment[number];
	/* order(size): acquire, so that the table's fields are seen */
	uint64_t size = nh_load_acquire(&m->descriptor[number].size);
	struct nh_table *t = nh_segment_table(s, size);
	uint64_t blocks = nh_table_blocks(t);
	int err;

	if (size & NH_SIZE_MIGRATING)
		return NH_RETRY;
	if (!nh_size_is_plain(size) || !blocks || nh_views_turned(m, number))
		return NH_OK;
	err = nh_table_attach(m, s, t, size);
	if (err)
		return err;
	for (uint64_t b = 0; b < blocks; b++)
		if (!nh_block_copy(m, s, t, size, b))
			return NH_RETRY;
	if (!nh_segment_seize(m, s, size))
		return NH_RETRY;
	nh_views_turn(m, number, size, nh_table_replicas(m, s, t));
	/* order(busy): release, after the views were turned */
	nh_store_release(&s->busy, 0);
	return NH_OK;
}

#endif
