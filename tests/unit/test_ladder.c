/*
 * test_ladder.c - the sizes a table may have, and the steps between them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/inside.h"

#define STEPS 96 /* up to 2^36 blocks and more */

/* 0, then every size of the ladder, those beside it, and powers of two. */
static unsigned
make_wants(uint64_t *wants, unsigned segment)
{
	unsigned n = 0;

	wants[n++] = 0;
	for (unsigned step = 0; step < STEPS; step++) {
		uint64_t blocks = nh_ladder_blocks(step, segment);

		wants[n++] = blocks - 1;
		wants[n++] = blocks;
		wants[n++] = blocks + 1;
		wants[n++] = UINT64_C(1) << step % 37;
	}
	return n;
}

static void
test_sizes_grow_without_end(void **state)
{
	(void)state;
	for (unsigned segment = 0; segment < NH_SEGMENTS; segment++) {
		assert_int_equal(nh_ladder_blocks(0, segment), NH_LADDER_FIRST);
		for (unsigned step = 1; step < STEPS; step++) {
			uint64_t had = nh_ladder_blocks(step - 1, segment);
			uint64_t now = nh_ladder_blocks(step, segment);

			assert_true(now > had);
			/* By half at the most, once there is any choice. */
			if (step > NH_LADDER_SMALL + 2)
				assert_true(2 * now <= 3 * had);
		}
		assert_true(nh_ladder_blocks(STEPS - 1, segment) >
			    NH_CAPACITY_MAX / NH_SEGMENTS / NH_BLOCK_SLOTS);
	}
}

static void
test_at_least_is_the_smallest_size_that_will_do(void **state)
{
	uint64_t wants[4 * STEPS + 1];

	(void)state;
	for (unsigned segment = 0; segment < NH_SEGMENTS; segment++) {
		unsigned n = make_wants(wants, segment);

		for (unsigned i = 0; i < n; i++) {
			uint64_t got = nh_ladder_at_least(wants[i], segment);
			unsigned step = 0;

			while (nh_ladder_blocks(step, segment) != got)
				assert_true(++step < STEPS + 8);
			assert_true(got >= wants[i]);
			if (step)
				assert_true(
					nh_ladder_blocks(step - 1, segment) <
					wants[i]);
		}
	}
}

/* nh_group_drain() has room for no more in its arrays. */
static void
assert_groups_fit(uint64_t had, uint64_t next)
{
	uint64_t groups = nh_gcd(had, next);

	if (had / groups > NH_GROUP_MAX || next / groups > NH_GROUP_MAX)
		fail_msg("%u blocks to %u: groups of %u to %u", (unsigned)had,
			 (unsigned)next, (unsigned)(had / groups),
			 (unsigned)(next / groups));
}

static void
test_no_step_makes_a_group_too_large(void **state)
{
	uint64_t wants[4 * STEPS + 1];

	(void)state;
	for (unsigned segment = 0; segment < NH_SEGMENTS; segment++) {
		unsigned n = make_wants(wants, segment);

		for (unsigned step = 0; step < STEPS; step++) {
			uint64_t had = nh_ladder_blocks(step, segment);

			for (unsigned i = 0; i < n; i++)
				assert_groups_fit(
					had, nh_ladder_toward(had, wants[i],
							      segment));
			assert_groups_fit(had,
					  nh_ladder_at_least(had + 1, segment));
		}
	}
}

static void
test_steps_lead_to_what_is_wanted(void **state)
{
	uint64_t wants[4 * STEPS + 1];

	(void)state;
	for (unsigned segment = 0; segment < 16; segment++) {
		unsigned n = make_wants(wants, segment);

		for (unsigned i = 0; i < n * n; i += 7) {
			uint64_t goal =
				nh_ladder_at_least(wants[i % n], segment);
			uint64_t had =
				nh_ladder_at_least(wants[i / n], segment);
			unsigned steps = 0;

			while (had != goal) {
				had = nh_ladder_toward(had, wants[i % n],
						       segment);
				assert_true(++steps < 40);
			}
			assert_int_equal(
				nh_ladder_toward(had, wants[i % n], segment),
				goal);
		}
	}
}

static void
test_a_segment_without_a_table_gets_the_size_at_once(void **state)
{
	(void)state;
	for (uint64_t want = 1; want < UINT64_C(1) << 36; want = 3 * want + 1)
		assert_int_equal(nh_ladder_toward(0, want, 17),
				 nh_ladder_at_least(want, 17));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_grow_without_end),
		cmocka_unit_test(
			test_at_least_is_the_smallest_size_that_will_do),
		cmocka_unit_test(test_no_step_makes_a_group_too_large),
		cmocka_unit_test(test_steps_lead_to_what_is_wanted),
		cmocka_unit_test(
			test_a_segment_without_a_table_gets_the_size_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
