/*
 * sysfile.c - small files in which the kernel says something
 */
#include "numa/sysfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t
nh_sys_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	text[0] = '\0';
	if (fd < 0)
		return 0;
	while (n > 0 && len + 1 < size) {
		n = read(fd, text + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	text[len] = '\0';
	return len;
}

bool
nh_sys_number(const char *path, uint64_t *out)
{
	char text[32];
	char *end;

	if (!nh_sys_read(path, text, sizeof(text)))
		return false;
	*out = strtoull(text, &end, 10);
	return end != text;
}

bool
nh_sys_node_path(char *path, size_t size, int os_node, const char *name)
{
	int n = snprintf(path, size, "/sys/devices/system/node/node%d/%s",
			 os_node, name);

	return n > 0 && (size_t)n < size;
}

bool
nh_sys_field(const char *text, const char *name, uint64_t *out)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return false;
	at += strlen(name);
	*out = strtoull(at, &end, 10);
	return end != at;
}

void
nh_sys_list(const char *text, unsigned limit, void (*fn)(void *arg, unsigned n),
	    void *arg)
{
	for (;;) {
		char *end;
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (end == text)
			return;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (unsigned long n = from; n <= to && n < limit; n++)
			fn(arg, (unsigned)n);
		if (*end != ',')
			return;
		text = end + 1;
	}
}
