#include "string_list.h"

#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"

size_t string_list_count(char *const *strings)
{
	size_t count = 0;

	while (strings && strings[count])
		count++;
	return count;
}

bool string_list_has(char *const *strings, const char *string)
{
	for (size_t i = 0; strings && strings[i]; i++)
		if (strcmp(strings[i], string) == 0)
			return true;
	return false;
}

bool string_list_equal(char *const *a, char *const *b)
{
	size_t count = string_list_count(a);

	if ((a == NULL) != (b == NULL) || count != string_list_count(b))
		return false;
	for (size_t i = 0; a && b && i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool string_list_add(char ***strings, const char *string)
{
	size_t count = string_list_count(*strings);
	char **grown = reallocarray(*strings, count + 2, sizeof(*grown));

	if (!grown)
		return false;
	*strings = grown;
	grown[count + 1] = NULL;
	grown[count] = text_duplicate(string);
	return grown[count] != NULL;
}

bool string_list_copy(char ***out, char *const *from)
{
	size_t count = string_list_count(from);
	char **copy;

	*out = NULL;
	if (!from)
		return true;
	copy = calloc(count + 1, sizeof(*copy));
	if (!copy)
		return false;
	for (size_t i = 0; i < count; i++) {
		copy[i] = text_duplicate(from[i]);
		if (!copy[i]) {
			string_list_free(copy);
			return false;
		}
	}
	*out = copy;
	return true;
}

void string_list_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}
