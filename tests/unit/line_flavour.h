/*
 * line_flavour.h - the inline functions of one arch module, as a table
 *
 * line_flavour.c is compiled once for each module, with the flags that
 * lib/u64_ops.c has, and with LINE_FLAVOUR naming the table it defines and
 * LINE_LEVEL what the processor must have (an enum nh_level).
 */
#ifndef NH_TESTS_LINE_FLAVOUR_H
#define NH_TESTS_LINE_FLAVOUR_H

#include "lib/line.h"

/* A struct nh_found, which each module has its own, in numbers. */
struct line_found {
	bool hit;
	uint64_t flags;
	uint64_t value, stored; /* by nh_found_value(), nh_found_store() */
};

struct line_flavour {
	const char *name;
	int level;
	struct nh_kv (*load)(const struct nh_pair *p);
	void (*store)(struct nh_pair *p, struct nh_kv kv);
	struct line_found (*find)(const struct nh_line *line, uint64_t word);
	struct line_found (*peek)(const struct nh_line *line, uint64_t word);
	int (*slot)(const struct nh_line *line, uint64_t word);
	int (*empty_slot)(const struct nh_line *line);
};

extern const struct line_flavour line_flavour_generic;
extern const struct line_flavour line_flavour_native;
extern const struct line_flavour line_flavour_wide;

#endif
