/* Any text as an id: what resolves, resolves to itself. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/model/path_id.h"
#include "stadion/model/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char id[PATH_ID_MAX], again[PATH_ID_MAX], safe[PATH_ID_MAX];
	struct error error;

	if (!text)
		return 0;
	if (path_id_resolve(text, "/group", id, &error)) {
		if (!path_id_resolve(id, "/", again, &error) || strcmp(id, again) != 0)
			abort();
		path_id_safe(id, safe);
		(void)path_id_is_app(id, &error);
	}
	if (task_id_valid(text) && !task_id_instance(text, safe, sizeof(safe)) &&
	    strlen(text) < sizeof(safe))
		abort();
	free(text);
	return 0;
}
