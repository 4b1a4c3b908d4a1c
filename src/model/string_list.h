#pragma once

/* Lists of strings that end with NULL: args, dependencies, roles. NULL is a list that is absent. */

#include <stdbool.h>
#include <stddef.h>

size_t string_list_count(char *const *strings);
bool string_list_has(char *const *strings, const char *string);
bool string_list_equal(char *const *a, char *const *b); /* same order */
bool string_list_add(char ***strings, const char *string);
bool string_list_copy(char ***out, char *const *from);
void string_list_free(char **strings);
