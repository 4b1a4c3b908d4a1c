#pragma once

/* The wanted and the known state of the cluster, in memory: what the API reads and the deployer
 * compares. Records are changed by coordinator/ alone, and always together with a commit to the
 * store; everybody else only looks, and keeps no pointer across a return to the loop. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>
#include <uthash.h>

#include "stadion/base/id.h"
#include "stadion/model/app.h"
#include "stadion/model/group.h"
#include "stadion/model/task.h"
#include "stadion/schedule/backoff.h"
#include "stadion/schedule/placement.h"
#include "stadion/schedule/plan.h"

#define CLUSTER_VERSIONS_MAX 50 /* kept versions per app, as Marathon's zk_max_versions */

enum instance_goal { INSTANCE_RUN, INSTANCE_STOP };

struct held_poll;

struct instance {
	char *id;	 /* task id */
	struct app *app; /* the version it was launched with */
	struct cluster_app *owner;
	struct host *host; /* NULL: the host's record is gone */
	char *host_id, *hostname;
	enum instance_goal goal;
	char why_stop[160];   /* "scaled down", "health check 0 failed 3 times", "killed by request"
				 ... */
	int64_t staged_ms;    /* wall: when it was placed */
	uint64_t progress_ms; /* monotonic; when its host last said something new of it */
	int32_t *ports;	      /* as placed; status.ports has what the agent took */
	size_t port_count;
	struct task_status status; /* last committed word of the agent; seq 0: none yet */
	uint64_t
		commit; /* number of the commit that made it; hidden from agents until it is done */
	uint64_t touched;      /* coordinator/ledger: the transaction that changed it last */
	bool gone;	       /* coordinator/ledger: out of the cluster, kept for an undo */
	uint64_t listed;       /* coordinator/reports: the last complete report that had it */
	bool offered;	       /* was in a wanted list, perhaps of our predecessor */
	uint32_t unseen_stops; /* lists without it that its host took, while it never spoke of it */
	LIST_ENTRY(instance) of_app, of_host;
	UT_hash_handle hh; /* by id */
};

struct last_failure { /* Marathon's lastTaskFailure */
	bool known;
	char *task_id, *host, *host_id;
	enum task_state state;
	int64_t at_ms, version_ms;
	char message[512];
};

/* What became of the hosts that were looked at for an app: each counts for the first reason that
 * refuses it. */
struct offers {
	unsigned long processed, unused, declined[PLACEMENT_REASONS];	/* since the app waits */
	unsigned long last_processed, last_declined[PLACEMENT_REASONS]; /* the last time */
	int64_t used_ms, unused_ms; /* wall; when last; 0: never */
};

struct cluster_app {
	char *id;
	struct app *current;			    /* the wanted definition */
	struct app *versions[CLUSTER_VERSIONS_MAX]; /* newest first; [0] is current */
	size_t version_count;
	bool removing; /* destroyed by request; goes when its last task has ended */
	struct backoff backoff;
	struct last_failure failure;
	int64_t waiting_since_ms; /* wall; 0: nothing waits to be launched */
	int32_t waiting;	  /* instances that wait for a place or for time */
	char waiting_for[512];	  /* why, for people */
	struct offers offers;
	struct deployment *deployment; /* that holds this app; NULL: none */
	LIST_HEAD(, instance) instances;
	size_t instance_count;
	uint64_t touched; /* coordinator/ledger, as in struct instance */
	bool gone;
	bool is_marked, is_waiting; /* coordinator/deployer: in which of its lists */
	bool settled; /* coordinator/deployer: was all as wanted when last looked at */
	TAILQ_ENTRY(cluster_app) marked, waiting_link;
	UT_hash_handle hh;
};

enum host_state { HOST_UP, HOST_UNREACHABLE };

#define HOST_ID_MAX 255
#define HOST_RETIRED_MAX 8
#define INCARNATION_SIZE 64

struct host {
	char *id, *hostname, *engine, *version;
	enum host_state state;
	char incarnation[INCARNATION_SIZE];
	char session[UUID_SIZE]; /* "" : none since our start */
	char retired[HOST_RETIRED_MAX]
		    [INCARNATION_SIZE]; /* the incarnations before: refused from now on */
	bool unsaved;			/* what it said of itself is not on disk yet */
	uint64_t heard_ms;		/* monotonic; last message */
	uint64_t silent_since_ms;	/* monotonic; when it became unreachable */
	bool reported;			/* a complete report has come in this session */
	int64_t engine_down_since_ms;
	char engine_problem[256];
	uint16_t port_low, port_high;
	int64_t cpu_milli, mem_kib, disk_kib; /* capacity */
	struct pair_list attributes;
	int64_t used_cpu_milli, used_mem_kib, used_disk_kib; /* by the instances on it */
	uint64_t revision;				     /* of its wanted list */
	bool changed;		/* coordinator: the list differs from that of `revision` */
	struct held_poll *poll; /* coordinator/gateway: its open `wanted` request; NULL: none */
	LIST_HEAD(, instance) instances;
	size_t instance_count;
	UT_hash_handle hh;
};

struct deployment_action {
	size_t step;
	enum plan_action action;
	char *app_id;
};

struct deployment {
	char id[UUID_SIZE];
	int64_t version_ms;
	struct deployment_action *actions;
	size_t action_count, step_count;
	size_t step;	 /* the running one, from 0 */
	char **affected; /* app ids, ended by NULL */
	struct app *
		*before;  /* the definitions it replaced, one per affected; NULL: none (new app) */
	char why[512];	  /* what the current step waits for, in words; "" : moving */
	uint64_t touched; /* coordinator/ledger, as in struct instance */
	bool gone;
	TAILQ_ENTRY(deployment) link;
};

struct cluster_group { /* all but the root, which is always there */
	char *id;
	struct group *head; /* dependencies and version; replaced by another when they change */
	uint64_t touched;   /* coordinator/ledger, as in struct instance */
	bool gone;
	UT_hash_handle hh;
};

/* What a change found: the state of before is had back by undoing what came later. */
struct past {
	int64_t version_ms; /* of the change */
	struct past_app {
		char *id;
		struct app *before; /* NULL: was not there */
	} * apps;
	size_t app_count;
	struct past_group {
		char *id;
		struct group *before; /* its head; NULL: was not there */
	} * groups;
	size_t group_count;
	bool gone; /* coordinator/ledger */
	TAILQ_ENTRY(past) link;
};

struct cluster {
	struct cluster_app *apps; /* uthash by id; sorted by id only when asked */
	struct cluster_group *groups;
	struct instance *instances; /* uthash by id */
	struct host *hosts;	    /* uthash by id */
	TAILQ_HEAD(, deployment) deployments;
	TAILQ_HEAD(past_list, past) pasts; /* oldest first, at most CLUSTER_VERSIONS_MAX */
	size_t past_count;
	char id[UUID_SIZE]; /* the cluster's identity, for ever */
	uint64_t epoch;
	int64_t version_ms; /* of the last change of any app: the root group's version */
};

const struct cluster_app *cluster_find_app(const struct cluster *cluster, const char *id);
const struct instance *cluster_find_instance(const struct cluster *cluster, const char *task_id);
const struct deployment *cluster_find_deployment(const struct cluster *cluster, const char *id);
const struct app *cluster_app_version(const struct cluster_app *app, int64_t version_ms);

struct cluster_counts {
	int staged, running, healthy, unhealthy;
};
struct cluster_counts cluster_count_tasks(const struct cluster_app *app);
void cluster_count_task(const struct instance *instance, struct cluster_counts *counts); /* adds */
