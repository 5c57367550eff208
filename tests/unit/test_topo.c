/*
 * test_topo.c - nodes found: by hwloc of machines that are not there, in /sys
 * of the one that is, faked
 *
 * Linked with --wrap=dlopen, so that hwloc can be away.
 */
#include "tests/unit/topo_fixture.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include "numa/here.h"
#include "numa/sysfile.h"
#include "numa/topo_find.h"

#define FOUR "node:4 core:2 pu:1"

static bool away;

void *__real_dlopen(const char *file, int mode);
void *__wrap_dlopen(const char *file, int mode);

void *
__wrap_dlopen(const char *file, int mode)
{
	return away ? NULL : __real_dlopen(file, mode);
}

/* Four nodes of two processors: 1 has no memory, 3 no processors. */
static const char lame[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
	"<topology version=\"2.0\">\n"
	"<object type=\"Machine\" os_index=\"0\" cpuset=\"0x3f\""
	" complete_cpuset=\"0x3f\" allowed_cpuset=\"0x3f\" nodeset=\"0xf\""
	" complete_nodeset=\"0xf\" allowed_nodeset=\"0xf\" gp_index=\"1\">\n"
	"<object type=\"NUMANode\" os_index=\"3\" cpuset=\"0x0\""
	" complete_cpuset=\"0x0\" nodeset=\"0x8\" complete_nodeset=\"0x8\""
	" gp_index=\"9\" local_memory=\"8000000000\"/>\n"
#define PACKAGE(n, cpus, cpu0, cpu1, nodes, memory)                            \
	"<object type=\"Package\" os_index=\"" #n "\" cpuset=\"" cpus          \
	"\" complete_cpuset=\"" cpus "\" nodeset=\"" nodes                     \
	"\" complete_nodeset=\"" nodes "\" gp_index=\"1" #n "\">\n"            \
	"<object type=\"NUMANode\" os_index=\"" #n "\" cpuset=\"" cpus         \
	"\" complete_cpuset=\"" cpus "\" nodeset=\"" nodes                     \
	"\" complete_nodeset=\"" nodes "\" gp_index=\"2" #n "\"" memory "/>\n" \
	"<object type=\"PU\" os_index=\"" cpu0                                 \
	"\" cpuset=\"" CPU##n(0) "\" complete_cpuset=\"" CPU##n(               \
		0) "\" nodeset=\"" nodes "\" complete_nodeset=\"" nodes        \
		   "\" gp_index=\"3" #n "\"/>\n"                               \
		   "<object type=\"PU\" os_index=\"" cpu1                      \
		   "\" cpuset=\"" CPU##n(1) "\" complete_cpuset=\"" CPU##n(    \
			   1) "\" nodeset=\"" nodes                            \
			      "\" complete_nodeset=\"" nodes                   \
			      "\" gp_index=\"4" #n "\"/>\n"                    \
			      "</object>\n"
#define CPU0(i) CPU0_##i
#define CPU0_0 "0x1"
#define CPU0_1 "0x2"
#define CPU1(i) CPU1_##i
#define CPU1_0 "0x4"
#define CPU1_1 "0x8"
#define CPU2(i) CPU2_##i
#define CPU2_0 "0x10"
#define CPU2_1 "0x20"
	PACKAGE(0, "0x3", "0", "1", "0x1", " local_memory=\"4000000000\"")
		PACKAGE(1, "0xc", "2", "3", "0x2", "") PACKAGE(
			2, "0x30", "4", "5", "0x4",
			" local_memory=\"2000000000\"") "</object>\n"
							"<distances2 "
							"type=\"NUMANode\" "
							"nbobjs=\"4\" "
							"kind=\"5\""
							" name=\"NUMALatency\" "
							"indexing=\"os\">\n"
							"<indexes "
							"length=\"8\">0 1 2 3 "
							"</indexes>\n"
							"<u64values "
							"length=\"48\">10 21 "
							"31 17 21 10 12 28 31 "
							"12 10 22 17 28 22 10"
							" </u64values>\n"
							"</distances2>\n"
							"</topology>\n";

static void
need_hwloc(void)
{
	struct nh_topo_summary s;

	nh_topo_summary(&s);
	if (!strcmp(s.source, "hwloc"))
		return;
	fprintf(stderr, "skipped: %s\n", s.lacks);
	_exit(SCENE_SKIPS);
}

static void
scene_four(void)
{
	struct nh_topo_summary s;

	need_hwloc();
	nh_topo_summary(&s);
	CHECK(nh_topo_nodes() == 4 && s.nodes == 4);
	CHECK(!s.without_memory && !s.not_allowed && !s.beyond && !s.lacks);
	CHECK(nh_topo_fake());
	for (unsigned i = 0; i < 4; i++) {
		struct nh_topo_node n;

		CHECK(nh_topo_node(i, &n) && n.os_node == (int)i);
		CHECK(n.cpus == 2 && n.cpus_near == 2 && n.bytes);
		CHECK(nh_topo_os_node(i) == (int)i);
		CHECK(nh_topo_node_of_os((int)i) == (int)i);
		CHECK(nh_topo_node_of_cpu(2 * i) == i);
		CHECK(nh_topo_node_of_cpu(2 * i + 1) == i);
		for (unsigned k = 0; k < 4; k++)
			CHECK(nh_topo_distance(i, k) == (i == k ? 10 : 20));
	}
}

static void
test_four_nodes_are_found(void **state)
{
	(void)state;
	play(scene_four, "HWLOC_SYNTHETIC", FOUR);
}

/* Dense: 0, 2 and 3 of the kernel's are 0, 1 and 2 here. */
static void
scene_lame(void)
{
	static const unsigned of_cpu[] = { 0, 0, 1, 1, 1, 1 };
	static const unsigned near0[] = { 0, 2, 1 }, near1[] = { 1, 2, 0 };
	struct nh_topo_summary s;
	struct nh_topo_node n;

	need_hwloc();
	nh_topo_summary(&s);
	CHECK(nh_topo_nodes() == 3 && s.without_memory == 1);
	CHECK(nh_topo_os_node(0) == 0 && nh_topo_os_node(1) == 2);
	CHECK(nh_topo_os_node(2) == 3 && nh_topo_os_node(3) == -1);
	CHECK(nh_topo_node_of_os(1) == -1 && nh_topo_node_of_os(3) == 2);
	for (unsigned cpu = 0; cpu < 6; cpu++)
		CHECK(nh_topo_node_of_cpu(cpu) == of_cpu[cpu]);
	CHECK(nh_topo_node(1, &n) && n.cpus == 2 && n.cpus_near == 4);
	CHECK(nh_topo_node(2, &n) && n.cpus == 0 && n.cpus_near == 0);
	CHECK(n.bytes == 8000000000 && !nh_topo_node(3, &n));
	CHECK(nh_topo_distance(0, 1) == 31 && nh_topo_distance(1, 2) == 22);
	for (unsigned k = 0; k < 3; k++) {
		CHECK(nh_topo_nearest(0, k) == near0[k]);
		CHECK(nh_topo_nearest(1, k) == near1[k]);
	}
}

static void
test_nodes_without_memory_go_and_those_without_cpus_stay(void **state)
{
	const char *file = file_of(lame);

	(void)state;
	play(scene_lame, "HWLOC_XMLFILE", file);
	unlink(file);
}

static void
scene_many(void)
{
	struct nh_topo_summary s;

	need_hwloc();
	nh_topo_summary(&s);
	CHECK(nh_topo_nodes() == NH_NODES_MAX && s.beyond == 16);
	/* Theirs are near some node of ours. */
	CHECK(nh_topo_node_of_cpu(79) < NH_NODES_MAX);
}

static void
test_more_nodes_than_there_is_room_for(void **state)
{
	(void)state;
	play(scene_many, "HWLOC_SYNTHETIC", "node:80 core:1 pu:1");
}

static void
scene_bad(void)
{
	CHECK(nh_topo_nodes() >= 1);
	CHECK(nh_topo_here() < nh_topo_nodes());
}

static void
test_nonsense_for_hwloc_still_leaves_a_node(void **state)
{
	(void)state;
	play(scene_bad, "HWLOC_SYNTHETIC", "node:0 nonsense");
	play(scene_bad, "HWLOC_XMLFILE", "/nowhere/at/all.xml");
}

/* What both have of the machine this runs on. */
static void
scene_same(void)
{
	static struct nh_found sys, hwloc;
	const char *lacks;

	if (!nh_topo_ask_hwloc(&hwloc, &lacks)) {
		fprintf(stderr, "skipped: %s\n", lacks);
		_exit(SCENE_SKIPS);
	}
	CHECK(nh_topo_ask_sys(&sys));
	CHECK(hwloc.this_system && sys.this_system);
	for (unsigned i = 0; i < hwloc.nodes; i++) {
		int k = nh_found_place(&sys, hwloc.node[i].os_node);

		CHECK(k >= 0 && sys.node[k].allowed);
		CHECK(sys.node[k].bytes && hwloc.node[i].bytes);
		CHECK(sys.distance[k][k] == NH_DISTANCE_SELF);
	}
	for (unsigned cpu = 0; cpu < NH_TOPO_CPUS; cpu++) {
		int a = hwloc.of_cpu[cpu], b = sys.of_cpu[cpu];

		if (a >= 0)
			CHECK(b >= 0 &&
			      hwloc.node[a].os_node == sys.node[b].os_node);
	}
}

static void
test_hwloc_and_sys_say_the_same(void **state)
{
	(void)state;
	play(scene_same, NULL, NULL);
}

static void
scene_away(void)
{
	struct nh_topo_summary s;

	away = true;
	nh_topo_summary(&s);
	CHECK(!strcmp(s.source, "/sys") && s.lacks);
	CHECK(!nh_topo_fake() && nh_topo_nodes() >= 1);
}

static void
test_without_hwloc_sys_is_asked(void **state)
{
	(void)state;
	play(scene_away, "HWLOC_SYNTHETIC", FOUR);
}

/* ------------------------------------------------------------------- faked */

static void
scene_faked(void)
{
	struct nh_topo_node n;

	CHECK(nh_topo_here() == 0);
	nh_topo_choose_fake(3);
	CHECK(nh_topo_nodes() == 3 && nh_topo_fake());
	for (unsigned cpu = 0; cpu < 12; cpu++)
		CHECK(nh_topo_node_of_cpu(cpu) == cpu % 3);
	CHECK(nh_topo_node_of_cpu(1 << 30) == 0);
	CHECK(nh_topo_node(2, &n) && n.os_node == 2);
	for (unsigned k = 0; k < 3; k++)
		CHECK(nh_topo_nearest(1, k) == (1 + k) % 3);
	CHECK(nh_topo_distance(7, 0) == 20 && nh_topo_nearest(7, 0) == 0);
}

static void
test_fakes_have_processors_dealt(void **state)
{
	(void)state;
	play(scene_faked, "HWLOC_SYNTHETIC", FOUR);
}

static void
scene_most(void)
{
	nh_topo_choose_fake(1000);
	CHECK(nh_topo_nodes() == NH_NODES_MAX);
}

static void
test_there_are_not_more_fakes_than_room(void **state)
{
	(void)state;
	play(scene_most, NULL, NULL);
}

/* The rseq area says what the kernel says when asked. */
static void
scene_here(void)
{
	cpu_set_t all, one;
	unsigned seen = 0;

	nh_topo_choose_fake(64);
	CHECK(nh_topo_nodes() == 64);
	CHECK(!sched_getaffinity(0, sizeof(all), &all));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		CHECK(!sched_setaffinity(0, sizeof(one), &one));
		CHECK(sched_getcpu() == cpu);
		CHECK(nh_topo_here() == (unsigned)cpu % 64);
		CHECK(nh_topo_here_slowly() == (unsigned)cpu % 64);
		seen++;
	}
	CHECK(seen);
}

static void
test_here_follows_the_thread(void **state)
{
	(void)state;
	play(scene_here, NULL, NULL);
}

static void *
its_here(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)nh_topo_pretended;
}

static void
scene_pretend(void)
{
	pthread_t thread;
	void *other;

	nh_topo_choose_fake(8);
	CHECK(nh_topo_nodes() == 8);
	nh_topo_pretend(5);
	CHECK(nh_topo_here() == 5);
	nh_topo_pretend(8);
	CHECK(nh_topo_here() == 5);
	CHECK(!pthread_create(&thread, NULL, its_here, NULL));
	CHECK(!pthread_join(thread, &other) && !other);
	nh_topo_pretend(-1);
	CHECK(nh_topo_here() == nh_topo_here_slowly());
}

static void
test_a_thread_may_pretend(void **state)
{
	(void)state;
	play(scene_pretend, NULL, NULL);
}

/* ------------------------------------------------------------ small files */

static void
add_to(void *arg, unsigned n)
{
	*(uint64_t *)arg |= UINT64_C(1) << n;
}

static void
test_lists_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bits;
	} list[] = {
		{ "", 0 },
		{ "\n", 0 },
		{ "0\n", 1 },
		{ "0-3,8,10-11\n", 0xd0f },
		{ "5-90", UINT64_MAX << 5 },
		{ "3-1,2", 4 },
		{ "1,,2", 2 },
		{ "x", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		uint64_t bits = 0;

		nh_sys_list(list[i].text, 64, add_to, &bits);
		assert_int_equal(bits, list[i].bits);
	}
}

static void
test_files_are_read_as_far_as_there_is_room(void **state)
{
	const char *file = file_of("Node 0 MemTotal:   12345 kB\nTwo: 2\n");
	char text[64];
	uint64_t n = 0;

	(void)state;
	assert_int_equal(nh_sys_read(file, text, 5), 4);
	assert_string_equal(text, "Node");
	assert_int_equal(nh_sys_read(file, text, sizeof(text)), 35);
	assert_true(nh_sys_field(text, "MemTotal:", &n));
	assert_int_equal(n, 12345);
	assert_true(nh_sys_field(text, "Two:", &n));
	assert_int_equal(n, 2);
	assert_false(nh_sys_field(text, "Three:", &n));
	assert_false(nh_sys_number(file, &n));
	unlink(file);
	assert_int_equal(nh_sys_read(file, text, sizeof(text)), 0);
	assert_false(nh_sys_node_path(text, 20, 3, "meminfo"));
	assert_true(nh_sys_node_path(text, sizeof(text), 3, "meminfo"));
	assert_string_equal(text, "/sys/devices/system/node/node3/meminfo");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_nodes_are_found),
		cmocka_unit_test(
			test_nodes_without_memory_go_and_those_without_cpus_stay),
		cmocka_unit_test(test_more_nodes_than_there_is_room_for),
		cmocka_unit_test(test_nonsense_for_hwloc_still_leaves_a_node),
		cmocka_unit_test(test_hwloc_and_sys_say_the_same),
		cmocka_unit_test(test_without_hwloc_sys_is_asked),
		cmocka_unit_test(test_fakes_have_processors_dealt),
		cmocka_unit_test(test_there_are_not_more_fakes_than_room),
		cmocka_unit_test(test_here_follows_the_thread),
		cmocka_unit_test(test_a_thread_may_pretend),
		cmocka_unit_test(test_lists_are_read),
		cmocka_unit_test(test_files_are_read_as_far_as_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
