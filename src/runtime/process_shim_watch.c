#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "process_shim.h"
#include "stadion/base/clock.h"

#define KILL_AGAIN_MS 1000
#define DRAIN_MS 2000 /* for output in pipes that something outside still holds */

static void begin_stop(struct shim *shim, uint64_t grace_ms)
{
	uint64_t due_ms = clock_monotonic_ms() + grace_ms;

	if (shim->ended)
		return;
	if (!shim->kill_ms && grace_ms)
		(void)kill(-shim->mark.pid, SIGTERM); /* not reaped yet: the id is ours */
	if (!shim->kill_ms || due_ms < shim->kill_ms)
		shim->kill_ms = due_ms;
}

static void kill_when_due(struct shim *shim)
{
	if (shim->ended || !shim->kill_ms || clock_monotonic_ms() < shim->kill_ms)
		return;
	(void)kill(-shim->mark.pid, SIGKILL);
	shim->kill_ms = clock_monotonic_ms() + KILL_AGAIN_MS;
}

static void drop_client(struct shim_client *client)
{
	close(client->fd);
	*client = (struct shim_client){ .fd = -1 };
}

static void obey(struct shim *shim, const char *line)
{
	static const char word[] = "stop ";
	const char *number = line + strlen(word);
	char *end;
	uint64_t grace_ms;

	if (strncmp(line, word, strlen(word)) != 0)
		return;
	grace_ms = strtoull(number, &end, 10);
	if (end != number)
		begin_stop(shim, grace_ms);
}

static void hear(struct shim *shim, struct shim_client *client)
{
	ssize_t len = read(client->fd, client->line + client->len,
			   sizeof(client->line) - 1 - client->len);
	char *end;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) { /* the end, or a line that is none */
		drop_client(client);
		return;
	}
	client->len += (size_t)len;
	client->line[client->len] = '\0';
	while ((end = strchr(client->line, '\n'))) {
		*end = '\0';
		obey(shim, client->line);
		client->len -= (size_t)(end + 1 - client->line);
		memmove(client->line, end + 1, client->len + 1);
	}
}

/* When all places are taken the oldest goes: an agent that was killed leaves none behind, so a
 * fifth is a new agent, or somebody who plays. */
static void accept_client(struct shim *shim)
{
	int fd = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct shim_client *place = &shim->clients[0];

	if (fd < 0)
		return;
	for (size_t i = 0; i < SHIM_CLIENTS; i++) {
		if (shim->clients[i].fd < 0) {
			place = &shim->clients[i];
			break;
		}
	}
	if (place->fd >= 0)
		drop_client(place);
	place->fd = fd;
}

static void reap(struct shim *shim)
{
	struct signalfd_siginfo unused;
	siginfo_t info = { 0 };

	while (read(shim->signals, &unused, sizeof(unused)) > 0)
		;
	/* Looked at before it is reaped: until then the number of its group cannot be another's. */
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		if (info.si_pid == shim->mark.pid) {
			(void)kill(-shim->mark.pid, SIGKILL);
			shim->ended = waitpid(info.si_pid, &shim->status, 0) == info.si_pid;
		} else { /* an orphan of the task's that came to us */
			(void)waitpid(info.si_pid, NULL, 0);
		}
		info = (siginfo_t){ 0 };
	}
}

static void turn(struct shim *shim)
{
	struct pollfd fds[4 + SHIM_CLIENTS];
	uint64_t now_ms = clock_monotonic_ms();
	int wait_ms = -1;

	fds[0] = (struct pollfd){ .fd = shim->signals, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = shim->listener, .events = POLLIN };
	for (int i = 0; i < 2; i++)
		fds[2 + i] = (struct pollfd){ .fd = shim->outputs[i].pipe, .events = POLLIN };
	for (int i = 0; i < SHIM_CLIENTS; i++)
		fds[4 + i] = (struct pollfd){ .fd = shim->clients[i].fd, .events = POLLIN };
	if (shim->kill_ms)
		wait_ms = shim->kill_ms <= now_ms	   ? 0
			  : shim->kill_ms - now_ms > 60000 ? 60000
							   : (int)(shim->kill_ms - now_ms);
	if (poll(fds, 4 + SHIM_CLIENTS, wait_ms) < 0 && errno != EINTR)
		return;
	for (int i = 0; i < 2; i++) {
		if (fds[2 + i].revents)
			(void)process_output_take(&shim->outputs[i]);
	}
	for (int i = 0; i < SHIM_CLIENTS; i++) {
		if (fds[4 + i].revents)
			hear(shim, &shim->clients[i]);
	}
	if (fds[1].revents)
		accept_client(shim);
	reap(shim);
	kill_when_due(shim);
}

/* Children that left the process group came to us when their parents died. */
static bool kill_strays(void)
{
	char path[64], text[4096], *p = text;
	size_t len;
	FILE *file;
	bool any = false;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	for (;;) {
		char *end;
		long pid = strtol(p, &end, 10);

		if (end == p || pid <= 1)
			break;
		(void)kill((pid_t)pid, SIGKILL);
		any = true;
		p = end;
	}
	return any;
}

/* The task is over with its first process; nothing of it stays behind. */
static void finish_all(struct shim *shim)
{
	uint64_t end_ms = clock_monotonic_ms() + DRAIN_MS;

	while (kill_strays() && clock_monotonic_ms() < end_ms) {
		struct pollfd fd = { .fd = shim->signals, .events = POLLIN };

		(void)poll(&fd, 1, 100);
		reap(shim);
	}
	for (size_t i = 0; i < 2; i++) {
		struct process_output *output = &shim->outputs[i];

		while (output->pipe >= 0 && clock_monotonic_ms() < end_ms) {
			struct pollfd fd = { .fd = output->pipe, .events = POLLIN };

			if (!process_output_take(output) && output->pipe >= 0)
				(void)poll(&fd, 1, 100);
		}
		process_output_close(output);
	}
}

static void record_end(struct shim *shim)
{
	struct process_exit end = { .exit_code = -1,
				    .ran_ms = clock_monotonic_ms() - shim->started_ms,
				    .started_ms = shim->mark.started_ms };
	struct error error = { 0 };

	if (WIFEXITED(shim->status))
		end.exit_code = WEXITSTATUS(shim->status);
	else if (WIFSIGNALED(shim->status))
		end.signal = WTERMSIG(shim->status);
	while (!process_exit_write(shim->folder, &end, &error)) {
		if (error.kind != ERROR_NO_SPACE)
			return;		   /* the agent will say that the end is not known */
		(void)poll(NULL, 0, 1000); /* it waits for nobody but the disk */
	}
}

void shim_watch(struct shim *shim)
{
	sigset_t mine;

	sigemptyset(&mine);
	sigaddset(&mine, SIGCHLD);
	shim->signals = signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK);
	for (size_t i = 0; i < SHIM_CLIENTS; i++)
		shim->clients[i].fd = -1;
	reap(shim); /* it may have ended before we listened */
	while (!shim->ended)
		turn(shim);
	finish_all(shim);
	record_end(shim);
}
