/*
 * mirror_sync.h - keep the copies of lib/mirror.h as their tables are
 */
#ifndef NH_LIB_MIRROR_SYNC_H
#define NH_LIB_MIRROR_SYNC_H

#include "lib/block.h"
#include "lib/mirror.h"

/* Code of maps that are replicated; for the others nothing of it is left. */
#ifdef NH_MIRRORED
#define NH_MIRRORS 1
#else
#define NH_MIRRORS 0
#endif

/* -------------------------------------------------------------------- views */

/*
 * nh_views_show - let every node's readers go by a descriptor of the table
 *
 * The segment's `busy` is ours.  First the descriptor, then the version: who
 * finds a copy without versions finds its descriptor changed, too.
 */
static inline void
nh_views_show(struct nh_core *m, unsigned segment, struct nh_kv kv)
{
	for (unsigned i = 0; i < m->mirrors->nodes; i++) {
		struct nh_view *view = m->mirrors->view[i];

		/* order(size): release, after the lines; before what a
		 * migration changes without the copies */
		nh_pair_store(&view->descriptor[segment].pair, kv);
		/* order(view): release, after the descriptor */
		nh_store_release(&view->version[segment], 0);
	}
}

/* Let them go by their copies, which are as the table.  `busy` is ours. */
static inline void
nh_views_turn(struct nh_core *m, unsigned segment, uint64_t size,
	      const struct nh_replicas *replicas)
{
	for (unsigned i = 0; i < replicas->nodes; i++) {
		struct nh_view *view = m->mirrors->view[i];
		const struct nh_replica *c = &replicas->replica[i];
		struct nh_kv kv = { size, (uintptr_t)c->lines };

		if (!c->lines)
			continue;
		/* order(view): release, after the versions were made */
		nh_store_release(&view->version[segment],
				 (uintptr_t)c->version);
		/* order(size): release, after the version and the lines */
		nh_pair_store(&view->descriptor[segment].pair, kv);
	}
}

/* Does any of them go by a copy of its own? */
static inline bool
nh_views_turned(const struct nh_core *m, unsigned segment)
{
	for (unsigned i = 0; i < m->mirrors->nodes; i++)
		/* relaxed: a guess; who acts on it takes `busy`. */
		if (nh_load_relaxed(&m->mirrors->view[i]->version[segment]))
			return true;
	return false;
}

/* ------------------------------------------------------------- block locked */

/* Lines from the beginning of a table: its blocks', then the spare ones. */
static inline uint64_t
nh_line_number(const struct nh_table *t, const struct nh_line *line)
{
	return (uint64_t)(line - nh_table_lines(t));
}

/* A copy's line for one of the table's; NULL: it is of an extra extent. */
static inline struct nh_line *
nh_replica_of_line(const struct nh_table *t, const struct nh_replica *c,
		   const struct nh_line *line)
{
	uint64_t spare = nh_table_spare(t);
	uint64_t number = nh_line_number(t, line);

	if (number >= 2 * nh_table_blocks(t) + spare)
		return NULL;
	return c->lines + number;
}

/* One line of a locked block; `flags`: what its slot 0 has besides. */
static inline void
nh_replica_line(const struct nh_table *t, const struct nh_replica *c,
		const struct nh_line *from, struct nh_line *to, uint64_t flags)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		struct nh_kv kv = nh_pair_load(&from->pair[i]);
		struct nh_line *next = nh_link_target(kv);

		if (next)
			next = nh_replica_of_line(t, c, next);
		/* A link that leads to an extra line leads to the table's. */
		if (next)
			kv.value = (uintptr_t)next;
		kv.word &= ~(NH_WORD_LIVE | NH_WORD_LOCK);
		if (!i)
			kv.word |= flags;
		nh_pair_store(&to->pair[i], kv);
	}
}

/* Step 1: before the table is written. */
static inline void
nh_replica_lock(const struct nh_table *t, const struct nh_replica *c,
		struct nh_line *even)
{
	nh_atomic *version = &c->version[nh_line_number(t, even) / 2];
	nh_atomic *lock = &nh_replica_of_line(t, c, even)->pair[0].word;
	/* relaxed: nobody else writes it while the block is locked. */
	uint64_t v = nh_load_relaxed(version);
	/* relaxed: as above. */
	uint64_t w = nh_load_relaxed(lock);

	/* order(mirror-version): release, before anything of it changes */
	nh_store_release(version, v + 1);
	/* order(mirror-lock): release, before the table is written */
	nh_store_release(lock, w | NH_WORD_LOCK);
}

/* Step 3: after the table was written. */
static inline void
nh_replica_sync(const struct nh_table *t, const struct nh_replica *c,
		struct nh_line *even)
{
	nh_atomic *version = &c->version[nh_line_number(t, even) / 2];
	struct nh_line *to = nh_replica_of_line(t, c, even);
	nh_atomic *lock = &to->pair[0].word;
	/* relaxed: nobody else writes it while the block is locked. */
	uint64_t v = nh_load_relaxed(version);
	struct nh_line *line = even;
	struct nh_line *chained;

	nh_replica_line(t, c, line++, to, NH_WORD_LOCK);
	nh_replica_line(t, c, line, to + 1, 0);
	while ((line = nh_link_target(
			nh_pair_load(&line->pair[NH_LINK_SLOT]))) &&
	       (chained = nh_replica_of_line(t, c, line)))
		nh_replica_line(t, c, line, chained, 0);
	/* order(mirror-version): release, after all of it */
	nh_store_release(version, v + 1);
	/* relaxed: as above. */
	v = nh_load_relaxed(lock);
	/* order(mirror-lock): release, after all of it */
	nh_store_release(lock, v & ~NH_WORD_LOCK);
}

static void
nh_replicas_lock(const struct nh_table *t, const struct nh_replicas *replicas,
		 struct nh_line *even)
{
	for (unsigned i = 0; i < replicas->nodes; i++)
		if (replicas->replica[i].lines)
			nh_replica_lock(t, &replicas->replica[i], even);
}

static void
nh_replicas_sync(const struct nh_table *t, const struct nh_replicas *replicas,
		 struct nh_line *even)
{
	for (unsigned i = 0; i < replicas->nodes; i++)
		if (replicas->replica[i].lines)
			nh_replica_sync(t, &replicas->replica[i], even);
}

/* nh_held_mirror - a block was just locked.  What nh_held_unmirror() undoes. */
static inline void
nh_held_mirror(const struct nh_core *m, struct nh_held *held)
{
	held->replicas = nh_table_replicas(m, held->segment, held->table);
	if (held->replicas)
		nh_replicas_lock(held->table, held->replicas,
				 nh_line_even(held->home));
}

/* nh_held_unmirror - a block is about to be unlocked */
static inline void
nh_held_unmirror(const struct nh_held *held)
{
	if (held->replicas)
		nh_replicas_sync(held->table, held->replicas,
				 nh_line_even(held->home));
}

#endif
