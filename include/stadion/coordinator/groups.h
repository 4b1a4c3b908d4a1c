#pragma once

/* Groups as they are and as they were. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/coordinator/cluster.h"
#include "stadion/model/group.h"

/* The root is always there. */
bool groups_exist(const struct cluster *cluster, const char *id);

/* The whole tree of the group at a version, to be released by the caller; 0: as it is now. What is
 * being destroyed is not in it. NULL with ERROR_NOT_FOUND when the group was not there then, or
 * that version is not kept. */
struct group *groups_at(const struct cluster *cluster, const char *id, int64_t version_ms,
			struct error *error);

/* The kept versions in which the group or something in it changed, newest first. */
size_t groups_versions(const struct cluster *cluster, const char *id,
		       int64_t out[CLUSTER_VERSIONS_MAX]);

/* The group that `id` lies in, "/" at the top; false for the root itself. `out` may be `id`. */
bool groups_parent(const char *id, char out[PATH_ID_MAX]);
