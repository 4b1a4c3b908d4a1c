#include "label_selector.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum label_test { LABEL_EXISTS, LABEL_IN, LABEL_NOT_IN };

struct label_term {
	enum label_test test;
	const char *key;
	size_t first, count; /* its values */
};

struct label_selector {
	struct label_term terms[LABEL_TERMS_MAX];
	size_t term_count;
	const char *values[LABEL_VALUES_MAX];
	size_t value_count;
	char words[2 * LABEL_SELECTOR_MAX]; /* what keys and values point to, unescaped */
};

struct label_reader {
	const char *text, *at;
	char *out; /* next free byte of the selector's words */
	struct label_selector *selector;
	struct error *error;
};

void label_selector_free(struct label_selector *selector)
{
	free(selector);
}

static bool refuse(const struct label_reader *reader, const char *what)
{
	return error_set(reader->error, ERROR_INVALID,
			 "label selector, position %zu: %s is expected",
			 (size_t)(reader->at - reader->text) + 1, what);
}

static void skip_blanks(struct label_reader *reader)
{
	reader->at += strspn(reader->at, " \t\r\n");
}

static bool take(struct label_reader *reader, const char *token)
{
	skip_blanks(reader);
	if (strncmp(reader->at, token, strlen(token)) != 0)
		return false;
	reader->at += strlen(token);
	return true;
}

static bool is_plain(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-_.", c));
}

/* NULL, and the error is set, where no word stands. */
static const char *take_word(struct label_reader *reader, const char *what)
{
	const char *word = reader->out;

	skip_blanks(reader);
	while (is_plain(*reader->at) || (*reader->at == '\\' && reader->at[1])) {
		reader->at += *reader->at == '\\';
		*reader->out++ = *reader->at++;
	}
	if (reader->out == word) {
		(void)refuse(reader, what);
		return NULL;
	}
	*reader->out++ = '\0';
	return word;
}

static bool take_value(struct label_reader *reader, struct label_term *term)
{
	struct label_selector *selector = reader->selector;
	const char *value = take_word(reader, "a value");

	if (!value)
		return false;
	if (selector->value_count == LABEL_VALUES_MAX)
		return error_set(reader->error, ERROR_INVALID,
				 "a label selector has at most %d values", LABEL_VALUES_MAX);
	selector->values[selector->value_count++] = value;
	term->count++;
	return true;
}

static bool take_set(struct label_reader *reader, struct label_term *term)
{
	if (!take(reader, "("))
		return refuse(reader, "'('");
	do {
		if (!take_value(reader, term))
			return false;
	} while (take(reader, ","));
	return take(reader, ")") || refuse(reader, "',' or ')'");
}

static bool take_term(struct label_reader *reader)
{
	static const struct {
		const char *token;
		enum label_test test;
		bool (*rest)(struct label_reader *reader, struct label_term *term);
	} operators[] = {
		{ "==", LABEL_IN, take_value },
		{ "!=", LABEL_NOT_IN, take_value },
		{ "in", LABEL_IN, take_set },
		{ "notin", LABEL_NOT_IN, take_set },
	};
	struct label_selector *selector = reader->selector;
	struct label_term *term = &selector->terms[selector->term_count];

	if (selector->term_count == LABEL_TERMS_MAX)
		return error_set(reader->error, ERROR_INVALID,
				 "a label selector has at most %d terms", LABEL_TERMS_MAX);
	*term = (struct label_term){ .first = selector->value_count };
	term->key = take_word(reader, "a label");
	if (!term->key)
		return false;
	selector->term_count++;
	for (size_t i = 0; i < ROWS(operators); i++) {
		if (!take(reader, operators[i].token))
			continue;
		term->test = operators[i].test;
		return operators[i].rest(reader, term);
	}
	return true; /* a bare key */
}

struct label_selector *label_selector_parse(const char *text, struct error *error)
{
	autoptr(label_selector) selector = NULL;
	struct label_reader reader = { .text = text, .at = text, .error = error };

	if (strlen(text) >= LABEL_SELECTOR_MAX) {
		(void)error_set(error, ERROR_INVALID,
				"a label selector is shorter than %d characters",
				LABEL_SELECTOR_MAX);
		return NULL;
	}
	selector = calloc(1, sizeof(*selector));
	if (!selector) {
		(void)error_set(error, ERROR_NOMEM, "label selector");
		return NULL;
	}
	reader.selector = selector;
	reader.out = selector->words;
	skip_blanks(&reader);
	if (!*reader.at)
		return TAKE(selector);
	do {
		if (!take_term(&reader))
			return NULL;
	} while (take(&reader, ","));
	if (*reader.at) {
		(void)refuse(&reader, "an operator, ',' or the end");
		return NULL;
	}
	return TAKE(selector);
}

static bool has_value(const struct label_selector *selector, const struct label_term *term,
		      const char *value)
{
	for (size_t i = 0; i < term->count; i++)
		if (!strcmp(selector->values[term->first + i], value))
			return true;
	return false;
}

bool label_selector_matches(const struct label_selector *selector, const struct pair_list *labels)
{
	for (size_t i = 0; i < selector->term_count; i++) {
		const struct label_term *term = &selector->terms[i];
		const char *value = pair_list_find(labels, term->key);

		if (!value)
			return false;
		if (term->test != LABEL_EXISTS &&
		    has_value(selector, term, value) != (term->test == LABEL_IN))
			return false;
	}
	return true;
}
