#pragma once

/* Groups: folders of apps, with dependencies among them. A struct group is a definition: it never
 * changes once it is shared, and is counted by reference. It may be a whole tree, or the head of
 * one (id, dependencies, version) alone. Source: marathon-api.md, section 7. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stadion/base/language.h"
#include "stadion/json/json_writer.h"
#include "stadion/model/app.h"
#include "stadion/model/app_read.h"
#include "stadion/model/path_id.h"

struct group {
	unsigned references; /* group_ref, group_unref */
	char *id;	     /* absolute */
	char **dependencies; /* absolute ids of groups; NULL or ended by NULL */
	int64_t version_ms;  /* wall clock; last change of it or of anything below; 0: not stored */
	/* What it says. The apps and groups directly in it replace all that there are; what it does
	 * not say stays as it is. */
	bool has_dependencies, has_apps, has_groups;
	struct app **apps;
	size_t app_count;
	struct group **groups;
	size_t group_count;
};

struct group *group_new(const char *id); /* one reference; NULL without memory */
struct group *group_ref(const struct group *group);
void group_unref(struct group *group);
DEFINE_AUTOPTR(group, group_unref)

/* Id, dependencies and version, without what is in it. NULL without memory. */
struct group *group_copy_head(const struct group *group);
/* Take the reference, also when they fail. */
bool group_add_app(struct group *group, struct app *app);
bool group_add_group(struct group *group, struct group *child);
bool group_add_dependency(struct group *group, const char *id);
bool group_same_dependencies(const struct group *a, const struct group *b);

/* What a change of a group asks for. */
enum group_request_kind {
	GROUP_DEFINE,
	GROUP_SCALE,	 /* every app below: instances times `factor`, rounded up */
	GROUP_ROLL_BACK, /* to what it was at version_ms */
};
struct group_request {
	enum group_request_kind kind;
	char id[PATH_ID_MAX];
	double factor;
	int64_t version_ms;
	struct group *group; /* DEFINE: owned */
};
void group_request_clear(struct group_request *request);

struct group_read_options {
	const char *id;		      /* absolute: what the document's id is relative to */
	bool marathon_check_defaults; /* as in app_read_options */
};

/* Reads a change of a group; false with at least one problem, whose path begins at the document:
 * "/groups(1)/apps(0)/cmd". Apps and groups in it must lie directly below. */
bool group_read(struct json_object *document, const struct group_read_options *options,
		struct group_request *out, struct problems *problems);

/* `instances` after scaling; more than an app may have: ERROR_INVALID. */
bool group_scale_instances(const struct app *app, double factor, int32_t *out, struct error *error);

struct group_write_options {
	bool apps, groups;
	/* Writes one app; NULL: its members and no more. */
	void (*write_app)(struct json_writer *writer, const struct app *app, void *arg);
	void *arg;
};
/* Marathon's GroupInfo. All its lists are always there; the options say which are filled. */
void group_write(struct json_writer *writer, const struct group *group,
		 const struct group_write_options *options);
