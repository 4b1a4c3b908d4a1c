/* router_find: params lie inside the scratch and are not empty, whatever the path. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/net/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route routes[] = {
	{ "GET", "/", NULL },
	{ "GET", "/v2/apps/{id}/versions/{version}", NULL },
	{ "GET", "/v2/apps/{id}/tasks/{task}/{a}/{b}", NULL },
	{ "POST", "/v2/apps/{id}", NULL },
	{ "GET", "/{a}/{b}", NULL },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char scratch[ROUTE_PATH_MAX], allow[64];
	struct route_match match = { 0 };
	char *path = malloc(size + 1);
	int found;

	assert(path);
	memcpy(path, data, size);
	path[size] = '\0';
	found = router_find(routes, ROWS(routes), "GET", path, scratch, &match, allow,
			    sizeof(allow));
	assert(found >= -2 && found < (int)ROWS(routes));
	for (size_t i = 0; found >= 0 && i < ROUTE_PARAMS_MAX && match.params[i]; i++) {
		const char *param = match.params[i];

		assert(param > scratch && param + strlen(param) < scratch + sizeof(scratch));
		assert(*param && *param != '/' && param[strlen(param) - 1] != '/');
	}
	free(path);
	return 0;
}
