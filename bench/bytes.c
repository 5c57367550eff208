/*
 * bytes.c - what an entry costs in memory
 */
#include "bench/bytes.h"

#include "bench/machine.h"
#include "bench/progress.h"
#include "bench/workload.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENTRIES 1000000 /* below it, maps are small */
#define MAPS 100
#define SETTLE_US 100000
#define SETTLE_TRIES 50

/* Tables with threads of their own may still be growing or freeing. */
static struct nh_bench_memory
settled_memory(void)
{
	struct nh_bench_memory now = nh_bench_memory(), before;
	int tries = 0;

	do {
		before = now;
		usleep(SETTLE_US);
		now = nh_bench_memory();
	} while (now.resident != before.resident && ++tries < SETTLE_TRIES);
	return now;
}

static void
write_json(const struct nh_bench_options *o, const char *table, double bytes,
	   double huge, uint64_t maps)
{
	FILE *f = fopen(o->out, "w");

	if (!f)
		err(1, "%s", o->out);
	fprintf(f,
		"{\n  \"benchmarks\": [\n    {\n"
		"      \"name\": \"%s/" NH_BENCH_KIND "/%s/bytes\",\n"
		"      \"maps\": %" PRIu64 ",\n"
		"      \"huge_percent\": %.1f,\n"
		"      \"bytes_per_entry\": %.2f\n    }\n  ]\n}\n",
		table, o->size, maps, huge, bytes);
	if (fclose(f))
		err(1, "%s", o->out);
}

void
nh_bench_bytes(const struct nh_bench_options *o,
	       const struct nh_bench_table *table)
{
	uint64_t maps = o->entries < ENTRIES ? MAPS : 1;
	struct nh_bench_memory before = nh_bench_memory(), after;
	void **all = calloc(maps, sizeof(*all));
	double grown, huge;

	if (!all)
		err(1, "%" PRIu64 " maps", maps);
	for (uint64_t i = 0; i < maps; i++) {
		nh_bench_progress("weighing %s", table->name);
		all[i] = table->create();
		nh_bench_fill(table, all[i], o->entries);
	}
	after = settled_memory();
	grown = (double)(after.resident - before.resident);
	huge = (double)(after.huge - before.huge);
	write_json(o, table->name, grown / (double)(maps * o->entries),
		   100 * huge / grown, maps);
	for (uint64_t i = 0; i < maps; i++)
		table->destroy(all[i]);
	free(all);
}
