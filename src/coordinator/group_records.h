#pragma once

/* Records of groups and of the cluster's past: as records.h. */

#include "stadion/coordinator/cluster.h"

struct cluster_group *record_group_new(struct group *head); /* takes it, also when it fails */
void record_group_free(struct cluster_group *group);
void record_group_link(struct cluster *cluster, struct cluster_group *group);
void record_group_unlink(struct cluster *cluster, struct cluster_group *group);
struct cluster_group *record_find_group(const struct cluster *cluster, const char *id);

/* Makes the groups that apps lie in and that have no record, in memory only: a store of earlier
 * days has none. */
bool record_groups_complete(struct cluster *cluster);

struct past *record_past_new(int64_t version_ms, size_t apps, size_t groups); /* room for both */
void record_past_free(struct past *past);
DEFINE_AUTOPTR(past, record_past_free)
bool record_past_add_app(struct past *past, const char *id, const struct app *before);
bool record_past_add_group(struct past *past, const char *id, const struct group *before);
void record_past_link(struct cluster *cluster, struct past *past); /* in the order of versions */
void record_past_unlink(struct cluster *cluster, struct past *past);

void record_groups_clear(struct cluster *cluster);
