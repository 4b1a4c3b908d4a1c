#pragma once

/* What a record was before a transaction changed it. */

#include "stadion/coordinator/cluster.h"

struct saved;

/* NULL without memory. */
struct saved *saved_app(const struct cluster_app *app);
struct saved *saved_group(const struct cluster_group *group);
struct saved *saved_instance(const struct instance *instance);
struct saved *saved_deployment(const struct deployment *deployment);
struct saved *saved_meta(const struct cluster *cluster);
void saved_free(struct saved *saved);

void saved_restore_app(struct saved *saved, struct cluster_app *app);
void saved_restore_group(struct saved *saved, struct cluster_group *group);
void saved_restore_instance(struct saved *saved, struct instance *instance);
void saved_restore_deployment(struct saved *saved, struct deployment *deployment);
void saved_restore_meta(struct saved *saved, struct cluster *cluster);

/* Whether the instance was to run before, and is not now, or the other way round. */
bool saved_goal_differs(const struct saved *saved, const struct instance *instance);
