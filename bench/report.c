/*
 * report.c - the bench's tables, from the JSON files of its runs
 *
 *	report [--tsv] FILE...
 *
 * There is a table for each kind and size, its group; what is shown is the
 * median over the rounds.  The ratio to a peer is taken from the file that the
 * peer is in, where numahash is in it too: what was not measured side by side
 * is not compared while there is anything better.
 *
 * Tables whose names begin with numahash are ours, and each peer is compared
 * with each of them.
 */
#include "bench/report.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

#define OURS "numahash"
#define RATIO 6 /* characters of one, with its mark */

static int
digits_for(double value)
{
	return value < 10 ? 2 : value < 100 ? 1 : 0;
}

static bool
is_ours(const struct nh_report *r, int table)
{
	return strncmp(r->tables.name[table], OURS, strlen(OURS)) == 0;
}

static bool
is_rate(const struct nh_report *r, int row)
{
	const char *name = r->rows.name[row];

	return !strchr(name, '%') && strncmp(name, "bytes", 5) != 0 &&
	       strncmp(name, "allocs", 6) != 0;
}

/* -1: any. */
static bool
is_in(const struct nh_report *r, int group, int table, int row)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct nh_report_sample *s = &r->samples[i];

		if (s->group == group && (table < 0 || s->table == table) &&
		    (row < 0 || s->row == row))
			return true;
	}
	return false;
}

/* Ours by theirs; 0 if it cannot be said. */
static double
ratio(const struct nh_report *r, int ours, int table, int group, int row)
{
	int file = nh_report_file(r, table, group, row);
	struct nh_report_spread near =
		nh_report_spread(r, file, ours, group, row);
	struct nh_report_spread theirs =
		nh_report_spread(r, NH_REPORT_ALL, table, group, row);

	if (!near.n)
		near = nh_report_spread(r, NH_REPORT_ALL, ours, group, row);
	return theirs.median > 0 ? near.median / theirs.median : 0;
}

static void
print_figure(const struct nh_report *r, int width, int table, int group,
	     int row)
{
	struct nh_report_spread v =
		nh_report_spread(r, NH_REPORT_ALL, table, group, row);

	if (v.n)
		printf(" %*.*f", width, digits_for(v.median), v.median);
	else
		printf(" %*s", width, "-");
}

/* " 5.9", or "<0.80" for a loss. */
static void
print_ratio(const struct nh_report *r, int ours, int table, int group, int row)
{
	double n = is_rate(r, row) ? ratio(r, ours, table, group, row) : 0;

	if (n > 0)
		printf("%c%*.*f", n < 1 ? '<' : ' ', RATIO - 1, digits_for(n),
		       n);
	else
		printf("%*s", RATIO, "");
}

/* The columns of a group: ours, and then the others. */
struct columns {
	int ours[NH_REPORT_NAMES], peers[NH_REPORT_NAMES];
	int n_ours, n_peers;
};

static struct columns
columns_of(const struct nh_report *r, int group)
{
	struct columns c = { .n_ours = 0 };

	for (int t = 0; t < r->tables.n; t++) {
		if (!is_in(r, group, t, -1))
			continue;
		if (is_ours(r, t))
			c.ours[c.n_ours++] = t;
		else
			c.peers[c.n_peers++] = t;
	}
	return c;
}

static int
width_of(const struct nh_report *r, int ours)
{
	int width = (int)strlen(r->tables.name[ours]);

	return width < 8 ? 8 : width;
}

/* "16.2  5.9" a peer: its rate, and by how much ours is higher. */
static void
print_row(const struct nh_report *r, const struct columns *c, int group,
	  int row)
{
	printf("%-16s", r->rows.name[row]);
	for (int i = 0; i < c->n_ours; i++)
		print_figure(r, width_of(r, c->ours[i]), c->ours[i], group,
			     row);
	for (int p = 0; p < c->n_peers; p++) {
		print_figure(r, 5, c->peers[p], group, row);
		for (int i = 0; i < c->n_ours; i++)
			print_ratio(r, c->ours[i], c->peers[p], group, row);
	}
	printf("\n");
}

/* Of the figure with the most. */
static int
rounds_of(const struct nh_report *r, int group)
{
	int most = 0;

	for (int t = 0; t < r->tables.n; t++)
		for (int row = 0; row < r->rows.n; row++) {
			int file = nh_report_file(r, t, group, row);
			int n = nh_report_spread(r, file, t, group, row).n;

			if (n > most)
				most = n;
		}
	return most;
}

static void
print_group(const struct nh_report *r, int group)
{
	struct columns c = columns_of(r, group);

	printf("\n%s entries, Mops/s, medians of %d (and how many times that ",
	       r->groups.name[group], rounds_of(r, group));
	for (int i = 0; i < c.n_ours; i++)
		printf("%s%s", i ? " and " : "", r->tables.name[c.ours[i]]);
	printf(" %s; < is a loss)\n%-16s", c.n_ours > 1 ? "do" : "does", "");
	for (int i = 0; i < c.n_ours; i++)
		printf(" %*s", width_of(r, c.ours[i]),
		       r->tables.name[c.ours[i]]);
	for (int p = 0; p < c.n_peers; p++)
		printf(" %*s", 5 + RATIO * c.n_ours,
		       r->tables.name[c.peers[p]]);
	printf("\n");
	for (int rates = 1; rates >= 0; rates--)
		for (int row = 0; row < r->rows.n; row++)
			if (is_rate(r, row) == rates &&
			    is_in(r, group, -1, row))
				print_row(r, &c, group, row);
}

/* The ratios that somebody may want to look up first. */
static const struct aim {
	const char *what, *group, *row;
} aims[] = {
	{ "reads, 10 K int64 keys, 1 thread", "u64 10K", "hit    uniform 1" },
	{ "reads, 10 K int64 keys, 2 threads", "u64 10K", "hit    uniform 2" },
	{ "half writes, 10 K 16-byte keys, 1 thread", "k16 10K",
	  "ycsb_a uniform 1" },
	{ "half writes, 1 M 16-byte keys, 1 thread", "k16 1M",
	  "ycsb_a uniform 1" },
};

/* false if it was not measured. */
static bool
print_aim(const struct nh_report *r, const struct aim *aim, bool first)
{
	static const char *const others[] = { "twomap", "syncmap" };
	int ours = nh_report_find(&r->tables, OURS);
	int group = nh_report_find(&r->groups, aim->group);
	int row = nh_report_find(&r->rows, aim->row);

	if (ours < 0 || group < 0 || row < 0 || !is_in(r, group, ours, row))
		return false;
	if (first)
		printf("\n%-42s twomap syncmap\n",
		       "How many times what others do");
	printf("%-42s", aim->what);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		int table = nh_report_find(&r->tables, others[i]);

		printf(" ");
		print_ratio(r, ours, table, group, row);
	}
	printf("\n");
	return true;
}

static void
print_aims(const struct nh_report *r)
{
	bool first = true;

	for (size_t i = 0; i < sizeof(aims) / sizeof(*aims); i++)
		if (print_aim(r, &aims[i], first))
			first = false;
}

static void
print_heading(const struct nh_report *r)
{
	for (int i = NH_REPORT_MACHINE; i <= NH_REPORT_DATE; i++)
		printf("%-8s %s\n", nh_report_context_names[i], r->context[i]);
	if (r->context[NH_REPORT_GO][0])
		printf("%-8s %s\n", "syncmap", r->context[NH_REPORT_GO]);
	printf("%-8s %s ms each\n", "windows", r->context[NH_REPORT_WINDOW]);
}

static void
print_tsv(const struct nh_report *r)
{
	printf("group\trow\ttable\tmedian\tmin\tmax\tsamples\n");
	for (int g = 0; g < r->groups.n; g++)
		for (int row = 0; row < r->rows.n; row++)
			for (int t = 0; t < r->tables.n; t++) {
				struct nh_report_spread v = nh_report_spread(
					r, NH_REPORT_ALL, t, g, row);

				if (v.n)
					printf("%s\t%s\t%s\t%.4g\t%.4g\t%.4g\t"
					       "%d\n",
					       r->groups.name[g],
					       r->rows.name[row],
					       r->tables.name[t], v.median,
					       v.min, v.max, v.n);
			}
}

int
main(int argc, char **argv)
{
	static struct nh_report r;
	bool tsv = argc > 1 && strcmp(argv[1], "--tsv") == 0;

	for (int i = 1 + tsv; i < argc; i++)
		nh_report_read(&r, argv[i], i);
	if (!r.n)
		errx(1, "no results in the files given");
	if (tsv) {
		print_tsv(&r);
		return 0;
	}
	print_heading(&r);
	for (int group = 0; group < r.groups.n; group++)
		print_group(&r, group);
	print_aims(&r);
	return 0;
}
