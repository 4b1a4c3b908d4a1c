#pragma once

/* How records lie in the store: keys and JSON. One record is one value, always written whole.
 *
 *   meta/cluster            the cluster's identity and the root group's version
 *   app/<id>                which version is wanted, launch backoff, last failure
 *   version/<id>/<ms>       a definition, as app_write_stored writes it
 *   group/<id>              its dependencies and version
 *   past/<ms>               what a change found: the definitions that it replaced
 *   instance/<task id>      one run of an app, with the last committed status
 *   deployment/<uuid>       a plan under way, with the definitions it replaces
 *   host/<id>               what a host has
 *
 * Instants of launch backoff are monotonic in memory and wall clock in the store: they are brought
 * back relative to now, and never further ahead than the delay itself. */

#include "stadion/base/error.h"
#include "stadion/coordinator/cluster.h"
#include "stadion/store/store.h"

/* Each adds one put to the batch; false without memory. */
bool archive_put_meta(struct store_batch *batch, const struct cluster *cluster);
bool archive_put_app(struct store_batch *batch, const struct cluster_app *app);
bool archive_put_version(struct store_batch *batch, const struct app *version);
bool archive_put_group(struct store_batch *batch, const struct cluster_group *group);
bool archive_put_past(struct store_batch *batch, const struct past *past);
bool archive_put_instance(struct store_batch *batch, const struct instance *instance);
bool archive_put_deployment(struct store_batch *batch, const struct deployment *deployment);
bool archive_put_host(struct store_batch *batch, const struct host *host);

bool archive_delete_app(struct store_batch *batch, const struct cluster_app *app);
bool archive_delete_version(struct store_batch *batch, const struct app *version);
bool archive_delete_group(struct store_batch *batch, const struct cluster_group *group);
bool archive_delete_past(struct store_batch *batch, const struct past *past);
bool archive_delete_instance(struct store_batch *batch, const struct instance *instance);
bool archive_delete_deployment(struct store_batch *batch, const struct deployment *deployment);

/* Fills an empty cluster. A record that cannot be read is logged and skipped: one bad one must not
 * keep the rest from running. Blocking. `now_ms` is monotonic. */
bool archive_load(struct store *store, struct cluster *cluster, uint64_t now_ms,
		  struct error *error);
