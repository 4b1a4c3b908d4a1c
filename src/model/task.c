#include "stadion/model/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/id.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/model/path_id.h"

#define TASK_ID_MAX (PATH_ID_MAX + 64)

static const struct {
	const char *name;
	bool terminal;
} states[] = {
	[TASK_STAGING] = { "TASK_STAGING", false },
	[TASK_STARTING] = { "TASK_STARTING", false },
	[TASK_RUNNING] = { "TASK_RUNNING", false },
	[TASK_KILLING] = { "TASK_KILLING", false },
	[TASK_FINISHED] = { "TASK_FINISHED", true },
	[TASK_FAILED] = { "TASK_FAILED", true },
	[TASK_KILLED] = { "TASK_KILLED", true },
	[TASK_ERROR] = { "TASK_ERROR", true },
	[TASK_LOST] = { "TASK_LOST", true },
	[TASK_GONE] = { "TASK_GONE", true },
	[TASK_DROPPED] = { "TASK_DROPPED", true },
	[TASK_UNKNOWN] = { "TASK_UNKNOWN", true },
	[TASK_UNREACHABLE] = { "TASK_UNREACHABLE", false },
};

const char *task_state_name(enum task_state state)
{
	return (size_t)state < ROWS(states) ? states[state].name : "?";
}

bool task_state_parse(const char *name, enum task_state *out)
{
	for (size_t i = 0; i < ROWS(states); i++) {
		if (strcmp(states[i].name, name) == 0) {
			*out = (enum task_state)i;
			return true;
		}
	}
	return false;
}

bool task_state_terminal(enum task_state state)
{
	return (size_t)state < ROWS(states) && states[state].terminal;
}

void task_status_clear(struct task_status *status)
{
	if (!status)
		return;
	free(status->task_id);
	free(status->ports);
	free(status->checks);
	*status = (struct task_status){ 0 };
}

static bool array_copy(void *out, const void *from, size_t count, size_t size)
{
	void *copy;

	if (count == 0)
		return true;
	copy = calloc(count, size);
	if (!copy)
		return false;
	memcpy(copy, from, count * size);
	*(void **)out = copy;
	return true;
}

bool task_status_copy(struct task_status *out, const struct task_status *from)
{
	struct task_status copy = *from;

	copy.task_id = text_duplicate(from->task_id);
	copy.ports = NULL;
	copy.checks = NULL;
	if ((from->task_id && !copy.task_id) ||
	    !array_copy(&copy.ports, from->ports, from->port_count, sizeof(*copy.ports)) ||
	    !array_copy(&copy.checks, from->checks, from->check_count, sizeof(*copy.checks))) {
		task_status_clear(&copy);
		return false;
	}
	*out = copy;
	return true;
}

enum task_health task_health(const struct task_status *status)
{
	bool all_alive = true;

	if (status->check_count == 0)
		return TASK_HEALTH_NONE;
	for (size_t i = 0; i < status->check_count; i++) {
		if (!status->checks[i].known)
			return TASK_HEALTH_UNKNOWN;
		all_alive = all_alive && status->checks[i].alive;
	}
	return all_alive ? TASK_HEALTHY : TASK_UNHEALTHY;
}

char *task_id_new(const char *app_id)
{
	char safe[PATH_ID_MAX], uuid[UUID_SIZE];
	char *id = NULL;

	path_id_safe(app_id, safe);
	id_uuid(uuid);
	if (asprintf(&id, "%s.instance-%s._app.1", safe, uuid) < 0)
		return NULL;
	return id;
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* 8-4-4-4-12 hexadecimal digits */
static bool uuid_at(const char *text)
{
	for (size_t i = 0; i < UUID_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (!text[i] || (dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i])))
			return false;
	}
	return true;
}

/* Length of the instance part of a well-formed task id; 0 of any other. */
static size_t instance_length(const char *task_id)
{
	static const char mark[] = ".instance-";
	const char *found = NULL;
	const char *rest;

	if (strlen(task_id) > TASK_ID_MAX || task_id[0] == '.' || task_id[0] == '-' ||
	    task_id[0] == '_' ||
	    task_id[strspn(task_id, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		return 0;
	for (const char *next = task_id; (next = strstr(next, mark)); next++)
		found = next; /* the last one: an app may be called "x.instance-y" */
	if (!found || found == task_id || !uuid_at(found + strlen(mark)))
		return 0;
	rest = found + strlen(mark) + UUID_SIZE - 1;
	if (strncmp(rest, "._app.", 6) != 0 || digits(rest + 6) == 0 || digits(rest + 6) > 9 ||
	    rest[6 + digits(rest + 6)])
		return 0;
	return (size_t)(rest - task_id);
}

bool task_id_instance(const char *task_id, char *out, size_t size)
{
	size_t len = instance_length(task_id);

	if (len == 0 || len >= size)
		return false;
	memcpy(out, task_id, len);
	out[len] = '\0';
	return true;
}

bool task_id_valid(const char *task_id)
{
	return instance_length(task_id) > 0;
}
