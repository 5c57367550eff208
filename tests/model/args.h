/*
 * args.h - the command line of the test programs, from a table
 *
 *	static uint64_t seconds = 5;
 *	static const struct arg args[] = {
 *		{ "seconds", "how long to run", &seconds, 1, 86400, NULL },
 *	};
 *	args_parse(argc, argv, "what this program does", args, 1);
 *
 * understands --seconds 9, --seconds=9 and --help.
 */
#ifndef NH_TESTS_ARGS_H
#define NH_TESTS_ARGS_H

#include <stddef.h>
#include <stdint.h>

struct arg {
	const char *name;	  /* without the dashes */
	const char *help;	  /* one line */
	uint64_t *value;	  /* the default, and what was given */
	uint64_t min, max;	  /* of a number */
	const char *const *words; /* else the value is an index into these,
				     which end with NULL */
};

/* args_parse - fill the values; on --help or bad input, say so and exit. */
void args_parse(int argc, char **argv, const char *about,
		const struct arg *args, size_t count);

/* What to give `words` for a choice of the arch module. */
extern const char *const args_arches[];
enum { ARGS_ARCH_AUTO, ARGS_ARCH_NATIVE, ARGS_ARCH_GENERIC, ARGS_ARCH_BOTH };

/* fail - one line on standard error with the program's name, then exit(1). */
_Noreturn void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
