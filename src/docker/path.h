#pragma once

/* Paths of the engine's API: names of containers and images as they must stand in a URL. */

#include "stadion/base/text.h"

/* Percent-encodes all but the unreserved characters. */
void docker_path_add(struct text *path, const char *value);
