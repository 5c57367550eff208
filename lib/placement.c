/*
 * placement.c - which memory node each segment of a map belongs to
 */
#include "lib/placement.h"

#include <string.h>

#include "lib/adapt.h"
#include "lib/mirror.h"
#include "numa/here.h"
#include "numa/topo.h"
#include "numa/where.h"

/* -------------------------------------------------------------------- deal */

/* Bit n: node n of numa/topo.h is one that config.nodes names. */
static uint64_t
nodes_named(const struct nh_config *c)
{
	uint64_t nodes = 0;

	for (unsigned i = 0; i < NH_NODES_MAX; i++) {
		int node = nh_topo_node_of_os((int)i);

		if (!(c->nodes >> i & 1))
			continue;
		if (node < 0)
			return 0;
		nodes |= UINT64_C(1) << node;
	}
	return nodes;
}

static uint64_t
nodes_all(void)
{
	unsigned n = nh_topo_nodes();

	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

int
nh_placement_policy(const struct nh_config *c)
{
	if (nh_topo_nodes() == 1)
		return NH_PLACEMENT_LOCAL;
	return c->placement ?: NH_PLACEMENT_INTERLEAVE;
}

int
nh_placement_check(const struct nh_config *c)
{
	if (c->placement < NH_PLACEMENT_AUTO ||
	    c->placement > NH_PLACEMENT_REPLICATE ||
	    (c->placement == NH_PLACEMENT_BIND && !nodes_named(c)) ||
	    (c->placement == NH_PLACEMENT_REPLICATE && c->idle))
		return NH_ERR_ARG;
	return NH_OK;
}

void
nh_placement_init(struct nh_core *m, const struct nh_config *c)
{
	uint64_t all, left;

	m->policy = nh_placement_policy(c);
	if (m->policy == NH_PLACEMENT_REPLICATE && !m->ops->mirror)
		m->policy = NH_PLACEMENT_INTERLEAVE;
	all = m->policy == NH_PLACEMENT_BIND ? nodes_named(c) : nodes_all();
	left = all;
	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		uint64_t node = (uint64_t)__builtin_ctzll(left);

		if (m->policy == NH_PLACEMENT_LOCAL)
			node = NH_NODE_ANY;
		/* relaxed: no other thread has the map yet. */
		nh_store_relaxed(&m->node[i], node);
		left &= left - 1;
		left = left ?: all;
	}
}

bool
nh_placement_moves(const struct nh_core *m)
{
	return m->adapt || m->mirrors;
}

void
nh_placement_step(struct nh_core *m)
{
	if (m->adapt)
		nh_adapt_step(m);
	for (unsigned i = 0; m->mirrors && i < NH_SEGMENTS; i++)
		/* Without memory there are no copies, but another time. */
		(void)m->ops->mirror(m, i);
}

void
nh_placement_prefault(const struct nh_core *m, uint64_t bytes)
{
	unsigned nodes = nh_topo_nodes();
	uint64_t used = 0;

	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		/* relaxed: a wish. */
		uint64_t node = nh_load_relaxed(&m->node[i]);

		used |= node == NH_NODE_ANY ? 0 : UINT64_C(1) << node;
	}
	if (!used)
		nh_arena_prefault(NH_ARENA_LINES, bytes, -1);
	for (unsigned i = 0; i < nodes; i++)
		if (used >> i & 1)
			nh_arena_prefault(
				NH_ARENA_LINES,
				bytes / (unsigned)__builtin_popcountll(used),
				(int)i);
}

/* ------------------------------------------------------------------- rehome */

static int
rehome_one(struct nh_core *m, unsigned segment, uint64_t node)
{
	/* relaxed, both: a wish; what comes of it is in the table. */
	uint64_t was = nh_load_relaxed(&m->node[segment]);
	int err;

	/* relaxed: as above. */
	nh_store_relaxed(&m->node[segment], node);
	err = m->ops->rehome(m, segment);
	if (err)
		/* relaxed: as above. */
		nh_store_relaxed(&m->node[segment], was);
	return err;
}

int
nh_core_rehome(struct nh_core *m, int segment, int node)
{
	int index = nh_topo_node_of_os(node);
	int err = NH_OK;

	if (index < 0 || segment < NH_ALL_SEGMENTS || segment >= NH_SEGMENTS)
		return NH_ERR_ARG;
	if (segment != NH_ALL_SEGMENTS)
		return rehome_one(m, (unsigned)segment, (uint64_t)index);
	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = rehome_one(m, i, (uint64_t)index);
	return err;
}

int
nh_core_home_node(const struct nh_core *m, unsigned segment)
{
	const struct nh_segment *s = &m->segment[segment];
	/* relaxed: a hint. */
	uint64_t size = nh_load_relaxed(&m->descriptor[segment].size);
	uint64_t node = nh_table_node(&s->table[size >> 33 & 1]);

	if (node == NH_NODE_ANY)
		/* relaxed: a wish. */
		node = nh_load_relaxed(&m->node[segment]);
	if (node == NH_NODE_ANY)
		node = nh_topo_here();
	return nh_topo_os_node((unsigned)node);
}

int
nh_core_settle(struct nh_core *m)
{
	int err = NH_OK;

	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = m->ops->settle(m, i);
	return err;
}

/* ------------------------------------------------------------------- report */

void
nh_report_stretch(struct nh_placement *out, const void *base, uint64_t bytes,
		  uint64_t node)
{
	uint64_t on[NH_NODES_MAX] = { 0 };
	uint64_t huge = 0;
	uint64_t seen = 0;

	/* Refused: all of it is unknown. */
	(void)nh_where(base, bytes, on, &huge, &out->unknown);
	for (unsigned i = 0; i < out->nodes; i++)
		seen += on[i];
	for (unsigned i = 0; i < out->nodes && seen; i++) {
		out->node[i].actual += on[i];
		/* A stretch is on one node, mostly. */
		out->node[i].huge +=
			(uint64_t)((double)huge * (double)on[i] / (double)seen);
		if (node == NH_NODE_ANY || node == i)
			out->right += on[i];
		else
			out->astray += on[i];
	}
	if (node != NH_NODE_ANY)
		out->node[node].wanted += bytes;
}

/* The table of a segment that does not migrate.  Its `busy` is ours. */
static void
report_table(struct nh_placement *out, const struct nh_core *m,
	     const struct nh_segment *s, const struct nh_table *t)
{
	/* relaxed: a wish. */
	uint64_t node = nh_load_relaxed(&m->node[s - m->segment]);
	const struct nh_extent *e = t->extent;

	if (e)
		nh_report_stretch(out, e->base, e->bytes, node);
	/* order(extras): acquire, so that the extent's fields are seen */
	e = (const void *)(uintptr_t)nh_load_acquire(&t->extras);
	for (; e; e = e->link)
		nh_report_stretch(out, e->base, e->bytes, node);
	nh_replicas_report(m, s, t, out);
}

static int
report_segment(struct nh_core *m, struct nh_placement *out, unsigned number)
{
	struct nh_segment *s = &m->segment[number];
	/* relaxed: a wish. */
	uint64_t node = nh_load_relaxed(&m->node[number]);
	uint64_t idle, size;

	if (node != NH_NODE_ANY)
		out->node[node].segments++;
	do {
		int err = m->ops->settle(m, number);

		if (err)
			return err;
		idle = 0;
		/* order(busy): acquire, so the last migration's end is seen */
	} while (!nh_cas_acquire(&s->busy, &idle, 1));
	/* order(size): acquire, so that the table's fields are seen */
	size = nh_load_acquire(&m->descriptor[number].size);
	report_table(out, m, s, &s->table[size >> 33 & 1]);
	/* order(busy): release, nothing was changed */
	nh_store_release(&s->busy, 0);
	return NH_OK;
}

int
nh_core_placement(struct nh_core *m, struct nh_placement *out)
{
	struct nh_placement p = { .policy = m->policy };
	int err = NH_OK;

	if (!out || out->size < sizeof(p))
		return NH_ERR_ARG;
	p.size = out->size;
	p.nodes = nh_topo_nodes();
	for (unsigned i = 0; i < p.nodes; i++)
		p.node[i].node = nh_topo_os_node(i);
	for (unsigned i = 0; i < NH_SEGMENTS && !err; i++)
		err = report_segment(m, &p, i);
	if (!err)
		*out = p;
	return err;
}
