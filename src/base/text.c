#include "stadion/base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

void text_init(struct text *text, size_t max)
{
	*text = (struct text)TEXT_INIT(max);
}

void text_clear(struct text *text)
{
	if (!text)
		return;
	free(text->data);
	text_init(text, text->max);
}

/* Room for `more` bytes and the NUL; doubles, so that adding bytewise stays linear. */
static bool grow(struct text *text, size_t more)
{
	size_t need, size = text->size ? text->size : FIRST_SIZE;
	char *data;

	if (text->failed)
		return false;
	text->failed = true; /* until proven otherwise */
	if (text->max == SIZE_MAX || more > text->max || text->len > text->max - more)
		return false;
	need = text->len + more + 1;
	while (size < need)
		size = size > SIZE_MAX / 2 ? need : size * 2;
	if (size > text->max + 1)
		size = text->max + 1;
	if (size > text->size) {
		data = realloc(text->data, size);
		if (!data)
			return false;
		text->data = data;
		text->size = size;
	}
	text->failed = false;
	return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
	if (!grow(text, len))
		return;
	if (len)
		memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list args;
	size_t room, added;
	int len;

	if (!grow(text, 0))
		return;
	room = text->size - text->len; /* mostly enough: printed once only */
	va_start(args, format);
	len = vsnprintf(text->data + text->len, room, format, args);
	va_end(args);
	added = len < 0 ? 0 : (size_t)len;
	if (len < 0 || (added >= room && !grow(text, added))) {
		text->data[text->len] = '\0'; /* nothing of what did not fit */
		text->failed = true;
		return;
	}
	if (added >= room) {
		va_start(args, format);
		(void)vsnprintf(text->data + text->len, added + 1, format, args);
		va_end(args);
	}
	text->len += added;
}

const char *text_string(const struct text *text)
{
	return text->data ? text->data : "";
}

char *text_take(struct text *text)
{
	char *data = NULL;

	if (grow(text, 0)) { /* an empty text is "", not NULL */
		data = text->data;
		data[text->len] = '\0';
		text->data = NULL;
	}
	text_clear(text);
	return data;
}

bool text_format(char *out, size_t size, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(out, size, format, arguments);
	va_end(arguments);
	return len >= 0 && (size_t)len < size;
}

bool text_copy(char *out, size_t size, const char *string)
{
	size_t len = strnlen(string, size);

	if (size == 0)
		return false;
	if (len == size) {
		memcpy(out, string, size - 1);
		out[size - 1] = '\0';
		return false;
	}
	memcpy(out, string, len + 1);
	return true;
}

char *text_duplicate(const char *string)
{
	return string ? strdup(string) : NULL;
}

/* RFC 3629, its table of well-formed sequences: the second byte's range depends on the first. */
size_t text_utf8_sequence(const char *bytes, size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	unsigned char low = 0x80, high = 0xbf;
	size_t need;

	if (len == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return 0;
	need = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (b[0] == 0xe0)
		low = 0xa0; /* shorter forms exist */
	else if (b[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (len < need || b[1] < low || b[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return need;
}
