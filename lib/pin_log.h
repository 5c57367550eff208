/*
 * pin_log.h - who made which pin, when debugging
 *
 * A record for each pin that is held, in the order in which they were made.
 * One mutex guards it all; nothing is locked after it but maps of the log's
 * and the pins' own.
 */
#ifndef NH_LIB_PIN_LOG_H
#define NH_LIB_PIN_LOG_H

#include "lib/pin.h"

/* nh_pin_log_create - an empty one.  NULL and *err: NOMEM, SYSTEM.  Any. */
struct nh_pin_log *nh_pin_log_create(const struct nh_pins *pins, int *err);

/* nh_pin_log_destroy - with all records.  No other thread uses it. */
void nh_pin_log_destroy(struct nh_pin_log *log);

/*
 * nh_pin_log_add - note a pin: its number, never 0, in *serial.  NH_ERR_NOMEM.
 *
 * `caller` is where the public function returns to: the backtrace begins there.
 * Any thread, in no lock.
 */
int nh_pin_log_add(struct nh_pin_log *log, const struct nh_bytes *key,
		   const struct nh_pin *pin, const void *caller,
		   uint64_t *serial);

/* nh_pin_log_remove - NH_ERR_ARG: there is none of this number and reference.
 * Any thread. */
int nh_pin_log_remove(struct nh_pin_log *log, uint64_t serial, uint64_t ref);

/* nh_pin_log_text - as nh_pins_report() */
size_t nh_pin_log_text(struct nh_pin_log *log, uint64_t min_age_ms, char *text,
		       size_t size);

/* nh_pin_log_complain - of all that is left, on standard error */
void nh_pin_log_complain(struct nh_pin_log *log);

/* nh_pin_log_oldest_ms - the age of the oldest; 0: there is none.  Any. */
uint64_t nh_pin_log_oldest_ms(struct nh_pin_log *log);

#endif
