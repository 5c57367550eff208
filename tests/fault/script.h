/*
 * script.h - a life of a map, from creation to destruction, checked throughout
 */
#ifndef NH_TESTS_SCRIPT_H
#define NH_TESTS_SCRIPT_H

#include <stdbool.h>

#include "tests/fault/inject.h"
#include "tests/model/any.h"

/* Which calls fail while the script runs, and what that may lead to. */
struct script {
	enum any_kind map;
	enum inject_kind kind;
	uint64_t first, count; /* as inject() has them */
	int error;	       /* the only one allowed; NH_OK: none */
	bool maintenance;
	bool seeded; /* else the seed is drawn */
	uint64_t keys;
};

/*
 * script_run - run it with the failures on, then off
 *
 * An operation may fail only with the error allowed, only when a call was
 * failed, and then has changed nothing.  With the failures off all must work.
 */
void script_run(const struct script *script);

#endif
