#include "stadion/schedule/placement.h"

#include <string.h>

#include "port_needs.h"

void port_set_add(struct port_set *set, int32_t port)
{
	if (port >= 0 && port <= UINT16_MAX)
		set->bits[port >> 3] |= (uint8_t)(1U << (port & 7));
}

void port_set_remove(struct port_set *set, int32_t port)
{
	if (port >= 0 && port <= UINT16_MAX)
		set->bits[port >> 3] &= (uint8_t) ~(1U << (port & 7));
}

/* Hosts have no roles of their own: what they have is everybody's, "*". */
static bool role_accepted(const struct app *app)
{
	if (!app->accepted_roles)
		return true;
	for (char *const *role = app->accepted_roles; *role; role++)
		if (strcmp(*role, "*") == 0)
			return true;
	return false;
}

static bool constraints_accept(const struct placement_request *request, size_t host)
{
	for (size_t i = 0; i < request->app->constraint_count; i++)
		if (!constraint_accepts(&request->app->constraints[i], request, host))
			return false;
	return true;
}

static unsigned refusals_of(const struct placement_request *request, size_t index)
{
	const struct app *app = request->app;
	const struct placement_host *host = &request->hosts[index];
	const struct {
		unsigned bit;
		bool refused;
	} reasons[] = {
		{ REFUSED_ROLE, !role_accepted(app) },
		{ REFUSED_CONSTRAINT, !constraints_accept(request, index) },
		{ REFUSED_UNREACHABLE, !host->reachable },
		{ REFUSED_CPUS, app->cpu_milli > host->cpu_milli },
		{ REFUSED_MEMORY, app->mem_kib > host->mem_kib },
		{ REFUSED_DISK, app->disk_kib > host->disk_kib },
		{ REFUSED_GPUS, app->gpus > 0 },
		{ REFUSED_PORTS, !ports_fit(app, host) },
		{ REFUSED_ENGINE, app->container == CONTAINER_DOCKER && !host->docker },
	};
	unsigned refusals = 0;

	for (size_t i = 0; i < ROWS(reasons); i++)
		if (reasons[i].refused)
			refusals |= reasons[i].bit;
	return refusals;
}

/* One random number serves two choices: host and first port. */
static uint32_t scramble(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352dU;
	x ^= x >> 15;
	x *= 0x846ca68bU;
	return x ^ (x >> 16);
}

bool placement_choose(const struct placement_request *request, struct placement_choice *choice,
		      unsigned *refusals)
{
	size_t best = request->host_count;
	uint32_t equals = 0, random = request->random;

	for (size_t i = 0; i < request->host_count; i++) {
		unsigned refused = refusals_of(request, i);

		if (refusals)
			refusals[i] = refused;
		if (refused)
			continue;
		if (best == request->host_count ||
		    request->hosts[i].load < request->hosts[best].load) {
			best = i;
			equals = 1;
		} else if (request->hosts[i].load == request->hosts[best].load) {
			/* The k-th of equals replaces the choice with chance 1/k: all alike. */
			random = scramble(random + 1);
			if (random % ++equals == 0)
				best = i;
		}
	}
	if (best == request->host_count)
		return false;
	choice->host = best;
	ports_take(request->app, &request->hosts[best], scramble(request->random), choice->ports);
	return true;
}
