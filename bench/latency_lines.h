/*
 * latency_lines.h - an array of cache lines, to learn what memory itself costs
 *
 *	 0	8	16			      64
 *	+------+-------+-----------------------------+
 *	| next | self  | nothing		     |
 *	+------+-------+-----------------------------+
 *
 * next leads through all lines in one random cycle; self is the line's own
 * index, so that who reads lines can tell that the right ones were read.
 */
#ifndef BENCH_LATENCY_LINES_H
#define BENCH_LATENCY_LINES_H

#include <stddef.h>
#include <stdint.h>

struct nh_lat_line {
	_Alignas(64) struct nh_lat_line *next;
	uint64_t self;
};

struct nh_lat_lines {
	struct nh_lat_line *line;
	uint64_t count;
	void *map; /* what munmap(2) wants */
	size_t map_bytes;
	uint64_t huge_bytes; /* of it, on transparent huge pages */
};

/*
 * nh_lat_lines_create - bytes / 64 lines on 2 MiB pages, linked and in memory
 *
 * At least two lines.  Ends the program when there is no memory.  Pages that
 * the system did not make huge are seen in huge_bytes.
 */
void nh_lat_lines_create(struct nh_lat_lines *l, uint64_t bytes);
void nh_lat_lines_destroy(struct nh_lat_lines *l);

/* nh_lat_lines_chase - follow `steps` links, each a miss that waits for the
 * one before.  Any thread. */
struct nh_lat_line *nh_lat_lines_chase(struct nh_lat_line *from,
				       uint64_t steps);

/* nh_lat_huge_bytes - of the mapping around addr, on transparent huge pages. */
uint64_t nh_lat_huge_bytes(const void *addr);

#endif
