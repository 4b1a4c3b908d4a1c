#pragma once

/* The values of settings: one reader for each kind, and the distance between names. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"
#include "stadion/base/error.h"

/* Reads `text` into the member of struct settings at `out`, whose type belongs to the kind. What
 * was there is released; with `fresh` false a list is added to instead. */
bool setting_value_read(enum setting_kind kind, const char *text, bool fresh, void *out,
			struct error *error);

/* How many letters must be inserted, removed, changed or swapped with their neighbour. */
size_t setting_name_distance(const char *a, const char *b);
