#include "json_scan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/json/json.h"

struct json_key_seen {
	const char *text; /* all point into the same document */
	size_t object;	  /* the number of its object, in order of their beginnings */
	size_t at, len;	  /* between the quotes, escapes as they stand */
};

static bool scan_value(struct json_scan *scan, int depth);

/* Lines and columns count from 1; columns count characters, as editors do. */
static bool fail_at(struct json_scan *scan, size_t at, const char *what)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		if (scan->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)scan->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return error_set(scan->error, ERROR_INVALID, "line %zu, column %zu: %s", line, column,
			 what);
}

static bool fail(struct json_scan *scan, const char *what)
{
	return fail_at(scan, scan->at, what);
}

static int peek(const struct json_scan *scan)
{
	return scan->at < scan->end ? (unsigned char)scan->text[scan->at] : -1;
}

static bool take(struct json_scan *scan, char c)
{
	if (peek(scan) != c)
		return false;
	scan->at++;
	return true;
}

static void skip_space(struct json_scan *scan)
{
	while (take(scan, ' ') || take(scan, '\n') || take(scan, '\t') || take(scan, '\r'))
		;
}

static bool scan_word(struct json_scan *scan, const char *word)
{
	size_t len = strlen(word);

	if (scan->end - scan->at < len || memcmp(scan->text + scan->at, word, len) != 0)
		return fail(scan, "a value was expected");
	scan->at += len;
	return true;
}

static bool take_digits(struct json_scan *scan)
{
	size_t before = scan->at;

	while (peek(scan) >= '0' && peek(scan) <= '9')
		scan->at++;
	return scan->at > before;
}

/* An integer must fit int64_t, anything else a finite double: json-c would saturate in silence. */
static bool number_fits(const struct json_scan *scan, size_t start, bool whole)
{
	char copy[JSON_NUMBER_MAX + 1];
	size_t len = scan->at - start;

	memcpy(copy, scan->text + start, len);
	copy[len] = '\0';
	if (!whole)
		return isfinite(strtod(copy, NULL));
	errno = 0;
	(void)strtoll(copy, NULL, 10);
	return errno == 0;
}

static bool scan_number(struct json_scan *scan)
{
	size_t start = scan->at;
	bool whole = true;

	(void)take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return fail(scan, "a digit was expected");
	if (peek(scan) >= '0' && peek(scan) <= '9')
		return fail_at(scan, start, "a number must not begin with 0");
	if (take(scan, '.')) {
		whole = false;
		if (!take_digits(scan))
			return fail(scan, "a digit was expected after the decimal point");
	}
	if (take(scan, 'e') || take(scan, 'E')) {
		whole = false;
		if (!take(scan, '+'))
			(void)take(scan, '-');
		if (!take_digits(scan))
			return fail(scan, "a digit was expected in the exponent");
	}
	if (scan->at - start > JSON_NUMBER_MAX)
		return fail_at(scan, start, "the number has too many digits");
	if (!number_fits(scan, start, whole))
		return fail_at(scan, start, "the number is beyond the range of 64 bits");
	return true;
}

static bool scan_hex4(struct json_scan *scan, unsigned *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int c = peek(scan);
		const char *digits = "0123456789abcdef", *found;

		if (c >= 'A' && c <= 'F')
			c += 'a' - 'A';
		found = c > 0 ? strchr(digits, c) : NULL;
		if (!found)
			return fail(scan, "four hexadecimal digits were expected after \\u");
		*unit = *unit * 16 + (unsigned)(found - digits);
		scan->at++;
	}
	return true;
}

/* Behind a backslash. */
static bool scan_escape(struct json_scan *scan)
{
	size_t start = scan->at - 1;
	unsigned unit;
	int c = peek(scan);

	if (c > 0 && strchr("\"\\/bfnrt", c)) {
		scan->at++;
		return true;
	}
	if (!take(scan, 'u'))
		return fail(scan, "not a known escape");
	if (!scan_hex4(scan, &unit))
		return false;
	if (unit == 0)
		return fail_at(scan, start, "the character NUL is not allowed");
	if (unit >= 0xd800 && unit <= 0xdbff) {
		if (!take(scan, '\\') || !take(scan, 'u'))
			return fail_at(scan, start, "half of a surrogate pair");
		if (!scan_hex4(scan, &unit))
			return false;
		if (unit < 0xdc00 || unit > 0xdfff)
			return fail_at(scan, start, "half of a surrogate pair");
		return true;
	}
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return fail_at(scan, start, "half of a surrogate pair");
	return true;
}

static bool scan_string(struct json_scan *scan)
{
	if (!take(scan, '"'))
		return fail(scan, "a double quote was expected");
	for (;;) {
		int c = peek(scan);
		size_t sequence;

		if (c < 0)
			return fail(scan, "the text ends inside a string");
		if (take(scan, '"'))
			return true;
		if (c < 0x20)
			return fail(scan, "a control character inside a string");
		if (take(scan, '\\')) {
			if (!scan_escape(scan))
				return false;
			continue;
		}
		sequence = text_utf8_sequence(scan->text + scan->at, scan->end - scan->at);
		if (sequence == 0)
			return fail(scan, "not UTF-8");
		scan->at += sequence;
	}
}

static void note_key(struct json_scan *scan, size_t object, size_t at)
{
	if (scan->keys)
		scan->keys[scan->members] = (struct json_key_seen){
			.text = scan->text, .object = object, .at = at, .len = scan->at - 1 - at
		};
	scan->members++;
}

static bool scan_member(struct json_scan *scan, size_t object, int depth)
{
	size_t start;

	skip_space(scan);
	start = scan->at;
	if (peek(scan) != '"')
		return fail(scan, "a key in double quotes was expected");
	if (!scan_string(scan))
		return false;
	note_key(scan, object, start + 1);
	skip_space(scan);
	if (!take(scan, ':'))
		return fail(scan, "a colon was expected after the key");
	return scan_value(scan, depth);
}

/* Behind the opening bracket; `depth` is that of what is inside. */
static bool scan_container(struct json_scan *scan, char closing, int depth)
{
	size_t number = ++scan->containers, entries = 0;

	if (depth > JSON_DEPTH_MAX)
		return fail(scan, "nested too deeply (more than 32 levels)");
	if (number > JSON_CONTAINERS_MAX)
		return fail(scan, "too many objects and arrays (more than 65536)");
	skip_space(scan);
	if (take(scan, closing))
		return true;
	do {
		if (closing == '}' && ++entries > JSON_MEMBERS_MAX)
			return fail(scan, "too many members in one object (more than 16384)");
		if (closing == '}' ? !scan_member(scan, number, depth) : !scan_value(scan, depth))
			return false;
		skip_space(scan);
	} while (take(scan, ','));
	if (take(scan, closing))
		return true;
	if (scan->at == scan->end)
		return fail(scan, closing == '}' ? "the text ends inside an object"
						 : "the text ends inside an array");
	return fail(scan,
		    closing == '}' ? "a comma or } was expected" : "a comma or ] was expected");
}

static bool scan_value(struct json_scan *scan, int depth)
{
	skip_space(scan);
	if (++scan->values > JSON_VALUES_MAX)
		return fail(scan, "too many values (more than 524288)");
	switch (peek(scan)) {
	case -1:
		return fail(scan, "the text ends where a value was expected");
	case '{':
		scan->at++;
		return scan_container(scan, '}', depth + 1);
	case '[':
		scan->at++;
		return scan_container(scan, ']', depth + 1);
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, "true");
	case 'f':
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return scan_number(scan);
	default:
		return fail(scan, "a value was expected");
	}
}

bool json_scan_document(struct json_scan *scan, const char *text, size_t len, struct error *error)
{
	*scan = (struct json_scan){ .text = text, .end = len, .error = error };
	skip_space(scan);
	scan->start = scan->at;
	if (!scan_value(scan, 0))
		return false;
	scan->len = scan->at - scan->start;
	skip_space(scan);
	if (scan->at < scan->end)
		return fail(scan, "something follows the document");
	if (scan->text[scan->start] == 'n')
		return fail_at(scan, scan->start, "the document is null");
	return true;
}

static int compare_keys(const void *left, const void *right)
{
	const struct json_key_seen *a = left, *b = right;
	size_t shorter = a->len < b->len ? a->len : b->len;
	int order;

	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	order = memcmp(a->text + a->at, b->text + b->at, shorter);
	if (order != 0)
		return order;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static bool is_same_key(const struct json_key_seen *a, const struct json_key_seen *b)
{
	return a->object == b->object && a->len == b->len &&
	       memcmp(a->text + a->at, b->text + b->at, a->len) == 0;
}

bool json_scan_tell_duplicate(struct json_scan *scan, struct error *error)
{
	struct json_scan again = { .text = scan->text, .end = scan->end, .error = error };
	char what[128];

	again.keys = calloc(scan->members, sizeof(*again.keys));
	if (!again.keys)
		return error_set(error, ERROR_NOMEM, "reading JSON");
	if (!scan_value(&again, 0)) {
		free(again.keys);
		return false;
	}
	qsort(again.keys, again.members, sizeof(*again.keys), compare_keys);
	for (size_t i = 1; i < again.members; i++) {
		const struct json_key_seen *key = &again.keys[i];

		if (!is_same_key(key - 1, key))
			continue;
		(void)snprintf(what, sizeof(what), "the key \"%.*s\" is there twice",
			       (int)(key->len < 64 ? key->len : 64), key->text + key->at);
		(void)fail_at(&again, key->at - 1, what);
		free(again.keys);
		return false;
	}
	free(again.keys);
	return error_set(error, ERROR_INVALID,
			 "a key is there twice in one object, once written with escapes");
}
