#pragma once

/* The files around a database: its folder, the file itself with its rights, and the lock that keeps
 * a second process out. */

#include <stdbool.h>

#include "stadion/base/error.h"

/* Creates the folder of `path` (0700) and `path` itself (0600) as far as they are missing, and
 * tightens the rights of a file that is there. */
bool lockfile_prepare(const char *path, struct error *error);

/* Locks "<path>.lock" and writes our pid into it. Returns its descriptor, which holds the lock
 * until it is closed or the process ends, however it ends; or -1, with ERROR_CONFLICT and the
 * holder's pid when somebody else has it. */
int lockfile_take(const char *path, struct error *error);
