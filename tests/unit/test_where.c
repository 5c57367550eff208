/*
 * test_where.c - where pages are: as counted here by touching them
 *
 * On the machine as it is; what a filter refuses is in tests/hostile.
 */
#include "tests/unit/topo_fixture.h"

#include <numahash.h>
#include <sys/mman.h>

#include "numa/arena.h"
#include "numa/bind.h"
#include "numa/where.h"

#define MIB ((size_t)1 << 20)
#define PAGE NH_SMALL_PAGE

struct found {
	uint64_t on[NH_NODES_MAX], all, huge, unknown;
};

static struct found
look(const char *p, size_t bytes)
{
	struct found f = { .all = 0 };

	assert_int_equal(nh_where(p, bytes, f.on, &f.huge, &f.unknown), NH_OK);
	for (unsigned i = 0; i < NH_NODES_MAX; i++) {
		f.all += f.on[i];
		if (i >= nh_topo_nodes())
			assert_int_equal(f.on[i], 0);
	}
	return f;
}

static struct nh_range
map(size_t bytes, enum nh_pages pages, unsigned node)
{
	struct nh_range r;

	assert_int_equal(nh_mem_map(&r, bytes, pages, node), NH_OK);
	return r;
}

static void
need_numa(void)
{
	const char *lacks = nh_bind_lacks();

	if (!lacks)
		return;
	print_message("skipped: no binding: %s\n", lacks);
	skip();
}

static void
test_pages_are_where_they_were_bound_to(void **state)
{
	(void)state;
	need_numa();
	for (unsigned node = 0; node < nh_topo_nodes(); node++) {
		struct nh_range r = map(4 * MIB, NH_PAGES_SMALL, node);
		struct found f;

		assert_int_equal(look(r.base, r.bytes).all, 0);
		memset(r.base + MIB, 1, MIB);
		f = look(r.base, r.bytes);
		assert_int_equal(f.on[node], MIB);
		assert_int_equal(f.all, MIB);
		assert_int_equal(f.huge + f.unknown, 0);
		nh_mem_unmap(&r);
	}
}

static void
test_the_ends_count_in_bytes(void **state)
{
	struct nh_range r = map(MIB, NH_PAGES_SMALL, 0);

	(void)state;
	need_numa();
	r.base[5 * PAGE] = r.base[6 * PAGE] = r.base[9 * PAGE] = 1;
	assert_int_equal(look(r.base, r.bytes).all, 3 * PAGE);
	assert_int_equal(look(r.base + 5 * PAGE + 100, PAGE).all, PAGE);
	assert_int_equal(look(r.base + 6 * PAGE + 100, PAGE).all, PAGE - 100);
	assert_int_equal(look(r.base + 9 * PAGE - 1, 128).all, 127);
	assert_int_equal(look(r.base + 9 * PAGE, 128).all, 128);
	assert_int_equal(look(r.base + 9 * PAGE, 0).all, 0);
	assert_true(nh_mem_return(r.base, 6 * PAGE));
	assert_int_equal(look(r.base, r.bytes).all, 2 * PAGE);
	nh_mem_unmap(&r);
}

/* Reading maps the one page of zeros, which is nobody's. */
static void
test_what_was_only_read_is_nowhere(void **state)
{
	struct nh_range r = map(MIB, NH_PAGES_SMALL, 0);
	unsigned sum = 0;
	struct found f;

	(void)state;
	need_numa();
	for (size_t i = 0; i < MIB; i += PAGE)
		sum += (unsigned char)r.base[i];
	assert_int_equal(sum, 0);
	f = look(r.base, r.bytes);
	assert_int_equal(f.all + f.unknown, 0);
	nh_mem_unmap(&r);
}

/* More small pages than fit a batch or a list of regions, none adjacent. */
static void
test_many_pages_are_counted_each(void **state)
{
	struct nh_range r = map(32 * MIB, NH_PAGES_SMALL, 0);

	(void)state;
	need_numa();
	for (size_t i = 0; i < r.bytes; i += 2 * PAGE)
		r.base[i] = 1;
	assert_int_equal(look(r.base, r.bytes).all, r.bytes / 2);
	nh_mem_unmap(&r);
}

/* Small pages at the beginning, as from a kernel that had no huge ones. */
static struct nh_range
broken_up(void)
{
	struct nh_range r = map(8 * MIB, NH_PAGES_THP, 0);

	assert_int_equal(madvise(r.base, 2 * MIB, MADV_NOHUGEPAGE), 0);
	memset(r.base, 1, 2 * MIB);
	return r;
}

static void
test_huge_pages_are_told_from_small_ones(void **state)
{
	struct nh_range r = broken_up();
	struct found f;

	(void)state;
	need_numa();
	if (nh_huge_at(r.base) == NH_HUGE_UNKNOWN) {
		print_message("skipped: no PAGEMAP_SCAN (before Linux 6.7)\n");
		skip();
	}
	memset(r.base + 4 * MIB, 1, 2 * MIB);
	r.base[7 * MIB] = 1;
	if (nh_huge_at(r.base + 4 * MIB) != NH_HUGE_IS) {
		print_message("skipped: the kernel gives no huge pages now\n");
		skip();
	}
	assert_int_equal(nh_huge_at(r.base), NH_HUGE_NOT);
	assert_int_equal(nh_huge_at(r.base + 2 * MIB), NH_HUGE_PARTLY);
	f = look(r.base, 6 * MIB);
	assert_int_equal(f.huge, 2 * MIB);
	assert_int_equal(f.all, 4 * MIB);
	f = look(r.base + 5 * MIB, MIB);
	assert_int_equal(f.huge, MIB);
	assert_int_equal(f.all, MIB);
	nh_mem_unmap(&r);
}

static void
test_small_pages_are_made_huge(void **state)
{
	struct nh_range r = broken_up();

	(void)state;
	if (nh_huge_at(r.base) == NH_HUGE_UNKNOWN) {
		print_message("skipped: no PAGEMAP_SCAN (before Linux 6.7)\n");
		skip();
	}
	assert_int_equal(nh_huge_at(r.base), NH_HUGE_NOT);
	/* From here on the kernel may do it by itself, too. */
	assert_int_equal(madvise(r.base, 2 * MIB, MADV_HUGEPAGE), 0);
	if (!nh_mem_collapse(r.base, 2 * MIB)) {
		print_message("skipped: no MADV_COLLAPSE\n");
		skip();
	}
	assert_int_equal(nh_huge_at(r.base), NH_HUGE_IS);
	for (size_t i = 0; i < 2 * MIB; i++)
		assert_int_equal(r.base[i], 1);
	nh_mem_unmap(&r);
}

/* The same in an arena, where it finds them by itself, once. */
static void
test_an_arena_finds_what_could_be_huge(void **state)
{
	struct nh_arena_stats before, after;
	struct nh_extent *e;
	char *huge;

	(void)state;
	nh_arena_choose_pages(NH_PAGES_THP);
	e = nh_arena_alloc(NH_ARENA_LINES, 12 * MIB, 0);
	assert_non_null(e);
	huge = (char *)(((uintptr_t)e->base + 2 * MIB - 1) / (2 * MIB) *
			(2 * MIB));
	assert_int_equal(madvise(huge, 4 * MIB, MADV_NOHUGEPAGE), 0);
	memset(e->base, 7, e->bytes);
	assert_int_equal(madvise(huge, 4 * MIB, MADV_HUGEPAGE), 0);
	if (nh_huge_at(huge) == NH_HUGE_UNKNOWN) {
		print_message("skipped: no PAGEMAP_SCAN (before Linux 6.7)\n");
		skip();
	}
	nh_arena_alloc(NH_ARENA_LINES, 128, 0); /* all of it was touched */
	nh_arena_stats(&before);
	while (nh_arena_collapse(NH_ARENA_LINES, -1))
		;
	nh_arena_stats(&after);
	if (before.collapsed == after.collapsed) {
		print_message("skipped: the kernel made no huge pages\n");
		skip();
	}
	assert_int_equal(nh_huge_at(huge), NH_HUGE_IS);
	assert_int_equal(nh_huge_at(huge + 2 * MIB), NH_HUGE_IS);
	/* Of two, but the kernel may have been quicker with one. */
	assert_true(after.collapsed - before.collapsed <= 4 * MIB);
	assert_false(nh_arena_collapse(NH_ARENA_LINES, -1));
	for (size_t i = 0; i < e->bytes; i += 64)
		assert_int_equal(e->base[i], 7);
}

static void
scene_faked(void)
{
	uint64_t on[NH_NODES_MAX] = { 0 }, huge = 0, unknown = 0;
	struct nh_extent *e;

	nh_topo_choose_fake(4);
	nh_arena_choose_pages(NH_PAGES_SMALL);
	e = nh_arena_alloc(NH_ARENA_LINES, MIB, 2);
	CHECK(e && e->node == 2);
	memset(e->base, 1, e->bytes);
	CHECK(nh_where(e->base, e->bytes, on, &huge, &unknown) == NH_OK);
	CHECK(unknown == MIB && !on[0] && !on[2]);
}

static void
test_where_faked_nodes_are_nobody_knows(void **state)
{
	(void)state;
	play(scene_faked, NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* Before this process has looked for nodes. */
		cmocka_unit_test(test_where_faked_nodes_are_nobody_knows),
		cmocka_unit_test(test_pages_are_where_they_were_bound_to),
		cmocka_unit_test(test_the_ends_count_in_bytes),
		cmocka_unit_test(test_what_was_only_read_is_nowhere),
		cmocka_unit_test(test_many_pages_are_counted_each),
		cmocka_unit_test(test_huge_pages_are_told_from_small_ones),
		cmocka_unit_test(test_small_pages_are_made_huge),
		cmocka_unit_test(test_an_arena_finds_what_could_be_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
