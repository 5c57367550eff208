/*
 * assert.h - the library's only way to speak
 */
#ifndef NH_LIB_ASSERT_H
#define NH_LIB_ASSERT_H

/* nh_complain - to standard error, with no buffer in between.  Any thread. */
void nh_complain(const char *text);

#endif
