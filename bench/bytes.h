/*
 * bytes.h - what an entry costs in memory
 */
#ifndef NH_BENCH_BYTES_H
#define NH_BENCH_BYTES_H

#include "bench/options.h"
#include "bench/table.h"

/*
 * nh_bench_bytes - fill the table and write what that cost to o->out
 *
 * Resident memory of this process after, less before: to be the first and last
 * thing a process does.  Small tables are weighed by the hundred, since they
 * may share their pages.  Exits when the file cannot be written.
 */
void nh_bench_bytes(const struct nh_bench_options *o,
		    const struct nh_bench_table *table);

#endif
