#pragma once

/* The host ports of this agent's tasks. A port is found free by trying to bind it; one of a live
 * task is never given, and one that was just freed only when no other is left (clients may still
 * have its last owner in mind). */

#include <stdbool.h>
#include <stdint.h>

#include "stadion/model/app.h"

struct port_pool;

struct port_pool *port_pool_new(uint16_t low, uint16_t high); /* NULL without memory */
void port_pool_free(struct port_pool *pool);

/* Takes that very port, inside the range or not; false when it is held or somebody has it. */
bool port_pool_claim(struct port_pool *pool, int32_t port, enum port_protocol protocol);

/* Takes a free one of the range, searching from `random` on; PORT_NONE when there is none. */
int32_t port_pool_pick(struct port_pool *pool, enum port_protocol protocol, uint32_t random);

/* Marks one that a task of ours is known to have, without trying. */
void port_pool_hold(struct port_pool *pool, int32_t port);
void port_pool_give_back(struct port_pool *pool, int32_t port); /* PORT_NONE is fine */
