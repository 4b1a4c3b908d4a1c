#pragma once

/* The agents' side of the wire: hello, report, wanted. */

#include "state.h"

/* The wanted list of the host has changed, on disk: a held request is answered. */
void gateway_publish(struct coordinator *coordinator, struct host *host);

/* A commit has ended: what it kept from an answer gets one. */
void gateway_answer_late(struct coordinator *coordinator);

/* The host's session is over: a held request is refused. */
void gateway_drop_poll(struct host *host);
