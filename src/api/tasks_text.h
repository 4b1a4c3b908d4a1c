#pragma once

/* Task lists as text/plain, for load balancers' scripts: a line per app and service port,
 * "safeId TAB servicePort TAB host:port TAB ... LF". Source: Marathon up to 1.9. */

#include "stadion/base/text.h"
#include "stadion/coordinator/cluster.h"

/* `networks`: which container networks are shown, by their addresses: names joined by commas, a
 * star for all, NULL for none. */
void tasks_text_add(struct text *out, const struct cluster_app *app, const char *networks);
