#pragma once

/* Lists of strings that end with NULL: args, dependencies, roles. NULL is a list that is absent. */

#include <stdbool.h>
#include <stddef.h>

size_t strings_count(char *const *strings);
bool strings_has(char *const *strings, const char *string);
bool strings_equal(char *const *a, char *const *b); /* same order */
bool strings_add(char ***strings, const char *string);
bool strings_copy(char ***out, char *const *from);
void strings_free(char **strings);
