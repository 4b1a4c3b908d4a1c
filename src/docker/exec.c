#include "stadion/docker/exec.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "path.h"
#include "stadion/base/language.h"
#include "stadion/docker/container.h"
#include "stadion/json/json.h"
#include "stadion/json/json_writer.h"

#define STEP_MS 10000
#define LATE_LOOK_MS 2000 /* for what the engine says past the deadline */
#define LATE_AGAIN_MS 250
#define LATE_LOOKS 4

/* An exec goes: create -> start, output attached until it ends -> inspect for its exit code. The
 * engine cannot kill one, so past the deadline we ask for its process id and do it ourselves. The
 * same question tells a command that is slow from an engine that is: only the first is an end. */
struct docker_exec {
	struct docker_engine *engine;
	struct docker_exec **slot; /* NULL: the caller has had its end */
	struct docker_request *request;
	struct timer deadline;
	docker_exec_fn *done;
	void *arg;
	char *container;
	char id[DOCKER_ID_SIZE];
	uint64_t timeout_ms;
	unsigned looks; /* past the deadline */
	struct docker_frames frames;
};

static void exec_free(struct docker_exec *exec)
{
	docker_request_cancel(&exec->request);
	timer_clear(&exec->deadline);
	free(exec->container);
	free(exec);
}

void docker_frames_take(struct docker_frames *frames, const char *data, size_t len)
{
	while (len) {
		size_t part, room;

		if (frames->left == 0) {
			frames->head[frames->head_len++] = (uint8_t)*data++;
			len--;
			if (frames->head_len < sizeof(frames->head))
				continue;
			frames->head_len = 0;
			frames->left = (uint32_t)frames->head[4] << 24 |
				       (uint32_t)frames->head[5] << 16 |
				       (uint32_t)frames->head[6] << 8 | frames->head[7];
			continue;
		}
		part = len < frames->left ? len : frames->left;
		room = sizeof(frames->out) - 1 - frames->out_len;
		memcpy(frames->out + frames->out_len, data, part < room ? part : room);
		frames->out_len += part < room ? part : room;
		frames->left -= (uint32_t)part;
		data += part;
		len -= part;
	}
}

static void exec_end(struct docker_exec *exec, const struct docker_exec_end *end)
{
	docker_exec_fn *done = exec->done;
	void *arg = exec->arg;

	timer_cancel(&exec->deadline);
	*exec->slot = NULL;
	exec->slot = NULL;
	done(end, arg);
}

static void exec_fail(struct docker_exec *exec, const struct error *error)
{
	struct docker_exec_end end = { .exit_code = -1,
				       .output = exec->frames.out,
				       .error = *error };

	exec_end(exec, &end);
	exec_free(exec);
}

static bool exec_path(struct docker_exec *exec, struct docker_call *call, const char *tail,
		      docker_done_fn *done, struct error *error)
{
	struct text path = TEXT_INIT(1024);
	bool ok;

	text_add(&path, "/exec/");
	docker_path_add(&path, exec->id);
	text_add(&path, tail);
	call->path = text_string(&path);
	ok = docker_request_start(exec->engine, call, done, exec, &exec->request, error);
	text_clear(&path);
	return ok;
}

/* Whether a process id, as the engine sees it, is of this container as we see it: only then are we
 * in the same world as the engine, and only then it may be signalled. */
static bool pid_in_container(pid_t pid, const char *container)
{
	char path[64], text[8192];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	return strstr(text, container) != NULL;
}

static bool exec_signal(struct json_object *document)
{
	int64_t pid = json_integer(document, "Pid", 0);
	const char *container = json_text(document, "ContainerID", "");
	int fd;

	if (!json_flag(document, "Running", false))
		return false;
	if (pid <= 1 || pid > INT32_MAX || strlen(container) != DOCKER_ID_SIZE - 1)
		return true;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	/* Held by fd before it is looked at, so that it cannot become another one. */
	if (fd >= 0 && pid_in_container((pid_t)pid, container)) {
		(void)kill(-(pid_t)pid, SIGKILL); /* what it started; ESRCH is fine */
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	}
	if (fd >= 0)
		close(fd);
	return true;
}

static void exec_late_end(struct docker_exec *exec, enum error_kind kind, const char *what)
{
	struct error error;

	error_set(&error, kind, "%s within %llu ms", what, (unsigned long long)exec->timeout_ms);
	if (exec->slot)
		exec_fail(exec, &error);
	else
		exec_free(exec);
}

static void late_looked(const struct docker_reply *reply, void *arg)
{
	struct docker_exec *exec = arg;
	bool began;

	if (!reply->document) {
		exec_late_end(exec, ERROR_UNAVAILABLE, "the engine did not answer");
		return;
	}
	began = exec_signal(reply->document) ||
		json_object_is_type(json_member(reply->document, "ExitCode"), json_type_int);
	if (began)
		exec_late_end(exec, ERROR_TIMEOUT, "the command did not end");
	else if (exec->slot && ++exec->looks < LATE_LOOKS) /* it may begin yet, and must not stay */
		timer_start(&exec->deadline, LATE_AGAIN_MS);
	else
		exec_late_end(exec, ERROR_UNAVAILABLE, "the engine did not begin the command");
}

static void late_dropped(void *arg)
{
	struct docker_exec *exec = arg;

	if (exec->slot)
		*exec->slot = NULL;
	exec_free(exec);
}

/* Past the deadline, or nobody waits any more: see that it dies. */
static void exec_late(void *arg)
{
	struct docker_exec *exec = arg;
	struct docker_call call = { .timeout_ms = LATE_LOOK_MS, .dropped = late_dropped };

	docker_request_cancel(&exec->request);
	if (!exec->id[0] || !exec_path(exec, &call, "/json", late_looked, NULL))
		exec_late_end(exec, ERROR_UNAVAILABLE, "the engine did not answer");
}

/* Without an answer nothing is known of the command, in whichever way it was not given. */
static struct error exec_error(const struct docker_reply *reply)
{
	struct error error = reply->error;

	if (error.kind != ERROR_NONE && !reply->status)
		error.kind = ERROR_UNAVAILABLE;
	return error;
}

static void exec_looked(const struct docker_reply *reply, void *arg)
{
	struct docker_exec *exec = arg;
	struct docker_exec_end end = { .output = exec->frames.out };
	struct error error = exec_error(reply);

	if (error.kind == ERROR_NONE &&
	    (!reply->document || !json_member(reply->document, "ExitCode")))
		error_set(&error, ERROR_UNAVAILABLE,
			  "the engine knows no exit code of the command");
	if (error.kind != ERROR_NONE) {
		exec_fail(exec, &error);
		return;
	}
	end.exit_code = (int)json_integer(reply->document, "ExitCode", -1);
	exec_end(exec, &end);
	exec_free(exec);
}

static void exec_ran(const struct docker_reply *reply, void *arg)
{
	struct docker_exec *exec = arg;
	struct docker_call call = { .timeout_ms = STEP_MS };
	struct error error = exec_error(reply);

	if (error.kind != ERROR_NONE || !exec_path(exec, &call, "/json", exec_looked, &error))
		exec_fail(exec, &error);
}

static bool exec_data(long status, const char *data, size_t len, void *arg)
{
	struct docker_exec *exec = arg;

	(void)status;
	docker_frames_take(&exec->frames, data, len);
	return true;
}

static void exec_created(const struct docker_reply *reply, void *arg)
{
	struct docker_exec *exec = arg;
	struct docker_call call = { .lane = DOCKER_WAITING,
				    .method = "POST",
				    .body = "{\"Detach\":false,\"Tty\":false}",
				    .timeout_ms = exec->timeout_ms + STEP_MS,
				    .on_data = exec_data };
	struct error error = exec_error(reply);

	if (error.kind == ERROR_NONE) {
		text_copy(exec->id, sizeof(exec->id), docker_container_id(reply->document));
		if (!exec->id[0])
			error_set(&error, ERROR_UNAVAILABLE, "the engine named no exec");
	}
	if (error.kind != ERROR_NONE || !exec_path(exec, &call, "/start", exec_ran, &error))
		exec_fail(exec, &error);
}

static bool exec_create(struct docker_exec *exec, const char *const *argv, struct error *error)
{
	struct text path = TEXT_INIT(1024), body = TEXT_INIT(256U << 10);
	struct json_writer writer = JSON_WRITER(&body);
	struct docker_call call = { .method = "POST", .timeout_ms = STEP_MS };
	bool ok;

	json_object_begin(&writer);
	json_field_flag(&writer, "AttachStdout", true);
	json_field_flag(&writer, "AttachStderr", true);
	json_key(&writer, "Cmd");
	json_array_begin(&writer);
	for (size_t i = 0; argv[i]; i++)
		json_put_text(&writer, argv[i]);
	json_array_end(&writer);
	json_object_end(&writer);
	text_add(&path, "/containers/");
	docker_path_add(&path, exec->container);
	text_add(&path, "/exec");
	call.path = text_string(&path);
	call.body = text_string(&body);
	ok = path.failed || body.failed ? error_set(error, ERROR_INVALID, "the command is too long")
					: docker_request_start(exec->engine, &call, exec_created,
							       exec, &exec->request, error);
	text_clear(&path);
	text_clear(&body);
	return ok;
}

bool docker_exec_start(struct docker_engine *engine, const char *container, const char *const *argv,
		       uint64_t timeout_ms, docker_exec_fn *done, void *arg,
		       struct docker_exec **slot, struct error *error)
{
	struct docker_exec *exec;

	assert(!*slot);
	if (!timeout_ms)
		return error_set(error, ERROR_INVALID, "a command needs a deadline");
	exec = calloc(1, sizeof(*exec));
	if (!exec)
		return error_set(error, ERROR_NOMEM, "running a command in %.64s", container);
	*exec = (struct docker_exec){ .engine = engine,
				      .slot = slot,
				      .done = done,
				      .arg = arg,
				      .container = text_duplicate(container),
				      .timeout_ms = timeout_ms };
	if (!exec->container) {
		error_set(error, ERROR_NOMEM, "running a command in %.64s", container);
		goto undo;
	}
	if (!timer_init(&exec->deadline, docker_engine_loop(engine), exec_late, exec, error) ||
	    !exec_create(exec, argv, error))
		goto undo;
	timer_start(&exec->deadline, timeout_ms);
	*slot = exec;
	return true;
undo:
	exec_free(exec);
	return false;
}

void docker_exec_cancel(struct docker_exec **slot)
{
	struct docker_exec *exec = *slot;

	if (!exec)
		return;
	*slot = NULL;
	exec->slot = NULL;
	timer_cancel(&exec->deadline);
	exec_late(exec);
}
