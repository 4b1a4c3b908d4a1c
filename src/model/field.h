#pragma once

/* Fields as rows of a table: what a member of a JSON object is called, where it lives in a struct,
 * its default, its limits, and when it is written. Reading, writing, defaulting, copying and
 * comparing all come from the same row, so that a new field is one line.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "stadion/json/json_writer.h"
#include "stadion/model/app_read.h"

enum field_kind {
	FIELD_TEXT,    /* char *, NULL: unset */
	FIELD_TEXTS,   /* char **, ended by NULL; NULL: unset */
	FIELD_PAIRS,   /* struct pair_list: an object of strings */
	FIELD_FLAG,    /* bool */
	FIELD_NAMED,   /* an enum, written as a name */
	FIELD_INTEGER, /* int32_t */
	FIELD_SECONDS, /* int64_t in milliseconds */
	FIELD_SCALED,  /* int64_t, `scale` of which are 1 in the JSON: 500 cpu_milli are 0.5 */
	FIELD_NUMBER,  /* double */
};

enum field_rule {
	FIELD_ALWAYS,	 /* written always */
	FIELD_WHEN_SET,	 /* texts: not NULL; numbers: not negative */
	FIELD_NOT_EMPTY, /* lists and maps with members */
	FIELD_REQUIRED,	 /* written always, and must be there in a definition */
	FIELD_APART,	 /* read and written by code of its own; copied and compared here */
};

struct field_name { /* the first of a value is the one written */
	const char *name;
	int value;
};

struct field {
	const char *name;
	enum field_kind kind;
	enum field_rule rule;
	size_t offset;
	double normal, min, max; /* in the unit of the JSON; normal below 0: unset, stored as -1 */
	double scale;
	const char *text; /* default of FIELD_TEXT; NULL: unset */
	const struct field_name *names;
};

#define FIELD_ITEMS_MAX 4096 /* of a list or a map */

/* How documents are read. Stored ones are ours: fractions of seconds are fine there. */
struct reader {
	struct problems *problems;
	bool stored;
};

bool fields_default(const struct field *fields, size_t count, void *base);
void fields_clear(const struct field *fields, size_t count, void *base);
/* `to` is overwritten; when false it is still safe to clear. */
bool fields_copy(const struct field *fields, size_t count, void *to, const void *from);
bool field_equal(const struct field *field, const void *a, const void *b);
bool fields_equal(const struct field *fields, size_t count, const void *a, const void *b);

/* Members that are absent leave what is there. `path` is "" for the document itself. */
void fields_read(struct reader *reader, const struct field *fields, size_t count,
		 struct json_object *object, const char *path, void *base);
void fields_write(struct json_writer *writer, const struct field *fields, size_t count,
		  const void *base);

/* Parts that code of its own needs too. */
const char *field_name_of(const struct field_name *names, int value); /* "?" if it has none */
bool field_name_parse(const struct field_name *names, const char *text, int *out); /* any case */
void problem_code(struct reader *reader, const char *path, const char *name, const char *code);
/* The member as an object or an array of the right type; NULL if absent or, with a problem, not. */
struct json_object *reader_object(struct reader *reader, struct json_object *object,
				  const char *path, const char *name);
struct json_object *reader_array(struct reader *reader, struct json_object *object,
				 const char *path, const char *name);
bool reader_count(struct reader *reader, const char *path, const char *name, size_t count,
		  size_t max); /* a problem when there are more */
const char *reader_text(struct reader *reader, struct json_object *object, const char *path,
			const char *name);
bool pair_lists_equal(const struct pair_list *a, const struct pair_list *b); /* any order */
bool pair_list_copy(struct pair_list *out, const struct pair_list *from);
