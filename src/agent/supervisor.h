#pragma once

/* The set of tasks of this host: recalls them, finds them again, and moves what is known towards
 * what is wanted, each time that either changes. */

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"
#include "port_pool.h"
#include "stadion/base/error.h"
#include "stadion/base/text.h"
#include "stadion/net/http_client.h"
#include "stadion/net/loop.h"
#include "stadion/protocol/messages.h"
#include "stadion/runtime/runtime.h"

struct supervisor;

struct supervisor_options { /* all of it outlives the supervisor */
	struct loop *loop;
	struct journal *journal;
	struct port_pool *ports;
	struct http_client *probes;
	struct runtime *docker, *process;
	const char *hostname;
	const char *boot_id;
	void (*news)(void *arg);    /* supervisor_report has something to say */
	void (*settled)(void *arg); /* once: what runs here is known as well as it can be now */
	void *arg;
};

/* Recalls the journal's tasks (blocking: before loop_run), then has the runtimes list theirs. */
struct supervisor *supervisor_new(const struct supervisor_options *options, struct error *error);
void supervisor_free(struct supervisor *supervisor); /* touches nothing that runs; NULL is fine */

/* Takes the list's content. */
void supervisor_want(struct supervisor *supervisor, struct wanted *wanted);
/* A new session: nothing counts as acknowledged any more, and the wanted list is to come anew. */
void supervisor_session(struct supervisor *supervisor);
void supervisor_receipt(struct supervisor *supervisor, const struct receipt *receipt);
/* As the link's callback. Lowers out->complete while that would not be true: the journal is new
 * (its state folder was lost, perhaps) and the engine has not listed its containers yet. */
bool supervisor_report(struct supervisor *supervisor, struct report *out);
/* A JSON array of all tasks. */
void supervisor_write(struct supervisor *supervisor, struct text *out);
