#include "warning.h"

#include <stdio.h>

#include "stadion/base/text.h"
#include "stadion/model/app_shape.h"

#define ENDING_MAX 64 /* room for the end of the value */

/* What may stand in a quoted string; names come from the client and may hold anything. */
static void add_printable(struct text *out, const char *path)
{
	for (; *path; path++)
		text_addf(out, "%c",
			  *path < ' ' || *path > '~' || *path == '"' || *path == '\\' ? '?'
										      : *path);
}

/* Adds as many as fit; returns how many. */
static size_t add_paths(struct text *out, const char *prefix, const struct unknown_fields *unknown)
{
	size_t i = 0;

	while (i < unknown->count && i < UNKNOWN_FIELDS_MAX &&
	       out->len + sizeof(unknown->paths[i]) + ENDING_MAX < WARNING_MAX) {
		text_add(out, out->len > 0 ? ", " : "199 stadion \"unknown fields: ");
		text_add(out, prefix);
		add_printable(out, unknown->paths[i++]);
	}
	return i;
}

void warn_of_unknown(struct http_exchange *exchange, struct json_object *document)
{
	struct text value = TEXT_INIT(WARNING_MAX);
	struct unknown_fields unknown;
	size_t all = 0, told = 0;

	if (json_object_is_type(document, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(document); i++) {
			char prefix[32];

			snprintf(prefix, sizeof(prefix), "(%zu)", i);
			app_unknown_fields(json_object_array_get_idx(document, i), &unknown);
			all += unknown.count;
			told += add_paths(&value, prefix, &unknown);
		}
	} else {
		app_unknown_fields(document, &unknown);
		all = unknown.count;
		told = add_paths(&value, "", &unknown);
	}
	if (all > told)
		text_addf(&value, " and %zu more", all - told);
	text_add(&value, "\"");
	if (all > 0)
		http_exchange_header(exchange, "Warning", text_string(&value));
	text_clear(&value);
}
