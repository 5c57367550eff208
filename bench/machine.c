/*
 * machine.c - what the kernel says of this machine and this process
 */
#include "bench/machine.h"

#include "bench/gbench_shim.h"
#include "numahash.h"

#include <err.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define LINE 512

#ifndef NH_BENCH_FLAGS
#define NH_BENCH_FLAGS "flags not recorded"
#endif

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static cpu_set_t given;

void
nh_bench_machine_init(void)
{
	if (sched_getaffinity(0, sizeof(given), &given))
		err(1, "sched_getaffinity");
}

int
nh_bench_cpus(void)
{
	return CPU_COUNT(&given);
}

static int
cpu_at(int index)
{
	int cpu = -1;

	for (int left = index; left >= 0; left--)
		do
			cpu++;
		while (!CPU_ISSET(cpu, &given));
	return cpu;
}

void
nh_bench_pin(int index)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu_at(index), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		err(1, "cannot pin to CPU %d", cpu_at(index));
}

void
nh_bench_unpin(void)
{
	if (sched_setaffinity(0, sizeof(given), &given))
		err(1, "sched_setaffinity");
}

struct nh_bench_memory
nh_bench_memory(void)
{
	const char *path = "/proc/self/smaps_rollup";
	FILE *f = fopen(path, "r");
	struct nh_bench_memory m = { 0 };
	char line[256];
	uint64_t kib;

	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Rss: %" SCNu64, &kib) == 1)
			m.resident = kib * 1024;
		if (sscanf(line, "AnonHugePages: %" SCNu64, &kib) == 1)
			m.huge = kib * 1024;
	}
	fclose(f);
	return m;
}

/* The first line of the file that starts so, from after its colon if any. */
static void
read_line(const char *path, const char *start, char out[LINE])
{
	FILE *f = fopen(path, "r");
	char line[LINE];

	strcpy(out, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *text = line;

		if (strncmp(line, start, strlen(start)) != 0)
			continue;
		if (*start && strchr(line, ':'))
			text = strchr(line, ':') + 2;
		text[strcspn(text, "\n")] = '\0';
		memmove(out, text, strlen(text) + 1);
		break;
	}
	if (f)
		fclose(f);
}

void
nh_bench_describe(void)
{
	const char *tunables = getenv("GLIBC_TUNABLES");
	char cpu[LINE], thp[LINE], text[3 * LINE];
	struct utsname u;

	uname(&u);
	read_line("/proc/cpuinfo", "model name", cpu);
	snprintf(text, sizeof(text), "%s, %d CPUs, %s %s", cpu, nh_bench_cpus(),
		 u.sysname, u.release);
	nh_gb_context("machine", text);
	read_line("/sys/kernel/mm/transparent_hugepage/enabled", "", thp);
	snprintf(text, sizeof(text), "transparent %s, GLIBC_TUNABLES=%s", thp,
		 tunables ? tunables : "");
	nh_gb_context("pages", text);
	snprintf(text, sizeof(text), "numahash %s, %s, %s", nh_version(),
		 COMPILER, NH_BENCH_FLAGS);
	nh_gb_context("build", text);
}
