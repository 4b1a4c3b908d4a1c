#pragma once

/* The coordinator: takes changes of what is wanted, commits them, and makes the hosts follow. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/coordinator/cluster.h"
#include "stadion/coordinator/event_bus.h"
#include "stadion/net/http_server.h"
#include "stadion/net/loop.h"
#include "stadion/store/store.h"

struct coordinator;

struct coordinator_options {
	const char *store; /* "sqlite:PATH" */
	const char
		*agent_token; /* what agents must present; NULL: any agent may join (--insecure) */
	uint64_t unreachable_ms;    /* silence of a host until it counts as unreachable; 0: 15 s */
	uint64_t launch_timeout_ms; /* without progress on the way to running; 0: 300 s */
	uint16_t service_port_low, service_port_high; /* 0: 10000-20000 */
};

/* Blocking: opens the store and loads the state. Before loop_run only. */
struct coordinator *coordinator_new(struct loop *loop, const struct coordinator_options *options,
				    struct error *error);
/* Ends no task. Changes that are under way are written, but their `done` is not called any more. */
void coordinator_free(struct coordinator *coordinator);
const struct cluster *coordinator_cluster(const struct coordinator *coordinator);
struct store_stats coordinator_store_stats(const struct coordinator *coordinator);

/* What each host says to one more instance of the app now: `refusals` are bits of enum refusal, 0
 * for a host that would take it. Nothing without memory. */
typedef void verdict_fn(const struct host *host, unsigned refusals, void *arg);
void coordinator_ask_hosts(const struct coordinator *coordinator, const struct cluster_app *app,
			   verdict_fn *fn, void *arg);

/* The agents' side: POST /agent/v1/... (protocol/messages.h). Checks the token. */
void coordinator_handle_agent(struct http_exchange *exchange, struct coordinator *coordinator);

/* What became of a change, when it is on disk. */
struct change_outcome {
	struct error
		error; /* ERROR_NONE: accepted. CONFLICT: locked (blocking has the deployments) or
			  exists; NOT_FOUND; INVALID; NO_SPACE or UNAVAILABLE: the store refuses */
	const char *deployment_id; /* of the deployment that carries it out; also when it has no
				      steps */
	int64_t version_ms;
	const char *const *blocking;   /* deployment ids, ended by NULL; or NULL */
	const struct deployment *plan; /* coordinator_preview: what would be done; else NULL */
};
typedef void change_done_fn(const struct change_outcome *outcome, void *arg);

enum change_kind {
	CHANGE_CREATE,	     /* `app` must not exist */
	CHANGE_UPDATE,	     /* `app` replaces the definition, or is created if it does not exist */
	CHANGE_REMOVE,	     /* by id */
	CHANGE_RESTART,	     /* by id: same definition, all tasks replaced */
	CHANGE_GROUP_CREATE, /* `group` must not exist */
	CHANGE_GROUP_UPDATE, /* `group`; what it defines is created if it does not exist */
	CHANGE_GROUP_REMOVE, /* by id, with all below it; of "/" only what is below */
};

struct change {
	enum change_kind kind;
	const char *id;
	const struct app *app; /* CREATE, UPDATE: read by app_read; version fields and service ports
				  are filled in here, in a copy */
	const struct group_request *group; /* GROUP_CREATE, GROUP_UPDATE: read by group_read */
	/* Who asks and where, for the api_post_event that a change of one app alone makes; NULL:
	 * it makes none. */
	const char *client, *uri;
};

/* One deployment for all `changes`. Copies what it needs; `done` is called once, from the loop,
 * never from inside. force: cancels the deployments in the way. */
void coordinator_change(struct coordinator *coordinator, const struct change *changes, size_t count,
			bool force, change_done_fn *done, void *arg);

/* What such a change would do: checks and plans it, and changes nothing. Locks do not matter. */
void coordinator_preview(struct coordinator *coordinator, const struct change *changes,
			 size_t count, change_done_fn *done, void *arg);

/* Kills tasks. Without `scale` each is replaced; with it the app's instance count falls by as many
 * (a deployment; locks and force as above). Unknown ids are ignored. */
void coordinator_kill(struct coordinator *coordinator, const char *const *task_ids, size_t count,
		      bool scale, bool force, change_done_fn *done, void *arg);

/* force: drops the deployment where it stands (deployment_id in the outcome is NULL); else starts
 * one that goes back to the definitions before it. */
void coordinator_cancel(struct coordinator *coordinator, const char *deployment_id, bool force,
			change_done_fn *done, void *arg);

struct event_bus *coordinator_events(struct coordinator *coordinator);

/* A reader of the events came or went: an event, too. */
enum stream_change { STREAM_ATTACHED, STREAM_DETACHED };
void coordinator_tell_stream(struct coordinator *coordinator, enum stream_change change,
			     const char *peer);

/* Forgets the launch delay of an app: no deployment. ERROR_NOT_FOUND when nothing of it waits. */
void coordinator_reset_delay(struct coordinator *coordinator, const char *app_id,
			     change_done_fn *done, void *arg);
