/*
 * any_text.h - numbers as strings that tell whether they are whole
 */
#ifndef NH_TESTS_ANY_TEXT_H
#define NH_TESTS_ANY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_MOST ((size_t)65600)

enum text_kind { TEXT_KEY, TEXT_VALUE };

struct text {
	size_t len;
	unsigned char bytes[TEXT_MOST];
};

/* text_length - of the string that a number becomes */
size_t text_length(enum text_kind kind, uint64_t number);

/* text_write - the string, to text_length() bytes */
void text_write(enum text_kind kind, uint64_t number, unsigned char *to);

/* text_read - the number of a string; one that nobody wrote ends the program */
uint64_t text_read(enum text_kind kind, const void *bytes, size_t len);

#endif
