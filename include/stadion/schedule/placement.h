#pragma once

/* Where does the next instance go? Plain data in, a decision or the reasons against it out. Pure:
 * no clock, no I/O; the random number comes in. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/model/app.h"

struct port_set { /* host ports of one host that are spoken for */
	uint8_t bits[65536 / 8];
};
static inline bool port_set_has(const struct port_set *set, int32_t port)
{
	return (set->bits[port >> 3] >> (port & 7)) & 1;
}
void port_set_add(struct port_set *set, int32_t port);
void port_set_remove(struct port_set *set, int32_t port);

struct placement_host {
	const char *hostname;
	const struct pair_list *attributes;
	bool reachable;			      /* false: REFUSED_UNREACHABLE */
	bool docker;			      /* its engine answers, for container apps */
	int64_t cpu_milli, mem_kib, disk_kib; /* free now */
	uint16_t port_low, port_high;
	const struct port_set *ports; /* taken now */
	size_t load;		      /* instances on it: spread prefers the least */
};

enum refusal { /* bits; a host may have several */
	       REFUSED_ROLE = 1 << 0,
	       REFUSED_CONSTRAINT = 1 << 1,
	       REFUSED_UNREACHABLE = 1 << 2,
	       REFUSED_CPUS = 1 << 3,
	       REFUSED_MEMORY = 1 << 4,
	       REFUSED_DISK = 1 << 5,
	       REFUSED_GPUS = 1 << 6,
	       REFUSED_PORTS = 1 << 7,
	       REFUSED_ENGINE = 1 << 8,
};

/* The same in Marathon's words and order, for the queue's funnel. */
#define PLACEMENT_REASONS 10
const char *placement_reason_name(size_t reason); /* "InsufficientCpus" */
bool placement_reason_applies(size_t reason, unsigned refusals);
size_t placement_first_reason(unsigned refusals); /* PLACEMENT_REASONS: none */

struct placement_request {
	const struct app *app;
	const struct placement_host *hosts;
	size_t host_count;
	const size_t *placed; /* host index of each instance of the app with the current
				 configuration, oldest first: what the constraints look at */
	size_t placed_count;
	uint32_t random;
};

struct placement_choice {
	size_t host;
	int32_t *ports; /* the caller's array of app->port_count; PORT_NONE where there is none */
};

/* Returns true with *choice; or false, and then refusals[i] (may be NULL) has host i's reasons. */
bool placement_choose(const struct placement_request *request, struct placement_choice *choice,
		      unsigned *refusals);

/* "needs 512 MB of memory, has 380; constraint hostname LIKE a.* refuses b": all reasons of a host.
 */
void placement_explain(const struct placement_request *request, size_t host, unsigned refusals,
		       char *out, size_t size);

/* Whether the host's value satisfies one constraint, given the placed instances. LIKE and UNLIKE
 * match the whole value, Java-like, with match limits; a pattern that exceeds them refuses. */
bool constraint_accepts(const struct constraint *constraint,
			const struct placement_request *request, size_t host);
