#pragma once

/* A coordinator with its API and its port, wired from settings. */

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"
#include "stadion/base/error.h"
#include "stadion/net/loop.h"

struct coordinator_part;

/* `token` is what agents must present; NULL: any may join. Settings are only read during the call.
 * Blocking: before loop_run. */
struct coordinator_part *coordinator_part_new(struct loop *loop, const struct settings *settings,
					      const char *token, struct error *error);
void coordinator_part_free(struct coordinator_part *part); /* NULL is fine */

/* Takes new credentials from their file. */
bool coordinator_part_reload(struct coordinator_part *part, const struct settings *settings,
			     struct error *error);

/* "http://127.0.0.1:8080", for who is on the same machine. */
const char *coordinator_part_url(const struct coordinator_part *part);
