/* A change of a group from anybody: refused with a reason, or read; what is defined lies below. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "stadion/json/json.h"
#include "stadion/model/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct group *group)
{
	for (size_t i = 0; i < group->app_count; i++)
		assert(path_id_within(group->apps[i]->id, group->id));
	for (size_t i = 0; i < group->group_count; i++) {
		assert(path_id_within(group->groups[i]->id, group->id));
		check(group->groups[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct group_read_options options = { .id = "/top" };
	const struct group_write_options all = { .apps = true, .groups = true };
	struct problems problems = { .count = 0 };
	struct group_request request = { 0 };
	struct error error = { 0 };
	autoptr(json_object) document = json_parse((const char *)data, size, &error);
	struct text text = TEXT_INIT(16U << 20);
	struct json_writer writer = JSON_WRITER(&text);

	if (!document)
		return 0;
	if (!group_read(document, &options, &request, &problems)) {
		assert(problems.count > 0);
		return 0;
	}
	if (request.kind == GROUP_DEFINE) {
		assert(path_id_within(request.group->id, "/top"));
		check(request.group);
		group_write(&writer, request.group, &all);
	}
	text_clear(&text);
	group_request_clear(&request);
	return 0;
}
