#include "process_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "stadion/base/text.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"

#define RECORD_MAX (4U << 20)

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t part = write(fd, data, len);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return false;
		data += part;
		len -= (size_t)part;
	}
	return true;
}

/* The agent must not wait for a disk, and what it writes is worth nothing after power loss. */
enum care { QUICKLY, DURABLY };

static bool record_write(int folder, const char *name, const struct text *text, enum care care,
			 struct error *error)
{
	char temporary[32];
	int fd;

	if (text->failed)
		return error_set(error, ERROR_NOMEM, "%s", name);
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "creating %s", name);
	if (!write_all(fd, text->data, text->len) || (care == DURABLY && fsync(fd) < 0)) {
		error_set_errno(error, ERROR_UNAVAILABLE, errno, "writing %s", name);
		close(fd);
		(void)unlinkat(folder, temporary, 0);
		return false;
	}
	close(fd);
	if (renameat(folder, temporary, folder, name) < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "naming %s", name);
	if (care == DURABLY)
		(void)fsync(folder); /* without it the file may be missing after power loss: as if
					unborn */
	return true;
}

static struct json_object *record_read(int folder, const char *name, struct error *error)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_object *document = NULL;
	char piece[4096];
	ssize_t len = 0;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		error_set_errno(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, errno,
				"opening %s", name);
		return NULL;
	}
	while ((len = read(fd, piece, sizeof(piece))) > 0)
		text_add_bytes(&text, piece, (size_t)len);
	close(fd);
	if (len < 0 || text.failed)
		error_set(error, ERROR_UNAVAILABLE, "reading %s", name);
	else
		document = json_parse(text_string(&text), text.len, error);
	if (document && !json_object_is_type(document, json_type_object)) {
		error_set(error, ERROR_INVALID, "%s is no object", name);
		json_object_put(document);
		document = NULL;
	}
	text_clear(&text);
	return document;
}

static void write_list(struct json_writer *writer, const char *key, char *const *items)
{
	json_key(writer, key);
	json_array_begin(writer);
	for (size_t i = 0; items[i]; i++)
		json_put_text(writer, items[i]);
	json_array_end(writer);
}

static void free_list(char **items)
{
	for (size_t i = 0; items && items[i]; i++)
		free(items[i]);
	free(items);
}

static char **read_list(struct json_object *object, const char *key)
{
	struct json_object *array = json_array_member(object, key);
	size_t count = array ? json_object_array_length(array) : 0;
	char **items = calloc(count + 1, sizeof(*items));

	for (size_t i = 0; items && i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (!json_object_is_type(item, json_type_string) ||
		    !(items[i] = text_duplicate(json_object_get_string(item)))) {
			free_list(items);
			return NULL;
		}
	}
	return items;
}

void process_spec_free(struct process_spec *spec)
{
	if (!spec)
		return;
	free(spec->task_id);
	free(spec->app_id);
	free(spec->ports);
	free(spec->sandbox);
	free(spec->user);
	free_list(spec->argv);
	free_list(spec->environment);
	free(spec);
}

bool process_spec_write(int folder, const struct process_spec *spec, struct error *error)
{
	struct text text = TEXT_INIT(RECORD_MAX);
	struct json_writer writer = JSON_WRITER(&text);
	bool ok;

	json_object_begin(&writer);
	json_field_text(&writer, "task", spec->task_id);
	json_field_text(&writer, "app", spec->app_id);
	json_field_integer(&writer, "version_ms", spec->version_ms);
	json_field_integer(&writer, "attempt", spec->attempt);
	json_field_text(&writer, "ports", spec->ports);
	json_field_text(&writer, "sandbox", spec->sandbox);
	json_field_text(&writer, "user", spec->user);
	write_list(&writer, "argv", spec->argv);
	write_list(&writer, "environment", spec->environment);
	json_object_end(&writer);
	ok = record_write(folder, RECORD_SPEC, &text, QUICKLY, error);
	text_clear(&text);
	return ok;
}

struct process_spec *process_spec_read(int folder, struct error *error)
{
	autoptr(json_object) document = record_read(folder, RECORD_SPEC, error);
	autoptr(process_spec) spec = calloc(1, sizeof(*spec));

	if (!document)
		return NULL;
	if (!spec) {
		error_set(error, ERROR_NOMEM, RECORD_SPEC);
		return NULL;
	}
	spec->task_id = text_duplicate(json_text(document, "task", NULL));
	spec->app_id = text_duplicate(json_text(document, "app", NULL));
	spec->version_ms = json_integer(document, "version_ms", 0);
	spec->attempt = (uint32_t)json_integer(document, "attempt", 1);
	spec->ports = text_duplicate(json_text(document, "ports", ""));
	spec->sandbox = text_duplicate(json_text(document, "sandbox", NULL));
	spec->user = text_duplicate(json_text(document, "user", NULL));
	spec->argv = read_list(document, "argv");
	spec->environment = read_list(document, "environment");
	if (!spec->task_id || !spec->app_id || !spec->ports || !spec->sandbox || !spec->argv ||
	    !spec->argv[0] || !spec->environment) {
		error_set(error, ERROR_INVALID, RECORD_SPEC " is damaged");
		return NULL;
	}
	return TAKE(spec);
}

bool process_mark_write(int folder, const struct process_mark *mark, struct error *error)
{
	struct text text = TEXT_INIT(1024);
	struct json_writer writer = JSON_WRITER(&text);
	bool ok;

	json_object_begin(&writer);
	json_field_integer(&writer, "pid", mark->pid);
	json_field_integer(&writer, "start_ticks", (int64_t)mark->start_ticks);
	json_field_text(&writer, "boot_id", mark->boot_id);
	json_field_integer(&writer, "started_ms", mark->started_ms);
	json_object_end(&writer);
	ok = record_write(folder, RECORD_PROCESS, &text, DURABLY, error);
	text_clear(&text);
	return ok;
}

bool process_mark_read(int folder, struct process_mark *out, struct error *error)
{
	autoptr(json_object) document = record_read(folder, RECORD_PROCESS, error);
	int64_t pid = document ? json_integer(document, "pid", 0) : 0;
	int64_t ticks = document ? json_integer(document, "start_ticks", 0) : 0;

	if (!document)
		return false;
	if (pid <= 1 || pid > INT32_MAX || ticks <= 0)
		return error_set(error, ERROR_INVALID, RECORD_PROCESS " is damaged");
	*out = (struct process_mark){ .pid = (pid_t)pid,
				      .start_ticks = (uint64_t)ticks,
				      .started_ms = json_integer(document, "started_ms", 0) };
	(void)text_copy(out->boot_id, sizeof(out->boot_id), json_text(document, "boot_id", ""));
	return true;
}

bool process_exit_write(int folder, const struct process_exit *end, struct error *error)
{
	struct text text = TEXT_INIT(1024);
	struct json_writer writer = JSON_WRITER(&text);
	bool ok;

	json_object_begin(&writer);
	json_field_integer(&writer, "exit_code", end->exit_code);
	json_field_integer(&writer, "signal", end->signal);
	json_field_integer(&writer, "ran_ms", (int64_t)end->ran_ms);
	json_field_integer(&writer, "started_ms", end->started_ms);
	json_object_end(&writer);
	ok = record_write(folder, RECORD_EXIT, &text, DURABLY, error);
	text_clear(&text);
	return ok;
}

bool process_exit_read(int folder, struct process_exit *out, struct error *error)
{
	autoptr(json_object) document = record_read(folder, RECORD_EXIT, error);
	int64_t ran_ms;

	if (!document)
		return false;
	ran_ms = json_integer(document, "ran_ms", 0);
	*out = (struct process_exit){
		.exit_code = (int)json_integer(document, "exit_code", -1),
		.signal = (int)json_integer(document, "signal", 0),
		.ran_ms = ran_ms > 0 ? (uint64_t)ran_ms : 0,
		.started_ms = json_integer(document, "started_ms", 0),
	};
	return true;
}

bool process_boot_id(char out[BOOT_ID_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool ok = file && fgets(out, BOOT_ID_SIZE, file);

	if (file)
		fclose(file);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok;
}

bool process_start_ticks(pid_t pid, uint64_t *out)
{
	char path[64], text[1024], state = 0;
	const char *p;
	unsigned long long ticks;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	p = strrchr(text, ')'); /* the name may hold anything, parentheses too */
	/* The kernel's numbers fit. NOLINTNEXTLINE(cert-err34-c) */
	if (!p || sscanf(p,
			 ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %llu",
			 &state, &ticks) != 2)
		return false;
	*out = ticks;
	return true;
}

bool process_alive(const struct process_mark *mark)
{
	char boot_id[BOOT_ID_SIZE];
	uint64_t ticks;

	return process_boot_id(boot_id) && strcmp(boot_id, mark->boot_id) == 0 &&
	       process_start_ticks(mark->pid, &ticks) && ticks == mark->start_ticks;
}

static struct sockaddr_un socket_address(int folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" RECORD_SOCKET,
		 folder);
	return address;
}

int process_socket_listen(int folder, struct error *error)
{
	struct sockaddr_un address = socket_address(folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)unlinkat(folder, RECORD_SOCKET, 0); /* of a shim that was killed; we hold the lock */
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, 8) == 0)
		return fd;
	error_set_errno(error, ERROR_UNAVAILABLE, errno, "the shim's socket");
	if (fd >= 0)
		close(fd);
	return -1;
}

int process_socket_connect(int folder)
{
	struct sockaddr_un address = socket_address(folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int number = errno;

		close(fd);
		errno = number;
		return -1;
	}
	return fd;
}

bool process_locked(int folder)
{
	int fd = openat(folder, RECORD_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd); /* and with it the lock, if we got it */
	return locked;
}
