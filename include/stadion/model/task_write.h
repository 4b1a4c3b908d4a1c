#pragma once

/* What Marathon's tasks and its events say of a task in the same words. */

#include <stddef.h>
#include <stdint.h>

#include "stadion/json/json_writer.h"

/* "ports": the host ports, in order, without those that are PORT_NONE. */
void task_write_ports(struct json_writer *writer, const int32_t *ports, size_t count);

/* "ipAddresses": one entry, or none for "". */
void task_write_addresses(struct json_writer *writer, const char *address);
