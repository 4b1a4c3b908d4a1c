#include "stadion/model/path_id.h"

#include <string.h>

static bool label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* label(.label)*, a label begins and ends with a letter or digit and may have "-" inside. */
static bool segment_valid(const char *segment, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool edge =
			i == 0 || i + 1 == len || segment[i - 1] == '.' || segment[i + 1] == '.';

		if (label_char(segment[i]) || (segment[i] == '-' && !edge))
			continue;
		if (segment[i] != '.' || edge)
			return false;
	}
	return len > 0;
}

/* Appends what `text` adds to the absolute path of `len` bytes in `out`. */
static bool walk(const char *text, char out[PATH_ID_MAX], size_t *len, struct error *error)
{
	while (*text) {
		size_t span = strcspn(text, "/");

		if (span == 2 && text[0] == '.' && text[1] == '.') {
			while (*len > 0 && out[--*len] != '/')
				continue;
		} else if (span > 0 && !(span == 1 && text[0] == '.')) {
			if (!segment_valid(text, span))
				return error_set(error, ERROR_INVALID,
						 "'%.*s' is no valid part of an id: only a-z, 0-9, "
						 "and - or . between them",
						 span > 64 ? 64 : (int)span, text);
			if (*len + 1 + span >= PATH_ID_MAX)
				return error_set(error, ERROR_INVALID,
						 "an id has at most %d characters",
						 PATH_ID_MAX - 1);
			out[(*len)++] = '/';
			memcpy(out + *len, text, span);
			*len += span;
		}
		text += span;
		text += *text == '/';
	}
	return true;
}

bool path_id_resolve(const char *text, const char *base, char out[PATH_ID_MAX], struct error *error)
{
	char path[PATH_ID_MAX];
	size_t len = 0;

	if (!*text)
		return error_set(error, ERROR_INVALID, "an id must not be empty");
	if (text[0] != '/' && base && !walk(base, path, &len, error))
		return error_wrap(error, "the group");
	if (!walk(text, path, &len, error))
		return false;
	if (len == 0)
		path[len++] = '/';
	memcpy(out, path, len);
	out[len] = '\0';
	return true;
}

void path_id_safe(const char *id, char out[PATH_ID_MAX])
{
	size_t len = 0;

	for (id += *id == '/'; *id && len + 1 < PATH_ID_MAX; id++)
		out[len++] = *id == '/' ? '_' : *id;
	out[len] = '\0';
}

bool path_id_is_app(const char *id, struct error *error)
{
	static const char *const reserved[] = { "restart", "tasks", "versions", ".", ".." };
	const char *slash = strrchr(id, '/');
	const char *last = slash ? slash + 1 : id;

	if (!*last)
		return error_set(error, ERROR_INVALID, "'%s' is a group, not an app", id);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(last, reserved[i]) == 0)
			return error_set(error, ERROR_INVALID,
					 "an app's id must not end in '%s', which the API uses",
					 last);
	return true;
}

bool path_id_within(const char *id, const char *group)
{
	size_t len = strlen(group);

	if (strcmp(group, "/") == 0)
		return true;
	return strncmp(id, group, len) == 0 && (id[len] == '\0' || id[len] == '/');
}
