/* An app definition from anybody: read, written, read back equal, and laid over itself. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/model/app_read.h"
#include "stadion/model/app_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error;
	struct problems problems = { .count = 0 };
	struct app_read_options options = { 0 };
	autoptr(json_object) document = json_parse((const char *)data, size, &error);
	autoptr(json_object) stored = NULL;
	autoptr(app) app = document ? app_read(document, &options, &problems) : NULL;
	autoptr(app) back = NULL;
	autoptr(app) again = NULL;
	struct text text = TEXT_INIT(16U << 20);
	struct json_writer writer = JSON_WRITER(&text);

	if (document && !app && problems.count == 0)
		abort(); /* refused without a reason */
	if (!app)
		return 0;
	app_write_stored(&writer, app);
	stored = json_parse(text_string(&text), text.len, &error);
	text_clear(&text);
	back = stored ? app_read_stored(stored, &error) : NULL;
	if (!back || app_compare(app, back) != APP_SAME)
		abort();
	options.over = app;
	again = app_read(document, &options, &problems);
	return 0;
}
