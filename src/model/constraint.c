#include "stadion/model/constraint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "app_fields.h"

#define PATTERN_MAX 4096
#define MATCH_LIMIT 100000 /* steps: some ms at worst */
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT_KIB 1024

enum value_rule {
	VALUE_NONE,
	VALUE_ANY,
	VALUE_PATTERN,
	VALUE_NUMBER,
	VALUE_NUMBER_OR_NONE,
	VALUE_IS
};

static const enum value_rule rules[] = {
	[CONSTRAINT_UNIQUE] = VALUE_NONE,
	[CONSTRAINT_CLUSTER] = VALUE_ANY,
	[CONSTRAINT_GROUP_BY] = VALUE_NUMBER_OR_NONE,
	[CONSTRAINT_LIKE] = VALUE_PATTERN,
	[CONSTRAINT_UNLIKE] = VALUE_PATTERN,
	[CONSTRAINT_MAX_PER] = VALUE_NUMBER,
	[CONSTRAINT_IS] = VALUE_IS,
};

/* NULL with `why` when it does not compile. Whole-text matching is the pattern's own business:
 * without it "a|ab" would stop at "a". */
static pcre2_code *pattern_compile(const char *pattern, char *why, size_t size)
{
	pcre2_compile_context *context;
	pcre2_code *code;
	int number;
	PCRE2_SIZE at;

	if (strlen(pattern) > PATTERN_MAX) {
		(void)snprintf(why, size, "a pattern has at most %d characters", PATTERN_MAX);
		return NULL;
	}
	context = pcre2_compile_context_create(NULL);
	if (context)
		(void)pcre2_set_parens_nest_limit(context, 100);

	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF |
				     PCRE2_NEVER_BACKSLASH_C,
			     &number, &at, context);
	if (!code) {
		char text[120] = "?";

		(void)pcre2_get_error_message(number, (PCRE2_UCHAR *)text, sizeof(text));
		(void)snprintf(why, size, "'%.80s' is not a valid regular expression: %s (at %zu)",
			       pattern, text, (size_t)at);
	}
	pcre2_compile_context_free(context);
	return code;
}

static bool integer(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && len <= 9 && text[len] == '\0';
}

static bool is_value(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "_/.-")] == '\0';
}

bool constraint_valid(const struct constraint *constraint, char *why, size_t size)
{
	const char *name = constraint_operator_name(constraint->operator);
	const char *value = constraint->value;
	pcre2_code *code;

	if (!constraint->field || !*constraint->field) {
		(void)snprintf(why, size, "a constraint needs the name of a field");
		return false;
	}
	if ((size_t)constraint->operator>= sizeof(rules) / sizeof(rules[0])) {
		(void)snprintf(why, size, "unknown operator");
		return false;
	}
	switch (rules[constraint->operator]) {
	case VALUE_ANY:
		return true;
	case VALUE_NONE:
		if (!value)
			return true;
		(void)snprintf(why, size, "%s takes no value, has '%.80s'", name, value);
		return false;
	case VALUE_NUMBER_OR_NONE:
		if (!value || integer(value))
			return true;
		(void)snprintf(why, size, "%s takes a whole number or nothing, has '%.80s'", name,
			       value);
		return false;
	case VALUE_NUMBER:
		if (value && integer(value))
			return true;
		(void)snprintf(why, size, "%s needs a whole number, has '%.80s'", name,
			       value ? value : "");
		return false;
	case VALUE_IS:
		if (value && is_value(value))
			return true;
		(void)snprintf(why, size, "%s needs letters, digits, / . _ - only, has '%.80s'",
			       name, value ? value : "");
		return false;
	case VALUE_PATTERN:
		break;
	}
	if (!value) {
		(void)snprintf(why, size, "%s needs a regular expression", name);
		return false;
	}
	code = pattern_compile(value, why, size);
	pcre2_code_free(code);
	return code != NULL;
}

bool constraint_equal(const struct constraint *a, const struct constraint *b)
{
	const enum constraint_operator one = a->operator, other = b->operator;

	if (one != other || strcmp(a->field, b->field) != 0)
		return false;
	return a->value && b->value ? strcmp(a->value, b->value) == 0 : a->value == b->value;
}

bool constraint_operator_parse(const char *name, enum constraint_operator *out)
{
	int value;

	if (!field_name_parse(constraint_operator_names, name, &value))
		return false;
	*out = (enum constraint_operator)value;
	return true;
}

enum pattern_match constraint_pattern_match(const char *pattern, const char *text)
{
	char why[256];
	pcre2_code *code = pattern_compile(pattern, why, sizeof(why));
	pcre2_match_data *data = code ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int result = PCRE2_ERROR_NOMEMORY;

	if (data && context) {
		(void)pcre2_set_match_limit(context, MATCH_LIMIT);
		(void)pcre2_set_depth_limit(context, DEPTH_LIMIT);
		(void)pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
		result = pcre2_match(code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, data,
				     context);
	}
	pcre2_match_context_free(context);
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	if (result >= 0)
		return PATTERN_MATCHES;
	return result == PCRE2_ERROR_NOMATCH ? PATTERN_DIFFERS : PATTERN_UNDECIDED;
}
