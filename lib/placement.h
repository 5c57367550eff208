/*
 * placement.h - which memory node each segment of a map belongs to
 *
 *	m->node[segment]	where it should be: an index of numa/topo.h, or
 *				NH_NODE_ANY
 *	table's `node`		where it is
 *
 * Whatever gives a segment a new table makes it where the segment should be.
 * So changing the wish and migrating to a table of the same size is all that
 * moving takes; lib/rehome.h does that.
 */
#ifndef NH_LIB_PLACEMENT_H
#define NH_LIB_PLACEMENT_H

#include "lib/map.h"

/*
 * nh_placement_init - deal the segments.  Before other threads.
 *
 * The configuration was checked by nh_placement_check().
 */
void nh_placement_init(struct nh_core *m, const struct nh_config *config);

/* nh_placement_policy - what a configuration comes to on this machine */
int nh_placement_policy(const struct nh_config *config);

/* nh_placement_moves - is there something to do for the map's thread? */
bool nh_placement_moves(const struct nh_core *m);

/* nh_placement_step - do a bit of it.  The map's thread. */
void nh_placement_step(struct nh_core *m);

/* nh_placement_check - of a configuration: NH_OK or NH_ERR_ARG */
int nh_placement_check(const struct nh_config *config);

/* nh_placement_prefault - as nh_arena_prefault(), on each node of the map */
void nh_placement_prefault(const struct nh_core *m, uint64_t bytes);

/* nh_report_stretch - memory that should be on `node`, or NH_NODE_ANY */
void nh_report_stretch(struct nh_placement *out, const void *base,
		       uint64_t bytes, uint64_t node);

/* The rest as the public functions.  Any thread. */
int nh_core_rehome(struct nh_core *m, int segment, int node);
int nh_core_home_node(const struct nh_core *m, unsigned segment);
int nh_core_settle(struct nh_core *m);
int nh_core_placement(struct nh_core *m, struct nh_placement *out);

#endif
