/*
 * twomap_table.c - the tables of a two-map, and how they are reclaimed
 *
 * Who frees what:
 *  - a box: whoever swapped it out of an entry;
 *  - an entry of dirty alone: the delete that took it out;
 *  - an entry of read: when a map is promoted that does not have it.  These
 *    are entries that dirty_locked() expunged, so it notes them, and after the
 *    grace period of the old table those which the promoted map (the heir) has
 *    got back since are left alone.  The heir does not change any more, but
 *    may be retired itself by then: the callback pins it.  What is retired
 *    first is freed first, in the order in which mu was held: so an entry that
 *    both note, and with it the string of its key, is still there.
 */
#include "bench/baseline/twomap_cells.h"
#include "bench/baseline/twomap_internal.h"

#include <stdlib.h>

size_t
twomap_table_bytes(const struct twomap_table *t)
{
	return sizeof *t + t->map.bytes + t->wiped.bytes +
	       t->dead_size * sizeof *t->dead;
}

struct twomap_table *
twomap_table_new(struct twomap *m, size_t hint)
{
	struct twomap_table *t = aligned_alloc(64, (sizeof *t + 63) & ~63ul);

	if (!t)
		twomap_die("out of memory");
	*t = (struct twomap_table){ .owner = m, .pins = 1 };
	gomap_init(&t->map, hint);
	return t;
}

void
twomap_table_free(struct twomap_table *t)
{
	gomap_fini(&t->map);
	gomap_fini(&t->wiped);
	free(t->dead);
	free(t);
}

static void
unpin(struct twomap_table *t)
{
	/* order(pins): release, after the last use; acquire, before the free */
	if (atomic_fetch_sub_explicit(&t->pins, 1, memory_order_acq_rel) != 1)
		return;
	/* relaxed: statistics. */
	atomic_fetch_sub_explicit(&t->owner->retired_bytes,
				  twomap_table_bytes(t), memory_order_relaxed);
	twomap_table_free(t);
}

void
twomap_table_note_dead(struct twomap_table *t, gomap_key key,
		       struct twomap_entry *e)
{
	if (t->dead_len == t->dead_size) {
		t->dead_size = t->dead_size ? 2 * t->dead_size : 8;
		t->dead = realloc(t->dead, t->dead_size * sizeof *t->dead);
		if (!t->dead)
			twomap_die("out of memory");
	}
	t->dead[t->dead_len++] = (struct twomap_dead){ key, e };
}

void
twomap_table_free_entries(const struct gomap *map, const struct gomap *but)
{
	struct gomap_iter it = { .map = map };
	struct twomap_bags bags = { 0 };
	struct twomap_box *box;
	gomap_key key;
	void *e;

	while (gomap_next(&it, &key, &e)) {
		if (but && gomap_get(but, key))
			continue;
		box = twomap_box_load(e);
		if (twomap_is_live(box))
			twomap_bags_add(&bags, TWOMAP_BOXES, box);
		twomap_bags_add(&bags, TWOMAP_ENTRIES, e);
	}
	twomap_bags_return(&bags);
}

/* Free the entries that this table had and its heir has not. */
static void
free_dead(const struct twomap_table *t)
{
	struct twomap_bags bags = { 0 };

	for (size_t i = 0; i < t->dead_len; i++)
		if (gomap_get(&t->heir->map, t->dead[i].key) !=
		    t->dead[i].entry)
			twomap_bags_add(&bags, TWOMAP_ENTRIES,
					t->dead[i].entry);
	twomap_bags_return(&bags);
}

/* What only t held; t->heir is the map that took its place, unless wiped. */
static void
free_content(const struct twomap_table *t)
{
	if (t->owner->keep_garbage)
		return;
	if (t->heir) {
		free_dead(t);
		return;
	}
	twomap_table_free_entries(&t->wiped, &t->map);
	twomap_table_free_entries(&t->map, NULL);
}

/* In liburcu's worker: no operation sees t any more, except through pins. */
static void
reclaim(struct rcu_head *head)
{
	struct twomap_table *t, *heir;

	twomap_callback_begin();
	t = caa_container_of(head, struct twomap_table, rcu);
	heir = t->heir;
	free_content(t);
	unpin(t);
	if (heir)
		unpin(heir);
	twomap_callback_end();
}

void
twomap_table_retire(struct twomap_table *t)
{
	/* relaxed: statistics. */
	atomic_fetch_add_explicit(&t->owner->retired_bytes,
				  twomap_table_bytes(t), memory_order_relaxed);
	twomap_call_rcu(&t->rcu, reclaim);
}
