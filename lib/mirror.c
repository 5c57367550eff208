/*
 * mirror.c - memory for copies of tables, and for the views that lead to them
 */
#include "lib/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "lib/placement.h"

/* -------------------------------------------------------------------- views */

static void
init_view(struct nh_view *view)
{
	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		/* relaxed, all: no other thread has the map yet. */
		nh_store_relaxed(&view->descriptor[i].base,
				 (uintptr_t)nh_empty_block);
		/* relaxed: as above. */
		nh_store_relaxed(&view->descriptor[i].size, 2);
		/* relaxed: as above. */
		nh_store_relaxed(&view->version[i], 0);
	}
}

static size_t
round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

int
nh_mirrors_start(struct nh_core *m)
{
	struct nh_mirrors *own = calloc(1, sizeof(*own));

	if (!own)
		return NH_ERR_NOMEM;
	m->mirrors = own;
	own->nodes = nh_topo_nodes();
	for (unsigned i = 0; i < own->nodes; i++) {
		struct nh_extent *e = nh_arena_alloc(
			NH_ARENA_ENTRIES,
			round_up(sizeof(struct nh_view), NH_ARENA_UNIT),
			(int)i);

		if (!e)
			return NH_ERR_NOMEM;
		own->extent[i] = e;
		own->view[i] = (void *)e->base;
		init_view(own->view[i]);
	}
	return NH_OK;
}

unsigned
nh_mirrors_current(const struct nh_core *m)
{
	unsigned n = 0;

	for (unsigned s = 0; m->mirrors && s < NH_SEGMENTS; s++)
		for (unsigned i = 0; i < m->mirrors->nodes; i++)
			/* relaxed: a count that orders nothing. */
			if (nh_load_relaxed(&m->mirrors->view[i]->version[s])) {
				n++;
				break;
			}
	return n;
}

void
nh_mirrors_stop(struct nh_core *m)
{
	struct nh_mirrors *own = m->mirrors;

	for (unsigned i = 0; i < own->nodes; i++)
		if (own->extent[i])
			nh_arena_free(own->extent[i], NH_KEEP_RETAIN);
	m->mirrors = NULL;
	free(own);
}

/* ------------------------------------------------------------------- copies */

/* One node's copy.  False: no memory. */
static bool
make_copy(const struct nh_table *t, struct nh_replica *c, int node)
{
	uint64_t blocks = nh_table_blocks(t);
	uint64_t spare = nh_table_spare(t);

	c->line_extent = nh_arena_alloc(
		NH_ARENA_LINES,
		blocks * NH_BLOCK_BYTES + spare * sizeof(struct nh_line), node);
	c->version_extent = nh_arena_alloc(
		NH_ARENA_ENTRIES,
		round_up(blocks * sizeof(nh_atomic), NH_ARENA_UNIT), node);
	if (!c->line_extent || !c->version_extent)
		return false;
	c->lines = (void *)c->line_extent->base;
	c->version = (void *)c->version_extent->base;
	for (uint64_t i = 0; i < blocks; i++)
		/* relaxed: published with the copies. */
		nh_store_relaxed(&c->version[i], 0);
	return true;
}

struct nh_replicas *
nh_replicas_make(const struct nh_table *t, unsigned nodes)
{
	struct nh_replicas *replicas = calloc(
		1, sizeof(*replicas) + nodes * sizeof(replicas->replica[0]));

	if (!replicas)
		return NULL;
	replicas->nodes = nodes;
	for (unsigned i = 0; i < nodes; i++)
		if (i != nh_table_node(t) &&
		    !make_copy(t, &replicas->replica[i], (int)i)) {
			nh_replicas_free(replicas);
			return NULL;
		}
	return replicas;
}

static uint64_t
free_extent(struct nh_extent *e)
{
	uint64_t bytes = e ? e->bytes : 0;

	if (e)
		nh_arena_free(e, NH_KEEP_MUCH);
	return bytes;
}

uint64_t
nh_replicas_free(struct nh_replicas *replicas)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; replicas && i < replicas->nodes; i++) {
		bytes += free_extent(replicas->replica[i].line_extent);
		bytes += free_extent(replicas->replica[i].version_extent);
	}
	free(replicas);
	return bytes;
}

/* What a table and its copies weigh is counted by who makes and ends them. */
uint64_t
nh_replicas_bytes(const struct nh_replicas *replicas)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < replicas->nodes; i++)
		if (replicas->replica[i].lines)
			bytes += replicas->replica[i].line_extent->bytes +
				 replicas->replica[i].version_extent->bytes;
	return bytes;
}

uint64_t
nh_replicas_drop(struct nh_core *m, struct nh_segment *s, struct nh_table *t)
{
	struct nh_replicas *replicas;

	if (!m->mirrors)
		return 0;
	replicas = nh_table_replicas(m, s, t);
	/* relaxed: who reads it next has a block of the next table locked. */
	nh_store_relaxed(nh_replicas_slot(m, s, t), 0);
	return nh_replicas_free(replicas);
}

void
nh_replicas_report(const struct nh_core *m, const struct nh_segment *s,
		   const struct nh_table *t, struct nh_placement *out)
{
	const struct nh_replicas *replicas =
		m->mirrors ? nh_table_replicas(m, s, t) : NULL;

	for (unsigned i = 0; replicas && i < replicas->nodes; i++) {
		const struct nh_replica *c = &replicas->replica[i];

		if (!c->lines)
			continue;
		nh_report_stretch(out, c->line_extent->base,
				  c->line_extent->bytes, i);
		nh_report_stretch(out, c->version_extent->base,
				  c->version_extent->bytes, i);
	}
}
