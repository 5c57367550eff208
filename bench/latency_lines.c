/*
 * latency_lines.c - an array of cache lines in one random cycle
 */
#include "bench/latency_lines.h"

#include "bench/latency_host.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)

/* Whole huge pages, begun on one: part of a page cannot be huge. */
static void
map_lines(struct nh_lat_lines *l, uint64_t bytes)
{
	uint64_t room = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	uintptr_t start;

	l->map_bytes = room + HUGE_PAGE;
	l->map = mmap(NULL, l->map_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->map == MAP_FAILED)
		err(EXIT_FAILURE, "%zu bytes of lines", l->map_bytes);
	start = ((uintptr_t)l->map + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	l->line = (struct nh_lat_line *)start;
	/* A kernel without huge pages refuses: huge_bytes will say 0. */
	(void)madvise(l->line, room, MADV_HUGEPAGE);
}

/* Sattolo's shuffle: each of the cycles through all lines is as likely. */
static void
link_lines(struct nh_lat_lines *l)
{
	uint64_t seed = l->count;

	for (uint64_t i = 0; i < l->count; i++) {
		l->line[i].next = &l->line[i];
		l->line[i].self = i;
	}
	for (uint64_t i = l->count - 1; i > 0; i--) {
		uint64_t j = nh_lat_below(&seed, i);
		struct nh_lat_line *next = l->line[i].next;

		l->line[i].next = l->line[j].next;
		l->line[j].next = next;
	}
}

void
nh_lat_lines_create(struct nh_lat_lines *l, uint64_t bytes)
{
	l->count = bytes / sizeof(struct nh_lat_line);
	if (l->count < 2)
		l->count = 2;
	map_lines(l, l->count * sizeof(struct nh_lat_line));
	link_lines(l);
	l->huge_bytes = nh_lat_huge_bytes(l->line);
}

void
nh_lat_lines_destroy(struct nh_lat_lines *l)
{
	munmap(l->map, l->map_bytes);
}

struct nh_lat_line *
nh_lat_lines_chase(struct nh_lat_line *from, uint64_t steps)
{
	while (steps-- > 0)
		from = from->next;
	return from;
}

uint64_t
nh_lat_huge_bytes(const void *addr)
{
	FILE *in = fopen("/proc/self/smaps", "re");
	uint64_t lo, hi, kib = 0;
	char line[512];
	int here = 0;

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &lo, &hi) == 2)
			here = lo <= (uintptr_t)addr && (uintptr_t)addr < hi;
		else if (here &&
			 sscanf(line, "AnonHugePages: %" SCNu64, &kib) == 1)
			break;
	}
	if (in)
		fclose(in);
	return kib * 1024;
}
