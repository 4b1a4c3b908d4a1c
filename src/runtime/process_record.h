#pragma once

/* What a shim and the agent know of a process task, in files of its records folder
 * (<directory>/.shim/<name>/), each written whole: temporary, fsync, rename.
 *
 *   spec.json     what to run; by the agent, before the shim is started
 *   lock          held by the shim as long as it lives
 *   process.json  the process was started; by the shim
 *   exit.json     it ended, and how; by the shim
 *   socket        the shim's; end of file on it says that the shim has ended
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stadion/base/error.h"
#include "stadion/base/language.h"

#define RECORD_SPEC "spec.json"
#define RECORD_LOCK "lock"
#define RECORD_PROCESS "process.json"
#define RECORD_EXIT "exit.json"
#define RECORD_SOCKET "socket"
#define BOOT_ID_SIZE 40

struct process_spec {
	char *task_id, *app_id;
	int64_t version_ms;
	uint32_t attempt;
	char *ports; /* as runtime_ports_write has them */
	char *sandbox;
	char *user;	    /* NULL: as the agent */
	char **argv;	    /* ended by NULL */
	char **environment; /* "K=V", ended by NULL */
};
void process_spec_free(struct process_spec *spec);
DEFINE_AUTOPTR(process_spec, process_spec_free)

/* A process id alone says nothing: ids are used again, and boots begin anew. */
struct process_mark {
	pid_t pid;
	uint64_t start_ticks; /* /proc/<pid>/stat, field 22 */
	char boot_id[BOOT_ID_SIZE];
	int64_t started_ms; /* wall */
};
struct process_exit {
	int exit_code, signal;
	uint64_t ran_ms;
	int64_t started_ms;
};

/* `folder` is an open directory. Readers give ERROR_NOT_FOUND when the file is not there. */
bool process_spec_write(int folder, const struct process_spec *spec, struct error *error);
struct process_spec *process_spec_read(int folder, struct error *error);
bool process_mark_write(int folder, const struct process_mark *mark, struct error *error);
bool process_mark_read(int folder, struct process_mark *out, struct error *error);
bool process_exit_write(int folder, const struct process_exit *end, struct error *error);
bool process_exit_read(int folder, struct process_exit *out, struct error *error);

/* Of this boot and of a living process; false if either cannot be read. */
bool process_boot_id(char out[BOOT_ID_SIZE]);
bool process_start_ticks(pid_t pid, uint64_t *out);
/* Whether the marked process still is that very one. */
bool process_alive(const struct process_mark *mark);

/* Sockets in folders whose paths are longer than an address holds: by way of /proc/self/fd. */
int process_socket_listen(int folder, struct error *error);
int process_socket_connect(int folder); /* -1 with errno */
bool process_locked(int folder);	/* a shim holds the lock */
