#pragma once

/* Containers: what the engine can do with them, and reading what it says of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/text.h"
#include "stadion/docker/engine.h"

#define DOCKER_ID_SIZE 65

struct docker_label {
	const char *key, *value;
};
struct docker_port {
	int32_t container_port, host_port; /* host_port 0: only exposed */
	const char *protocol;		   /* "tcp" "udp" */
};
struct docker_container_spec {
	const char *image;
	const char *const *entrypoint;	/* NULL: the image's; else ended by NULL */
	const char *const *command;	/* NULL: the image's; else ended by NULL */
	const char *const *environment; /* "K=V", ended by NULL */
	const struct docker_label *labels;
	size_t label_count;
	const struct docker_port *ports;
	size_t port_count;
	const char *network_mode; /* "bridge" "host" or a network's name */
	int64_t memory_bytes, cpu_shares;
	const char *log_max_size; /* "10m" */
	const char *log_max_files;
};
void docker_container_write(struct text *out, const struct docker_container_spec *spec);

/* `name` and `container` go into the path and are encoded here. The reply of create has the id in
 * its document: docker_container_id. */
bool docker_container_create(struct docker_engine *engine, const char *name, const char *body,
			     docker_done_fn *done, void *arg, struct docker_request **slot,
			     struct error *error);
bool docker_container_start(struct docker_engine *engine, const char *container,
			    docker_done_fn *done, void *arg, struct docker_request **slot,
			    struct error *error);
bool docker_container_inspect(struct docker_engine *engine, const char *container,
			      docker_done_fn *done, void *arg, struct docker_request **slot,
			      struct error *error);
/* Running or not, with this label ("key=value"). */
bool docker_container_list(struct docker_engine *engine, const char *label, docker_done_fn *done,
			   void *arg, struct docker_request **slot, struct error *error);
/* Answers when it has ended: after grace_ms at the latest, rounded up to seconds, plus the kill. */
bool docker_container_stop(struct docker_engine *engine, const char *container, uint64_t grace_ms,
			   docker_done_fn *done, void *arg, struct docker_request **slot,
			   struct error *error);
bool docker_container_kill(struct docker_engine *engine, const char *container, const char *signal,
			   docker_done_fn *done, void *arg, struct docker_request **slot,
			   struct error *error);
/* By force and with its anonymous volumes. */
bool docker_container_remove(struct docker_engine *engine, const char *container,
			     docker_done_fn *done, void *arg, struct docker_request **slot,
			     struct error *error);

enum docker_status { DOCKER_CREATED, DOCKER_RUNNING, DOCKER_EXITED, DOCKER_REMOVING };

/* What inspect and list say. Strings belong to the document. */
struct docker_container {
	const char *id;
	const char *name; /* without the slash */
	enum docker_status status;
	int exit_code;
	bool out_of_memory;
	const char *problem;	      /* State.Error; "" */
	const char *address;	      /* the first network's; "" */
	int64_t started_ms, ended_ms; /* wall; 0: never (list knows neither) */
	int64_t created_ms;	      /* list only */
	struct json_object *labels;   /* NULL: none */
};
const char *docker_container_id(struct json_object *created); /* "" if there is none */
bool docker_container_read(struct json_object *inspected, struct docker_container *out);
bool docker_container_read_row(struct json_object *row, struct docker_container *out);

/* The engine's refusals to bind a port; true for them, with the one of `ports` that is named in
 * *port (0 if none is). */
bool docker_port_refused(const char *message, const int32_t *ports, size_t count, int32_t *port);
