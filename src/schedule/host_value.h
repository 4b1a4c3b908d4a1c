#pragma once

#include "stadion/schedule/placement.h"

/* What a constraint on `field` compares: the host's name, or an attribute; NULL: it has none. */
const char *host_value(const struct placement_host *host, const char *field);
