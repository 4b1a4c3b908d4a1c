#pragma once

/* From the JSON of an update to the definition that it asks for. */

#include <json-c/json.h>
#include <stdbool.h>

#include "api_state.h"
#include "stadion/model/app_read.h"

struct app_update {
	struct json_object *document;
	const char *id; /* absolute */
	bool partial;	/* lay it over what is there; else it is a whole definition */
};

enum app_update_result {
	APP_UPDATE_GOOD,
	APP_UPDATE_PROBLEMS,   /* *problems has them */
	APP_UPDATE_NO_VERSION, /* 404: it asks for a version that is not kept */
	APP_UPDATE_BAD_TIME,   /* 422: the version is no timestamp */
};

/* The new definition in *out, to be released. {"version": ts} alone goes back to an old one. */
enum app_update_result app_update_read(const struct api *api, const struct app_update *update,
				       struct app **out, struct problems *problems);
