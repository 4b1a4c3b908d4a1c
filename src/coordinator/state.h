#pragma once

/* The coordinator inside: one turn after another. What comes in (changes by the API, messages of
 * agents, timers) becomes a job; a turn runs all jobs that wait, then lets the deployer act on the
 * apps they marked, and submits the lot as one transaction. While that is under way jobs gather
 * for the next turn (ledger.h says why nothing may change meanwhile). */

#include <sys/queue.h>

#include "ledger.h"
#include "saved.h"
#include "stadion/coordinator/coordinator.h"
#include "stadion/store/store.h"

#define UNREACHABLE_MS 15000
#define LAUNCH_TIMEOUT_MS 300000
#define DEPLOYMENTS_MAX 100 /* under way at a time */
#define SERVICE_PORT_LOW 10000
#define SERVICE_PORT_HIGH 20000
#define HOSTS_MAX 10000
#define UNSEEN_STOPS 2 /* lists taken without a word of a task that was to end */
#define STORE_RETRY_MS 1000
#define PAUSE_MS 2000 /* a gap in our own ticks above this is our fault, not the hosts' */

struct job { /* in its owner's memory; `run` or `drop` is called once and may free it */
	STAILQ_ENTRY(job) link;
	void (*run)(struct coordinator *coordinator, struct job *job);
	void (*drop)(struct job *job); /* the coordinator stops first */
};

TAILQ_HEAD(app_queue, cluster_app);

struct coordinator {
	struct loop *loop;
	struct store *store;
	struct cluster cluster;
	struct ledger ledger;
	struct event_bus *events;
	char *agent_token; /* NULL: any agent may join */
	uint64_t unreachable_ms, launch_timeout_ms;
	uint16_t service_port_low, service_port_high;
	bool stopping;

	STAILQ_HEAD(, job) jobs;
	struct timer turn;
	LIST_HEAD(, held_poll) late_polls; /* gateway */
	struct app_queue marked;	   /* to be looked at in this or the next turn */
	struct app_queue waiting; /* have instances that found no place, or wait for time */
	bool room;		  /* something became free: those that wait try again */
	struct timer retry;	  /* pending: the store refused a moment ago */
	struct timer launch;	  /* the next launch delay ends */
	uint64_t launch_due_ms;

	struct timer tick; /* each second: hosts' liveness */
	uint64_t tick_due_ms;
	uint64_t doubted_ms;   /* monotonic; hosts got a second term then; 0: not lately */
	uint64_t submitted_ms; /* monotonic; the last commit */
	int64_t last_version_ms;
	uint64_t report_number; /* of complete reports */
};

DEFINE_AUTOPTR(coordinator, coordinator_free)

/* coordinator.c */
void coordinator_add_job(struct coordinator *coordinator, struct job *job);
void coordinator_wake(struct coordinator *coordinator); /* a turn is due */
int64_t coordinator_next_version(struct coordinator *coordinator);
