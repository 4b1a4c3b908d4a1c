#include <stdlib.h>
#include <string.h>

#include "stadion/docker/event_stream.h"

static bool lines_keep(struct docker_lines *lines, const char *data, size_t len)
{
	size_t need = lines->len + len;

	if (need > lines->size) {
		size_t size = need < 512 ? 512 : need * 2;
		char *grown = realloc(lines->data, size);

		if (!grown)
			return false;
		lines->data = grown;
		lines->size = size;
	}
	memcpy(lines->data + lines->len, data, len);
	lines->len = need;
	return true;
}

bool docker_lines_take(struct docker_lines *lines, const char *data, size_t len,
		       docker_line_fn *line, void *arg)
{
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t part = end ? (size_t)(end - data) : len;

		if (lines->len + part > DOCKER_LINE_MAX) {
			lines->skipping = true;
			lines->len = 0;
		}
		if (!lines->skipping && (lines->len || !end) && part &&
		    !lines_keep(lines, data, part))
			return false;
		if (!end)
			return true;
		if (!lines->skipping && lines->len)
			line(lines->data, lines->len, arg);
		else if (!lines->skipping && part) /* whole as it came: nothing to copy */
			line(data, part, arg);
		lines->len = 0;
		lines->skipping = false;
		data = end + 1;
		len -= part + 1;
	}
	return true;
}

void docker_lines_clear(struct docker_lines *lines)
{
	free(lines->data);
	*lines = (struct docker_lines){ 0 };
}
