/*
 * test_pin_debug.c - who holds which pin, and that nobody pays who did not ask
 *
 * Linked with -rdynamic, so that frames have names; with tests/fault/inject.c,
 * which counts allocations; and so that backtraces and mutexes are counted.
 * Standard error is looked at where the library writes there.  What the
 * environment does is seen in this program run again with --leak.
 */
#include "tests/unit/pin_fixture.h"

#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/inject.h"

#define OUTPUT 16384

/* ----------------------------------------------------------------- counting
 */

static unsigned backtraces, mutexes;

int __real_backtrace(void **frame, int n);
int __wrap_backtrace(void **frame, int n);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

int
__wrap_backtrace(void **frame, int n)
{
	backtraces++;
	return __real_backtrace(frame, n);
}

int
__wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	mutexes++;
	return __real_pthread_mutex_lock(mutex);
}

static void
wait_ms(long ms)
{
	struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

/* ------------------------------------------------------------------ reports
 */

/* Not inlined, not static, not a tail call: a frame with a name. */
struct nh_pin pin_in_a_named_function(struct nh_map *m, const char *key);

struct nh_pin __attribute__((noinline))
pin_in_a_named_function(struct nh_map *m, const char *key)
{
	struct nh_pin pin = { 0 };

	if (nh_pin(m, key, strlen(key), &pin))
		pin.len = SIZE_MAX;
	return pin;
}

static const char *
report(const struct nh_map *m, uint64_t min_age_ms)
{
	static char text[OUTPUT];
	size_t len = nh_pins_report(m, min_age_ms, text, sizeof(text));

	assert_true(len < sizeof(text));
	assert_int_equal(strlen(text), len);
	return text;
}

static unsigned
times(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void
test_a_report_names_who_pinned_what(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	struct nh_pin pin;
	char thread[64];
	const char *text;

	(void)state;
	put_text(m, "the \"key\"\n", "value");
	pin = pin_in_a_named_function(m, "the \"key\"\n");
	assert_pin(&pin, "value");
	text = report(m, 0);
	snprintf(thread, sizeof(thread), "by thread %ld (", (long)gettid());
	assert_non_null(strstr(text, thread));
	assert_non_null(strstr(text, "key \"the \\x22key\\x22\\x0a\" of 10"));
	assert_non_null(strstr(text, "value of 5 bytes\n"));
	assert_non_null(strstr(text, "pin_in_a_named_function+0x"));
	/* The first frame is the caller's, not one of the library. */
	assert_null(strstr(text, "nh_pin+0x"));
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	assert_string_equal(report(m, 0), "");
	nh_map_destroy(m);
}

static void
test_a_long_key_is_cut_and_an_orphan_is_called_one(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	const char *key = "0123456789abcdef0123456789abcdefXYZ";
	struct nh_pin pin;

	(void)state;
	put_text(m, key, "value");
	pin = pin_text(m, key);
	assert_non_null(strstr(report(m, 0), "89abcdef\"... of 35 bytes"));
	assert_null(strstr(report(m, 0), "overwritten or deleted"));
	put_text(m, key, "newer");
	assert_non_null(strstr(report(m, 0), "overwritten or deleted"));
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	nh_map_destroy(m);
}

static void
test_a_report_is_measured_and_cut_to_its_room(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	char little[16], *whole;
	struct nh_pin pin;
	size_t len;

	(void)state;
	put_text(m, "key", "value");
	pin = pin_text(m, "key");
	wait_ms(1200); /* so that the age has four digits for a while */
	len = nh_pins_report(m, 0, NULL, 0);
	assert_true(len > 100);
	memset(little, '#', sizeof(little));
	assert_int_equal(nh_pins_report(m, 0, little, 8), len);
	assert_string_equal(little, "pin hel");
	assert_int_equal(little[8], '#');
	assert_int_equal(nh_pins_report(m, 0, little, 0), len);
	assert_int_equal(little[0], 'p');
	whole = malloc(len + 1);
	assert_non_null(whole);
	assert_int_equal(nh_pins_report(m, 0, whole, len + 1), len);
	assert_int_equal(strlen(whole), len);
	assert_int_equal(whole[len - 1], '\n');
	free(whole);
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	nh_map_destroy(m);
}

static void
test_a_report_has_the_oldest_first_and_asks_their_age(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	const char *name[] = { "first", "second", "third" };
	struct nh_pin pin[3];
	const char *text;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		put_text(m, name[i], "value");
		if (i == 2)
			wait_ms(300);
		pin[i] = pin_text(m, name[i]);
	}
	text = report(m, 0);
	assert_true(strstr(text, "first") < strstr(text, "second"));
	assert_true(strstr(text, "second") < strstr(text, "third"));
	text = report(m, 250);
	assert_int_equal(times(text, "pin held for"), 2);
	assert_null(strstr(text, "third"));
	assert_string_equal(report(m, 3600000), "");
	assert_true(map_stats(m).oldest_pin_ms >= 300);
	assert_int_equal(map_stats(m).pins, 3);
	assert_int_equal(nh_unpin(m, &pin[1]), NH_OK);
	text = report(m, 0);
	assert_int_equal(times(text, "pin held for"), 2);
	assert_null(strstr(text, "second"));
	assert_int_equal(nh_unpin(m, &pin[0]), NH_OK);
	assert_true(map_stats(m).oldest_pin_ms < 300);
	assert_int_equal(nh_unpin(m, &pin[2]), NH_OK);
	assert_int_equal(map_stats(m).oldest_pin_ms, 0);
	nh_map_destroy(m);
}

/* ----------------------------------------------------------- standard error
 */

static int real_stderr = -1;
static FILE *caught;

static void
catch_stderr(void)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	caught = tmpfile();
	assert_true(real_stderr >= 0 && caught);
	assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static const char *
caught_stderr(void)
{
	static char text[OUTPUT];
	size_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(caught);
	n = fread(text, 1, sizeof(text) - 1, caught);
	text[n] = '\0';
	fclose(caught);
	return text;
}

static void
test_what_is_left_is_reported_at_the_end(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	struct nh_pin pin;
	const char *text;

	(void)state;
	put_text(m, "kept", "value");
	put_text(m, "lost", "value");
	put_text(m, "given", "value");
	pin_text(m, "kept");
	pin_in_a_named_function(m, "lost");
	pin = pin_text(m, "given");
	assert_int_equal(nh_map_delete(m, "lost", 4), NH_OK);
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	catch_stderr();
	nh_map_destroy(m);
	text = caught_stderr();
	assert_int_equal(times(text, "numahash: left when the map was"), 2);
	assert_non_null(strstr(text, "key \"kept\""));
	assert_non_null(strstr(text, "key \"lost\""));
	assert_null(strstr(text, "key \"given\""));
	assert_int_equal(times(text, "overwritten or deleted"), 1);
	assert_int_equal(times(text, "pin_in_a_named_function+0x"), 1);
}

static void
test_nothing_is_said_of_pins_that_were_given_back(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 3600000);
	struct nh_pin pin;

	(void)state;
	catch_stderr();
	put_text(m, "key", "value");
	pin = pin_text(m, "key");
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	nh_map_destroy(m);
	assert_string_equal(caught_stderr(), "");
}

static void
test_a_pin_held_for_too_long_is_reported_once(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 100);
	struct nh_pin old, older, young;
	const char *text;

	(void)state;
	put_text(m, "older", "value");
	put_text(m, "old", "value");
	put_text(m, "young", "value");
	catch_stderr();
	older = pin_text(m, "older");
	old = pin_text(m, "old");
	wait_ms(150);
	young = pin_text(m, "young");
	assert_int_equal(nh_unpin(m, &young), NH_OK);
	assert_int_equal(nh_unpin(m, &older), NH_OK);
	young = pin_text(m, "young");
	assert_int_equal(nh_unpin(m, &old), NH_OK);
	wait_ms(150);
	assert_int_equal(nh_unpin(m, &young), NH_OK);
	nh_map_destroy(m);
	text = caught_stderr();
	assert_int_equal(times(text, "numahash: held for too long"), 3);
	assert_int_equal(times(text, "key \"older\""), 1);
	assert_int_equal(times(text, "key \"old\""), 1);
	assert_int_equal(times(text, "key \"young\""), 1);
}

/* A map by the environment alone, and a pin that is not given back. */
static int
leak(void)
{
	struct nh_map *m = nh_map_create(NULL, NULL);
	struct nh_pin pin;

	if (!m || nh_map_put(m, "key", 3, "value", 5) ||
	    nh_pin(m, "key", 3, &pin))
		return 1;
	wait_ms(20);
	if (nh_pin(m, "key", 3, &pin) || nh_unpin(m, &pin))
		return 1;
	nh_map_destroy(m);
	return 0;
}

/* What this program says as `leak` with these variables ("A=1 B=2"). */
static const char *
leak_says(const char *variables)
{
	static char text[OUTPUT];
	char command[512], self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *pipe;
	size_t got;

	assert_true(n > 0);
	self[n] = '\0';
	snprintf(command, sizeof(command), "%s '%s' --leak 2>&1", variables,
		 self);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	got = fread(text, 1, sizeof(text) - 1, pipe);
	text[got] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return text;
}

static void
test_the_environment_asks_for_records(void **state)
{
	const char *text;

	(void)state;
	assert_string_equal(leak_says(""), "");
	assert_string_equal(leak_says("NUMAHASH_DEBUG=off"), "");
	assert_string_equal(leak_says("NUMAHASH_PIN_AGE_MS=10"), "");
	text = leak_says("NUMAHASH_DEBUG=pins");
	assert_int_equal(times(text, "left when the map was destroyed"), 1);
	assert_int_equal(times(text, "held for too long"), 0);
	text = leak_says("NUMAHASH_DEBUG=pins NUMAHASH_PIN_AGE_MS=10");
	assert_int_equal(times(text, "left when the map was destroyed"), 1);
	assert_int_equal(times(text, "held for too long"), 1);
	assert_string_equal(
		leak_says("NUMAHASH_DEBUG=pins NUMAHASH_PIN_AGE_MS=10 "
			  "NUMAHASH_QUIET=1"),
		"");
	text = leak_says("NUMAHASH_DEBUG=1");
	assert_int_equal(times(text, "NUMAHASH_DEBUG: bad value"), 1);
}

/* ----------------------------------------------------------------- mistakes
 */

static void
test_with_records_a_copy_counts_once(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	struct nh_pin pin, copy, other, forged;

	(void)state;
	put_text(m, "key", "value");
	memset(&forged, 0xa5, sizeof(forged));
	assert_int_equal(nh_unpin(m, &forged), NH_ERR_ARG);
	pin = copy = pin_text(m, "key");
	other = pin_text(m, "key");
	forged = other;
	forged.own[0] = 0;
	assert_int_equal(nh_unpin(m, &forged), NH_ERR_ARG);
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	assert_int_equal(nh_unpin(m, &copy), NH_ERR_ARG);
	assert_int_equal(map_stats(m).pins, 1);
	assert_pin(&other, "value");
	assert_int_equal(nh_unpin(m, &other), NH_OK);
	nh_map_destroy(m);
}

static void
test_without_memory_for_a_record_nothing_is_pinned(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (uint64_t first = 1;; first++) {
		struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
		struct nh_pin pin = { .len = 4711 };
		int err;

		put_text(m, "key", "value");
		inject(INJECT_MEMORY, first, INJECT_STICKY);
		err = nh_pin(m, "key", 3, &pin);
		inject_end(INJECT_MEMORY);
		assert_int_equal(map_stats(m).pins, !err);
		if (!err) {
			assert_int_equal(nh_unpin(m, &pin), NH_OK);
			nh_map_destroy(m);
			break;
		}
		assert_int_equal(err, NH_ERR_NOMEM);
		assert_int_equal(pin.len, 4711);
		assert_string_equal(report(m, 0), "");
		assert_int_equal(nh_map_delete(m, "key", 3), NH_OK);
		assert_int_equal(map_stats(m).entry_bytes, 0);
		nh_map_destroy(m);
		failed++;
	}
	assert_true(failed > 2);
}

static void
test_unknown_records_are_refused(void **state)
{
	struct nh_config config = config_make(FIXTURE_SEED);
	int err = NH_OK;

	(void)state;
	config.debug = NH_DEBUG_PINS << 1;
	assert_null(nh_map_create(&config, &err));
	assert_int_equal(err, NH_ERR_ARG);
	config.debug = -1;
	assert_null(nh_map_create(&config, &err));
	assert_int_equal(err, NH_ERR_ARG);
}

/* ------------------------------------------------------------- free when off
 */

#define CALLS 1000

struct cost {
	uint64_t allocations;
	unsigned mutexes, backtraces;
};

static void
use_map(struct nh_map *m, bool pins)
{
	char got[16];

	for (unsigned i = 0; i < CALLS; i++) {
		size_t len = sizeof(got);
		struct nh_pin pin;

		assert_int_equal(nh_map_get(m, "key", 3, got, &len), NH_OK);
		if (!pins)
			continue;
		pin = pin_text(m, "key");
		put_text(m, "key", "value");
		assert_int_equal(nh_unpin(m, &pin), NH_OK);
	}
}

static struct cost
cost_of(int debug, bool pins)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, debug, 0);
	struct cost cost;

	put_text(m, "key", "value");
	/* Each segment of the table of pins is made when it is first used. */
	for (unsigned i = 0; i < 20; i++)
		use_map(m, true);
	inject(INJECT_MEMORY, 1, 0);
	mutexes = backtraces = 0;
	use_map(m, pins);
	cost = (struct cost){ inject_calls(INJECT_MEMORY), mutexes,
			      backtraces };
	inject_end(INJECT_MEMORY);
	nh_map_destroy(m);
	return cost;
}

static void
test_a_get_of_what_is_pinned_costs_what_it_did(void **state)
{
	(void)state;
	for (int debug = NH_DEBUG_OFF; debug <= NH_DEBUG_PINS; debug++) {
		struct cost cost = cost_of(debug, false);

		assert_int_equal(cost.allocations, 0);
		assert_int_equal(cost.mutexes, 0);
		assert_int_equal(cost.backtraces, 0);
	}
}

static void
test_without_records_a_pin_costs_no_allocation(void **state)
{
	struct cost cost = cost_of(NH_DEBUG_OFF, true);

	(void)state;
	assert_int_equal(cost.allocations, 0);
	assert_int_equal(cost.mutexes, 0);
	assert_int_equal(cost.backtraces, 0);
	/* The same counters do count. */
	cost = cost_of(NH_DEBUG_PINS, true);
	assert_true(cost.allocations >= CALLS);
	assert_true(cost.mutexes >= 2 * CALLS);
	assert_int_equal(cost.backtraces, CALLS);
}

/* The callback has the block locked: a get that wanted it would hang. */
static int
get_inside(void *arg, const struct nh_bytes *key, bool present,
	   struct nh_bytes *value)
{
	(void)key, (void)present, (void)value;
	assert_text(arg, "key", "value");
	return NH_UPDATE_KEEP;
}

static void
test_a_get_of_what_is_pinned_takes_no_lock(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_PINS, 0);
	struct nh_pin pin;

	(void)state;
	put_text(m, "key", "value");
	pin = pin_text(m, "key");
	assert_int_equal(nh_map_update(m, "key", 3, get_inside, m), NH_OK);
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	nh_map_destroy(m);
}

static void
test_a_map_without_records_reports_nothing(void **state)
{
	struct nh_map *m = pin_map(NH_ARCH_AUTO, NH_DEBUG_OFF, 1);
	struct nh_pin pin;
	char text[8] = "#######";

	(void)state;
	assert_int_equal(nh_pins_report(NULL, 0, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	put_text(m, "key", "value");
	pin = pin_text(m, "key");
	catch_stderr();
	wait_ms(5);
	assert_string_equal(report(m, 0), "");
	assert_int_equal(nh_pins_report(m, 0, NULL, 100), 0);
	assert_int_equal(map_stats(m).oldest_pin_ms, 0);
	assert_int_equal(nh_unpin(m, &pin), NH_OK);
	pin_text(m, "key");
	nh_map_destroy(m);
	assert_string_equal(caught_stderr(), "");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_report_names_who_pinned_what),
		cmocka_unit_test(
			test_a_long_key_is_cut_and_an_orphan_is_called_one),
		cmocka_unit_test(test_a_report_is_measured_and_cut_to_its_room),
		cmocka_unit_test(
			test_a_report_has_the_oldest_first_and_asks_their_age),
		cmocka_unit_test(test_what_is_left_is_reported_at_the_end),
		cmocka_unit_test(
			test_nothing_is_said_of_pins_that_were_given_back),
		cmocka_unit_test(test_a_pin_held_for_too_long_is_reported_once),
		cmocka_unit_test(test_the_environment_asks_for_records),
		cmocka_unit_test(test_with_records_a_copy_counts_once),
		cmocka_unit_test(
			test_without_memory_for_a_record_nothing_is_pinned),
		cmocka_unit_test(test_unknown_records_are_refused),
		cmocka_unit_test(
			test_a_get_of_what_is_pinned_costs_what_it_did),
		cmocka_unit_test(
			test_without_records_a_pin_costs_no_allocation),
		cmocka_unit_test(test_a_get_of_what_is_pinned_takes_no_lock),
		cmocka_unit_test(test_a_map_without_records_reports_nothing),
	};

	if (argc > 1 && !strcmp(argv[1], "--leak"))
		return leak();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
