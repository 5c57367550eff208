/*
 * selfcheck.h - does a table do what the bench takes for granted?
 */
#ifndef NH_BENCH_SELFCHECK_H
#define NH_BENCH_SELFCHECK_H

#include "bench/table.h"

/* nh_bench_selfcheck - try each operation; ends the program if one is wrong. */
void nh_bench_selfcheck(const struct nh_bench_table *table);

#endif
