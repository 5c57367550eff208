/*
 * topo.c - the memory nodes of this machine, and who is near to whom
 *
 * What hwloc or /sys found is made dense here: nodes without memory, or that
 * this process may not use, go, and their processors go to the nearest node.
 */
#include "numa/topo.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "numa/here.h"
#include "numa/topo_find.h"

struct nh_topo_table nh_topo_table;
_Thread_local unsigned nh_topo_pretended;

static unsigned fakes;
static bool not_here;
static struct nh_topo_node node[NH_NODES_MAX];
static uint8_t distance[NH_NODES_MAX][NH_NODES_MAX];
static uint8_t nearest[NH_NODES_MAX][NH_NODES_MAX];
static struct nh_topo_summary summary;
static struct nh_found found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---------------------------------------------------------------- findings */

void
nh_found_clear(struct nh_found *f)
{
	memset(f, 0, sizeof(*f));
	memset(f->of_cpu, -1, sizeof(f->of_cpu));
}

struct nh_found_node *
nh_found_add(struct nh_found *f, int os_node)
{
	struct nh_found_node *n;

	if (f->nodes == NH_FOUND_NODES)
		return NULL;
	n = &f->node[f->nodes++];
	n->os_node = os_node;
	return n;
}

int
nh_found_place(const struct nh_found *f, int os_node)
{
	for (unsigned i = 0; i < f->nodes; i++)
		if (f->node[i].os_node == os_node)
			return (int)i;
	return -1;
}

/* A file system of /sys that is not mounted, or no memory node in it. */
static void
find_nothing(struct nh_found *f)
{
	nh_found_clear(f);
	nh_found_add(f, 0)->allowed = true;
	f->this_system = true;
}

static void
find(struct nh_found *f)
{
	summary.lacks = "not asked by a program with raised privileges";
	summary.source = "hwloc";
	if (!getauxval(AT_SECURE) && nh_topo_ask_hwloc(f, &summary.lacks))
		return;
	summary.source = "/sys";
	if (nh_topo_ask_sys(f))
		return;
	summary.source = "none";
	find_nothing(f);
}

static unsigned
found_distance(const struct nh_found *f, unsigned a, unsigned b)
{
	if (a == b)
		return NH_DISTANCE_SELF;
	return f->distance[a][b] ? f->distance[a][b] : NH_DISTANCE_OTHER;
}

/* ------------------------------------------------------------ dense numbers */

/* Where each node of `found` is in node[], or -1. */
static int16_t dense[NH_FOUND_NODES];

static void
take_node(const struct nh_found *f, unsigned i)
{
	const struct nh_found_node *from = &f->node[i];
	struct nh_topo_node *to = &node[summary.nodes];

	dense[i] = -1;
	if (!from->allowed) {
		summary.not_allowed++;
		return;
	}
	if (!from->bytes && f->nodes > 1) {
		summary.without_memory++;
		return;
	}
	if (summary.nodes == NH_NODES_MAX) {
		summary.beyond++;
		return;
	}
	to->os_node = from->os_node;
	to->bytes = from->bytes;
	memcpy(to->huge, from->huge, sizeof(to->huge));
	dense[i] = (int16_t)summary.nodes++;
}

/* Of the nodes that were taken the one nearest to any of those found. */
static unsigned
taken_near(const struct nh_found *f, unsigned i)
{
	unsigned best = 0, least = UINT16_MAX;

	for (unsigned k = 0; k < f->nodes; k++) {
		unsigned d = found_distance(f, i, k);

		if (dense[k] < 0 || d >= least)
			continue;
		best = (unsigned)dense[k];
		least = d;
	}
	return best;
}

static void
take_cpus(const struct nh_found *f)
{
	for (unsigned cpu = 0; cpu < NH_TOPO_CPUS; cpu++) {
		int i = f->of_cpu[cpu];
		unsigned n;

		if (i < 0)
			continue;
		n = taken_near(f, (unsigned)i);
		nh_topo_table.of_cpu[cpu] = (uint8_t)n;
		node[n].cpus_near++;
		node[n].cpus += dense[i] == (int)n;
	}
}

static void
take_distances(const struct nh_found *f)
{
	for (unsigned a = 0; a < f->nodes; a++)
		for (unsigned b = 0; b < f->nodes; b++)
			if (dense[a] >= 0 && dense[b] >= 0)
				distance[dense[a]][dense[b]] =
					(uint8_t)found_distance(f, a, b);
}

/* Nothing of what was found may be used: better one node than none. */
static void
take_one(void)
{
	node[0] = (struct nh_topo_node){ .os_node = 0 };
	distance[0][0] = NH_DISTANCE_SELF;
	summary.nodes = 1;
	not_here = true;
}

static void
take_found(struct nh_found *f)
{
	find(f);
	summary.not_allowed = f->not_allowed;
	not_here = !f->this_system;
	for (unsigned i = 0; i < f->nodes; i++)
		take_node(f, i);
	if (!summary.nodes) {
		take_one();
		return;
	}
	take_cpus(f);
	take_distances(f);
}

static void
take_fakes(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	summary.source = "faked";
	summary.nodes = fakes;
	not_here = true;
	for (unsigned i = 0; i < fakes; i++) {
		node[i].os_node = (int)i;
		for (unsigned k = 0; k < fakes; k++)
			distance[i][k] =
				i == k ? NH_DISTANCE_SELF : NH_DISTANCE_OTHER;
	}
	for (unsigned cpu = 0; cpu < NH_TOPO_CPUS; cpu++) {
		struct nh_topo_node *n = &node[cpu % fakes];

		nh_topo_table.of_cpu[cpu] = (uint8_t)(cpu % fakes);
		n->cpus += cpu < (unsigned long)cpus;
		n->cpus_near = n->cpus;
	}
}

/* By distance; of equals those that follow, in a ring: so load spreads. */
static void
sort_nearest(unsigned from)
{
	unsigned n = summary.nodes;
	uint8_t *list = nearest[from];

	for (unsigned i = 0; i < n; i++) {
		uint8_t next = (uint8_t)((from + i) % n);
		unsigned at = i;

		while (at > 1 &&
		       distance[from][list[at - 1]] > distance[from][next]) {
			list[at] = list[at - 1];
			at--;
		}
		list[at] = next;
	}
}

static void
discover(void)
{
	if (fakes)
		take_fakes();
	else
		take_found(&found);
	for (unsigned i = 0; i < summary.nodes; i++)
		sort_nearest(i);
	nh_topo_table.nodes = summary.nodes;
}

/* --------------------------------------------------------------- the answers
 */

void
nh_topo_choose_fake(unsigned n)
{
	fakes = n < NH_NODES_MAX ? n : NH_NODES_MAX;
}

unsigned
nh_topo_nodes(void)
{
	pthread_once(&once, discover);
	return nh_topo_table.nodes;
}

int
nh_topo_os_node(unsigned n)
{
	return n < nh_topo_nodes() ? node[n].os_node : -1;
}

int
nh_topo_node_of_os(int os_node)
{
	for (unsigned i = 0; i < nh_topo_nodes(); i++)
		if (node[i].os_node == os_node)
			return (int)i;
	return -1;
}

unsigned
nh_topo_node_of_cpu(unsigned cpu)
{
	nh_topo_nodes();
	return cpu < NH_TOPO_CPUS ? nh_topo_table.of_cpu[cpu] : 0;
}

unsigned
nh_topo_here_slowly(void)
{
	int cpu = sched_getcpu();

	return cpu >= 0 ? nh_topo_node_of_cpu((unsigned)cpu) : 0;
}

void
nh_topo_pretend(int n)
{
	if (n < (int)nh_topo_nodes())
		nh_topo_pretended = n < 0 ? 0 : (unsigned)n + 1;
}

unsigned
nh_topo_distance(unsigned a, unsigned b)
{
	unsigned n = nh_topo_nodes();

	return a < n && b < n ? distance[a][b] : NH_DISTANCE_OTHER;
}

unsigned
nh_topo_nearest(unsigned n, unsigned k)
{
	unsigned nodes = nh_topo_nodes();

	return n < nodes && k < nodes ? nearest[n][k] : 0;
}

bool
nh_topo_fake(void)
{
	nh_topo_nodes();
	return not_here;
}

bool
nh_topo_node(unsigned n, struct nh_topo_node *out)
{
	if (n >= nh_topo_nodes())
		return false;
	*out = node[n];
	return true;
}

void
nh_topo_summary(struct nh_topo_summary *out)
{
	nh_topo_nodes();
	*out = summary;
}
