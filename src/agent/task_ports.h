#pragma once

/* A task's host ports: the coordinator proposes them, this host has the last word. */

#include <stdbool.h>
#include <stdint.h>

#include "port_pool.h"
#include "stadion/base/error.h"
#include "stadion/model/task.h"

/* Takes the proposed ports (status->ports), others where the app leaves that to us and somebody has
 * the proposed ones. ERROR_CONFLICT names the port that is taken; rows that were not reached are
 * PORT_NONE then, so that what stands in the status is held. */
bool task_ports_take(struct task_status *status, const struct app *app, struct port_pool *pool,
		     struct error *error);

/* The engine found `taken` in use, which looked free to us: takes another one for it. 0: it does
 * not say which; then all that may change do. The rest stays held. */
bool task_ports_replace(struct task_status *status, const struct app *app, struct port_pool *pool,
			int32_t taken, struct error *error);

void task_ports_hold(const struct task_status *status, struct port_pool *pool);
void task_ports_give_back(const struct task_status *status, struct port_pool *pool);
