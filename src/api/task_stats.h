#pragma once

/* Marathon's taskStats: the counts and ages of an app's tasks by how they stand to its versions. */

#include <stdint.h>

#include "stadion/coordinator/cluster.h"
#include "stadion/json/json_writer.h"

void task_stats_write(struct json_writer *writer, const struct cluster_app *app, int64_t now_ms);
