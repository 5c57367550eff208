/*
 * maintain.h - the optional maintenance thread of a map
 */
#ifndef NH_LIB_MAINTAIN_H
#define NH_LIB_MAINTAIN_H

#include <stdbool.h>

struct nh_core;

/*
 * nh_maintenance_start - NH_ERR_NOMEM, NH_ERR_SYSTEM.  Before other threads.
 *
 * `ahead`: every few milliseconds the thread faults memory in ahead of growth,
 * and finishes migrations that nobody has pushed on since it last looked.  In
 * a map with idle reclaim it sweeps as often as lib/idle.h says.
 */
int nh_maintenance_start(struct nh_core *m, bool ahead);

/* nh_maintenance_stop - waits for it to end.  No other call may be running. */
void nh_maintenance_stop(struct nh_core *m);

#endif
