/*
 * latency_series.c - percentiles of one thing measured in several rounds
 */
#include "bench/latency_series.h"

#include "bench/latency_host.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HIGHEST (100 * NH_LAT_NS_PER_S)
#define DIGITS 3
#define TICKS_PER_HALVING 5

static const struct quantile {
	const char *name;
	double percent;
	int width;
} quantiles[NH_LAT_QUANTILES] = {
	{ "p50", 50, 7 },     { "p90", 90, 7 },	      { "p99", 99, 7 },
	{ "p99.9", 99.9, 8 }, { "p99.99", 99.99, 8 }, { "p99.999", 99.999, 9 },
	{ "max", 100, 10 },
};

struct nh_hist *
nh_lat_hist(void)
{
	struct nh_hist *h;
	int error = nh_hist_create(&h, HIGHEST, DIGITS);

	if (error) {
		errno = -error;
		err(EXIT_FAILURE, "histogram");
	}
	return h;
}

struct nh_hist *
nh_lat_hist_shared(void)
{
	void *room =
		mmap(NULL, nh_hist_size(HIGHEST, DIGITS),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		err(EXIT_FAILURE, "histogram");
	nh_hist_init(room, HIGHEST, DIGITS);
	return room;
}

void
nh_lat_record(struct nh_hist *h, uint64_t ns)
{
	if (!nh_hist_record(h, ns))
		errx(EXIT_FAILURE, "an operation took over 100 s");
}

void
nh_lat_series_init(struct nh_lat_series *s, const char *name, const char *file)
{
	s->name = name;
	s->file = file;
	s->all = nh_lat_hist();
	s->rounds = 0;
}

void
nh_lat_series_fini(struct nh_lat_series *s)
{
	free(s->all);
}

void
nh_lat_series_add(struct nh_lat_series *s, const struct nh_hist *round)
{
	for (int i = 0; i < NH_LAT_QUANTILES; i++) {
		uint64_t value = 0;

		nh_hist_percentile(round, quantiles[i].percent, &value);
		s->at[i][s->rounds] = (double)value;
	}
	s->rounds++;
	if (nh_hist_merge(s->all, round))
		errx(EXIT_FAILURE, "%s: histograms differ", s->name);
}

void
nh_lat_series_heading(void)
{
	printf("%-22s", "ns");
	for (int i = 0; i < NH_LAT_QUANTILES; i++)
		printf(" %*s", quantiles[i].width, quantiles[i].name);
	putchar('\n');
}

void
nh_lat_series_print(struct nh_lat_series *s)
{
	unsigned last = s->rounds - 1;

	printf("%-22s", s->name);
	for (int i = 0; i < NH_LAT_QUANTILES; i++)
		printf(" %*.0f", quantiles[i].width,
		       nh_lat_median(s->at[i], s->rounds));
	putchar('\n');
	if (!last)
		return;
	/* The medians above have sorted each row. */
	printf("%-22s", "  best");
	for (int i = 0; i < NH_LAT_QUANTILES; i++)
		printf(" %*.0f", quantiles[i].width, s->at[i][0]);
	printf("\n%-22s", "  worst");
	for (int i = 0; i < NH_LAT_QUANTILES; i++)
		printf(" %*.0f", quantiles[i].width, s->at[i][last]);
	putchar('\n');
}

void
nh_lat_series_save(const struct nh_lat_series *s, const char *dir)
{
	char path[PATH_MAX];
	FILE *out;
	int error;

	if (snprintf(path, sizeof(path), "%s/%s.hgrm", dir, s->file) >=
	    (int)sizeof(path))
		errx(EXIT_FAILURE, "%s: too long", dir);
	out = fopen(path, "we");
	if (!out)
		err(EXIT_FAILURE, "%s", path);
	error = nh_hist_write(s->all, out, TICKS_PER_HALVING, 1);
	if (fclose(out) || error)
		errx(EXIT_FAILURE, "%s: cannot write", path);
}
