/*
 * table.c - the memory of one segment's table
 */
#include "lib/table.h"

#include <numahash.h>

#include "lib/salt.h"

/*
 * Overflow lines for a table.  A block of eight slots that gets 8 * load keys
 * at random overflows with the Poisson distribution's tail: 8 % of them at a
 * load of 0.65, 15 % at 0.75, 20 % at 0.8.
 */
static uint64_t
spare_lines(uint64_t blocks, bool fixed)
{
	uint64_t spare = blocks / (fixed ? 4 : 6);

	return (spare + 2) & ~UINT64_C(1);
}

/*
 * Small tables grow on their first overflow or soon after: a map that fits the
 * cache is there for speed, and its chains cost more than its bytes.  Others
 * grow when one block in six has overflowed, at a load of about 0.77.
 */
uint64_t
nh_table_trigger(uint64_t blocks)
{
	return blocks < NH_TABLE_SMALL ? blocks / 32 : blocks / 6;
}

int
nh_table_init(struct nh_table *t, uint64_t blocks, bool fixed, uint64_t node)
{
	uint64_t spare = spare_lines(blocks, fixed);
	struct nh_extent *e = nh_arena_alloc(
		NH_ARENA_LINES,
		blocks * NH_BLOCK_BYTES + spare * sizeof(struct nh_line),
		nh_node_for_arena(node));

	if (!e)
		return NH_ERR_NOMEM;
	t->extent = e;
	e->link = NULL;
	/* order(table): release, after the descriptor left this table */
	nh_store_release(&t->lines, (uintptr_t)e->base);
	/* order(table): release, as above */
	nh_store_release(&t->blocks, blocks);
	/* order(table): release, as above */
	nh_store_release(&t->spare, spare | (uint64_t)e->node << 32);
	/* relaxed: the descriptor publishes it, as those that follow. */
	nh_store_relaxed(&t->bump, 0);
	/* relaxed: as above. */
	nh_store_relaxed(&t->recycled, 0);
	/* relaxed: as above. */
	nh_store_relaxed(&t->used, 0);
	/* relaxed: as above. */
	nh_store_relaxed(&t->trigger, nh_table_trigger(blocks));
	/* relaxed: as above. */
	nh_store_relaxed(&t->extras, 0);
	return NH_OK;
}

struct nh_line nh_empty_block[2] __attribute__((aligned(128)));
struct nh_line nh_moving_block[2] __attribute__((aligned(128))) = {
	{ .pair[0].word = NH_WORD_MORE },
	{ .pair[0].word = NH_WORD_MORE },
};

void
nh_table_none(struct nh_table *t)
{
	t->extent = NULL;
	nh_table_salt_set(t, 0);
	/* order(table): release, after the descriptor left this table */
	nh_store_release(&t->lines, (uintptr_t)nh_empty_block);
	/* order(table): release, as above */
	nh_store_release(&t->blocks, 0);
	/* relaxed: the descriptor publishes it. */
	nh_store_relaxed(&t->extras, 0);
}

static struct nh_extent *
extras(const struct nh_table *t)
{
	/* order(extras): acquire, so that the extent's fields are seen */
	return (struct nh_extent *)(uintptr_t)nh_load_acquire(&t->extras);
}

uint64_t
nh_table_fini(struct nh_table *t, enum nh_keep keep)
{
	struct nh_extent *next;
	uint64_t bytes = 0;

	for (struct nh_extent *e = extras(t); e; e = next) {
		next = e->link;
		bytes += e->bytes;
		nh_arena_free(e, keep);
	}
	if (t->extent) {
		bytes += t->extent->bytes;
		nh_arena_free(t->extent, keep);
	}
	t->extent = NULL;
	/* relaxed: sleepers discard what they read here. */
	nh_store_relaxed(&t->extras, 0);
	return bytes;
}
