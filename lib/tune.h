/*
 * tune.h - the environment: read here and nowhere else
 */
#ifndef NH_LIB_TUNE_H
#define NH_LIB_TUNE_H

#include <stdbool.h>
#include <stdint.h>

/* nh_tune_process - apply what counts for the whole process, once.  Any. */
void nh_tune_process(void);

/* nh_tune_level - the flavour to use, an enum nh_level.  After tune_process. */
int nh_tune_level(void);

/* nh_tune_prefault - bytes to keep faulted in ahead.  After tune_process. */
uint64_t nh_tune_prefault(void);

/* nh_tune_quiet - nothing on standard error, please.  After tune_process. */
bool nh_tune_quiet(void);

#endif
