#pragma once

/* Reading app definitions: Marathon's current form (networks, portMappings) and its legacy form
 * (container.docker.network, ports, uris), defaulted and validated, into a normalised struct app.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "stadion/base/error.h"
#include "stadion/model/app.h"

#define PROBLEMS_MAX 32

/* What is wrong with a document, in the order found: Marathon's `details`. */
struct problem {
	char path[256];	   /* "/healthChecks(0)/protocol"; "/" is the document */
	char message[256]; /* a code that clients translate ("error.expected.jsnumber"), or words */
	bool semantic;	   /* a rule across fields: "Object is not valid"; else "Invalid JSON" */
};
struct problems {
	struct problem items[PROBLEMS_MAX];
	size_t count; /* more than PROBLEMS_MAX are counted as the last */
};
void problems_add(struct problems *problems, bool semantic, const char *path, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

struct app_read_options {
	const char *id;	  /* absolute; wins over the document's; NULL: the document must say */
	const char *base; /* group that relative ids are resolved against; NULL: "/" */
	/* What a partial update is laid over, top-level field by top-level field; NULL: a complete
	 * definition. */
	const struct app *over;
	bool marathon_check_defaults; /* 300 s grace and 20 s timeout in place of 15 and 10 */
};

/* Returns a new app (version fields copied from `over`, else 0; service ports not assigned), or
 * NULL with at least one problem. null members count as absent, unknown ones are ignored, and what
 * this program cannot do yet (secrets, fetch, residency ...) is a problem, never silence. */
struct app *app_read(struct json_object *document, const struct app_read_options *options,
		     struct problems *problems);

/* Reads what app_write wrote with version fields (our store, our protocol): exact, no defaults
 * of the API's. NULL with *error. */
struct app *app_read_stored(struct json_object *document, struct error *error);
