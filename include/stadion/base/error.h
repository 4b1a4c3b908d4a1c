#pragma once

/* Errors are values on the caller's stack: failing allocates nothing, and nothing is to free.
 * Who returns an error does not log it; it is wrapped on the way up and told once, at the top. */

#include <stdarg.h>
#include <stdbool.h>

enum error_kind {
	ERROR_NONE,
	ERROR_INVALID,	   /* what was given breaks a rule */
	ERROR_NOT_FOUND,   /* the thing named does not exist */
	ERROR_CONFLICT,	   /* it exists already, or something else holds it */
	ERROR_DENIED,	   /* not allowed */
	ERROR_UNAVAILABLE, /* a peer does not answer, or not now */
	ERROR_TIMEOUT,	   /* a deadline passed */
	ERROR_NO_SPACE,	   /* disk, quota or limit is full */
	ERROR_NOMEM,
	ERROR_INTERNAL, /* our own fault */
};

struct error {
	enum error_kind kind; /* for code: one table maps it to HTTP status and exit status */
	char text[512];	      /* for people: one line that names the thing and the limit */
};

/* Sets *error and returns false, so that failing is one line. error may be NULL. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts what was being tried before the text that is there: "context: text". Returns false. */
bool error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As error_set, with ": " and the text of errno `number`; ENOSPC and EDQUOT turn ERROR_NO_SPACE,
 * ENOMEM turns ERROR_NOMEM whatever `kind` says. */
bool error_set_errno(struct error *error, enum error_kind kind, int number, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
