/*
 * rehome.h - move a segment to another node, and hide it from fast paths
 *
 * A segment moves by the one mechanism there is: a migration, to a table of the
 * same size on the other node.  The ratio is 1 : 1, so a group is one block.
 */
#ifndef NH_LIB_REHOME_H
#define NH_LIB_REHOME_H

#include "lib/hold.h"

#define NH_REHOME_TRIES 4

/*
 * nh_segment_rehome - take a segment's table to the node where it belongs
 *
 * NH_ERR_NOMEM: not all of it was to be had, or there was none on that node.
 */
static int
nh_segment_rehome(struct nh_core *m, unsigned number)
{
	struct nh_segment *s = &m->segment[number];
	const struct nh_descriptor *d = nh_descriptor_of(m, s);

	for (unsigned tries = 0; tries < NH_REHOME_TRIES;) {
		const struct nh_table *t;
		uint64_t size, blocks;
		int err = nh_segment_settle(m, s);

		if (err)
			return err;
		/* order(size): acquire, so that the tables' fields are seen */
		size = nh_load_acquire(&d->size);
		t = nh_segment_table(s, size);
		blocks = nh_table_blocks(t);
		if (!nh_table_strays(t, nh_segment_node(m, s)) &&
		    !nh_size_changed(d, size))
			return NH_OK;
		if (size & NH_SIZE_MIGRATING || nh_size_changed(d, size))
			continue;
		err = nh_segment_start(m, s, size, blocks);
		if (err)
			return err;
		/*
		 * Somebody else's may have come first, to where it was.  If
		 * nothing began, the last one has not let go yet.
		 */
		tries += nh_size_changed(d, size);
	}
	return NH_ERR_NOMEM;
}

/*
 * nh_segment_hide - let a segment's operations take the slow way, or not
 *
 * What shows a table with a salt (lib/map.h) will do for any: the descriptor of
 * nh_moving_block under another even generation of the same table.  Fast paths
 * do not find what they look for, and the slow ones ask the table.  So the slow
 * ones can count who comes (lib/adapt.h), and the fast ones need not.
 *
 * Does nothing while the segment migrates, has no table, or one with a salt.
 */
static void
nh_segment_hide(struct nh_core *m, unsigned number, bool hidden)
{
	struct nh_segment *s = &m->segment[number];
	struct nh_descriptor *d = nh_descriptor_of(m, s);
	uint64_t idle = 0;
	uint64_t size;
	struct nh_table *t;

	/* order(busy): acquire, so the last migration's end is seen */
	if (!nh_cas_acquire(&s->busy, &idle, 1))
		return;
	/* order(size): acquire, so that the table's fields are seen */
	size = nh_load_acquire(&d->size);
	t = nh_segment_table(s, size);
	if (!(size & NH_SIZE_MIGRATING) && nh_table_blocks(t) &&
	    !nh_table_salt(t) && hidden == nh_size_is_plain(size)) {
		/* Two generations on is the same table. */
		struct nh_kv kv = { (nh_generation(size) + 4) << 32,
				    (uintptr_t)nh_moving_block };

		if (!hidden) {
			kv.word |= 2 * nh_table_blocks(t);
			kv.value = (uintptr_t)nh_table_lines(t);
		}
		/* order(size): release, though the table is the same */
		nh_pair_store(&d->pair, kv);
	}
	/* order(busy): release, after the descriptor */
	nh_store_release(&s->busy, 0);
}

#endif
