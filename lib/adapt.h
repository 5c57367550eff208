/*
 * adapt.h - segments that move to the node that uses them most
 *
 * The map's thread hides one segment after another for a moment
 * (nh_segment_hide()): then its operations take the slow way, and are counted
 * there by the node they come from.  At all other times they cost nothing more.
 * Counts are halved at each turn, so that what was counted long ago fades.
 *
 * A segment moves when another node has at least twice as many uses as its own,
 * two turns running, and no more than so many bytes a second move in all.
 */
#ifndef NH_LIB_ADAPT_H
#define NH_LIB_ADAPT_H

#include "lib/map.h"
#include "numa/here.h"
#include "numa/topo.h"

struct nh_adapt {
	_Alignas(64) nh_atomic sampled; /* a segment; NH_SEGMENTS: none */
	struct {
		_Alignas(64) nh_atomic n;
	} uses[NH_NODES_MAX]; /* of that segment, since it was hidden */
	/* The map's thread alone: */
	unsigned next;
	uint64_t began;	 /* when the segment was hidden, ns */
	uint64_t budget; /* bytes that may move now */
	uint64_t filled; /* when it was last added to, ns */
	uint32_t score[NH_SEGMENTS][NH_NODES_MAX];
	uint8_t streak[NH_SEGMENTS]; /* turns that said: move */
};

/* nh_adapt_start - NH_ERR_NOMEM.  Before other threads. */
int nh_adapt_start(struct nh_core *m);

/* nh_adapt_stop - no other call may be running; nothing started will do */
void nh_adapt_stop(struct nh_core *m);

/* nh_adapt_step - end one segment's turn, begin the next.  The map's thread. */
void nh_adapt_step(struct nh_core *m);

/* nh_adapt_note - an operation on a hash came the slow way.  Any thread. */
static inline void
nh_adapt_note(const struct nh_core *m, uint64_t hash)
{
	if (!m->adapt)
		return;
	/* relaxed, both: counts that order nothing. */
	if (nh_load_relaxed(&m->adapt->sampled) == nh_segment_of(hash))
		nh_add_relaxed(&m->adapt->uses[nh_topo_here()].n, 1);
}

#endif
