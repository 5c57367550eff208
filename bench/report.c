/*
 * report.c - the bench's table, from the JSON files of its runs
 *
 *	report [--tsv] FILE...
 *
 * Reads what google-benchmark writes: one field a line, and of it the fields
 * below.  A name is TABLE/SIZE/WORKLOAD/DISTRIBUTION/...; a table occurs in it
 * once for each round, and what is shown is the median.  The ratio to a peer is
 * taken from the file that the peer is in, where numahash is in it too: what
 * was not measured side by side is not compared while there is anything better.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 64
#define NAME 32
#define CONTEXTS 7
#define ALL_FILES (-1)
#define OURS "numahash"

/* A list of names, each kept once; others refer to them by index. */
struct names {
	char name[NAMES][NAME];
	int n;
};

struct sample {
	int file, table, size, row;
	double value;
};

struct report {
	struct names tables, sizes, rows;
	struct sample *samples;
	size_t n, room;
	char context[CONTEXTS][1024];
};

static const char *const context_names[CONTEXTS] = {
	"machine", "pages", "build", "date", "rounds", "window_ms", "go",
};

static int
name_index(struct names *list, const char *name)
{
	if (!name)
		errx(1, "a benchmark's name is none of ours");
	for (int i = 0; i < list->n; i++)
		if (strcmp(list->name[i], name) == 0)
			return i;
	if (list->n == NAMES || strlen(name) >= NAME)
		errx(1, "too many or too long names, at \"%s\"", name);
	strcpy(list->name[list->n], name);
	return list->n++;
}

static void
add_sample(struct report *r, int file, const char *name, const char *row,
	   double value)
{
	char copy[256], *state;
	struct sample *s;

	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 1024;
		r->samples = realloc(r->samples, r->room * sizeof(*s));
		if (!r->samples)
			err(1, "%zu samples", r->room);
	}
	s = &r->samples[r->n++];
	snprintf(copy, sizeof(copy), "%s", name);
	s->file = file;
	s->table = name_index(&r->tables, strtok_r(copy, "/", &state));
	s->size = name_index(&r->sizes, strtok_r(NULL, "/", &state));
	s->row = name_index(&r->rows, row);
	s->value = value;
}

/* "workload distribution threads" of a benchmark's name. */
static void
row_of(const char *name, int threads, char *row, size_t size)
{
	char workload[16] = "", dist[16] = "";

	if (sscanf(name, "%*[^/]/%*[^/]/%15[^/]/%15[^/]", workload, dist) != 2)
		errx(1, "a name that is none of ours: %s", name);
	snprintf(row, size, "%-6s %-7s %d", workload, dist, threads);
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
read_context(struct report *r, const char *line)
{
	for (int i = 0; i < CONTEXTS; i++)
		if (!r->context[i][0])
			text_field(line, context_names[i], r->context[i],
				   sizeof(r->context[i]));
}

static void
read_file(struct report *r, const char *path, int file)
{
	char line[4096], name[256] = "", row[NAME];
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
		if (number_field(line, "items_per_second", &value)) {
			row_of(name, (int)threads, row, sizeof(row));
			add_sample(r, file, name, row, value / 1e6);
		}
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

struct spread {
	double median, min, max;
	int n;
};

/* Of the samples of one file, or of ALL_FILES. */
static struct spread
spread_of(const struct report *r, int file, int table, int size, int row)
{
	struct spread out = { 0 };
	double *v = malloc((r->n + 1) * sizeof(*v));

	if (!v)
		err(1, "%zu samples", r->n);
	for (size_t i = 0; i < r->n; i++) {
		const struct sample *s = &r->samples[i];

		if (s->table == table && s->size == size && s->row == row &&
		    (file == ALL_FILES || s->file == file))
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

static int
file_of(const struct report *r, int table, int size, int row)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct sample *s = &r->samples[i];

		if (s->table == table && s->size == size && s->row == row)
			return s->file;
	}
	return ALL_FILES;
}

/* Ours by theirs; 0 if it cannot be said. */
static double
ratio_to(struct report *r, int table, int size, int row, double theirs)
{
	int ours = name_index(&r->tables, OURS);
	int file = file_of(r, table, size, row);
	struct spread near = spread_of(r, file, ours, size, row);

	if (!near.n)
		near = spread_of(r, ALL_FILES, ours, size, row);
	return theirs > 0 ? near.median / theirs : 0;
}

static int
digits_for(double value)
{
	return value < 10 ? 2 : value < 100 ? 1 : 0;
}

/* "16.2  5.9" a peer: its rate, and by how much ours is higher. */
static void
print_peer(struct report *r, int table, int size, int row, bool rate)
{
	double theirs = spread_of(r, ALL_FILES, table, size, row).median;
	double ratio = ratio_to(r, table, size, row, theirs);

	if (theirs <= 0)
		printf(" %11s", "-");
	else if (!rate || ratio <= 0)
		printf(" %5.*f %5s", digits_for(theirs), theirs, "");
	else
		printf(" %5.*f%c%5.*f", digits_for(theirs), theirs,
		       ratio < 1 ? '<' : ' ', digits_for(ratio), ratio);
}

static bool
row_is_in(const struct report *r, int size, int row)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->samples[i].size == size && r->samples[i].row == row)
			return true;
	return false;
}

static void
print_row(struct report *r, int size, int row)
{
	int ours = name_index(&r->tables, OURS);
	struct spread own = spread_of(r, ALL_FILES, ours, size, row);
	bool rate = !strchr(r->rows.name[row], '%') &&
		    strncmp(r->rows.name[row], "bytes", 5) != 0;

	printf("%-16s", r->rows.name[row]);
	if (own.n)
		printf(" %8.*f", digits_for(own.median), own.median);
	else
		printf(" %8s", "-");
	for (int t = 0; t < r->tables.n; t++)
		if (t != ours)
			print_peer(r, t, size, row, rate);
	printf("\n");
}

static void
print_size(struct report *r, int size)
{
	int ours = name_index(&r->tables, OURS);

	printf("\n%s entries, Mops/s (and how many times that numahash does; "
	       "< is a loss)\n%-16s %8s",
	       r->sizes.name[size], "", OURS);
	for (int t = 0; t < r->tables.n; t++)
		if (t != ours)
			printf(" %11s", r->tables.name[t]);
	printf("\n");
	for (int row = 0; row < r->rows.n; row++)
		if (row_is_in(r, size, row))
			print_row(r, size, row);
}

static void
print_heading(const struct report *r)
{
	for (int i = 0; i < 4; i++)
		printf("%-8s %s\n", context_names[i], r->context[i]);
	if (r->context[6][0])
		printf("%-8s %s\n", "syncmap", r->context[6]);
	printf("%-8s medians of %s, of %s ms each\n", "rounds", r->context[4],
	       r->context[5]);
}

static void
print_tsv(const struct report *r)
{
	printf("size\trow\ttable\tmedian\tmin\tmax\tsamples\n");
	for (int s = 0; s < r->sizes.n; s++)
		for (int row = 0; row < r->rows.n; row++)
			for (int t = 0; t < r->tables.n; t++) {
				struct spread v =
					spread_of(r, ALL_FILES, t, s, row);

				if (v.n)
					printf("%s\t%s\t%s\t%.4g\t%.4g\t%.4g\t"
					       "%d\n",
					       r->sizes.name[s],
					       r->rows.name[row],
					       r->tables.name[t], v.median,
					       v.min, v.max, v.n);
			}
}

int
main(int argc, char **argv)
{
	static struct report r;
	bool tsv = argc > 1 && strcmp(argv[1], "--tsv") == 0;

	for (int i = 1 + tsv; i < argc; i++)
		read_file(&r, argv[i], i);
	if (!r.n)
		errx(1, "no results in the files given");
	if (tsv) {
		print_tsv(&r);
		return 0;
	}
	print_heading(&r);
	for (int size = 0; size < r.sizes.n; size++)
		print_size(&r, size);
	return 0;
}
