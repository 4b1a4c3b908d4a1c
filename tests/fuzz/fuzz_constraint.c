/* A line with a pattern, the rest a text: matching ends, within its limits. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/model/constraint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *pattern = strndup((const char *)data, size);
	struct constraint constraint = { pattern, CONSTRAINT_LIKE, pattern };
	char why[256];
	char *text;
	bool valid;

	if (!pattern)
		return 0;
	text = strchr(pattern, '\n');
	if (text)
		*text++ = '\0';
	valid = *pattern && constraint_valid(&constraint, why, sizeof(why));
	if (constraint_pattern_match(pattern, text ? text : "") != PATTERN_UNDECIDED && *pattern &&
	    !valid)
		abort(); /* decided by a pattern that was refused */
	for (int i = CONSTRAINT_UNIQUE; i <= CONSTRAINT_IS; i++) {
		constraint.operator=(enum constraint_operator) i;
		(void)constraint_valid(&constraint, why, sizeof(why));
	}
	free(pattern);
	return 0;
}
