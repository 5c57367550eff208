/*
 * progress.c - one line that tells where the bench is
 */
#include "bench/progress.h"

#include "bench/machine.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define TERMINAL_NS UINT64_C(100000000)
#define PLAIN_NS UINT64_C(10000000000)

static const char *phase;
static bool terminal;
static uint64_t last;

void
nh_bench_progress_init(const char *text)
{
	phase = text;
	terminal = isatty(STDERR_FILENO);
	last = terminal ? 0 : nh_bench_now();
}

void
nh_bench_progress(const char *format, ...)
{
	uint64_t now = nh_bench_now();
	char text[256];
	va_list args;

	if (now - last < (terminal ? TERMINAL_NS : PLAIN_NS))
		return;
	last = now;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (terminal)
		fprintf(stderr, "\r\033[K%s %s", phase, text);
	else
		fprintf(stderr, "%s %s\n", phase, text);
}

void
nh_bench_progress_end(void)
{
	if (terminal)
		fprintf(stderr, "\r\033[K");
}
