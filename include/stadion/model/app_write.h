#pragma once

/* Writing an app in Marathon's current form (1.5 to 1.10): what is absent, written when empty or
 * omitted follows its app definition. */

#include "stadion/json/json_writer.h"
#include "stadion/model/app.h"

/* The members of the app, without the braces, so that a view can add its own. */
void app_write_members(struct json_writer *writer, const struct app *app);

/* The complete object as stored and sent to agents; app_read_stored reads it back equal. */
void app_write_stored(struct json_writer *writer, const struct app *app);

/* One health check as it stands in the app; used by events too. */
void health_check_write(struct json_writer *writer, const struct health_check *check);
