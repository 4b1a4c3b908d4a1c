/* Any text as a label selector: what parses, can be asked. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/api/label_selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pair pairs[] = { { "a", "b" }, { "env", "prod" } };
	const struct pair_list labels = { .items = pairs, .count = 2 };
	char *text = strndup((const char *)data, size);
	struct error error = { 0 };
	struct label_selector *selector = text ? label_selector_parse(text, &error) : NULL;

	if (selector)
		(void)label_selector_matches(selector, &labels);
	else if (text && error.kind == ERROR_NONE)
		abort();
	label_selector_free(selector);
	free(text);
	return 0;
}
