/*
 * args.c - the command line of the test programs, from a table
 */
#include "tests/model/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const args_arches[] = { "auto", "native", "generic", "both", NULL };

static const char *program = "test";

static void
print_default(const struct arg *arg)
{
	if (!arg->words) {
		printf("%" PRIu64 " to %" PRIu64 ", default %" PRIu64 "\n",
		       arg->min, arg->max, *arg->value);
		return;
	}
	for (size_t i = 0; arg->words[i]; i++)
		printf("%s%s", i ? "|" : "", arg->words[i]);
	printf(", default %s\n", arg->words[*arg->value]);
}

static void
help(const char *about, const struct arg *args, size_t count)
{
	printf("usage: %s [--name value]...\n\n%s\n\n", program, about);
	for (size_t i = 0; i < count; i++) {
		printf("  --%-14s %s\n  %-16s ", args[i].name, args[i].help,
		       "");
		print_default(&args[i]);
	}
	exit(0);
}

_Noreturn static void
misuse(const char *problem, const char *what)
{
	fprintf(stderr, "%s: %s: %s (try --help)\n", program, problem, what);
	exit(2);
}

static void
set_word(const struct arg *arg, const char *text)
{
	for (size_t i = 0; arg->words[i]; i++) {
		if (strcmp(arg->words[i], text) == 0) {
			*arg->value = i;
			return;
		}
	}
	misuse("no such choice", text);
}

static void
set_number(const struct arg *arg, const char *text)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno)
		misuse("not a number", text);
	if (number < arg->min || number > arg->max)
		misuse("out of range", text);
	*arg->value = number;
}

static const struct arg *
find(const char *name, size_t length, const struct arg *args, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(args[i].name) == length &&
		    memcmp(args[i].name, name, length) == 0)
			return &args[i];
	misuse("no such option", name);
}

void
args_parse(int argc, char **argv, const char *about, const struct arg *args,
	   size_t count)
{
	program = argv[0];
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2, *text;
		const struct arg *arg;

		if (strcmp(argv[i], "--help") == 0)
			help(about, args, count);
		if (strncmp(argv[i], "--", 2) != 0)
			misuse("not an option", argv[i]);
		arg = find(name, strcspn(name, "="), args, count);
		text = strchr(name, '=');
		text = text ? text + 1 : argv[++i];
		if (!text)
			misuse("wants a value", name);
		(arg->words ? set_word : set_number)(arg, text);
	}
}

void
fail(const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fprintf(stderr, "%s: FAILED: ", program);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(1);
}
