#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "process_shim.h"
#include "stadion/base/text.h"
#include "stadion/runtime/runtime.h"

/* The agent runs `stadion shim <folder>` as its child. That one prepares, forks the shim proper,
 * which leaves the agent's session, and ends as soon as the process runs, with 0; or with 1 and the
 * reason on its standard output. So the agent waits for a short-lived child only, and whatever
 * becomes of the agent touches neither shim nor process. */

static bool take_lock(int folder, struct error *error)
{
	int fd = openat(folder, RECORD_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat status;

	if (fd < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "the shim's lock");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, ERROR_CONFLICT, "another shim has this task");
	/* Open until we end. A task that ran once does not start again under its id. */
	if (fstatat(folder, RECORD_PROCESS, &status, AT_SYMLINK_NOFOLLOW) == 0 ||
	    fstatat(folder, RECORD_EXIT, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(error, ERROR_CONFLICT, "this task ran already");
	return true;
}

static bool prepare(struct shim *shim, const char *path, struct error *error)
{
	shim->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shim->folder < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "%s", path);
	if (!take_lock(shim->folder, error))
		return false;
	shim->spec = process_spec_read(shim->folder, error);
	if (!shim->spec)
		return false;
	shim->sandbox = open(shim->spec->sandbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shim->sandbox < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "sandbox %s",
				       shim->spec->sandbox);
	shim->listener = process_socket_listen(shim->folder, error);
	return shim->listener >= 0;
}

/* Nothing of the agent's stays open, and nothing of ours speaks to its terminal. */
static void leave_agent(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	if (chdir("/") < 0 || null < 0)
		return;
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	(void)dup2(null, 2);
	close(null);
}

static void shim_proper(struct shim *shim, int ready)
{
	struct error error = { 0 };

	leave_agent();
	(void)prctl(PR_SET_CHILD_SUBREAPER,
		    1); /* without it, stray children go to init: so be it */
	if (!shim_start(shim, &error)) {
		(void)!write(ready, error.text, strlen(error.text)); /* it sees the end anyway */
		_exit(1);
	}
	(void)!write(ready, "", 1); /* a NUL: it runs */
	close(ready);
	shim_watch(shim);
	_exit(0);
}

/* Passes on what the shim proper says of its start. */
static int report_start(int ready)
{
	char words[512];
	size_t len = 0;
	ssize_t part;

	while (len < sizeof(words) && (part = read(ready, words + len, sizeof(words) - len)) > 0) {
		len += (size_t)part;
		if (words[0] == '\0')
			return 0;
	}
	printf("%.*s", len ? (int)len : 16, len ? words : "the shim is gone");
	return 1;
}

int process_shim_main(int argc, char **argv)
{
	struct shim shim = { .folder = -1, .sandbox = -1, .listener = -1, .signals = -1 };
	struct error error = { 0 };
	int ready[2];
	pid_t pid;

	umask(022);
	(void)close_range(3, ~0U, 0); /* nothing of the agent's; old kernels: what it left open */
	if (argc < 2) {
		printf("usage: stadion shim FOLDER\n");
		return 2;
	}
	if (!prepare(&shim, argv[argc - 1], &error)) {
		printf("%s", error.text);
		return 1;
	}
	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		printf("no new process: %s", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		close(ready[0]);
		shim_proper(&shim, ready[1]);
	}
	close(ready[1]);
	process_spec_free(shim.spec);
	return report_start(ready[0]);
}
