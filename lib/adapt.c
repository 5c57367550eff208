/*
 * adapt.c - segments that move to the node that uses them most
 */
#include "lib/adapt.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define USES_ENOUGH 64	 /* a turn ends as soon as there were so many */
#define USES_LEAST 8	 /* fewer in a turn say nothing, and cost little */
#define TURN_NS 50000000 /* and it ends after so long */
#define STREAK 2
#define BUDGET_RATE ((uint64_t)64 << 20) /* bytes a second */
#define BUDGET_MOST ((uint64_t)256 << 20)

int
nh_adapt_start(struct nh_core *m)
{
	struct nh_adapt *a = aligned_alloc(64, sizeof(*a));

	if (!a)
		return NH_ERR_NOMEM;
	memset(a, 0, sizeof(*a));
	a->budget = BUDGET_MOST;
	a->filled = nh_clock_ns();
	/* relaxed: no other thread has the map yet. */
	nh_store_relaxed(&a->sampled, NH_SEGMENTS);
	m->adapt = a;
	return NH_OK;
}

void
nh_adapt_stop(struct nh_core *m)
{
	free(m->adapt);
	m->adapt = NULL;
}

/* Has a segment's turn taken long enough? */
static bool
turn_is_over(const struct nh_adapt *a)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < nh_topo_nodes(); i++)
		/* relaxed: counts that order nothing. */
		total += nh_load_relaxed(&a->uses[i].n);
	return total >= USES_ENOUGH || nh_clock_ns() - a->began >= TURN_NS;
}

/* Take what was counted into a segment's scores: how many uses that were. */
static uint64_t
collect(struct nh_adapt *a, unsigned segment)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < nh_topo_nodes(); i++) {
		/* relaxed: counts that order nothing. */
		uint64_t n = nh_load_relaxed(&a->uses[i].n);

		/* relaxed: as above. */
		nh_add_relaxed(&a->uses[i].n, -n);
		n = n < UINT32_MAX / 2 ? n : UINT32_MAX / 2;
		a->score[segment][i] = a->score[segment][i] / 2 + (uint32_t)n;
		total += n;
	}
	return total;
}

/* The node with the best score. */
static unsigned
best_node(const uint32_t *score)
{
	unsigned best = 0;

	for (unsigned i = 1; i < nh_topo_nodes(); i++)
		if (score[i] > score[best])
			best = i;
	return best;
}

static void
fill_budget(struct nh_adapt *a)
{
	uint64_t now = nh_clock_ns();
	uint64_t more = (now - a->filled) / 1000000 * (BUDGET_RATE / 1000);

	a->filled = now;
	a->budget += more;
	if (a->budget > BUDGET_MOST)
		a->budget = BUDGET_MOST;
}

/* Of the budget: what is larger than all of it takes all of it. */
static uint64_t
weight(const struct nh_table *t)
{
	uint64_t bytes = nh_table_blocks(t) * NH_BLOCK_BYTES;

	return bytes < BUDGET_MOST ? bytes : BUDGET_MOST;
}

/* Should it move, and may it now? */
static bool
wants_to_move(struct nh_adapt *a, unsigned segment, const struct nh_table *t,
	      unsigned best)
{
	uint64_t node = nh_table_node(t);
	const uint32_t *score = a->score[segment];

	if (node == NH_NODE_ANY || best == node ||
	    score[best] < 2 * (uint64_t)score[node]) {
		a->streak[segment] = 0;
		return false;
	}
	a->streak[segment] += a->streak[segment] < STREAK;
	return a->streak[segment] == STREAK && weight(t) <= a->budget;
}

/* What a segment's turn has shown. */
static void
judge(struct nh_core *m, unsigned segment)
{
	struct nh_adapt *a = m->adapt;
	/* order(size): acquire, so that the table's fields are seen */
	uint64_t size = nh_load_acquire(&m->descriptor[segment].size);
	struct nh_table *t = nh_segment_table(&m->segment[segment], size);
	unsigned best;

	if (collect(a, segment) < USES_LEAST)
		return;
	best = best_node(a->score[segment]);
	if (!wants_to_move(a, segment, t, best))
		return;
	a->budget -= weight(t);
	a->streak[segment] = 0;
	/* relaxed: a wish. */
	nh_store_relaxed(&m->node[segment], best);
	/* Without memory there it stays, and later tables try again. */
	(void)m->ops->rehome(m, segment);
}

void
nh_adapt_step(struct nh_core *m)
{
	struct nh_adapt *a = m->adapt;
	/* relaxed: this thread alone writes it. */
	uint64_t segment = nh_load_relaxed(&a->sampled);

	if (segment < NH_SEGMENTS && !turn_is_over(a))
		return;
	fill_budget(a);
	if (segment < NH_SEGMENTS) {
		m->ops->hide(m, (unsigned)segment, false);
		/* relaxed: what is counted for it orders nothing. */
		nh_store_relaxed(&a->sampled, NH_SEGMENTS);
		judge(m, (unsigned)segment);
	}
	segment = a->next;
	a->next = (a->next + 1) % NH_SEGMENTS;
	/* relaxed: as above. */
	nh_store_relaxed(&a->sampled, segment);
	a->began = nh_clock_ns();
	m->ops->hide(m, (unsigned)segment, true);
}
