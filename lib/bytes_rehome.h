/*
 * bytes_rehome.h - take the entries of a segment to the node where it belongs
 *
 * An entry is copied and its pair refers to the copy, as if somebody had put
 * the same value again: what readers and pins rely on then, they do here.
 */
#ifndef NH_LIB_BYTES_REHOME_H
#define NH_LIB_BYTES_REHOME_H

#include "lib/bytes.h"
#include "lib/entry.h"
#include "lib/walk.h"

#define NH_MOVED_MOST 32 /* entries of a block between two locks */

/* Entries that no pair refers to any more. */
struct nh_left {
	unsigned n;
	uint64_t ref[NH_MOVED_MOST];
};

/* A copy in `slab`; 0: no memory.  The entry's block is locked. */
static uint64_t
nh_entry_move(struct nh_slab *slab, uint64_t ref)
{
	const struct nh_entry *e = nh_ref_entry(ref);
	struct nh_shape shape = nh_entry_shape(e, nh_slab_word(&e->header));
	const char *bytes = (const char *)e;
	struct nh_bytes key = { bytes + shape.key, shape.key_len };
	struct nh_bytes value = { bytes + shape.value, shape.value_len };

	return nh_entry_make(slab, &key, &value);
}

static bool
nh_entry_strays(const struct nh_map *m, uint64_t ref,
		const struct nh_slab *slab)
{
	const struct nh_entry *e = nh_ref_entry(ref);
	struct nh_shape shape = nh_entry_shape(e, nh_slab_word(&e->header));

	return nh_slabs_of(&m->slabs, e, nh_shape_bytes(&shape)) != slab;
}

/* Move those of a line, as far as *left has room.  False: no memory. */
static bool
nh_line_rehome(struct nh_map *m, struct nh_line *line, struct nh_slab *slab,
	       struct nh_left *left)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS && left->n < NH_MOVED_MOST;
	     i++) {
		nh_atomic *at = &line->pair[i].value;
		uint64_t ref, moved;

		if (!(nh_slot_word(line, i) & NH_WORD_VALID))
			continue;
		/* relaxed: nobody else writes it while it is locked. */
		ref = nh_load_relaxed(at);
		if (!nh_entry_strays(m, ref, slab))
			continue;
		moved = nh_entry_move(slab, ref);
		if (!moved)
			return false;
		/* order(pair): release, after the entry's words */
		nh_store_release(at, moved);
		left->ref[left->n++] = ref;
	}
	return true;
}

/* The same of a held block; lets it go.  NH_RETRY: there are more. */
static int
nh_held_rehome(struct nh_map *m, struct nh_held *held)
{
	struct nh_slab *slab = nh_map_slab(m, held->hash);
	struct nh_line *even = nh_line_even(held->home);
	struct nh_left left = { .n = 0 };
	bool room = true;

	for (struct nh_line *line = even; line && room;
	     line = nh_block_next_line(even, line))
		room = nh_line_rehome(m, line, slab, &left);
	nh_release(held);
	for (unsigned i = 0; i < left.n; i++)
		nh_pins_gone(&m->pins, left.ref[i]);
	if (!room)
		return NH_ERR_NOMEM;
	return left.n == NH_MOVED_MOST ? NH_RETRY : NH_OK;
}

/*
 * nh_entries_rehome - of one segment.  NH_ERR_NOMEM: some stay where they were.
 *
 * A block at a time, held: O(entries).  With one node, or for a segment that
 * belongs nowhere in particular, there is nothing to do.
 */
static int
nh_entries_rehome(struct nh_map *m, unsigned segment)
{
	struct nh_walk walk = { .number = segment };
	/* relaxed: a wish. */
	uint64_t node = nh_load_relaxed(&m->core.node[segment]);

	if (m->slabs.nodes == 1 || node == NH_NODE_ANY)
		return NH_OK;
	while (!walk.done) {
		struct nh_walk next;
		struct nh_held held;
		int err = nh_walk_hold(&m->core, &walk, &held);

		if (err)
			return err == NH_ERR_NOTFOUND ? NH_OK : err;
		next = walk;
		nh_walk_next(&next, &held);
		err = nh_held_rehome(m, &held);
		if (err && err != NH_RETRY)
			return err;
		if (!err)
			walk = next;
	}
	return NH_OK;
}

#endif
