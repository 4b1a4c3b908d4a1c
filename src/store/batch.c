#include "batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct store_batch *store_batch_new(void)
{
	struct store_batch *batch = calloc(1, sizeof(*batch));

	if (batch)
		STAILQ_INIT(&batch->changes);
	return batch;
}

void batch_drop_changes(struct store_batch *batch)
{
	struct batch_change *change;

	while ((change = STAILQ_FIRST(&batch->changes))) {
		STAILQ_REMOVE_HEAD(&batch->changes, link);
		free(change);
	}
	batch->count = 0;
}

void store_batch_free(struct store_batch *batch)
{
	if (!batch)
		return;
	batch_drop_changes(batch);
	free(batch);
}

static bool add(struct store_batch *batch, bool is_delete, const char *key, const char *value,
		size_t value_len)
{
	size_t key_len = strlen(key);
	struct batch_change *change;
	char *bytes;

	assert(key_len > 0);
	if (value_len > SIZE_MAX / 2 || !(change = malloc(sizeof(*change) + key_len + value_len))) {
		batch->incomplete = true; /* what is not whole must not be committed */
		return false;
	}
	bytes = (char *)(change + 1);
	*change = (struct batch_change){ .is_delete = is_delete,
					 .key = bytes,
					 .key_len = key_len,
					 .value = bytes + key_len,
					 .value_len = value_len };
	memcpy(bytes, key, key_len); /* NOLINT(bugprone-not-null-terminated-result): has a length */
	if (value_len > 0)
		memcpy(bytes + key_len, value, value_len);
	STAILQ_INSERT_TAIL(&batch->changes, change, link);
	batch->count++;
	return true;
}

bool store_batch_put(struct store_batch *batch, const char *key, const char *value, size_t len)
{
	return add(batch, false, key, value, len);
}

bool store_batch_delete(struct store_batch *batch, const char *key)
{
	return add(batch, true, key, NULL, 0);
}

size_t store_batch_count(const struct store_batch *batch)
{
	return batch->count;
}
