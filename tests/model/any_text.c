/*
 * any_text.c - numbers as strings that tell whether they are whole
 *
 *	short	| the number's bytes, no zero at the end |	0 to 7
 *	long	| the number, 8 bytes | what follows from it |	8 and more
 *
 * The length follows from the number, too, so that no string is part of another
 * number's.  The number 0 is the empty string, or the byte 0 for a key.
 */
#include "tests/model/any_text.h"

#include <inttypes.h>
#include <string.h>

#include "tests/model/args.h"
#include "tests/model/kit.h"

#define WORD sizeof(uint64_t)

/* Lengths at which something changes: of the header, and of the memory. */
static size_t
rare_value_length(uint64_t h)
{
	switch (h % 16) {
	case 0:
		return 65533 + (h >> 8) % 5;
	case 1:
	case 2:
		return 16200 + (h >> 8) % 200;
	}
	return WORD + (h >> 8) % 5000;
}

static size_t
rare_key_length(uint64_t h)
{
	if (h % 64 == 0)
		return NH_KEY_MAX - (h >> 8) % 5;
	return WORD + (h >> 8) % 3000;
}

static size_t
long_length(enum text_kind kind, uint64_t h)
{
	switch (h % 64) {
	case 0:
		return kind == TEXT_KEY ? rare_key_length(h >> 8)
					: rare_value_length(h >> 8);
	case 1:
	case 2:
		return WORD + (h >> 8) % 500;
	}
	return WORD + (h >> 8) % 56;
}

static uint64_t
salted(enum text_kind kind, uint64_t number)
{
	return mix64(number + (kind + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

size_t
text_length(enum text_kind kind, uint64_t number)
{
	uint64_t h = salted(kind, number);
	size_t bytes = 0;

	if (!number)
		return kind == TEXT_KEY;
	while (bytes < WORD && number >> 8 * bytes)
		bytes++;
	return bytes < WORD && h % 4 == 0 ? bytes : long_length(kind, h >> 2);
}

void
text_write(enum text_kind kind, uint64_t number, unsigned char *to)
{
	size_t len = text_length(kind, number);
	uint64_t h = salted(kind, number), w = number;

	for (size_t at = 0; at < len; at += WORD) {
		memcpy(to + at, &w, len - at < WORD ? len - at : WORD);
		w = mix64(h + at);
	}
}

uint64_t
text_read(enum text_kind kind, const void *bytes, size_t len)
{
	struct text want;
	uint64_t number = 0;

	memcpy(&number, bytes, len < WORD ? len : WORD);
	want.len = text_length(kind, number);
	text_write(kind, number, want.bytes);
	if (want.len != len || memcmp(want.bytes, bytes, len))
		fail("a %s of %zu bytes that nobody wrote, it begins with "
		     "0x%" PRIx64,
		     kind == TEXT_KEY ? "key" : "value", len, number);
	return number;
}
