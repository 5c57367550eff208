/*
 * assert.c - the library's only way to speak
 */
#include "lib/assert.h"

#include <string.h>
#include <unistd.h>

void
nh_complain(const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(STDERR_FILENO, text, left);

		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}
