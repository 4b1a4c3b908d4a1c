#include "field.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "string_list.h"

#define AT(type, base, field) (*(type *)((char *)(base) + (field)->offset))
#define SEEN(type, base, field) (*(type const *)((const char *)(base) + (field)->offset))

_Static_assert(sizeof(enum field_kind) == sizeof(int), "enums are stored through int");

static int64_t scaled(const struct field *field, double value)
{
	double scale = field->kind == FIELD_SECONDS ? 1000 : field->scale;

	return value < 0 ? -1 : (int64_t)(value * scale + 0.5);
}

bool fields_default(const struct field *fields, size_t count, void *base)
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];

		switch (field->kind) {
		case FIELD_TEXT:
			AT(char *, base, field) = text_duplicate(field->text);
			good = good && (!field->text || AT(char *, base, field));
			break;
		case FIELD_TEXTS:
			AT(char **, base, field) = NULL;
			break;
		case FIELD_PAIRS:
			AT(struct pair_list, base, field) = (struct pair_list){ 0 };
			break;
		case FIELD_FLAG:
			AT(bool, base, field) = field->normal > 0;
			break;
		case FIELD_NAMED:
		case FIELD_INTEGER:
			AT(int32_t, base, field) = (int32_t)field->normal;
			break;
		case FIELD_SECONDS:
		case FIELD_SCALED:
			AT(int64_t, base, field) = scaled(field, field->normal);
			break;
		case FIELD_NUMBER:
			AT(double, base, field) = field->normal;
			break;
		}
	}
	return good;
}

void fields_clear(const struct field *fields, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];

		if (field->kind == FIELD_TEXT) {
			free(AT(char *, base, field));
			AT(char *, base, field) = NULL;
		} else if (field->kind == FIELD_TEXTS) {
			string_list_free(AT(char **, base, field));
			AT(char **, base, field) = NULL;
		} else if (field->kind == FIELD_PAIRS) {
			pair_list_clear(&AT(struct pair_list, base, field));
		}
	}
}

static bool field_copy(const struct field *field, void *to, const void *from)
{
	const char *text;

	switch (field->kind) {
	case FIELD_TEXT:
		text = SEEN(char *, from, field);
		AT(char *, to, field) = text_duplicate(text);
		return !text || AT(char *, to, field);
	case FIELD_TEXTS:
		return string_list_copy(&AT(char **, to, field), SEEN(char **, from, field));
	case FIELD_PAIRS:
		return pair_list_copy(&AT(struct pair_list, to, field),
				      &SEEN(struct pair_list, from, field));
	case FIELD_FLAG:
		AT(bool, to, field) = SEEN(bool, from, field);
		return true;
	case FIELD_NAMED:
	case FIELD_INTEGER:
		AT(int32_t, to, field) = SEEN(int32_t, from, field);
		return true;
	case FIELD_SECONDS:
	case FIELD_SCALED:
		AT(int64_t, to, field) = SEEN(int64_t, from, field);
		return true;
	case FIELD_NUMBER:
		AT(double, to, field) = SEEN(double, from, field);
		return true;
	}
	return false;
}

bool fields_copy(const struct field *fields, size_t count, void *to, const void *from)
{
	bool good = true;

	for (size_t i = 0; i < count; i++)
		good = field_copy(&fields[i], to, from) && good;
	return good;
}

bool pair_lists_equal(const struct pair_list *a, const struct pair_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const char *other = pair_list_find(b, a->items[i].key);

		if (!other || strcmp(a->items[i].value, other) != 0)
			return false;
	}
	return true;
}

bool pair_list_copy(struct pair_list *out, const struct pair_list *from)
{
	*out = (struct pair_list){ 0 };
	for (size_t i = 0; i < from->count; i++)
		if (!pair_list_add(out, from->items[i].key, from->items[i].value))
			return false;
	return true;
}

static bool texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool field_equal(const struct field *field, const void *a, const void *b)
{
	switch (field->kind) {
	case FIELD_TEXT:
		return texts_equal(SEEN(char *, a, field), SEEN(char *, b, field));
	case FIELD_TEXTS:
		return string_list_equal(SEEN(char **, a, field), SEEN(char **, b, field));
	case FIELD_PAIRS:
		return pair_lists_equal(&SEEN(struct pair_list, a, field),
					&SEEN(struct pair_list, b, field));
	case FIELD_FLAG:
		return SEEN(bool, a, field) == SEEN(bool, b, field);
	case FIELD_NAMED:
	case FIELD_INTEGER:
		return SEEN(int32_t, a, field) == SEEN(int32_t, b, field);
	case FIELD_SECONDS:
	case FIELD_SCALED:
		return SEEN(int64_t, a, field) == SEEN(int64_t, b, field);
	case FIELD_NUMBER: /* both were read from the same text or they differ */
		return !(SEEN(double, a, field) < SEEN(double, b, field)) &&
		       !(SEEN(double, a, field) > SEEN(double, b, field));
	}
	return false;
}

bool fields_equal(const struct field *fields, size_t count, const void *a, const void *b)
{
	for (size_t i = 0; i < count; i++)
		if (!field_equal(&fields[i], a, b))
			return false;
	return true;
}

const char *field_name_of(const struct field_name *names, int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return "?";
}

bool field_name_parse(const struct field_name *names, const char *text, int *out)
{
	for (; names->name; names++) {
		if (strcasecmp(names->name, text) == 0) {
			*out = names->value;
			return true;
		}
	}
	return false;
}

void problem_code(struct reader *reader, const char *path, const char *name, const char *code)
{
	char where[256];

	(void)text_format(where, sizeof(where), "%s/%s", path, name); /* cut, it still names it */
	problems_add(reader->problems, false, where, "%s", code);
}

struct json_object *reader_object(struct reader *reader, struct json_object *object,
				  const char *path, const char *name)
{
	struct json_object *value = json_member(object, name);

	if (value && !json_object_is_type(value, json_type_object)) {
		problem_code(reader, path, name, "error.expected.jsobject");
		return NULL;
	}
	return value;
}

struct json_object *reader_array(struct reader *reader, struct json_object *object,
				 const char *path, const char *name)
{
	struct json_object *value = json_member(object, name);

	if (value && !json_object_is_type(value, json_type_array)) {
		problem_code(reader, path, name, "error.expected.jsarray");
		return NULL;
	}
	return value;
}

const char *reader_text(struct reader *reader, struct json_object *object, const char *path,
			const char *name)
{
	struct json_object *value = json_member(object, name);

	if (value && !json_object_is_type(value, json_type_string)) {
		problem_code(reader, path, name, "error.expected.jsstring");
		return NULL;
	}
	return value ? json_object_get_string(value) : NULL;
}

bool reader_count(struct reader *reader, const char *path, const char *name, size_t count,
		  size_t max)
{
	char words[96];

	if (count <= max)
		return true;
	(void)snprintf(words, sizeof(words), "must have at most %zu entries, has %zu", max, count);
	problem_code(reader, path, name, words);
	return false;
}

static void read_text(struct reader *reader, const struct field *field, struct json_object *object,
		      const char *path, void *base)
{
	const char *text = reader_text(reader, object, path, field->name);
	char *copy;

	if (!text)
		return;
	copy = text_duplicate(text);
	if (!copy) {
		problem_code(reader, path, field->name, "out of memory");
		return;
	}
	free(AT(char *, base, field));
	AT(char *, base, field) = copy;
}

static void read_texts(struct reader *reader, const struct field *field, struct json_object *object,
		       const char *path, void *base)
{
	struct json_object *array = reader_array(reader, object, path, field->name);
	size_t count = array ? json_object_array_length(array) : 0;
	char **texts;

	if (!array || !reader_count(reader, path, field->name, count, FIELD_ITEMS_MAX))
		return;
	texts = calloc(count + 1, sizeof(*texts));
	for (size_t i = 0, filled = 0; texts && i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		char name[128];

		(void)snprintf(name, sizeof(name), "%s(%zu)", field->name, i);
		if (!json_object_is_type(item, json_type_string))
			problem_code(reader, path, name, "error.expected.jsstring");
		else
			texts[filled++] = text_duplicate(json_object_get_string(item));
	}
	string_list_free(AT(char **, base, field));
	AT(char **, base, field) = texts;
}

static void read_pairs(struct reader *reader, const struct field *field, struct json_object *object,
		       const char *path, void *base)
{
	struct json_object *map = reader_object(reader, object, path, field->name);
	struct pair_list *list = &AT(struct pair_list, base, field);
	char where[256];

	if (!map || !reader_count(reader, path, field->name, (size_t)json_object_object_length(map),
				  FIELD_ITEMS_MAX))
		return;
	(void)snprintf(where, sizeof(where), "%s/%s", path, field->name);
	pair_list_clear(list);
	json_object_object_foreach(map, key, value)
	{
		if (json_object_is_type(value, json_type_object) && json_member(value, "secret"))
			problem_code(reader, where, key, "secrets are not supported yet");
		else if (!json_object_is_type(value, json_type_string))
			problem_code(reader, where, key, "error.expected.jsstring");
		else if (!pair_list_add(list, key, json_object_get_string(value)))
			problem_code(reader, where, key, "out of memory");
	}
}

static void read_flag(struct reader *reader, const struct field *field, struct json_object *value,
		      const char *path, void *base)
{
	if (!json_object_is_type(value, json_type_boolean))
		problem_code(reader, path, field->name, "error.expected.jsboolean");
	else
		AT(bool, base, field) = json_object_get_boolean(value);
}

static void read_named(struct reader *reader, const struct field *field, struct json_object *object,
		       const char *path, void *base)
{
	const char *text = reader_text(reader, object, path, field->name);
	int value;

	if (!text)
		return;
	if (!field_name_parse(field->names, text, &value))
		problem_code(reader, path, field->name, "error.unknown.enum.literal");
	else
		AT(int, base, field) = value;
}

static void read_number(struct reader *reader, const struct field *field, struct json_object *value,
			const char *path, void *base)
{
	bool whole =
		field->kind == FIELD_INTEGER || (field->kind == FIELD_SECONDS && !reader->stored);
	const char *code = NULL;
	double number;

	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double)) {
		problem_code(reader, path, field->name, "error.expected.jsnumber");
		return;
	}
	number = json_object_get_double(value);
	if (whole && floor(number) < number)
		code = "error.expected.int";
	else if (!(number >= field->min))
		code = "error.min";
	else if (!(number <= field->max))
		code = "error.max";
	if (code) {
		problem_code(reader, path, field->name, code);
		return;
	}
	if (field->kind == FIELD_INTEGER)
		AT(int32_t, base, field) = (int32_t)number;
	else if (field->kind == FIELD_NUMBER)
		AT(double, base, field) = number + 0.0; /* makes -0 a 0 */
	else
		AT(int64_t, base, field) = scaled(field, number);
}

void fields_read(struct reader *reader, const struct field *fields, size_t count,
		 struct json_object *object, const char *path, void *base)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		struct json_object *value = json_member(object, field->name);

		if (field->rule == FIELD_APART)
			continue;
		if (!value) {
			if (field->rule == FIELD_REQUIRED)
				problem_code(reader, path, field->name, "error.path.missing");
			continue;
		}
		switch (field->kind) {
		case FIELD_TEXT:
			read_text(reader, field, object, path, base);
			break;
		case FIELD_TEXTS:
			read_texts(reader, field, object, path, base);
			break;
		case FIELD_PAIRS:
			read_pairs(reader, field, object, path, base);
			break;
		case FIELD_FLAG:
			read_flag(reader, field, value, path, base);
			break;
		case FIELD_NAMED:
			read_named(reader, field, object, path, base);
			break;
		case FIELD_INTEGER:
		case FIELD_SECONDS:
		case FIELD_SCALED:
		case FIELD_NUMBER:
			read_number(reader, field, value, path, base);
			break;
		}
	}
}

static bool shown(const struct field *field, const void *base)
{
	switch (field->rule) {
	case FIELD_ALWAYS:
	case FIELD_REQUIRED:
		return true;
	case FIELD_APART:
		return false;
	case FIELD_WHEN_SET:
	case FIELD_NOT_EMPTY:
		break;
	}
	switch (field->kind) {
	case FIELD_TEXT:
		return SEEN(char *, base, field) != NULL;
	case FIELD_TEXTS:
		return string_list_count(SEEN(char **, base, field)) > 0;
	case FIELD_PAIRS:
		return SEEN(struct pair_list, base, field).count > 0;
	case FIELD_INTEGER:
		return SEEN(int32_t, base, field) >= 0;
	case FIELD_SECONDS:
	case FIELD_SCALED:
		return SEEN(int64_t, base, field) >= 0;
	case FIELD_FLAG:
	case FIELD_NAMED:
	case FIELD_NUMBER:
		return true;
	}
	return true;
}

static void write_value(struct json_writer *writer, const struct field *field, const void *base)
{
	const struct pair_list *pairs;
	int64_t ms;

	switch (field->kind) {
	case FIELD_TEXT:
		json_put_text(writer, SEEN(char *, base, field));
		break;
	case FIELD_TEXTS:
		json_array_begin(writer);
		for (char *const *text = SEEN(char **, base, field); text && *text; text++)
			json_put_text(writer, *text);
		json_array_end(writer);
		break;
	case FIELD_PAIRS:
		pairs = &SEEN(struct pair_list, base, field);
		json_object_begin(writer);
		for (size_t i = 0; i < pairs->count; i++)
			json_field_text(writer, pairs->items[i].key, pairs->items[i].value);
		json_object_end(writer);
		break;
	case FIELD_FLAG:
		json_put_flag(writer, SEEN(bool, base, field));
		break;
	case FIELD_NAMED:
		json_put_text(writer, field_name_of(field->names, SEEN(int, base, field)));
		break;
	case FIELD_INTEGER:
		json_put_integer(writer, SEEN(int32_t, base, field));
		break;
	case FIELD_SECONDS:
		ms = SEEN(int64_t, base, field);
		if (ms % 1000 == 0)
			json_put_integer(writer, ms / 1000);
		else
			json_put_double(writer, (double)ms / 1000);
		break;
	case FIELD_SCALED:
		json_put_double(writer, (double)SEEN(int64_t, base, field) / field->scale);
		break;
	case FIELD_NUMBER:
		json_put_double(writer, SEEN(double, base, field));
		break;
	}
}

void fields_write(struct json_writer *writer, const struct field *fields, size_t count,
		  const void *base)
{
	for (size_t i = 0; i < count; i++) {
		if (!shown(&fields[i], base))
			continue;
		json_key(writer, fields[i].name);
		write_value(writer, &fields[i], base);
	}
}
