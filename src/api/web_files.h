#pragma once

/* The UI's files as they were at build time; the array is made by src/web/embed.cmake. */

#include <stddef.h>

struct web_file {
	const char *name; /* "index.html" */
	const char *data;
	size_t len;
};

extern const struct web_file web_files[];
extern const size_t web_file_count;

/* The same of src/api/openapi.json. */
extern const struct web_file api_documents[];
