/*
 * test_config.c - what the NUMAHASH_ environment does
 *
 * The library reads the environment once in a process.  So each case runs this
 * program again with --probe and an environment of its own; the probe prints
 * what it sees, and the test reads both of its outputs.
 */
#include "numa/topo.h"
#include "tests/unit/u64_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define OUTPUT 16384

/* --------------------------------------------------------------- the probe */

static void
probe_config(void)
{
	struct nh_config config, again;

	nh_config_init(&config);
	nh_config_init(&again);
	printf("size=%zu\n", config.size);
	printf("capacity=%" PRIu64 "\n", config.capacity);
	printf("seed=%" PRIu64 "\n", config.seed);
	printf("arch=%d\n", config.arch);
	printf("fixed=%d\n", config.fixed);
	printf("maintenance=%d\n", config.maintenance);
	printf("debug=%d\n", config.debug);
	printf("pin_age_ms=%" PRIu64 "\n", config.pin_age_ms);
	printf("idle=%d %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", config.idle,
	       config.idle_timeout_ms, config.check_interval_ms,
	       config.min_idle_count);
	printf("same=%d\n", again.capacity == config.capacity &&
				    again.seed == config.seed &&
				    again.arch == config.arch &&
				    again.fixed == config.fixed &&
				    again.maintenance == config.maintenance);
}

static void
probe_warnings(void)
{
	char text[4096], little[8] = "#######";
	int count = nh_config_warnings(text, sizeof(text));

	printf("warnings=%d\n", count);
	printf("fits=%d\n", nh_config_warnings(little, 4) == count &&
				    strlen(little) < 4 && little[4] == '#');
	if (count)
		printf("%s\n", text);
}

static void
probe_map(void)
{
	struct nh_memory memory;
	int err = 0;
	struct nh_u64 *m = nh_u64_create(NULL, &err);

	memory = memory_of_process();
	printf("err=%d\n", err);
	printf("room=%d\n", m && stats_of(m).slots >= 1000000);
	printf("hugetlb_tried=%d\n",
	       memory.hugetlb + memory.hugetlb_refused > 0);
	printf("transparent_tried=%d\n",
	       memory.transparent + memory.transparent_refused > 0);
	printf("small=%d\n", memory.small > 0);
	printf("giant_tried=%d\n", memory.giant + memory.giant_refused > 0);
	nh_u64_destroy(m);
}

/* The number of nodes, as nh_describe() has it. */
static void
probe_nodes(void)
{
	char text[65536];
	const char *at;

	nh_describe(text, sizeof(text));
	at = strstr(text, "memory nodes: ");
	printf("nodes=%d\n", at ? atoi(at + 14) : 0);
}

static int
probe(void)
{
	probe_nodes();
	printf("secure=%d\n", getauxval(AT_SECURE) != 0);
	probe_config();
	probe_warnings();
	probe_map();
	return 0;
}

/* ------------------------------------------------------- running the probe */

/* What a probe wrote. */
struct said {
	char out[OUTPUT], err[OUTPUT];
};

static void
read_all(int fd, char *text)
{
	size_t length = 0;
	ssize_t got;

	while (length < OUTPUT - 1 &&
	       (got = read(fd, text + length, OUTPUT - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(fd);
}

_Noreturn static void
become_probe(const char *program, uid_t uid, const char *const *env,
	     const int out[2], const int err[2])
{
	const char *argv[] = { program, "--probe", NULL };
	const char *envp[16] = { "ASAN_OPTIONS=detect_leaks=0" };

	for (unsigned i = 0; i < 14 && env[i]; i++)
		envp[i + 1] = env[i];
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	if (uid && (setgid(uid) || setuid(uid)))
		_exit(126);
	execve(program, (char *const *)argv, (char *const *)envp);
	_exit(127);
}

static void
run_probe(const char *program, uid_t uid, const char *const *env,
	  struct said *said)
{
	int out[2], err[2], status;
	pid_t child;

	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(err), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		become_probe(program, uid, env, out, err);
	close(out[1]);
	close(err[1]);
	read_all(out[0], said->out);
	read_all(err[0], said->err);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("probe ended with status %d: %s", status, said->err);
}

/* with - the probe's answer to one or two variables (NULL: none) */
static const struct said *
with(const char *one, const char *two)
{
	static struct said said;
	const char *env[] = { one, two, NULL };

	run_probe("/proc/self/exe", 0, env, &said);
	return &said;
}

static void
assert_line(const struct said *said, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = said->out; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, length) == 0 && at[length] == '\n')
			return;
	}
	fail_msg("the probe does not say \"%s\" but:\n%s", line, said->out);
}

static unsigned
lines_in(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void
assert_defaults(const struct said *said)
{
	assert_line(said, "capacity=0");
	assert_line(said, "seed=0");
	assert_line(said, "arch=0");
	assert_line(said, "fixed=0");
	assert_line(said, "maintenance=0");
	assert_line(said, "idle=0 300000 5000 2");
	assert_line(said, "same=1");
	assert_line(said, "err=0");
}

/* ----------------------------------------------------------------- the tests
 */

static void
test_without_variables_all_is_default_and_silent(void **state)
{
	const struct said *said = with(NULL, NULL);
	char size[32];

	(void)state;
	snprintf(size, sizeof(size), "size=%zu", sizeof(struct nh_config));
	assert_line(said, size);
	assert_defaults(said);
	assert_line(said, "warnings=0");
	assert_string_equal(said->err, "");
}

static void
test_every_variable_is_obeyed(void **state)
{
	static const char *const cases[][2] = {
		{ "NUMAHASH_ARCH=auto", "arch=0" },
		{ "NUMAHASH_ARCH=generic", "arch=2" },
		{ "NUMAHASH_CAPACITY=0", "capacity=0" },
		{ "NUMAHASH_CAPACITY=12345", "capacity=12345" },
		{ "NUMAHASH_FIXED=0", "fixed=0" },
		{ "NUMAHASH_FIXED=1", "fixed=1" },
		{ "NUMAHASH_SEED=0", "seed=0" },
		{ "NUMAHASH_SEED=18446744073709551615",
		  "seed=18446744073709551615" },
		{ "NUMAHASH_MAINTENANCE=0", "maintenance=0" },
		{ "NUMAHASH_MAINTENANCE=1", "maintenance=1" },
		{ "NUMAHASH_IDLE=1", "idle=1 300000 5000 2" },
		{ "NUMAHASH_IDLE_TIMEOUT_MS=7", "idle=0 7 5000 2" },
		{ "NUMAHASH_CHECK_INTERVAL_MS=0", "idle=0 300000 0 2" },
		{ "NUMAHASH_MIN_IDLE_COUNT=4294967295",
		  "idle=0 300000 5000 4294967295" },
		{ "NUMAHASH_PREFAULT=1048576", "warnings=0" },
		{ "NUMAHASH_HUGEPAGES=auto", "warnings=0" },
		{ "NUMAHASH_CPU_DISABLE=none", "warnings=0" },
		{ "NUMAHASH_CPU_DISABLE=avx512", "warnings=0" },
		{ "NUMAHASH_CPU_DISABLE=avx", "warnings=0" },
		{ "NUMAHASH_DEBUG=off", "debug=0" },
		{ "NUMAHASH_DEBUG=pins", "debug=1" },
		{ "NUMAHASH_PIN_AGE_MS=60000", "pin_age_ms=60000" },
		{ "NUMAHASH_FAKE_NODES=1", "nodes=1" },
		{ "NUMAHASH_FAKE_NODES=64", "nodes=64" },
		{ "NUMAHASH_VERBOSE=0", "warnings=0" },
		{ "NUMAHASH_QUIET=0", "warnings=0" },
		{ "NUMAHASH_QUIET=1", "warnings=0" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct said *said = with(cases[i][0], NULL);

		assert_line(said, cases[i][1]);
		assert_line(said, "same=1");
		assert_line(said, "warnings=0");
		assert_string_equal(said->err, "");
	}
}

static void
test_native_arch_is_obeyed_where_there_is_one(void **state)
{
	const struct said *said = with("NUMAHASH_ARCH=native", NULL);

	(void)state;
	assert_line(said, "arch=1");
	assert_line(said, "warnings=0");
}

static void
test_create_without_a_config_obeys_the_environment(void **state)
{
	(void)state;
	assert_line(with("NUMAHASH_CAPACITY=1000000", NULL), "room=1");
	assert_line(with("NUMAHASH_CAPACITY=1000", NULL), "room=0");
	assert_line(with("NUMAHASH_FIXED=1", NULL), "err=-1");
	assert_line(with("NUMAHASH_FIXED=1", "NUMAHASH_CAPACITY=8"), "err=0");
}

static void
test_huge_pages_are_tried_as_told(void **state)
{
	const char *big = "NUMAHASH_CAPACITY=4000000";
	const struct said *said;

	(void)state;
	said = with("NUMAHASH_HUGEPAGES=off", big);
	assert_line(said, "hugetlb_tried=0");
	assert_line(said, "transparent_tried=0");
	assert_line(said, "small=1");
	said = with("NUMAHASH_HUGEPAGES=thp", big);
	assert_line(said, "hugetlb_tried=0");
	assert_line(said, "transparent_tried=1");
	assert_line(with("NUMAHASH_HUGEPAGES=hugetlb", big), "hugetlb_tried=1");
	assert_line(with("NUMAHASH_HUGEPAGES=2M", big), "hugetlb_tried=1");
	said = with("NUMAHASH_HUGEPAGES=auto", big);
	assert_line(said, "hugetlb_tried=1");
	assert_line(said, "giant_tried=0");
	assert_line(with("NUMAHASH_HUGEPAGES=1G", big), "giant_tried=1");
}

static void
assert_warned_once(const struct said *said, const char *variable)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(variable, "="),
		 variable);
	assert_defaults(said);
	assert_line(said, "warnings=1");
	assert_line(said, "fits=1");
	assert_int_equal(lines_in(said->err), 1);
	assert_non_null(strstr(said->err, name));
	assert_non_null(strstr(said->out, name));
}

static void
test_values_that_do_not_parse_are_warned_about(void **state)
{
	static const char *const junk[] = {
		"NUMAHASH_ARCH=",
		"NUMAHASH_ARCH=z80",
		"NUMAHASH_ARCH=genericx",
		"NUMAHASH_HUGEPAGES=2",
		"NUMAHASH_HUGEPAGES=offf",
		"NUMAHASH_HUGEPAGES=1g",
		"NUMAHASH_CAPACITY=",
		"NUMAHASH_CAPACITY=many",
		"NUMAHASH_CAPACITY=12junk",
		"NUMAHASH_CAPACITY=-1",
		"NUMAHASH_CAPACITY=68719476737",
		"NUMAHASH_CAPACITY=18446744073709551616",
		"NUMAHASH_FIXED=2",
		"NUMAHASH_FIXED=yes",
		"NUMAHASH_FIXED=",
		"NUMAHASH_SEED=-1",
		"NUMAHASH_SEED=18446744073709551616",
		"NUMAHASH_SEED=99999999999999999999999999999999999",
		"NUMAHASH_MAINTENANCE=on",
		"NUMAHASH_IDLE=2",
		"NUMAHASH_IDLE_TIMEOUT_MS=4294967296",
		"NUMAHASH_CHECK_INTERVAL_MS=often",
		"NUMAHASH_MIN_IDLE_COUNT=-1",
		"NUMAHASH_PREFAULT=lots",
		"NUMAHASH_PREFAULT=-4096",
		"NUMAHASH_CPU_DISABLE=sse",
		"NUMAHASH_DEBUG=1",
		"NUMAHASH_DEBUG=pin",
		"NUMAHASH_PIN_AGE_MS=1s",
		"NUMAHASH_QUIET=maybe",
		"NUMAHASH_VERBOSE=2",
		"NUMAHASH_FAKE_NODES=65",
		"NUMAHASH_FAKE_NODES=two",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		assert_warned_once(with(junk[i], NULL), junk[i]);
}

static void
test_unknown_names_are_warned_about(void **state)
{
	static const char *const unknown[] = {
		"NUMAHASH_CAPACTIY=5",	"NUMAHASH_ARCHX=generic",
		"NUMAHASH_ARC=generic", "NUMAHASH_=1",
		"NUMAHASH_seed=1",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		assert_warned_once(with(unknown[i], NULL), unknown[i]);
}

static void
test_names_of_others_are_not_warned_about(void **state)
{
	static const char *const others[] = {
		"NUMAHASH=1",
		"NUMAHAS_ARCH=x",
		"XNUMAHASH_ARCH=x",
		"numahash_arch=x",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++) {
		const struct said *said = with(others[i], NULL);

		assert_defaults(said);
		assert_line(said, "warnings=0");
		assert_string_equal(said->err, "");
	}
}

static void
test_each_warning_has_its_line_in_both_places(void **state)
{
	const struct said *said = with("NUMAHASH_ARCH=z80", "NUMAHASH_FOO=1");
	char err[OUTPUT];

	(void)state;
	assert_line(said, "warnings=2");
	assert_int_equal(lines_in(said->err), 2);
	strcpy(err, said->err);
	for (char *line = strtok(err, "\n"); line; line = strtok(NULL, "\n"))
		assert_line(said, line);
}

static void
test_long_values_do_no_harm(void **state)
{
	static char variable[100000] = "NUMAHASH_ARCH=";
	const struct said *said;

	(void)state;
	memset(variable + strlen(variable), 'x', 5000);
	said = with(variable, NULL);
	assert_defaults(said);
	assert_line(said, "warnings=1");
	assert_int_equal(lines_in(said->err), 1);
}

static void
test_quiet_silences_the_warnings_but_keeps_them(void **state)
{
	const struct said *said = with("NUMAHASH_FOO=1", "NUMAHASH_QUIET=1");

	(void)state;
	assert_string_equal(said->err, "");
	assert_line(said, "warnings=1");
	assert_non_null(strstr(said->out, "NUMAHASH_FOO"));
	said = with("NUMAHASH_FOO=1", "NUMAHASH_QUIET=0");
	assert_int_equal(lines_in(said->err), 1);
}

/* ------------------------------------------------------------------- setuid */

static void
copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	char block[65536];
	ssize_t got;

	assert_true(in >= 0 && out >= 0);
	while ((got = read(in, block, sizeof(block))) > 0)
		assert_int_equal(write(out, block, (size_t)got), got);
	assert_int_equal(got, 0);
	assert_int_equal(fchmod(out, 04755), 0);
	close(in);
	close(out);
}

/* why_no_setuid - what keeps setuid from working in `directory`, or NULL */
static const char *
why_no_setuid(const char *directory)
{
	struct statvfs fs;

	if (geteuid() != 0)
		return "not root";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return "no_new_privs is set";
	if (statvfs(directory, &fs) == 0 && fs.f_flag & ST_NOSUID)
		return "the directory is mounted nosuid";
	return NULL;
}

static void
test_setuid_program_sees_none_of_it(void **state)
{
	static const char *const env[] = {
		"NUMAHASH_CAPACITY=5",
		"NUMAHASH_SEED=9",
		"NUMAHASH_ARCH=z80",
		"NUMAHASH_FOO=1",
		"NUMAHASH_FIXED=1",
		"NUMAHASH_FAKE_NODES=7",
		"HWLOC_SYNTHETIC=node:9 pu:1",
		NULL,
	};
	static struct said said;
	const char *tmp = getenv("TMPDIR"), *why;
	char directory[256], program[300], nodes[32];

	(void)state;
	/* As many as there are: hwloc's own variables are not heard either. */
	snprintf(nodes, sizeof(nodes), "nodes=%u", nh_topo_nodes());
	snprintf(directory, sizeof(directory), "%s/numahash-XXXXXX",
		 tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(directory));
	snprintf(program, sizeof(program), "%s/probe", directory);
	why = why_no_setuid(directory);
	if (!why) {
		assert_int_equal(chmod(directory, 0711), 0);
		copy_self(program);
		run_probe(program, NOBODY, env, &said);
		unlink(program);
	}
	rmdir(directory);
	if (why) {
		print_message("no setuid test: %s\n", why);
		skip();
	}
	assert_line(&said, "secure=1");
	assert_line(&said, nodes);
	assert_defaults(&said);
	assert_line(&said, "warnings=0");
	assert_string_equal(said.err, "");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_without_variables_all_is_default_and_silent),
		cmocka_unit_test(test_every_variable_is_obeyed),
		cmocka_unit_test(test_native_arch_is_obeyed_where_there_is_one),
		cmocka_unit_test(
			test_create_without_a_config_obeys_the_environment),
		cmocka_unit_test(test_huge_pages_are_tried_as_told),
		cmocka_unit_test(
			test_values_that_do_not_parse_are_warned_about),
		cmocka_unit_test(test_unknown_names_are_warned_about),
		cmocka_unit_test(test_names_of_others_are_not_warned_about),
		cmocka_unit_test(test_each_warning_has_its_line_in_both_places),
		cmocka_unit_test(test_long_values_do_no_harm),
		cmocka_unit_test(
			test_quiet_silences_the_warnings_but_keeps_them),
		cmocka_unit_test(test_setuid_program_sees_none_of_it),
	};

	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return probe();
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
