#pragma once

/* The agent's side of the protocol: says hello, reports, asks for the wanted list, over and over.
 * Report and wanted run side by side; what fails is tried again after a jittered, growing delay
 * (LINK_DELAY_MIN_MS to LINK_DELAY_MAX_MS). Knows nothing of tasks: what is said comes from the
 * callbacks, what is answered goes to them. Source: src/protocol/README.md. */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/net/loop.h"
#include "stadion/protocol/messages.h"

struct coordinator_link;

#define LINK_DELAY_MIN_MS 100
#define LINK_DELAY_MAX_MS 8000

struct coordinator_link_options {
	struct loop *loop;
	const char *urls;    /* "http://host:port", several separated by commas; copied */
	const char *token;   /* NULL: none; copied */
	const char *cluster; /* the only one to obey; "": the first that answers; copied */
	uint64_t epoch;	     /* the highest one seen */

	/* Fill in a message that is empty but for the session; its strings are freed by the link.
	 * `report` is given what is to be said in out->complete; it may lower that while it does
	 * not know everything yet, and wakes the link when it does. It returns false when there is
	 * nothing to say: then one is sent only until a complete one has been. */
	void (*hello)(struct hello *out, void *arg);
	bool (*report)(struct report *out, void *arg);
	/* None of these may free the link. Nothing of a lower epoch or another cluster comes. */
	void (*joined)(const struct welcome *welcome, void *arg);
	void (*receipt)(const struct receipt *receipt, void *arg);
	void (*wanted)(struct wanted *wanted, void *arg); /* may take what is in it */
	void *arg;
};

/* Says hello at once. */
struct coordinator_link *coordinator_link_new(const struct coordinator_link_options *options,
					      struct error *error);
void coordinator_link_free(struct coordinator_link *link); /* NULL is fine */

/* There is something to report. Several wakes within one turn of the loop make one report. */
void coordinator_link_wake(struct coordinator_link *link);

/* The delay after `failures` in a row, from `random`. Pure. */
uint64_t link_delay_ms(unsigned failures, uint32_t random);
