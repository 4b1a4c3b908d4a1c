#pragma once

/* The parts that app_read puts an app together from. Each fills `app` and tells problems. */

#include "app_fields.h"

/* Container, networks and ports, from either form. `given` is what the user sent: when it lists
 * more ports than the container has mappings, mappings for the surplus are added. */
void app_read_network(struct reader *reader, struct json_object *document,
		      struct json_object *given, struct app *app);

/* Health checks; to be read after the ports, which a default port index may address. */
void app_read_checks(struct reader *reader, struct json_object *document, bool marathon_defaults,
		     struct app *app);

/* Rules across fields, of an app whose fields are each right. */
void app_validate(const struct app *app, struct problems *problems);

/* What this program cannot do yet and a document asks for. */
void app_refuse_unsupported(struct json_object *document, struct problems *problems);

/* Whether the text is made of `set`, with letters or digits at both ends. */
bool name_valid(const char *text, const char *set, size_t max);
