/*
 * slabs.h - the entries of a map: a set of slabs for each memory node
 *
 * An entry is made in the slabs of the node where its key's segment belongs.
 * Who frees it does not know where it was then, so its page tells, which costs
 * a cache miss or two; with one node there is nothing to ask.
 */
#ifndef NH_LIB_SLABS_H
#define NH_LIB_SLABS_H

#include <numahash.h>

#include "arch/arch.h"
#include "lib/slab.h"
#include "numa/here.h"

struct nh_slabs {
	unsigned nodes;
	struct nh_slab *of; /* each node's */
};

/* nh_slabs_init - NH_ERR_NOMEM, NH_ERR_SYSTEM: nothing to undo.  Before others.
 */
int nh_slabs_init(struct nh_slabs *slabs);

/* The same for each node as the function of one: lib/slab.h. */
void nh_slabs_fini(struct nh_slabs *slabs);
void nh_slabs_trim(struct nh_slabs *slabs);
void nh_slabs_stats(const struct nh_slabs *slabs, struct nh_slab_stats *out);

/* nh_slabs_at - those of a node; none in particular: the caller's.  Any. */
static inline struct nh_slab *
nh_slabs_at(const struct nh_slabs *slabs, uint64_t node)
{
	if (nh_likely(slabs->nodes == 1))
		return slabs->of;
	return &slabs->of[node < slabs->nodes ? node : nh_topo_here()];
}

/* nh_slabs_of - those that an object is of.  Any thread. */
static inline struct nh_slab *
nh_slabs_of(const struct nh_slabs *slabs, const void *object, size_t bytes)
{
	if (nh_likely(slabs->nodes == 1))
		return slabs->of;
	return nh_slab_owner(slabs->of, object, bytes);
}

/*
 * nh_slabs_report - ask the kernel where they are, for nh_map_placement()
 *
 * `bound`: each node's should be there; else they are right anywhere.
 * NH_ERR_NOMEM.  Any thread.
 */
int nh_slabs_report(const struct nh_slabs *slabs, bool bound,
		    struct nh_placement *out);

#endif
