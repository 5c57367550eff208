/*
 * lfht.c - liburcu's lock-free hash table, with the QSBR flavour
 *
 * QSBR has the cheapest readers of all flavours: none of its own, against a
 * promise that each thread passes a quiescent state now and then, here once in
 * a chunk of operations.  A value is one word of its node, changed in place.
 *
 * The table is resized by cds_lfht_resize(), whenever the entries reach a power
 * of two, to that many buckets.  CDS_LFHT_AUTO_RESIZE does the same at the same
 * sizes, but one call can be its last: it queues the work first and notes that
 * it did after (__cds_lfht_resize_lazy_launch() in rculfhash.c, 0.13.2 as well
 * as later), so that a worker which is done in between leaves the note behind,
 * and the table never grows again.  On two processors that happened to every
 * third table.
 */
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

#include "bench/hash.h"

#include <err.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define BUCKETS 4096 /* at first */
#define ACCOUNT 1024 /* entries that a thread counts for itself */

struct lfht_map {
	struct cds_lfht *ht;
	unsigned long entries; /* but for what threads have not told yet */
	pthread_mutex_t resizing;
};

struct node {
	struct cds_lfht_node link;
	struct nh_bench_key key;
	uint64_t value;
	union {
		struct rcu_head head;
		struct node *next_dead; /* in destroy() */
	};
};

static int
match(struct cds_lfht_node *link, const void *key)
{
	return caa_container_of(link, struct node, link)->key.n ==
	       ((const struct nh_bench_key *)key)->n;
}

/* Inside a read section, as all that calls it. */
static struct node *
find(struct cds_lfht *ht, const struct nh_bench_key *key)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(ht, nh_bench_hash(key), match, key, &iter);
	if (!iter.node)
		return NULL;
	return caa_container_of(iter.node, struct node, link);
}

/* The node of the key: a new one with this value, or the one there. */
static struct node *
add_unique(struct cds_lfht *ht, const struct nh_bench_key *key, uint64_t value,
	   bool *added)
{
	struct node *n = malloc(sizeof(*n));
	struct cds_lfht_node *winner;

	if (!n)
		err(1, "lfht");
	cds_lfht_node_init(&n->link);
	n->key = *key;
	n->value = value;
	winner = cds_lfht_add_unique(ht, nh_bench_hash(key), match, key,
				     &n->link);
	*added = winner == &n->link;
	if (!*added)
		free(n);
	return caa_container_of(winner, struct node, link);
}

static void
free_node(struct rcu_head *head)
{
	free(caa_container_of(head, struct node, head));
}

static unsigned
order_of(unsigned long n)
{
	return 63 - (unsigned)__builtin_clzl(n | 1);
}

/*
 * Make the buckets fit.  Not inside a read section.
 *
 * cds_lfht_resize() waits for a grace period with a mutex held.  A thread that
 * waited for that mutex, and so for the grace period, would be one that the
 * grace period waits for: it waits here instead, where it is offline.
 */
static void
resize(struct lfht_map *m)
{
	rcu_thread_offline();
	pthread_mutex_lock(&m->resizing);
	rcu_thread_online();
	cds_lfht_resize(m->ht, 1ul << order_of(uatomic_read(&m->entries)));
	pthread_mutex_unlock(&m->resizing);
}

/* An entry came (1) or went (-1).  Not inside a read section. */
static void
account(struct lfht_map *m, long change)
{
	static _Thread_local long untold;
	unsigned long now, before;

	untold += change;
	if (labs(untold) < ACCOUNT)
		return;
	now = uatomic_add_return(&m->entries, (unsigned long)untold);
	before = now - (unsigned long)untold;
	untold = 0;
	if (now > BUCKETS && order_of(now) > order_of(before))
		resize(m);
}

static bool
table_get(void *map, const struct nh_bench_key *key,
	  struct nh_bench_value *value)
{
	struct lfht_map *m = map;
	struct node *n;

	rcu_read_lock();
	n = find(m->ht, key);
	if (n)
		value->n = uatomic_read(&n->value);
	rcu_read_unlock();
	return n;
}

static bool
table_put(void *map, const struct nh_bench_key *key,
	  const struct nh_bench_value *value)
{
	struct lfht_map *m = map;
	bool added = false;
	struct node *n;

	rcu_read_lock();
	n = find(m->ht, key);
	if (!n)
		n = add_unique(m->ht, key, value->n, &added);
	if (!added)
		uatomic_set(&n->value, value->n);
	rcu_read_unlock();
	if (added)
		account(m, 1);
	return true;
}

static bool
table_insert(void *map, const struct nh_bench_key *key,
	     const struct nh_bench_value *value)
{
	struct lfht_map *m = map;
	bool added;

	rcu_read_lock();
	add_unique(m->ht, key, value->n, &added);
	rcu_read_unlock();
	if (added)
		account(m, 1);
	return added;
}

static bool
table_erase(void *map, const struct nh_bench_key *key)
{
	struct lfht_map *m = map;
	bool removed = false;
	struct node *n;

	rcu_read_lock();
	n = find(m->ht, key);
	if (n && cds_lfht_del(m->ht, &n->link) == 0) {
		removed = true;
		call_rcu(&n->head, free_node);
	}
	rcu_read_unlock();
	if (removed)
		account(m, -1);
	return removed;
}

static bool
table_add(void *map, const struct nh_bench_key *key, uint64_t delta,
	  struct nh_bench_value *old)
{
	struct lfht_map *m = map;
	struct node *n;

	rcu_read_lock();
	n = find(m->ht, key);
	if (n)
		old->n = uatomic_add_return(&n->value, delta) - delta;
	rcu_read_unlock();
	return n;
}

#include "bench/loops.h"

static void *
create(void)
{
	struct lfht_map *m = calloc(1, sizeof(*m));

	if (!m)
		err(1, "lfht");
	pthread_mutex_init(&m->resizing, NULL);
	m->ht = cds_lfht_new(BUCKETS, BUCKETS, 0, 0, NULL);
	if (!m->ht)
		errx(1, "lfht: cds_lfht_new failed");
	/* Its thread is made now, not by the first eraser on that one's CPU. */
	get_default_call_rcu_data();
	return m;
}

/* Only an empty table can be destroyed.  Nobody else knows of it by now. */
static void
destroy(void *map)
{
	struct lfht_map *m = map;
	struct cds_lfht_iter iter;
	struct node *n, *dead = NULL;

	rcu_register_thread();
	rcu_read_lock();
	cds_lfht_for_each_entry(m->ht, &iter, n, link)
	{
		cds_lfht_del(m->ht, &n->link);
		n->next_dead = dead;
		dead = n;
	}
	rcu_read_unlock();
	rcu_unregister_thread();
	while (dead) {
		n = dead;
		dead = n->next_dead;
		free(n);
	}
	if (cds_lfht_destroy(m->ht, NULL))
		errx(1, "lfht: cds_lfht_destroy failed");
	pthread_mutex_destroy(&m->resizing);
	free(m);
}

static void
thread_begin(void)
{
	rcu_register_thread();
}

static void
thread_end(void)
{
	rcu_unregister_thread();
}

static void
quiescent(void)
{
	rcu_quiescent_state();
}

const struct nh_bench_table nh_bench_lfht = {
	.name = "lfht",
	.create = create,
	.destroy = destroy,
	.ops = &table_ops,
	.thread_begin = thread_begin,
	.thread_end = thread_end,
	.quiescent = quiescent,
};
