/*
 * report.h - the results of a bench, read and asked for
 */
#ifndef NH_BENCH_REPORT_H
#define NH_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define NH_REPORT_NAMES 64
#define NH_REPORT_NAME 48
#define NH_REPORT_ALL (-1) /* files */

/* Facts about a run, by their places in nh_report_context_names. */
enum nh_report_context {
	NH_REPORT_MACHINE,
	NH_REPORT_PAGES,
	NH_REPORT_BUILD,
	NH_REPORT_DATE,
	NH_REPORT_WINDOW,
	NH_REPORT_GO,
	NH_REPORT_CONTEXTS,
};

/* A list of names, each kept once; others refer to them by index. */
struct nh_report_names {
	char name[NH_REPORT_NAMES][NH_REPORT_NAME];
	int n;
};

struct nh_report_sample {
	int file, table, group, row;
	double value;
};

/* Zero it to begin. */
struct nh_report {
	struct nh_report_names tables, groups, rows;
	struct nh_report_sample *samples;
	size_t n, room;
	char context[NH_REPORT_CONTEXTS][1024];
};

extern const char *const nh_report_context_names[NH_REPORT_CONTEXTS];

/*
 * nh_report_read - add what is in a file, which gets this number
 *
 * Exits with a message when it cannot be read or has names that are not ours.
 */
void nh_report_read(struct nh_report *r, const char *path, int file);

/* nh_report_find - where in the list it is, or -1. */
int nh_report_find(const struct nh_report_names *list, const char *name);

struct nh_report_spread {
	double median, min, max;
	int n;
};

/* nh_report_spread - of the samples of one file, or of NH_REPORT_ALL. */
struct nh_report_spread nh_report_spread(const struct nh_report *r, int file,
					 int table, int group, int row);

/* nh_report_file - one that has a figure of this, or NH_REPORT_ALL. */
int nh_report_file(const struct nh_report *r, int table, int group, int row);

#endif
