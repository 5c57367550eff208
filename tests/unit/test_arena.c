/*
 * test_arena.c - extents: who has what memory, and where it goes
 *
 * The arena is one for the process and stays from test to test.  Each test
 * frees what it took, so the next one finds free chunks.  There are two groups,
 * each with a process of its own: one asks for 4 KiB pages, which it can count,
 * and one for transparent huge pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "numa/arena.h"
#include "numa/without.h"
#include "tests/model/kit.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define CHUNK (64 * MIB) /* what the arena maps at a time */
#define KEPT MIB	 /* the arena keeps less than this whatever is in use */
#define ANY_NODE (-1)
#define MOST 256

static struct nh_arena_stats
stats_now(void)
{
	struct nh_arena_stats st;

	nh_arena_stats(&st);
	return st;
}

static uint64_t
reserved_now(void)
{
	struct nh_arena_stats st = stats_now();
	uint64_t sum = 0;

	for (int kind = 0; kind < NH_PAGES_KINDS; kind++)
		sum += st.reserved[kind];
	return sum;
}

static struct nh_extent *
take(size_t bytes)
{
	struct nh_extent *e = nh_arena_alloc(NH_ARENA_LINES, bytes, ANY_NODE);

	assert_non_null(e);
	assert_true(e->bytes >= bytes);
	assert_true(e->bytes < bytes + NH_ARENA_UNIT);
	assert_int_equal((uintptr_t)e->base % NH_ARENA_UNIT, 0);
	return e;
}

/* Pages of [base, base + bytes) that are there. */
static size_t
resident_pages(const char *base, size_t bytes)
{
	static unsigned char map[CHUNK / NH_SMALL_PAGE + 1];
	uintptr_t from = (uintptr_t)base / NH_SMALL_PAGE * NH_SMALL_PAGE;
	size_t pages = ((uintptr_t)base + bytes - from + NH_SMALL_PAGE - 1) /
		       NH_SMALL_PAGE;
	size_t n = 0;

	assert_true(pages <= sizeof(map));
	assert_int_equal(mincore((void *)from, pages * NH_SMALL_PAGE, map), 0);
	for (size_t i = 0; i < pages; i++)
		n += map[i] & 1;
	return n;
}

/* ----------------------------------------------------------- one chunk's list
 */

/*
 * assert_chunk - the extents of the chunk that e lies in follow one another
 * without a gap, and no two free ones meet: bytes of the chunk
 */
static size_t
assert_chunk(const struct nh_extent *e)
{
	size_t bytes = 0;

	while (e->before)
		e = e->before;
	for (; e; e = e->after) {
		bytes += e->bytes;
		assert_int_equal(e->bytes % NH_ARENA_UNIT, 0);
		if (!e->after)
			break;
		assert_ptr_equal(e->after->before, e);
		assert_ptr_equal(e->after->base, e->base + e->bytes);
		assert_ptr_equal(e->after->chunk, e->chunk);
		/* The last one is the top: it takes in whoever is free. */
		assert_false(e->free && (e->after->free || !e->after->after));
		assert_false(e->free && e->resident > e->bytes);
	}
	return bytes;
}

/* -------------------------------------------------------------- the beginning
 */

/* Before all others: the arena is still empty. */
static void
test_the_first_chunk_is_small_and_the_next_is_not(void **state)
{
	struct nh_arena_stats st;
	struct nh_extent *first, *second;

	(void)state;
	assert_int_equal(reserved_now(), 0);
	first = take(4000);
	assert_int_equal(first->bytes, 4096);
	assert_int_equal(reserved_now(), 256 * KIB);
	st = stats_now();
	assert_int_equal(st.reserved[NH_PAGES_SMALL], 256 * KIB);
	assert_int_equal(st.used, 4096);
	assert_int_equal(st.retained, 0);
	second = take(256 * KIB);
	assert_int_equal(reserved_now(), 256 * KIB + CHUNK);
	assert_ptr_not_equal(first->chunk, second->chunk);
	assert_int_equal(assert_chunk(first), 256 * KIB);
	assert_int_equal(assert_chunk(second), CHUNK);
	nh_arena_free(first, false);
	nh_arena_free(second, false);
	assert_int_equal(stats_now().used, 0);
}

static void
test_fresh_memory_is_zero(void **state)
{
	struct nh_extent *e = take(CHUNK);

	(void)state;
	for (size_t i = 0; i < e->bytes; i += 512)
		assert_int_equal(e->base[i], 0);
	nh_arena_free(e, false);
}

/* ----------------------------------------------------------------- at random
 */

struct crowd {
	struct nh_extent *e[MOST];
	unsigned char mark[MOST];
	size_t used;
};

static void
crowd_free(struct crowd *crowd, unsigned i, bool growing)
{
	struct nh_extent *e = crowd->e[i];

	/* Whoever overlaps it would have left another mark. */
	for (size_t at = 0; at < e->bytes; at += 64)
		assert_int_equal((unsigned char)e->base[at], crowd->mark[i]);
	crowd->used -= e->bytes;
	nh_arena_free(e, growing);
	crowd->e[i] = NULL;
}

static void
crowd_take(struct crowd *crowd, unsigned i, struct rng *rng)
{
	size_t bytes = 1 + rng_below(rng, (uint64_t)128 << rng_below(rng, 13));

	crowd->e[i] = take(bytes);
	crowd->mark[i] = (unsigned char)(1 + rng_below(rng, 255));
	crowd->used += crowd->e[i]->bytes;
	memset(crowd->e[i]->base, crowd->mark[i], crowd->e[i]->bytes);
}

static void
assert_limits(const struct crowd *crowd, uint64_t share)
{
	struct nh_arena_stats st = stats_now();

	assert_int_equal(st.used, crowd->used);
	assert_true(st.used + st.retained <= reserved_now());
	/* Ragged ends of small extents stay: a page or two for each gap. */
	assert_true(st.retained <=
		    KEPT + st.used / share + 2 * MOST * NH_SMALL_PAGE);
}

static void
crowd_run(uint64_t seed, bool growing)
{
	struct rng rng = rng_make(seed);
	struct crowd crowd = { .used = 0 };

	for (unsigned step = 0; step < 6000; step++) {
		unsigned i = (unsigned)rng_below(&rng, MOST);

		/* Ebb and flood, so that much lies free at times. */
		if (crowd.e[i])
			crowd_free(&crowd, i, growing);
		else if (step / 1000 % 2 == 0 || rng_below(&rng, 4) == 0)
			crowd_take(&crowd, i, &rng);
		if (step % 50 == 0 && crowd.e[i])
			assert_chunk(crowd.e[i]);
		assert_int_equal(stats_now().used, crowd.used);
	}
	for (unsigned i = 0; i < MOST; i++)
		if (crowd.e[i]) {
			crowd_free(&crowd, i, growing);
			assert_limits(&crowd, growing ? 2 : 8);
		}
	assert_int_equal(stats_now().used, 0);
}

static void
test_extents_never_overlap(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		crowd_run(seed, seed % 2);
}

/* ---------------------------------------------------------------- coalescing
 */

static void
test_freed_neighbours_become_one_in_any_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct rng rng = rng_make(seed);
		struct nh_extent *e[MOST], *all;
		uint64_t reserved = reserved_now();
		unsigned left = MOST;

		for (unsigned i = 0; i < MOST; i++)
			e[i] = take(128 * (1 + rng_below(&rng, 1900)));
		assert_int_equal(reserved_now(), reserved);
		while (left) {
			unsigned i = (unsigned)rng_below(&rng, left);

			nh_arena_free(e[i], rng_below(&rng, 2));
			e[i] = e[--left];
			if (left)
				assert_chunk(e[0]);
		}
		all = take(CHUNK);
		assert_int_equal(reserved_now(), reserved);
		assert_null(all->before);
		assert_int_equal(assert_chunk(all), CHUNK);
		nh_arena_free(all, false);
	}
}

/* A hole that fits exactly, or nearly, is used before new memory is. */
static void
test_a_hole_is_filled_again(void **state)
{
	struct nh_extent *e[3];
	char *hole;

	(void)state;
	for (int i = 0; i < 3; i++)
		e[i] = take(40 * KIB);
	hole = e[1]->base;
	nh_arena_free(e[1], true);
	e[1] = take(40 * KIB);
	assert_ptr_equal(e[1]->base, hole);
	nh_arena_free(e[1], true);
	e[1] = take(39 * KIB);
	assert_ptr_equal(e[1]->base, hole);
	assert_chunk(e[1]);
	for (int i = 0; i < 3; i++)
		nh_arena_free(e[i], true);
}

/* Tables of a growing map: each is larger than any that was freed so far. */
static void
test_growth_uses_what_smaller_tables_left(void **state)
{
	struct nh_extent *old[16] = { NULL };
	uint64_t reserved = reserved_now();

	(void)state;
	for (unsigned k = 0; k < 12; k++)
		for (unsigned i = 0; i < 16; i++) {
			struct nh_extent *next = take((size_t)256 << k);

			if (old[i])
				nh_arena_free(old[i], true);
			old[i] = next;
		}
	/* 8 MiB in use at the end, 12 at the most: one chunk will do. */
	assert_int_equal(reserved_now(), reserved);
	for (unsigned i = 0; i < 16; i++)
		nh_arena_free(old[i], true);
}

/* ------------------------------------------------------------------ giving
 * back
 */

/* Touch 8 MiB between two small neighbours, free it: the pages left. */
static size_t
pages_left_after_free(bool growing)
{
	struct nh_extent *below = take(4096);
	struct nh_extent *e = take(8 * MIB);
	struct nh_extent *above = take(4096);
	char *base = e->base;
	size_t pages;

	memset(base, 1, 8 * MIB);
	assert_true(resident_pages(base, 8 * MIB) >= 8 * MIB / NH_SMALL_PAGE);
	nh_arena_free(e, growing);
	pages = resident_pages(base, 8 * MIB);
	nh_arena_free(below, false);
	nh_arena_free(above, false);
	return pages;
}

static void
test_free_pages_go_back_to_the_system(void **state)
{
	uint64_t returned = stats_now().returned;

	(void)state;
	/* The ragged ends, which neighbours share, stay. */
	assert_true(pages_left_after_free(false) <= 2);
	assert_true(stats_now().returned >= returned + 8 * MIB - 8 * KIB);
	assert_true(pages_left_after_free(true) <= 2);
	assert_true(stats_now().retained <= KEPT);
}

static void
test_what_is_retained_is_there_and_counted(void **state)
{
	struct nh_extent *busy = take(20 * MIB);
	struct nh_extent *e = take(2 * MIB);
	struct nh_extent *above = take(4096);
	uint64_t retained = stats_now().retained;
	uint64_t returned = stats_now().returned;

	(void)state;
	memset(e->base, 1, 2 * MIB);
	nh_arena_free(e, false);
	assert_int_equal(stats_now().retained, retained + 2 * MIB);
	assert_int_equal(stats_now().returned, returned);
	e = take(2 * MIB);
	assert_int_equal(stats_now().retained, retained);
	nh_arena_free(e, false);
	nh_arena_free(above, false);
	nh_arena_free(busy, false);
}

static void
test_freed_memory_can_still_be_read(void **state)
{
	struct nh_extent *e = take(3 * CHUNK);
	const volatile char *base = e->base;
	size_t bytes = e->bytes;
	unsigned wrong = 0;

	(void)state;
	memset(e->base, 7, bytes);
	nh_arena_free(e, false);
	for (size_t i = 0; i < bytes; i += NH_SMALL_PAGE)
		wrong += base[i] != 7 && base[i] != 0;
	assert_int_equal(wrong, 0);
}

static void
test_what_was_given_back_reads_as_zeros_for_the_next(void **state)
{
	struct nh_extent *e = take(CHUNK);
	char *base = e->base;

	(void)state;
	memset(base, 7, CHUNK);
	nh_arena_free(e, false);
	assert_true(resident_pages(base, CHUNK) <= KEPT / NH_SMALL_PAGE);
	e = take(CHUNK);
	assert_ptr_equal(e->base, base);
	assert_int_equal(base[0], 0);
	assert_int_equal(base[CHUNK / 2], 0);
	nh_arena_free(e, false);
}

/* --------------------------------------------------------------- huge pages */

/* Where the system refuses them, chunks are of 4 KiB pages, and it is said. */
static bool
are_transparent(void)
{
	if (stats_now().reserved[NH_PAGES_THP])
		return true;
	print_message("transparent huge pages refused: not tested\n");
	return false;
}

static void
test_a_transparent_chunk_begins_with_a_huge_page(void **state)
{
	struct nh_extent *e = take(CHUNK);

	(void)state;
	assert_int_equal(reserved_now(), 256 * KIB + CHUNK);
	if (are_transparent())
		assert_int_equal((uintptr_t)e->base % NH_HUGE_PAGE, 0);
	nh_arena_free(e, false);
}

/* Before the chunk is used otherwise: nothing of it is there yet. */
static void
test_prefault_touches_what_was_never_used(void **state)
{
	struct nh_extent *e = take(3 * MIB);
	char *top = e->base + e->bytes;
	uint64_t retained = stats_now().retained;

	(void)state;
	assert_int_equal(resident_pages(top, 5 * MIB), 0);
	nh_arena_prefault(NH_ARENA_LINES, 5 * MIB, ANY_NODE);
	if (are_transparent() && !nh_without_count(NH_WITHOUT_POPULATE)) {
		assert_int_equal(resident_pages(top, 5 * MIB),
				 5 * MIB / NH_SMALL_PAGE);
		assert_in_range(stats_now().retained, retained + 5 * MIB,
				retained + 7 * MIB);
	}
	nh_arena_prefault(NH_ARENA_LINES, 0, ANY_NODE);
	nh_arena_free(e, false);
}

static void
test_whole_huge_pages_go_back_though_the_map_grows(void **state)
{
	struct nh_extent *e = take(10 * MIB);
	char *base = e->base;

	(void)state;
	memset(base, 1, 10 * MIB);
	nh_arena_free(e, true);
	/* A ragged end at either side. */
	assert_true(resident_pages(base, 10 * MIB) <=
		    2 * NH_HUGE_PAGE / NH_SMALL_PAGE);
}

/* Every other one of eight stretches of 1 MiB is freed: the pages left. */
static size_t
pages_left_of_pieces(bool growing)
{
	struct nh_extent *busy = take(8 * MIB);
	struct nh_extent *e[8];
	char *base;
	size_t pages;

	for (int i = 0; i < 8; i++) {
		e[i] = take(MIB);
		memset(e[i]->base, 1, MIB);
	}
	base = e[0]->base;
	for (int i = 0; i < 8; i += 2)
		nh_arena_free(e[i], growing);
	pages = resident_pages(base, 8 * MIB);
	for (int i = 1; i < 8; i += 2)
		nh_arena_free(e[i], false);
	nh_arena_free(busy, false);
	return pages;
}

/* 12 MiB stay in use, so 1.5 MiB may lie free, or 6 while the map grows. */
static void
test_a_growing_map_keeps_pieces_of_huge_pages(void **state)
{
	const size_t most = (4 * MIB + 1536 * KIB + KEPT) / NH_SMALL_PAGE;
	size_t left;

	(void)state;
	if (!are_transparent())
		return;
	assert_int_equal(pages_left_of_pieces(true), 8 * MIB / NH_SMALL_PAGE);
	left = pages_left_of_pieces(false);
	/* The kernel's khugepaged may just have made them whole again. */
	for (int tries = 0; left > most && tries < 5; tries++)
		left = pages_left_of_pieces(false);
	assert_true(left <= most);
}

/* ---------------------------------------------------------- kinds, alignment
 */

/* All that one kind let go, asked for by the other: never the same bytes. */
static void
test_what_held_lines_never_holds_entries(void **state)
{
	struct nh_extent *lines = take(CHUNK);
	char *from = lines->base, *to = from + lines->bytes;
	struct nh_extent *e[8];

	(void)state;
	nh_arena_free(lines, NH_KEEP_LITTLE);
	for (int i = 0; i < 8; i++) {
		e[i] = nh_arena_alloc(NH_ARENA_ENTRIES, 4 * MIB, ANY_NODE);
		assert_non_null(e[i]);
		assert_true(e[i]->base >= to || e[i]->base + 4 * MIB <= from);
		assert_ptr_not_equal(e[i]->chunk, lines->chunk);
	}
	assert_int_equal(stats_now().used, 32 * MIB);
	from = e[0]->base;
	to = from + e[0]->bytes;
	nh_arena_free(e[0], NH_KEEP_LITTLE);
	lines = take(4 * MIB);
	assert_true(lines->base >= to || lines->base + 4 * MIB <= from);
	nh_arena_free(lines, NH_KEEP_LITTLE);
	for (int i = 1; i < 8; i++)
		nh_arena_free(e[i], NH_KEEP_LITTLE);
	assert_int_equal(stats_now().used, 0);
}

static struct nh_extent *
take_aligned(size_t bytes, size_t align)
{
	struct nh_extent *e = nh_arena_alloc_aligned(NH_ARENA_ENTRIES, bytes,
						     align, ANY_NODE);

	assert_non_null(e);
	assert_true(e->bytes >= bytes && e->bytes < bytes + NH_ARENA_UNIT);
	assert_int_equal((uintptr_t)e->base % align, 0);
	return e;
}

/* Pages among odd sizes: aligned, apart, and nothing is lost at the end. */
static void
test_aligned_extents_lie_among_others(void **state)
{
	struct nh_extent *e[MOST] = { NULL };
	struct rng rng = rng_make(11);
	uint64_t used = 0;

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rng_below(&rng, MOST);
		size_t align = (size_t)128 << rng_below(&rng, 12);

		if (e[i]) {
			assert_int_equal((unsigned char)e[i]->base[0], i);
			used -= e[i]->bytes;
			nh_arena_free(e[i], NH_KEEP_LITTLE);
			e[i] = NULL;
		} else {
			e[i] = take_aligned(1 + rng_below(&rng, 2 * align),
					    align);
			e[i]->base[0] = (char)i;
			used += e[i]->bytes;
		}
		assert_int_equal(stats_now().used, used);
		if (step % 100 == 0 && e[i])
			assert_chunk(e[i]);
	}
	for (unsigned i = 0; i < MOST; i++)
		if (e[i])
			nh_arena_free(e[i], NH_KEEP_LITTLE);
	assert_int_equal(stats_now().used, 0);
	e[0] = take_aligned(CHUNK, MIB);
	assert_chunk(e[0]);
	nh_arena_free(e[0], NH_KEEP_LITTLE);
}

/* A page freed alone is the next page: no new memory for it. */
static void
test_an_aligned_hole_is_filled_again(void **state)
{
	struct nh_extent *e[5];
	char *hole;

	(void)state;
	for (int i = 0; i < 5; i++)
		e[i] = take_aligned(16 * KIB, 16 * KIB);
	hole = e[2]->base;
	nh_arena_free(e[2], NH_KEEP_LITTLE);
	e[2] = take_aligned(16 * KIB, 16 * KIB);
	assert_ptr_equal(e[2]->base, hole);
	for (int i = 0; i < 5; i++)
		nh_arena_free(e[i], NH_KEEP_LITTLE);
}

/* Every other of many pages goes: the pages left do not depend on how many. */
static void
test_many_small_holes_are_given_back_too(void **state)
{
	enum { PAGES = 4000 };
	static struct nh_extent *e[PAGES];
	uint64_t before;

	(void)state;
	for (int i = 0; i < PAGES; i++) {
		e[i] = take_aligned(16 * KIB, 16 * KIB);
		memset(e[i]->base, 1, 16 * KIB);
	}
	before = stats_now().retained;
	for (int i = 0; i < PAGES; i += 2)
		nh_arena_free(e[i], NH_KEEP_LITTLE);
	assert_true(stats_now().retained <=
		    before + KEPT + stats_now().used / 8);
	for (int i = 1; i < PAGES; i += 2)
		nh_arena_free(e[i], NH_KEEP_LITTLE);
	assert_true(stats_now().retained <= before + KEPT);
}

/* A map of a few entries: no huge page for them, whatever else is mapped. */
static void
test_the_first_pages_of_entries_are_small_too(void **state)
{
	struct nh_arena_stats before = stats_now(), after;
	struct nh_extent *e[10];

	(void)state;
	for (int i = 0; i < 10; i++)
		e[i] = take_aligned(16 * KIB, 16 * KIB);
	after = stats_now();
	assert_int_equal(after.reserved[NH_PAGES_SMALL],
			 before.reserved[NH_PAGES_SMALL] + 256 * KIB);
	assert_int_equal(after.reserved[NH_PAGES_THP],
			 before.reserved[NH_PAGES_THP]);
	for (int i = 0; i < 10; i++)
		nh_arena_free(e[i], NH_KEEP_LITTLE);
}

/* ------------------------------------------------------------------ in threads
 */

#define TAKERS 4

static void *
take_and_free(void *arg)
{
	struct rng rng = rng_make((uintptr_t)arg);
	struct nh_extent *e[32] = { NULL };
	uintptr_t wrong = 0;

	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rng_below(&rng, 32);

		if (e[i]) {
			wrong += e[i]->base[0] != (char)(uintptr_t)arg;
			nh_arena_free(e[i], rng_below(&rng, 2));
			e[i] = NULL;
			continue;
		}
		e[i] = nh_arena_alloc(NH_ARENA_LINES,
				      1 + rng_below(&rng, 64 * KIB), ANY_NODE);
		if (!e[i])
			return (void *)UINTPTR_MAX;
		e[i]->base[0] = (char)(uintptr_t)arg;
	}
	for (unsigned i = 0; i < 32; i++)
		if (e[i])
			nh_arena_free(e[i], true);
	return (void *)wrong;
}

static void
test_threads_share_the_arena(void **state)
{
	pthread_t thread[TAKERS];
	uint64_t reserved = reserved_now();
	struct nh_extent *all;

	(void)state;
	for (uintptr_t i = 0; i < TAKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, take_and_free,
						(void *)(i + 1)),
				 0);
	for (unsigned i = 0; i < TAKERS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_int_equal(stats_now().used, 0);
	all = take(CHUNK);
	assert_int_equal(reserved_now(), reserved);
	assert_chunk(all);
	nh_arena_free(all, false);
}

static int
run_transparent(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_first_chunk_is_small_and_the_next_is_not),
		cmocka_unit_test(test_prefault_touches_what_was_never_used),
		cmocka_unit_test(
			test_a_transparent_chunk_begins_with_a_huge_page),
		cmocka_unit_test(test_the_first_pages_of_entries_are_small_too),
		cmocka_unit_test(
			test_whole_huge_pages_go_back_though_the_map_grows),
		cmocka_unit_test(test_a_growing_map_keeps_pieces_of_huge_pages),
		cmocka_unit_test(test_extents_never_overlap),
	};

	nh_arena_choose_pages(NH_PAGES_THP);
	return cmocka_run_group_tests_name("transparent", tests, NULL, NULL);
}

static int
run_small(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_first_chunk_is_small_and_the_next_is_not),
		cmocka_unit_test(test_fresh_memory_is_zero),
		cmocka_unit_test(test_freed_neighbours_become_one_in_any_order),
		cmocka_unit_test(test_extents_never_overlap),
		cmocka_unit_test(test_a_hole_is_filled_again),
		cmocka_unit_test(test_growth_uses_what_smaller_tables_left),
		cmocka_unit_test(test_free_pages_go_back_to_the_system),
		cmocka_unit_test(test_what_is_retained_is_there_and_counted),
		cmocka_unit_test(
			test_what_was_given_back_reads_as_zeros_for_the_next),
		cmocka_unit_test(test_what_held_lines_never_holds_entries),
		cmocka_unit_test(test_aligned_extents_lie_among_others),
		cmocka_unit_test(test_an_aligned_hole_is_filled_again),
		cmocka_unit_test(test_many_small_holes_are_given_back_too),
		cmocka_unit_test(test_threads_share_the_arena),
		cmocka_unit_test(test_freed_memory_can_still_be_read),
	};

	nh_arena_choose_pages(NH_PAGES_SMALL);
	return cmocka_run_group_tests_name("small", tests, NULL, NULL);
}

int
main(void)
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return 1;
	if (!child)
		return run_transparent();
	if (waitpid(child, &status, 0) != child || status)
		return 1;
	return run_small();
}
