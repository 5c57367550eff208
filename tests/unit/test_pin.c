/*
 * test_pin.c - what a pin holds, until when, and what it costs others
 *
 * Linked with tests/fault/inject.c, so that memory runs out where a test says.
 */
#include "tests/unit/pin_fixture.h"

#include <stdlib.h>

#include "tests/fault/inject.h"

#define OTHERS 20000
#define MIB ((size_t)1 << 20)

static int
begin(void **state)
{
	*state = pin_map(NH_ARCH_AUTO, NH_DEBUG_OFF, 0);
	return 0;
}

static int
end(void **state)
{
	nh_map_destroy(*state);
	return 0;
}

static void
assert_unpin(struct nh_map *m, struct nh_pin *pin)
{
	assert_int_equal(nh_unpin(m, pin), NH_OK);
	assert_null(pin->value);
	assert_int_equal(pin->len, 0);
}

/* -------------------------------------------------------------------- values
 */

static void
test_a_pin_shows_the_value_without_a_copy(void **state)
{
	struct nh_map *m = *state;
	struct nh_pin one, two;

	put_text(m, "key", "value");
	one = pin_text(m, "key");
	two = pin_text(m, "key");
	assert_pin(&one, "value");
	assert_ptr_equal(one.value, two.value);
	assert_text(m, "key", "value");
	assert_unpin(m, &one);
	assert_pin(&two, "value");
	assert_unpin(m, &two);
	assert_text(m, "key", "value");
}

static void
test_values_of_no_and_of_many_bytes(void **state)
{
	struct nh_map *m = *state;
	unsigned char *large = malloc(MIB);
	struct nh_pin pin;

	assert_non_null(large);
	put_text(m, "nothing", "");
	pin = pin_text(m, "nothing");
	assert_non_null(pin.value);
	assert_int_equal(pin.len, 0);
	assert_unpin(m, &pin);
	for (size_t i = 0; i < MIB; i++)
		large[i] = (unsigned char)mix64(i);
	assert_int_equal(nh_map_put(m, "large", 5, large, MIB), NH_OK);
	pin = pin_text(m, "large");
	assert_int_equal(nh_map_put(m, "large", 5, "small", 5), NH_OK);
	assert_int_equal(pin.len, MIB);
	assert_memory_equal(pin.value, large, MIB);
	assert_true(map_stats(m).entry_bytes > MIB);
	assert_unpin(m, &pin);
	assert_true(map_stats(m).entry_bytes < 100);
	free(large);
}

static int
store_newer(void *arg, const struct nh_bytes *key, bool present,
	    struct nh_bytes *value)
{
	(void)key;
	assert_true(present);
	*value = *(struct nh_bytes *)arg;
	return NH_UPDATE_STORE;
}

/* Each way to replace a value, and what the key has afterwards. */
static void
replace(struct nh_map *m, unsigned way)
{
	struct nh_bytes newer = { "newer", 5 };
	char old[16];
	size_t len = sizeof(old);
	bool loaded;

	if (way == 0)
		put_text(m, "key", "newer");
	else if (way == 1)
		assert_int_equal(nh_map_swap(m, "key", 3, "newer", 5, old, &len,
					     &loaded),
				 NH_OK);
	else if (way == 2)
		assert_int_equal(nh_map_compare_and_swap(m, "key", 3, "value",
							 5, "newer", 5),
				 NH_OK);
	else
		assert_int_equal(
			nh_map_update(m, "key", 3, store_newer, &newer), NH_OK);
	assert_text(m, "key", "newer");
}

static void
test_a_pin_outlives_the_overwriting_of_its_value(void **state)
{
	struct nh_map *m = *state;

	for (unsigned way = 0; way < 4; way++) {
		struct nh_pin old, new;

		put_text(m, "key", "value");
		old = pin_text(m, "key");
		replace(m, way);
		new = pin_text(m, "key");
		put_others(m, OTHERS, "other");
		assert_pin(&old, "value");
		assert_pin(&new, "newer");
		assert_unpin(m, &old);
		assert_pin(&new, "newer");
		assert_unpin(m, &new);
		assert_text(m, "key", "newer");
	}
}

static int
remove_it(void *arg, const struct nh_bytes *key, bool present,
	  struct nh_bytes *value)
{
	(void)arg, (void)key, (void)present, (void)value;
	return NH_UPDATE_REMOVE;
}

static void
remove_key(struct nh_map *m, unsigned way)
{
	char old[16];
	size_t len = sizeof(old);
	int err;

	if (way == 0)
		err = nh_map_delete(m, "key", 3);
	else if (way == 1)
		err = nh_map_load_and_delete(m, "key", 3, old, &len);
	else if (way == 2)
		err = nh_map_compare_and_delete(m, "key", 3, "value", 5);
	else if (way == 3)
		err = nh_map_update(m, "key", 3, remove_it, NULL);
	else
		err = nh_map_clear(m);
	assert_int_equal(err, NH_OK);
}

static void
test_a_pin_outlives_the_removal_of_its_key(void **state)
{
	struct nh_map *m = *state;
	struct nh_pin pin;

	for (unsigned way = 0; way < 5; way++) {
		put_text(m, "key", "value");
		pin = pin_text(m, "key");
		remove_key(m, way);
		assert_int_equal(nh_pin(m, "key", 3, &pin), NH_ERR_NOTFOUND);
		put_others(m, OTHERS, "other");
		assert_pin(&pin, "value");
		assert_int_equal(map_stats(m).orphans, 1);
		assert_unpin(m, &pin);
		assert_int_equal(map_stats(m).orphans, 0);
		delete_others(m, OTHERS);
		assert_int_equal(map_stats(m).entry_bytes, 0);
	}
}

/* The flag moves with the pair, else the overwriting would free the entry. */
static void
test_a_pin_outlives_growing_and_shrinking(void **state)
{
	enum { PINS = 1000 };
	static struct nh_pin pin[PINS];
	struct nh_map *m = *state;

	put_others(m, PINS, "value");
	for (uint32_t i = 0; i < PINS; i++)
		assert_int_equal(nh_pin(m, &i, sizeof(i), &pin[i]), NH_OK);
	put_others(m, 20 * OTHERS, "other"); /* overwrites these too */
	assert_true(map_stats(m).grows > 256);
	delete_others(m, 20 * OTHERS);
	assert_int_equal(nh_map_shrink(m), NH_OK);
	assert_true(map_stats(m).shrinks > 256);
	put_others(m, OTHERS, "third");
	for (uint32_t i = 0; i < PINS; i++) {
		assert_pin(&pin[i], "value");
		assert_unpin(m, &pin[i]);
	}
	delete_others(m, OTHERS);
	assert_int_equal(map_stats(m).entry_bytes, 0);
}

static void
test_a_flag_stays_with_a_pair_that_moves(void **state)
{
	enum { PINS = 1000 };
	static struct nh_pin pin[PINS];
	struct nh_map *m = *state;

	put_others(m, PINS, "value");
	for (uint32_t i = 0; i < PINS; i++)
		assert_int_equal(nh_pin(m, &i, sizeof(i), &pin[i]), NH_OK);
	for (uint32_t i = PINS; i < 10 * OTHERS; i++)
		assert_int_equal(nh_map_put(m, &i, sizeof(i), "other", 5),
				 NH_OK);
	for (uint32_t i = PINS; i < 10 * OTHERS; i++)
		assert_int_equal(nh_map_delete(m, &i, sizeof(i)), NH_OK);
	assert_int_equal(nh_map_shrink(m), NH_OK);
	delete_others(m, PINS);
	assert_int_equal(map_stats(m).orphans, PINS);
	put_others(m, OTHERS, "third");
	for (uint32_t i = 0; i < PINS; i++) {
		assert_pin(&pin[i], "value");
		assert_unpin(m, &pin[i]);
	}
}

/* -------------------------------------------------------------------- memory
 */

static void
test_the_last_of_many_pins_frees_the_value(void **state)
{
	enum { PINS = 1000 };
	static struct nh_pin pin[PINS];
	struct nh_map *m = *state;
	uint64_t bytes;

	put_text(m, "key", "value");
	bytes = map_stats(m).entry_bytes;
	for (unsigned i = 0; i < PINS; i++)
		pin[i] = pin_text(m, "key");
	assert_int_equal(map_stats(m).pins, PINS);
	assert_int_equal(map_stats(m).orphans, 0);
	assert_int_equal(nh_map_delete(m, "key", 3), NH_OK);
	for (unsigned i = 0; i < PINS; i++) {
		assert_int_equal(map_stats(m).pins, PINS - i);
		assert_int_equal(map_stats(m).orphans, 1);
		assert_int_equal(map_stats(m).entry_bytes, bytes);
		assert_pin(&pin[i], "value");
		assert_unpin(m, &pin[i]);
	}
	assert_int_equal(map_stats(m).pins, 0);
	assert_int_equal(map_stats(m).orphans, 0);
	assert_int_equal(map_stats(m).entry_bytes, 0);
	assert_int_equal(nh_map_shrink(m), NH_OK);
	assert_int_equal(map_stats(m).slab_bytes, 0);
}

static void
test_a_value_pinned_before_is_freed_at_once(void **state)
{
	struct nh_map *m = *state;
	struct nh_pin pin;

	for (unsigned round = 0; round < 2; round++) {
		put_text(m, "key", "value");
		pin = pin_text(m, "key");
		assert_unpin(m, &pin);
		if (round) {
			put_text(m, "key", "");
			assert_int_equal(map_stats(m).entry_bytes, 8 + 3);
		}
		assert_int_equal(nh_map_delete(m, "key", 3), NH_OK);
		assert_int_equal(map_stats(m).entry_bytes, 0);
	}
}

static void
test_a_map_may_be_destroyed_with_pins_left(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_OFF, 0);

	(void)state;
	put_text(m, "key", "value");
	put_text(m, "other", "value");
	pin_text(m, "key");
	pin_text(m, "other");
	assert_int_equal(nh_map_delete(m, "key", 3), NH_OK);
	nh_map_destroy(m);
}

static void
test_without_memory_nothing_is_pinned(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (uint64_t first = 1;; first++) {
		struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_OFF, 0);
		struct nh_pin pin = { .len = 4711 };
		int err;

		put_text(m, "key", "value");
		inject(INJECT_MEMORY, first, INJECT_STICKY);
		err = nh_pin(m, "key", 3, &pin);
		inject_end(INJECT_MEMORY);
		if (err) {
			assert_int_equal(err, NH_ERR_NOMEM);
			assert_int_equal(pin.len, 4711);
			assert_int_equal(map_stats(m).pins, 0);
			failed++;
		}
		assert_int_equal(nh_map_delete(m, "key", 3), NH_OK);
		assert_int_equal(map_stats(m).entry_bytes == 0, err != 0);
		nh_map_destroy(m);
		if (!err)
			break;
	}
	assert_true(failed > 0);
}

/* ------------------------------------------------------------------ mistakes
 */

static void
test_arguments_are_checked(void **state)
{
	struct nh_map *m = *state;
	struct nh_pin pin;

	put_text(m, "key", "value");
	assert_int_equal(nh_pin(NULL, "key", 3, &pin), NH_ERR_ARG);
	assert_int_equal(nh_pin(m, NULL, 3, &pin), NH_ERR_ARG);
	assert_int_equal(nh_pin(m, "key", 0, &pin), NH_ERR_ARG);
	assert_int_equal(nh_pin(m, "key", NH_KEY_MAX + 1, &pin), NH_ERR_ARG);
	assert_int_equal(nh_pin(m, "key", 3, NULL), NH_ERR_ARG);
	assert_int_equal(nh_pin(m, "absent", 6, &pin), NH_ERR_NOTFOUND);
	pin = pin_text(m, "key");
	assert_int_equal(nh_unpin(NULL, &pin), NH_ERR_ARG);
	assert_int_equal(nh_unpin(m, NULL), NH_ERR_ARG);
	assert_unpin(m, &pin);
}

static void
test_unpin_tells_what_is_no_pin(void **state)
{
	struct nh_map *m = *state, *other;
	struct nh_pin pin, copy, garbage;

	memset(&garbage, 0xa5, sizeof(garbage));
	assert_int_equal(nh_unpin(m, &garbage), NH_ERR_ARG);
	put_text(m, "key", "value");
	pin = copy = pin_text(m, "key");
	other = pin_map(NH_ARCH_AUTO, NH_DEBUG_OFF, 0);
	assert_int_equal(nh_unpin(other, &pin), NH_ERR_ARG);
	put_text(other, "key", "value");
	garbage = pin_text(other, "key");
	assert_int_equal(nh_unpin(m, &garbage), NH_ERR_ARG);
	nh_map_destroy(other);
	memset(&garbage, 0xa5, sizeof(garbage));
	assert_int_equal(nh_unpin(m, &garbage), NH_ERR_ARG);
	assert_int_equal(map_stats(m).pins, 1);
	assert_unpin(m, &pin);
	assert_int_equal(nh_unpin(m, &pin), NH_ERR_ARG);
	assert_int_equal(nh_unpin(m, &copy), NH_ERR_ARG);
	assert_text(m, "key", "value");
}

/* Memory is used again at once, so a later value has the same address. */
static void
test_unpin_tells_a_pin_of_an_earlier_value(void **state)
{
	struct nh_map *m = *state;
	unsigned same = 0;

	put_text(m, "key", "value");
	for (unsigned i = 0; i < 1000; i++) {
		struct nh_pin pin = pin_text(m, "key");
		struct nh_pin copy = pin, new;

		assert_unpin(m, &pin);
		assert_int_equal(nh_map_delete(m, "key", 3), NH_OK);
		put_text(m, "key", "newer");
		new = pin_text(m, "key");
		same += new.value == copy.value;
		assert_int_equal(nh_unpin(m, &copy), NH_ERR_ARG);
		assert_int_equal(map_stats(m).pins, 1);
		assert_unpin(m, &new);
	}
	assert_true(same > 500);
}

struct in_callback {
	struct nh_map *m;
	struct nh_pin *pin;
};

static int
pin_and_unpin(void *arg, const struct nh_bytes *key, bool present,
	      struct nh_bytes *value)
{
	struct in_callback *in = arg;
	struct nh_pin pin;

	(void)key, (void)present, (void)value;
	assert_int_equal(nh_pin(in->m, "key", 3, &pin), NH_ERR_REENTRY);
	assert_int_equal(nh_unpin(in->m, in->pin), NH_OK);
	assert_int_equal(nh_map_delete(in->m, "key", 3), NH_ERR_REENTRY);
	return NH_UPDATE_KEEP;
}

static void
test_a_callback_may_unpin_but_not_pin(void **state)
{
	struct nh_map *m = *state;
	struct nh_pin pin;
	struct in_callback in = { m, &pin };

	for (unsigned orphan = 0; orphan < 2; orphan++) {
		put_text(m, "key", "value");
		pin = pin_text(m, "key");
		if (orphan)
			put_text(m, "key", "newer");
		assert_int_equal(nh_map_update(m, "key", 3, pin_and_unpin, &in),
				 NH_OK);
		assert_int_equal(map_stats(m).pins, 0);
		assert_int_equal(map_stats(m).entry_bytes, 8 + 3 + 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_pin_shows_the_value_without_a_copy, begin, end),
		cmocka_unit_test_setup_teardown(
			test_values_of_no_and_of_many_bytes, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_pin_outlives_the_overwriting_of_its_value, begin,
			end),
		cmocka_unit_test_setup_teardown(
			test_a_pin_outlives_the_removal_of_its_key, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_pin_outlives_growing_and_shrinking, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_flag_stays_with_a_pair_that_moves, begin, end),
		cmocka_unit_test_setup_teardown(
			test_the_last_of_many_pins_frees_the_value, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_value_pinned_before_is_freed_at_once, begin,
			end),
		cmocka_unit_test(test_a_map_may_be_destroyed_with_pins_left),
		cmocka_unit_test(test_without_memory_nothing_is_pinned),
		cmocka_unit_test_setup_teardown(test_arguments_are_checked,
						begin, end),
		cmocka_unit_test_setup_teardown(test_unpin_tells_what_is_no_pin,
						begin, end),
		cmocka_unit_test_setup_teardown(
			test_unpin_tells_a_pin_of_an_earlier_value, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_callback_may_unpin_but_not_pin, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
