/*
 * slabs.c - the entries of a map: a set of slabs for each memory node
 */
#include "lib/slabs.h"

#include <stdlib.h>

#include "lib/placement.h"

int
nh_slabs_init(struct nh_slabs *slabs)
{
	unsigned nodes = nh_topo_nodes();
	int err = NH_OK;

	slabs->nodes = 0;
	slabs->of = calloc(nodes, sizeof(*slabs->of));
	if (!slabs->of)
		return NH_ERR_NOMEM;
	while (slabs->nodes < nodes && !err) {
		err = nh_slab_init(&slabs->of[slabs->nodes], (int)slabs->nodes);
		slabs->nodes += !err;
	}
	if (err)
		nh_slabs_fini(slabs);
	return err;
}

void
nh_slabs_fini(struct nh_slabs *slabs)
{
	for (unsigned i = 0; i < slabs->nodes; i++)
		nh_slab_fini(&slabs->of[i]);
	free(slabs->of);
	*slabs = (struct nh_slabs){ .of = NULL };
}

void
nh_slabs_trim(struct nh_slabs *slabs)
{
	for (unsigned i = 0; i < slabs->nodes; i++)
		nh_slab_trim(&slabs->of[i]);
}

void
nh_slabs_stats(const struct nh_slabs *slabs, struct nh_slab_stats *out)
{
	*out = (struct nh_slab_stats){ .used = 0 };
	for (unsigned i = 0; i < slabs->nodes; i++) {
		struct nh_slab_stats one;

		nh_slab_stats(&slabs->of[i], &one);
		out->used += one.used;
		out->pages += one.pages;
	}
}

/* ------------------------------------------------------------------- report */

/* The list is copied first: nobody waits for a class while we ask. */
static int
report_class(struct nh_slab *slab, unsigned class, uint64_t node,
	     struct nh_placement *out)
{
	size_t most = nh_slab_stretches(slab, class, NULL, 0);
	struct nh_slab_stretch *list;
	size_t n;

	if (!most)
		return NH_OK;
	list = malloc(most * sizeof(*list));
	if (!list)
		return NH_ERR_NOMEM;
	n = nh_slab_stretches(slab, class, list, most);
	for (size_t i = 0; i < n && i < most; i++)
		nh_report_stretch(out, list[i].base, list[i].bytes, node);
	free(list);
	return NH_OK;
}

int
nh_slabs_report(const struct nh_slabs *slabs, bool bound,
		struct nh_placement *out)
{
	int err = NH_OK;

	for (unsigned i = 0; i < slabs->nodes; i++)
		for (unsigned class = 0; class <= NH_SLAB_CLASSES && !err;
		     class ++)
			err = report_class(&slabs->of[i], class,
					   bound ? i : NH_NODE_ANY, out);
	return err;
}
