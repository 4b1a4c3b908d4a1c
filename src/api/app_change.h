#pragma once

/* From the JSON of an update to the definition that it asks for. */

#include <json-c/json.h>
#include <stdbool.h>

#include "api_state.h"
#include "pending.h"
#include "stadion/model/app_read.h"

struct app_update {
	struct json_object *document;
	const char *id; /* absolute */
	bool partial;	/* lay it over what is there; else it is a whole definition */
};

/* Asks the coordinator for changes of apps, with the exchange's `force`; `answer` answers. With
 * dryRun=true nothing is changed, and the answer is {"steps": [...], "restarts": [ids]}. */
void app_changes_start(struct api *api, struct http_exchange *exchange,
		       const struct change *changes, size_t count, pending_answer_fn *answer);

enum app_update_result {
	APP_UPDATE_GOOD,
	APP_UPDATE_PROBLEMS,   /* *problems has them */
	APP_UPDATE_NO_VERSION, /* 404: it asks for a version that is not kept */
	APP_UPDATE_BAD_TIME,   /* 422: the version is no timestamp */
};

/* The new definition in *out, to be released. {"version": ts} alone goes back to an old one. */
enum app_update_result app_update_read(const struct api *api, const struct app_update *update,
				       struct app **out, struct problems *problems);
