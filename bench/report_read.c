/*
 * report_read.c - the results of a bench, from the JSON files of its runs
 *
 * Reads what google-benchmark writes: one field a line, and of it the fields
 * below.  A name is TABLE/KIND/SIZE/WORKLOAD/DISTRIBUTION/...; a table occurs
 * in it once for each round.
 */
#include "bench/report.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const nh_report_context_names[NH_REPORT_CONTEXTS] = {
	"machine", "pages", "build", "date", "window_ms", "go",
};

int
nh_report_find(const struct nh_report_names *list, const char *name)
{
	for (int i = 0; i < list->n; i++)
		if (strcmp(list->name[i], name) == 0)
			return i;
	return -1;
}

static int
name_index(struct nh_report_names *list, const char *name)
{
	int i = nh_report_find(list, name);

	if (i >= 0)
		return i;
	if (list->n == NH_REPORT_NAMES || strlen(name) >= NH_REPORT_NAME)
		errx(1, "too many or too long names, at \"%s\"", name);
	strcpy(list->name[list->n], name);
	return list->n++;
}

static void
add_sample(struct nh_report *r, int file, const char *name, const char *row,
	   double value)
{
	char table[NH_REPORT_NAME] = "", kind[NH_REPORT_NAME] = "",
	     size[NH_REPORT_NAME] = "";
	char group[2 * NH_REPORT_NAME + 1];
	struct nh_report_sample *s;

	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 1024;
		r->samples = realloc(r->samples, r->room * sizeof(*s));
		if (!r->samples)
			err(1, "%zu samples", r->room);
	}
	s = &r->samples[r->n++];
	if (sscanf(name, "%31[^/]/%31[^/]/%31[^/]/", table, kind, size) != 3)
		errx(1, "a name that is none of ours: %s", name);
	snprintf(group, sizeof(group), "%s %s", kind, size);
	s->file = file;
	s->table = name_index(&r->tables, table);
	s->group = name_index(&r->groups, group);
	s->row = name_index(&r->rows, row);
	s->value = value;
}

/* What was done in a run, of a benchmark's name. */
struct run {
	char workload[16], dist[16];
	int threads;
};

static struct run
run_of(const char *name, int threads)
{
	struct run run = { .threads = threads };

	if (sscanf(name, "%*[^/]/%*[^/]/%*[^/]/%15[^/]/%15[^/]", run.workload,
		   run.dist) != 2)
		errx(1, "a name that is none of ours: %s", name);
	return run;
}

static void
add_rate(struct nh_report *r, int file, const char *name, int threads,
	 double value)
{
	struct run run = run_of(name, threads);
	char row[NH_REPORT_NAME];

	snprintf(row, sizeof(row), "%-6s %-7s %d", run.workload, run.dist,
		 run.threads);
	add_sample(r, file, name, row, value / 1e6);
}

/* A few say it all: they hardly depend on threads and distributions. */
static void
add_allocs(struct nh_report *r, int file, const char *name, int threads,
	   double value)
{
	static const char *const shown[] = { "hit", "ycsb_a", "insert" };
	struct run run = run_of(name, threads);
	char row[NH_REPORT_NAME];

	if (threads != 1 || strcmp(run.dist, "uniform") != 0)
		return;
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		if (strcmp(run.workload, shown[i]) != 0)
			continue;
		snprintf(row, sizeof(row), "allocs/op %s", run.workload);
		add_sample(r, file, name, row, value);
	}
}

/* `"field": "text",` gives the text. */
static bool
text_field(const char *line, const char *field, char *text, size_t size)
{
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "\"%s\": \"", field);
	at = strstr(line, want);
	if (!at)
		return false;
	at += strlen(want);
	snprintf(text, size, "%.*s", (int)strcspn(at, "\""), at);
	return true;
}

static bool
number_field(const char *line, const char *field, double *value)
{
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "\"%s\": ", field);
	at = strstr(line, want);
	return at && sscanf(at + strlen(want), "%lf", value) == 1;
}

static void
read_context(struct nh_report *r, const char *line)
{
	for (int i = 0; i < NH_REPORT_CONTEXTS; i++)
		if (!r->context[i][0])
			text_field(line, nh_report_context_names[i],
				   r->context[i], sizeof(r->context[i]));
}

void
nh_report_read(struct nh_report *r, const char *path, int file)
{
	char line[4096], name[256] = "";
	FILE *f = fopen(path, "r");
	double value, threads = 1;

	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (!name[0])
			read_context(r, line);
		if (text_field(line, "name", name, sizeof(name)))
			threads = 1;
		number_field(line, "threads", &threads);
		if (number_field(line, "items_per_second", &value))
			add_rate(r, file, name, (int)threads, value);
		if (number_field(line, "allocs_per_op", &value))
			add_allocs(r, file, name, (int)threads, value);
		if (number_field(line, "bytes_per_entry", &value))
			add_sample(r, file, name, "bytes per entry", value);
		if (number_field(line, "huge_percent", &value))
			add_sample(r, file, name, "% on 2 MiB pages", value);
	}
	if (ferror(f))
		err(1, "%s", path);
	fclose(f);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct nh_report_spread
nh_report_spread(const struct nh_report *r, int file, int table, int group,
		 int row)
{
	struct nh_report_spread out = { 0 };
	double *v = malloc((r->n + 1) * sizeof(*v));

	if (!v)
		err(1, "%zu samples", r->n);
	for (size_t i = 0; i < r->n; i++) {
		const struct nh_report_sample *s = &r->samples[i];

		if (s->table == table && s->group == group && s->row == row &&
		    (file == NH_REPORT_ALL || s->file == file))
			v[out.n++] = s->value;
	}
	if (out.n) {
		qsort(v, (size_t)out.n, sizeof(*v), compare);
		out.median = (v[(out.n - 1) / 2] + v[out.n / 2]) / 2;
		out.min = v[0];
		out.max = v[out.n - 1];
	}
	free(v);
	return out;
}

int
nh_report_file(const struct nh_report *r, int table, int group, int row)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct nh_report_sample *s = &r->samples[i];

		if (s->table == table && s->group == group && s->row == row)
			return s->file;
	}
	return NH_REPORT_ALL;
}
