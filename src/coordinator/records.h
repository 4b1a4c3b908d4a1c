#pragma once

/* The records of a cluster: made, put into the indexes, taken out, freed. Nothing here decides or
 * writes to disk; ledger.h is the only caller that changes a cluster in service. */

#include "stadion/coordinator/cluster.h"

void cluster_clear(struct cluster *cluster);

/* All return NULL without memory. What is made is in no index yet. */
struct cluster_app *record_app_new(const char *id);
struct instance *record_instance_new(const char *id, const char *host_id, const char *hostname);
struct deployment *record_deployment_new(size_t actions, size_t affected);
struct host *record_host_new(const char *id);

void record_app_free(struct cluster_app *app);
void record_instance_free(struct instance *instance);
void record_deployment_free(struct deployment *deployment);
void record_host_free(struct host *host);
DEFINE_AUTOPTR(cluster_app, record_app_free)
DEFINE_AUTOPTR(instance, record_instance_free)
DEFINE_AUTOPTR(deployment, record_deployment_free)
DEFINE_AUTOPTR(host, record_host_free)

void record_app_link(struct cluster *cluster, struct cluster_app *app);
void record_app_unlink(struct cluster *cluster, struct cluster_app *app);
/* `owner`, `app` and `host` of the instance are set before. */
void record_instance_link(struct cluster *cluster, struct instance *instance);
void record_instance_unlink(struct cluster *cluster, struct instance *instance);
/* Also sets or clears `deployment` of the apps it affects. */
void record_deployment_link(struct cluster *cluster, struct deployment *deployment);
void record_deployment_unlink(struct cluster *cluster, struct deployment *deployment);
void record_host_link(struct cluster *cluster, struct host *host);

struct cluster_app *record_find_app(const struct cluster *cluster, const char *id);
struct instance *record_find_instance(const struct cluster *cluster, const char *task_id);
struct host *record_find_host(const struct cluster *cluster, const char *id);
struct deployment *record_find_deployment(const struct cluster *cluster, const char *id);

/* Takes one reference. Puts the version at the front; what falls off the end is returned, to be
 * released by the caller. */
struct app *record_app_push_version(struct cluster_app *app, struct app *version);

bool last_failure_copy(struct last_failure *out, const struct last_failure *from);
void last_failure_clear(struct last_failure *failure);
