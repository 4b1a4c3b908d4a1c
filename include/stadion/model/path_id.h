#pragma once

/* App and group ids: "/group/sub/app". Marathon's grammar: segments joined by "/", a segment is
 * labels joined by ".", a label is [a-z0-9] with "-" allowed inside; "." and ".." are resolved. */

#include <stdbool.h>
#include <stddef.h>

#include "stadion/base/error.h"

#define PATH_ID_MAX 1024

/* Resolves `text` against the group `base` ("/" for the API) into the absolute form: leading slash,
 * none at the end, no doubled ones. ERROR_INVALID names the rule and the offending segment. */
bool path_id_resolve(const char *text, const char *base, char out[PATH_ID_MAX],
		     struct error *error);

/* "/g/a" becomes "g_a": used in task ids. */
void path_id_safe(const char *id, char out[PATH_ID_MAX]);

/* True for an id of an app: not the root, last segment not restart, tasks, versions. */
bool path_id_is_app(const char *id, struct error *error);

/* True when `id` is `group` or lies below it. */
bool path_id_within(const char *id, const char *group);
