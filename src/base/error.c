#include "stadion/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stadion/base/text.h"

static void write_text(struct error *error, const char *format, va_list args)
{
	char text[sizeof(error->text)]; /* apart: an argument may be the old text */

	(void)vsnprintf(text, sizeof(text), format, args);
	(void)text_copy(error->text, sizeof(error->text), text);
}

static void append(struct error *error, const char *string)
{
	size_t len = strlen(error->text);

	(void)text_copy(error->text + len, sizeof(error->text) - len, string);
}

bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
	va_list args;

	if (!error)
		return false;
	va_start(args, format);
	write_text(error, format, args);
	va_end(args);
	error->kind = kind;
	return false;
}

bool error_wrap(struct error *error, const char *format, ...)
{
	struct error inner;
	va_list args;

	if (!error)
		return false;
	inner = *error;
	va_start(args, format);
	write_text(error, format, args);
	va_end(args);
	append(error, ": ");
	append(error, inner.text);
	return false;
}

bool error_set_errno(struct error *error, enum error_kind kind, int number, const char *format, ...)
{
	char reason[128];
	va_list args;

	if (!error)
		return false;
	va_start(args, format);
	write_text(error, format, args);
	va_end(args);
	append(error, ": ");
	append(error, strerror_r(number, reason, sizeof(reason)));
	error->kind = kind;
	if (number == ENOSPC || number == EDQUOT)
		error->kind = ERROR_NO_SPACE;
	else if (number == ENOMEM)
		error->kind = ERROR_NOMEM;
	return false;
}
