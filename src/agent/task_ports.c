#include "task_ports.h"

#include <inttypes.h>

#include "stadion/base/id.h"
#include "stadion/base/log.h"

static bool row_is_random(const struct app *app, size_t row)
{
	return app->network == NETWORK_HOST ? !app->require_ports : app->ports[row].host_port == 0;
}

static bool port_taken(struct error *error, int32_t port)
{
	return error_set(error, ERROR_CONFLICT, "host port %" PRId32 " is taken", port);
}

static bool pick(struct task_status *status, const struct app *app, struct port_pool *pool,
		 size_t row, struct error *error)
{
	int32_t taken = status->ports[row];
	uint32_t random;

	id_random(&random, sizeof(random));
	status->ports[row] = port_pool_pick(pool, app->ports[row].protocol, random);
	if (status->ports[row] == PORT_NONE)
		return error_set(error, ERROR_NO_SPACE, "no host port of the range is free");
	log_info("task.port_replaced", F("task", status->task_id), F("taken", taken),
		 F("port", status->ports[row]));
	return true;
}

static bool take(struct task_status *status, const struct app *app, struct port_pool *pool,
		 size_t row, struct error *error)
{
	int32_t proposed = status->ports[row];

	if (proposed == PORT_NONE || port_pool_claim(pool, proposed, app->ports[row].protocol))
		return true;
	if (row_is_random(app, row))
		return pick(status, app, pool, row, error);
	status->ports[row] = PORT_NONE;
	return port_taken(error, proposed);
}

bool task_ports_take(struct task_status *status, const struct app *app, struct port_pool *pool,
		     struct error *error)
{
	for (size_t i = 0; i < app->port_count; i++) {
		if (take(status, app, pool, i, error))
			continue;
		for (size_t rest = i + 1; rest < app->port_count; rest++)
			status->ports[rest] = PORT_NONE;
		return false;
	}
	return true;
}

bool task_ports_replace(struct task_status *status, const struct app *app, struct port_pool *pool,
			int32_t taken, struct error *error)
{
	bool replaced = false;

	for (size_t i = 0; i < app->port_count; i++) {
		int32_t port = status->ports[i];

		if (port == PORT_NONE || (taken > 0 && port != taken) || !row_is_random(app, i))
			continue;
		port_pool_give_back(pool, port); /* the pool gives it last of all now */
		if (!pick(status, app, pool, i, error))
			return false;
		replaced = true;
	}
	return replaced || port_taken(error, taken);
}

void task_ports_hold(const struct task_status *status, struct port_pool *pool)
{
	for (size_t i = 0; i < status->port_count; i++)
		port_pool_hold(pool, status->ports[i]);
}

void task_ports_give_back(const struct task_status *status, struct port_pool *pool)
{
	for (size_t i = 0; i < status->port_count; i++)
		port_pool_give_back(pool, status->ports[i]);
}
