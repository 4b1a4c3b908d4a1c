#pragma once

/* Which hosts are there: sessions, silence, and what becomes of instances on a silent host. */

#include "stadion/protocol/messages.h"
#include "state.h"

/* Starts watching; all known hosts get a fresh term. */
bool hosts_start(struct coordinator *coordinator, struct error *error);

/* A host said something: it is alive. */
void hosts_heard(struct coordinator *coordinator, struct host *host);

/* It said all that runs on it. Within a turn. */
void hosts_reported(struct coordinator *coordinator, struct host *host);

/* Takes over what the host says of itself; within a turn. NULL with *error (CONFLICT: another agent
 * took this identity over). */
struct host *hosts_welcome(struct coordinator *coordinator, const struct hello *hello,
			   struct error *error);

/* Whether instances may be placed on it, and its instances' state is known to us. */
bool hosts_usable(const struct host *host);

/* An instance on a silent host for which a replacement may start already. */
bool hosts_given_up(const struct coordinator *coordinator, const struct instance *instance);
/* And one that is not waited for any more. */
bool hosts_expunged(const struct coordinator *coordinator, const struct instance *instance);

/* An instance on the way to running of which its host has said nothing new for too long. */
bool hosts_overdue(const struct coordinator *coordinator, const struct instance *instance);
