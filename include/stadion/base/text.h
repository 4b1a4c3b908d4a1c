#pragma once

/* A bounded, growing text. Adding past the maximum, or without memory, marks it failed and adds
 * nothing more: check once, at the end. */

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* NUL-terminated once anything was added; NULL before */
	size_t len; /* bytes without the NUL */
	size_t size, max;
	bool failed;
};

#define TEXT_INIT(maximum)       \
	{                        \
		.max = (maximum) \
	}

void text_init(struct text *text, size_t max);
void text_clear(struct text *text); /* frees; usable again with the same maximum */
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t len);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *text_string(const struct text *text); /* "" when nothing was added; never NULL */
char *text_take(struct text *text);		  /* malloc'ed; NULL when failed; clears */

/* Copies as strlcpy would; returns false when it had to cut. */
bool text_copy(char *out, size_t size, const char *string);
/* Writes as snprintf would; returns false when it had to cut. */
bool text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
char *text_duplicate(const char *string); /* NULL for NULL or without memory */

/* How many bytes the UTF-8 sequence at the start of `bytes` has; 0 when it is not well-formed. */
size_t text_utf8_sequence(const char *bytes, size_t len);
