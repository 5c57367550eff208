/*
 * line_flavour.c - the inline functions of one arch module, as a table
 */
#include "tests/unit/line_flavour.h"

static struct line_found
numbers(struct nh_found found)
{
	struct line_found f = { found.hit, found.flags, 0, 0 };

	if (f.hit) {
		f.value = nh_found_value(&found);
		nh_found_store(&found, &f.stored);
	}
	return f;
}

static struct line_found
find(const struct nh_line *line, uint64_t word)
{
	return numbers(nh_line_find(line, word, &nh_word_key));
}

static struct line_found
peek(const struct nh_line *line, uint64_t word)
{
	return numbers(nh_line_peek(line, word, &nh_word_key));
}

const struct line_flavour LINE_FLAVOUR = {
	.name = NH_FLAVOUR_NAME,
	.level = LINE_LEVEL,
	.load = nh_pair_load,
	.store = nh_pair_store,
	.find = find,
	.peek = peek,
	.slot = nh_line_slot,
	.empty_slot = nh_line_empty_slot,
};
