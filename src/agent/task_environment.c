#include "task_environment.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stadion/base/clock.h"
#include "stadion/base/text.h"
#include "stadion/json/json_writer.h"

#define NAME_MAX_LEN 1024
#define LABEL_KEY_MAX 493 /* Marathon's limits on labels that are passed on */
#define LABEL_VALUE_MAX 512
#define LIST_MAX (64U << 10)

struct environment {
	const struct app *app;
	struct pair_list *out;
	bool failed;
};

static void put(struct environment *env, const char *key, const char *value)
{
	/* The user's word on a name is the only one. */
	if (pair_list_find(&env->app->env, key) || pair_list_find(env->out, key))
		return;
	env->failed |= !pair_list_add(env->out, key, value);
}

static void put_number(struct environment *env, const char *key, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	put(env, key, text);
}

static void put_decimal(struct environment *env, const char *key, double value)
{
	struct text text = TEXT_INIT(64);
	struct json_writer writer = JSON_WRITER(&text);

	json_put_double(&writer, value); /* "0.5", "512.0": always with a fraction */
	env->failed |= text.failed;
	put(env, key, text_string(&text));
	text_clear(&text);
}

/* Upper case, and each run of other characters one underscore. */
static bool label_name(const char *key, char *out, size_t size)
{
	size_t len = 0;
	bool gap = false;

	for (; *key; key++) {
		unsigned char byte = (unsigned char)*key;
		bool plain = byte < 0x80 && (isalnum(byte) || byte == '_');

		if (plain || !gap) {
			if (len + 1 >= size)
				return false;
			out[len++] = plain ? (char)toupper(byte) : '_';
		}
		gap = !plain;
	}
	out[len] = '\0';
	return len > 0;
}

static void put_labels(struct environment *env)
{
	struct text names = TEXT_INIT(LIST_MAX);

	for (size_t i = 0; i < env->app->labels.count; i++) {
		const struct pair *label = &env->app->labels.items[i];
		char name[LABEL_KEY_MAX];
		char key[sizeof(name) + 32];

		if (!label_name(label->key, name, sizeof(name)) ||
		    strlen(label->value) >= LABEL_VALUE_MAX)
			continue;
		(void)snprintf(key, sizeof(key), "MARATHON_APP_LABEL_%s", name);
		put(env, key, label->value);
		text_add(&names, names.len ? " " : "");
		text_add(&names, name);
	}
	env->failed |= names.failed;
	put(env, "MARATHON_APP_LABELS", text_string(&names));
	text_clear(&names);
}

/* What a mapping without any number is given: at least 1025, and the same each time it is asked
 * for, so that a restarted agent tells the same. */
static int32_t made_up_port(const char *task_id, size_t row)
{
	uint32_t hash = 2166136261U + (uint32_t)row;

	for (; *task_id; task_id++)
		hash = (hash ^ (unsigned char)*task_id) * 16777619U;
	return (int32_t)(1025 + hash % (65536 - 1025));
}

static void put_named(struct environment *env, const struct app_port *row, int32_t port)
{
	bool host_mode = env->app->network == NETWORK_HOST;
	int32_t asked = host_mode ? row->service_port : row->container_port;
	char key[NAME_MAX_LEN];

	(void)snprintf(key, sizeof(key), "PORT_%" PRId32, asked > 0 ? asked : port);
	put_number(env, key, port);
	if (!row->name)
		return;
	int len = snprintf(key, sizeof(key), "PORT_%s", row->name);

	if (len < 0 || (size_t)len >= sizeof(key))
		return;
	for (char *at = key; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	put_number(env, key, port);
}

static void list_port(struct text *list, int32_t port)
{
	text_addf(list, "%s%" PRId32, list->len ? "," : "", port);
}

static void put_ports(struct environment *env, const char *task_id, const int32_t *ports)
{
	struct text taken = TEXT_INIT(LIST_MAX);
	struct text made_up = TEXT_INIT(LIST_MAX);

	for (size_t i = 0; i < env->app->port_count; i++) {
		const struct app_port *row = &env->app->ports[i];
		int32_t port = ports[i];
		char key[32];

		if (port != PORT_NONE) {
			list_port(&taken, port);
		} else if (row->container_port > 0) {
			port = row->container_port;
		} else {
			port = made_up_port(task_id, i);
			list_port(&made_up, port);
		}
		(void)snprintf(key, sizeof(key), "PORT%zu", i);
		put_number(env, key, port);
		put_named(env, row, port);
	}
	if (taken.len && made_up.len)
		text_add(&taken, ",");
	text_add(&taken, text_string(&made_up));
	env->failed |= taken.failed || made_up.failed;
	if (taken.len) {
		put(env, "PORTS", text_string(&taken));
		taken.data[strcspn(taken.data, ",")] = '\0';
		put(env, "PORT", taken.data);
	}
	text_clear(&taken);
	text_clear(&made_up);
}

bool task_environment(const struct app *app, const char *task_id, const char *hostname,
		      const int32_t *ports, struct pair_list *out)
{
	struct environment env = { .app = app, .out = out };
	char version[TIMESTAMP_SIZE];

	timestamp_format(version, app->version_ms);
	if (app->container == CONTAINER_NONE) /* a process has no image to take it from */
		put(&env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	put(&env, "MESOS_TASK_ID", task_id);
	put(&env, "MESOS_ALLOCATION_ROLE", app->role ? app->role : "*");
	put(&env, "MARATHON_APP_ID", app->id);
	put(&env, "MARATHON_APP_VERSION", version);
	if (app->container == CONTAINER_DOCKER && app->image)
		put(&env, "MARATHON_APP_DOCKER_IMAGE", app->image);
	put_decimal(&env, "MARATHON_APP_RESOURCE_CPUS", (double)app->cpu_milli / 1000);
	put_decimal(&env, "MARATHON_APP_RESOURCE_MEM", (double)app->mem_kib / 1024);
	put_decimal(&env, "MARATHON_APP_RESOURCE_DISK", (double)app->disk_kib / 1024);
	put_number(&env, "MARATHON_APP_RESOURCE_GPUS", app->gpus);
	put(&env, "MARATHON_APP_ENFORCE_GROUP_ROLE", "FALSE");
	put_labels(&env);
	put(&env, "HOST", hostname);
	put_ports(&env, task_id, ports);
	for (size_t i = 0; i < app->env.count; i++)
		env.failed |= !pair_list_add(out, app->env.items[i].key, app->env.items[i].value);
	return !env.failed;
}
