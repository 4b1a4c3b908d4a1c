/* What the engine streams: the line cutter, events, pull progress and exec frames, fed in pieces
 * whose lengths come from the input too. */

#include <stddef.h>
#include <stdint.h>

#include "stadion/base/language.h"
#include "stadion/docker/event_stream.h"
#include "stadion/docker/exec.h"
#include "stadion/docker/image.h"
#include "stadion/json/json.h"

static void take_line(const char *line, size_t len, void *arg)
{
	autoptr(json_object) document = NULL;
	struct docker_event event;
	struct error error = { 0 };

	if (len > DOCKER_LINE_MAX)
		__builtin_trap();
	(void)docker_event_read(line, len, &event, &document);
	(void)docker_progress_read(arg, line, len, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct docker_progress progress;
	struct docker_lines lines = { 0 };
	struct docker_frames frames = { 0 };

	progress = (struct docker_progress){ 0 };
	while (size > 1) {
		size_t part = data[0] < size - 1 ? data[0] : size - 1;

		(void)docker_lines_take(&lines, (const char *)data + 1, part, take_line, &progress);
		docker_frames_take(&frames, (const char *)data + 1, part);
		data += part + 1;
		size -= part + 1;
	}
	docker_lines_clear(&lines);
	return 0;
}
