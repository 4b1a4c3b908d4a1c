#pragma once

/* The state folder and the secrets in files: tokens and credentials. */

#include <stdbool.h>

#include "stadion/base/error.h"

/* Makes `path` and what is missing above it, each 0700. */
bool state_folder_make(const char *path, struct error *error);

/* The first line of a file, malloc'ed. ERROR_INVALID when it is empty, or readable by everybody. */
bool state_secret_read(const char *path, char **out, struct error *error);

/* As above, but a file that is missing is made first: random, 0600. */
bool state_secret_make(const char *path, char **out, struct error *error);
