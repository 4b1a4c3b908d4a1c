#pragma once

/* Checked members of messages from a peer that may be hostile. Each returns false with an error
 * that names the member; an owning output is the caller's to free in either case. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/error.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/task.h"

#define PROTOCOL_TASKS_MAX 20000
#define PROTOCOL_TEXT_MAX 1024
#define PROTOCOL_PORTS_MAX 1024
#define PROTOCOL_CHECKS_MAX 64
#define PROTOCOL_ATTRIBUTES_MAX 256
#define PROTOCOL_CPU_MILLI_MAX 1000000000   /* a million cores */
#define PROTOCOL_KIB_MAX (INT64_C(1) << 50) /* an exbibyte */

/* The body as an object, to be released by the caller. */
struct json_object *protocol_parse(const char *body, size_t len, struct error *error);

bool read_text(struct json_object *object, const char *key, char **out, struct error *error);
bool read_into(struct json_object *object, const char *key, char *out, size_t size,
	       struct error *error); /* a longer one is cut: these are for people */
bool read_task_id(struct json_object *object, const char *key, char **out, struct error *error);
bool read_integer(struct json_object *object, const char *key, int64_t min, int64_t max,
		  int64_t *out, struct error *error);
bool read_number(struct json_object *object, const char *key, uint64_t *out,
		 struct error *error); /* 0 to INT64_MAX */
bool read_flag(struct json_object *object, const char *key, bool *out, struct error *error);
bool read_array(struct json_object *object, const char *key, size_t max, struct json_object **out,
		struct error *error);
bool read_pairs(struct json_object *object, const char *key, struct pair_list *out,
		struct error *error);
/* An array of ports, PORT_NONE among them; *out is NULL when there are none. */
bool read_ports(struct json_object *object, const char *key, int32_t **out, size_t *count,
		struct error *error);
void ports_put(struct json_writer *writer, const int32_t *ports, size_t count);

void status_put(struct json_writer *writer, const struct task_status *status);
