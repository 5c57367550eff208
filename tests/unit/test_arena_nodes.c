/*
 * test_arena_nodes.c - an arena for each node: who gives, and for whom
 *
 * On four nodes that are faked.  Linked with --wrap=nh_mem_map and nh_room, so
 * that a node can be full, or refuse.
 */
#include "tests/unit/topo_fixture.h"

#include <pthread.h>
#include <sys/mman.h>

#include <numahash.h>
#include "arch/atomic.h"
#include "numa/arena.h"
#include "numa/here.h"
#include "tests/model/kit.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define NODES 4

static size_t room[NODES];   /* what each node says it has */
static bool refuses[NODES];  /* no memory at all */
static unsigned maps[NODES]; /* for each node */

int __real_nh_mem_map(struct nh_range *range, size_t bytes, enum nh_pages pages,
		      unsigned node);
int __wrap_nh_mem_map(struct nh_range *range, size_t bytes, enum nh_pages pages,
		      unsigned node);
size_t __wrap_nh_room(unsigned node);

int
__wrap_nh_mem_map(struct nh_range *range, size_t bytes, enum nh_pages pages,
		  unsigned node)
{
	if (node < NODES && refuses[node])
		return NH_ERR_NOMEM;
	if (node < NODES)
		maps[node]++;
	return __real_nh_mem_map(range, bytes, pages, node);
}

size_t
__wrap_nh_room(unsigned node)
{
	return room[node];
}

static void
four_nodes(void)
{
	nh_topo_choose_fake(NODES);
	nh_arena_choose_pages(NH_PAGES_SMALL);
	CHECK(nh_topo_nodes() == NODES);
	for (unsigned i = 0; i < NODES; i++)
		room[i] = SIZE_MAX;
}

static struct nh_extent *
take(size_t bytes, int node)
{
	struct nh_extent *e = nh_arena_alloc(NH_ARENA_LINES, bytes, node);

	CHECK(e);
	return e;
}

static struct nh_arena_stats
of_node(unsigned node)
{
	struct nh_arena_stats st;

	nh_arena_node_stats(node, &st);
	return st;
}

static uint64_t
reserved_of(unsigned node)
{
	struct nh_arena_stats st = of_node(node);
	uint64_t sum = 0;

	for (unsigned i = 0; i < NH_PAGES_KINDS; i++)
		sum += st.reserved[i];
	return sum;
}

static void
scene_each_gives(void)
{
	struct nh_extent *e[NODES];
	struct nh_arena_stats all;

	four_nodes();
	for (int i = 0; i < NODES; i++) {
		e[i] = take((size_t)(i + 1) * MIB, i);
		CHECK(e[i]->node == i && e[i]->asked == i);
		CHECK(maps[i] == 1);
	}
	for (unsigned i = 0; i < NODES; i++)
		CHECK(of_node(i).used == (i + 1) * MIB);
	nh_arena_stats(&all);
	CHECK(all.used == 10 * MIB && !all.fell_over);
	nh_arena_free(e[2], NH_KEEP_LITTLE);
	CHECK(!of_node(2).used && of_node(3).used == 4 * MIB);
	CHECK(!of_node(NODES).used && !reserved_of(NODES));
}

static void
test_memory_is_of_the_node_asked_for(void **state)
{
	(void)state;
	play(scene_each_gives, NULL, NULL);
}

static void
scene_any(void)
{
	four_nodes();
	for (int i = 0; i < NODES; i++) {
		nh_topo_pretend(i);
		CHECK(take(4 * KIB, -1)->node == i);
		CHECK(take(4 * KIB, NODES)->node == i);
		CHECK(take(4 * KIB, (i + 1) % NODES)->node == (i + 1) % NODES);
	}
}

static void
test_any_node_is_that_of_the_caller(void **state)
{
	(void)state;
	play(scene_any, NULL, NULL);
}

static void
scene_full(void)
{
	struct nh_extent *e, *own;

	four_nodes();
	room[1] = MIB;
	room[2] = 0;
	own = take(MIB / 2, 3);
	e = take(8 * MIB, 1);
	CHECK(e->node == 3 && e->asked == 1);
	CHECK(of_node(1).fell_over == 1 && !of_node(1).used);
	CHECK(of_node(3).used == 8 * MIB + MIB / 2);
	CHECK(!of_node(3).fell_over);
	/* It goes back to whom it is of. */
	nh_arena_free(e, NH_KEEP_LITTLE);
	CHECK(of_node(3).used == MIB / 2);
	room[1] = SIZE_MAX;
	CHECK(take(8 * MIB, 1)->node == 1);
	CHECK(of_node(1).fell_over == 1);
	nh_arena_free(own, NH_KEEP_LITTLE);
}

static void
test_the_nearest_gives_for_a_full_node(void **state)
{
	(void)state;
	play(scene_full, NULL, NULL);
}

/* Address space without pages is no room either. */
static void
scene_fills_up(void)
{
	struct nh_extent *e;

	four_nodes();
	CHECK(take(MIB, 0)->node == 0);
	CHECK(reserved_of(0) == 64 * MIB);
	room[0] = MIB;
	e = take(32 * MIB, 0);
	CHECK(e->node == 1 && e->asked == 0);
	/* What was touched once is there. */
	CHECK(take(512 * KIB, 0)->node == 0);
}

static void
test_a_chunk_with_room_on_a_full_node_is_none(void **state)
{
	(void)state;
	play(scene_fills_up, NULL, NULL);
}

static void
scene_refused(void)
{
	struct nh_extent *e;

	four_nodes();
	refuses[0] = refuses[1] = true;
	e = take(20 * MIB, 0);
	CHECK(e->node == 2 && of_node(0).fell_over == 1);
	refuses[2] = refuses[3] = true;
	/* What is mapped already still serves all. */
	e = take(20 * MIB, 3);
	CHECK(e->node == 2 && e->asked == 3);
	CHECK(!nh_arena_alloc(NH_ARENA_LINES, 64 * MIB, 0));
	CHECK(!nh_arena_alloc(NH_ARENA_ENTRIES, KIB, 0));
	CHECK(of_node(0).fell_over == 1);
}

static void
test_memory_is_out_when_all_nodes_refuse(void **state)
{
	(void)state;
	play(scene_refused, NULL, NULL);
}

static void
scene_all_full(void)
{
	struct nh_extent *e;

	four_nodes();
	for (unsigned i = 0; i < NODES; i++)
		room[i] = 0;
	e = take(3 * MIB, 2);
	CHECK(e->node == 2 && !of_node(2).fell_over);
	/* And a small one, of arenas that have no chunk. */
	e = nh_arena_alloc(NH_ARENA_ENTRIES, KIB, 1);
	CHECK(e && e->node == 1);
}

static void
test_when_all_are_full_the_one_asked_is_tried(void **state)
{
	(void)state;
	play(scene_all_full, NULL, NULL);
}

static void
scene_little_room(void)
{
	four_nodes();
	room[1] = 7 * MIB;
	CHECK(take(MIB, 1)->node == 1);
	CHECK(reserved_of(1) == 6 * MIB);
}

static void
test_a_chunk_is_no_larger_than_what_is_left(void **state)
{
	(void)state;
	play(scene_little_room, NULL, NULL);
}

/* ------------------------------------------------------- policies of a node */

static void
scene_ahead(void)
{
	four_nodes();
	nh_arena_choose_pages(NH_PAGES_THP);
	nh_arena_prefault(NH_ARENA_LINES, 16 * MIB, -1);
	for (unsigned i = 0; i < NODES; i++) {
		CHECK(maps[i] == 1);
		CHECK(of_node(i).retained == 4 * MIB);
	}
	nh_arena_prefault(NH_ARENA_LINES, 8 * MIB, 2);
	CHECK(of_node(2).retained == 8 * MIB);
	CHECK(of_node(1).retained == 4 * MIB);
}

static void
test_all_nodes_share_what_is_faulted_in_ahead(void **state)
{
	(void)state;
	play(scene_ahead, NULL, NULL);
}

static void
scene_keeps(void)
{
	struct nh_extent *e[NODES];

	four_nodes();
	nh_arena_retain(32 * MIB);
	for (int i = 0; i < NODES; i++) {
		e[i] = take(24 * MIB, i);
		memset(e[i]->base, 1, e[i]->bytes);
	}
	/* A shrinking one keeps little, and it is the node's own. */
	nh_arena_free(e[1], NH_KEEP_LITTLE);
	CHECK(of_node(1).returned >= 23 * MIB);
	CHECK(of_node(1).retained <= MIB);
	CHECK(!of_node(0).returned && !of_node(2).returned);
	/* Of 32 MiB each node keeps a quarter. */
	e[1] = take(6 * MIB, 1);
	memset(e[1]->base, 1, e[1]->bytes);
	nh_arena_free(e[1], NH_KEEP_RETAIN);
	CHECK(of_node(1).retained >= 6 * MIB);
	nh_arena_free(e[2], NH_KEEP_RETAIN);
	CHECK(of_node(2).retained <= 9 * MIB);
	CHECK(of_node(3).used == 24 * MIB && !of_node(3).returned);
}

static void
test_each_node_keeps_and_gives_back_its_own(void **state)
{
	(void)state;
	play(scene_keeps, NULL, NULL);
}

#define TURNS 3000

/* Each extent holds the mark of who has it, whatever node gave it. */
static void *
take_and_free(void *arg)
{
	struct rng rng = rng_make((uintptr_t)arg);
	struct nh_extent *e[16] = { NULL };
	char mark = (char)(uintptr_t)arg;

	for (unsigned i = 0; i < TURNS; i++) {
		unsigned k = (unsigned)rng_below(&rng, 16);
		int node = (int)rng_below(&rng, NODES + 1) - 1;

		nh_topo_pretend((int)rng_below(&rng, NODES));
		if (e[k]) {
			CHECK(e[k]->base[0] == mark);
			CHECK(e[k]->base[e[k]->bytes - 1] == mark);
			nh_arena_free(e[k], NH_KEEP_MUCH);
			e[k] = NULL;
			continue;
		}
		e[k] = take(128 + rng_below(&rng, 200 * KIB), node);
		CHECK(node < 0 || e[k]->asked == node);
		e[k]->base[0] = e[k]->base[e[k]->bytes - 1] = mark;
	}
	for (unsigned k = 0; k < 16; k++)
		if (e[k])
			nh_arena_free(e[k], NH_KEEP_MUCH);
	return NULL;
}

static void
scene_threads(void)
{
	pthread_t thread[4];
	uint64_t fell = 0;

	four_nodes();
	/* Node 3 has little: some of what it is asked for comes from others. */
	room[3] = MIB;
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(!pthread_create(&thread[i], NULL, take_and_free,
				      (void *)(i + 1)));
	for (unsigned i = 0; i < 4; i++)
		CHECK(!pthread_join(thread[i], NULL));
	for (unsigned i = 0; i < NODES; i++) {
		CHECK(!of_node(i).used && reserved_of(i));
		fell += of_node(i).fell_over;
	}
	CHECK(fell > 100 && fell == of_node(3).fell_over);
}

static void
test_threads_take_from_all_nodes_at_once(void **state)
{
	(void)state;
	play(scene_threads, NULL, NULL);
}

/* ------------------------------------------------------------------ children
 */

#define CHILDREN 200

static nh_atomic over;

static void *
take_until_over(void *arg)
{
	while (!nh_load_relaxed(&over))
		take_and_free(arg);
	return NULL;
}

/* Whatever the threads hold at that moment: a child has its arenas. */
static void
scene_children(void)
{
	pthread_t thread[3];

#ifdef __SANITIZE_THREAD__
	fprintf(stderr, "skipped: ThreadSanitizer and fork with threads\n");
	_exit(SCENE_SKIPS);
#endif
	four_nodes();
	for (uintptr_t i = 0; i < 3; i++)
		CHECK(!pthread_create(&thread[i], NULL, take_until_over,
				      (void *)(i + 1)));
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status;
		pid_t child = fork();

		CHECK(child >= 0);
		if (!child) {
			alarm(20); /* for a lock that nobody gives back */
			for (int node = 0; node < NODES; node++)
				nh_arena_free(take(300 * KIB, node),
					      NH_KEEP_MUCH);
			_exit(0);
		}
		CHECK(waitpid(child, &status, 0) == child && !status);
	}
	nh_store_relaxed(&over, 1);
	for (unsigned i = 0; i < 3; i++)
		CHECK(!pthread_join(thread[i], NULL));
}

static void
test_a_child_of_a_busy_process_can_take(void **state)
{
	(void)state;
	play(scene_children, NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_of_the_node_asked_for),
		cmocka_unit_test(test_any_node_is_that_of_the_caller),
		cmocka_unit_test(test_the_nearest_gives_for_a_full_node),
		cmocka_unit_test(test_a_chunk_with_room_on_a_full_node_is_none),
		cmocka_unit_test(test_memory_is_out_when_all_nodes_refuse),
		cmocka_unit_test(test_when_all_are_full_the_one_asked_is_tried),
		cmocka_unit_test(test_a_chunk_is_no_larger_than_what_is_left),
		cmocka_unit_test(test_all_nodes_share_what_is_faulted_in_ahead),
		cmocka_unit_test(test_each_node_keeps_and_gives_back_its_own),
		cmocka_unit_test(test_threads_take_from_all_nodes_at_once),
		cmocka_unit_test(test_a_child_of_a_busy_process_can_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
