/* json_parse: whatever it accepts, json-c must write out and json_parse read again. */

#include <assert.h>
#include <string.h>

#include "stadion/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = { 0 };
	autoptr(json_object) first = json_parse((const char *)data, size, &error);
	const char *written;

	if (!first) {
		assert(error.kind != ERROR_NONE && error.text[0] != '\0');
		return 0;
	}
	written = json_object_to_json_string_ext(first, JSON_C_TO_STRING_PLAIN);

	autoptr(json_object) second = json_parse(written, strlen(written), &error);
	assert(second);
	assert(json_object_equal(first, second));
	return 0;
}
