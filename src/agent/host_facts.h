#pragma once

/* What this host is and has, as its kernel says. */

#include <stdbool.h>
#include <stdint.h>

struct host_facts {
	char hostname[256];
	char boot_id[64];    /* changes with each start of the machine; "" if not known */
	char machine_id[64]; /* stays; the hostname where the machine has none */
	int64_t cpu_milli, mem_kib, disk_kib; /* for tasks: the system's own share is off */
};

/* `folder`: on the file system whose size counts as the host's disk. */
void host_facts_read(struct host_facts *out, const char *folder);

/* "host-" and 32 digits: the same for one machine and one engine, as long as both keep their names,
 * so that an agent that lost its disk still finds its containers. */
#define HOST_ID_SIZE 40
void host_id_derive(char out[HOST_ID_SIZE], const char *machine_id, const char *engine);
