/*
 * latency_host.c - the clock and the processors of this machine
 *
 * The time stamp counter is taken where CPUID says that it neither stops nor
 * changes its pace; it costs a third of clock_gettime(2).  Its pace is measured
 * and not looked up: what a hypervisor claims of it is not always so.
 */
#include "bench/latency_host.h"

#include "numahash.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

struct nh_lat_clock nh_lat_clock = { .ns_per_tick = 1 };

static cpu_set_t given; /* the affinity mask this process was started with */

static bool
tsc_is_steady(void)
{
#ifdef __x86_64__
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
#else
	return false;
#endif
}

/* One moment on both clocks: the closest of a few pairs of readings. */
static void
read_both(uint64_t *ticks, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 20; i++) {
		uint64_t before = nh_lat_ticks();
		uint64_t now = nh_lat_monotonic();
		uint64_t after = nh_lat_ticks();

		if (after - before >= best)
			continue;
		best = after - before;
		*ticks = before + best / 2;
		*ns = now;
	}
}

static void
calibrate(void)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	uint64_t ticks0, ticks1, ns0, ns1;

	read_both(&ticks0, &ns0);
	nanosleep(&pause, NULL);
	read_both(&ticks1, &ns1);
	nh_lat_clock.ns_per_tick =
		(double)(ns1 - ns0) / (double)(ticks1 - ticks0);
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
nh_lat_median(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), compare_doubles);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void
measure_cost(void)
{
	enum { PAIRS = 10001 };
	static double pairs[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		uint64_t start = nh_lat_ticks();

		pairs[i] = (double)(nh_lat_ticks() - start);
	}
	nh_lat_clock.median_cost = (uint64_t)nh_lat_median(pairs, PAIRS);
	nh_lat_clock.cost = (uint64_t)pairs[0]; /* they are sorted now */
}

void
nh_lat_host_init(void)
{
	if (sched_getaffinity(0, sizeof(given), &given))
		err(EXIT_FAILURE, "sched_getaffinity");
	nh_lat_clock.tsc = tsc_is_steady();
	if (nh_lat_clock.tsc)
		calibrate();
	measure_cost();
}

unsigned
nh_lat_cpus(void)
{
	return (unsigned)CPU_COUNT(&given);
}

static void
run_on(const cpu_set_t *set)
{
	errno = pthread_setaffinity_np(pthread_self(), sizeof(*set), set);
	if (errno)
		err(EXIT_FAILURE, "cannot choose the processor to run on");
}

void
nh_lat_pin(unsigned index)
{
	cpu_set_t one;
	int cpu = 0;

	if (index >= nh_lat_cpus())
		errx(EXIT_FAILURE, "no processor for thread %u: %u given",
		     index + 1, nh_lat_cpus());
	while (!CPU_ISSET(cpu, &given) || index-- > 0)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	run_on(&one);
}

void
nh_lat_unpin(void)
{
	run_on(&given);
}

/* The name of the processor, where /proc/cpuinfo has one. */
static void
print_processor(void)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (in && fgets(line, sizeof(line), in)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, "model name", 10))
			continue;
		printf("processor:%s", colon + 1);
		break;
	}
	if (in)
		fclose(in);
}

static void
print_library(void)
{
	size_t size = nh_describe(NULL, 0) + 1;
	char *text = malloc(size);

	if (!text)
		err(EXIT_FAILURE, "nh_describe");
	nh_describe(text, size);
	printf("numahash %s\n%s", nh_version(), text);
	free(text);
}

void
nh_lat_heading(void)
{
	struct utsname os;

	if (uname(&os))
		err(EXIT_FAILURE, "uname");
	printf("system: %s %s %s, compiler %s\n", os.sysname, os.release,
	       os.machine, __VERSION__);
	print_processor();
	printf("processors given: %u\n", nh_lat_cpus());
	printf("clock: %s, %.4f ns a tick; two stamps cost %" PRIu64
	       " ns at least, %" PRIu64 " ns mostly\n",
	       nh_lat_clock.tsc ? "time stamp counter" : "clock_gettime",
	       nh_lat_clock.ns_per_tick, nh_lat_ns(nh_lat_clock.cost),
	       nh_lat_ns(nh_lat_clock.median_cost));
	print_library();
	putchar('\n');
}

uint64_t
nh_lat_number(int option, const char *text, uint64_t min, uint64_t max)
{
	static const char units[] = "KMG";
	uint64_t n, unit = 1;
	const char *found;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || errno)
		errx(EXIT_FAILURE, "-%c %s: not a number", option, text);
	found = *end ? strchr(units, *end) : NULL;
	if (found) {
		for (const char *u = units; u <= found; u++)
			unit *= 1000;
		end++;
	}
	if (*end)
		errx(EXIT_FAILURE, "-%c %s: not a number", option, text);
	if (n > max / unit || n * unit < min)
		errx(EXIT_FAILURE, "-%c %s: not within %" PRIu64 "..%" PRIu64,
		     option, text, min, max);
	return n * unit;
}
