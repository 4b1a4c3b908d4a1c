#include "stadion/net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_parts.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"

#define OUTPUT_MAX 4096

/* A child ends when it was reaped and its output was read: what it left running in the background
 * may hold the pipe open, so after the end the pipe is emptied and closed. */
struct child {
	LIST_ENTRY(child) link;
	struct child **slot; /* NULL once cancelled: then it only waits to be reaped */
	child_done_fn *done;
	void *arg;
	pid_t pid;
	int out;
	struct event *readable;
	struct timer deadline;
	struct text output;
	bool timed_out;
};

struct children {
	struct loop *loop;
	LIST_HEAD(, child) list;
};

static void child_free(struct child *child)
{
	if (child->readable)
		event_free(child->readable);
	if (child->out >= 0)
		(void)close(child->out);
	timer_clear(&child->deadline);
	text_clear(&child->output);
	free(child);
}

DEFINE_AUTOPTR(child, child_free)

static void kill_group(const struct child *child)
{
	(void)kill(-child->pid, SIGKILL); /* ESRCH: gone already; the pid is ours until reaped */
}

enum got { GOT_SOME, GOT_NOTHING_NOW, GOT_END };

/* Keeps what fits, reads on so that the child does not block. */
static enum got read_some(struct child *child)
{
	char buffer[4096];
	ssize_t got = read(child->out, buffer, sizeof(buffer));
	size_t room = child->output.max - child->output.len;

	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? GOT_NOTHING_NOW : GOT_END;
	if (got == 0)
		return GOT_END;
	text_add_bytes(&child->output, buffer, (size_t)got < room ? (size_t)got : room);
	return GOT_SOME;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	(void)fd;
	(void)what;
	if (read_some(child) == GOT_END)
		(void)event_del(child->readable);
}

static void on_deadline(void *arg)
{
	struct child *child = arg;

	child->timed_out = true;
	kill_group(child); /* SIGCHLD tells the rest */
}

static void finish(struct child *child, int status)
{
	struct child_end end = { .exit_code = -1, .timed_out = child->timed_out };

	LIST_REMOVE(child, link);
	if (!child->slot) {
		child_free(child);
		return;
	}
	for (int i = 0; i < 64 && read_some(child) == GOT_SOME;
	     i++) /* bounded: a grandchild may go on */
		;
	if (WIFEXITED(status))
		end.exit_code = WEXITSTATUS(status);
	else
		end.signal = WTERMSIG(status);
	end.output = text_string(&child->output);
	end.output_len = child->output.len;
	*child->slot = NULL;
	child->done(&end, child->arg);
	child_free(child);
}

static struct child *find_ended(struct children *children, int *status)
{
	struct child *child;

	LIST_FOREACH(child, &children->list, link)
		if (waitpid(child->pid, status, WNOHANG) == child->pid)
			return child;
	return NULL;
}

static void on_sigchld(int number, void *arg)
{
	struct children *children = arg;
	struct child *child;
	int status;

	(void)number;
	while ((child = find_ended(children, &status))) /* a callback may change the list */
		finish(child, status);
}

void children_free(struct children *children)
{
	struct child *child;

	if (!children)
		return;
	while ((child = LIST_FIRST(&children->list))) {
		LIST_REMOVE(child, link);
		kill_group(child);
		(void)waitpid(child->pid, NULL, 0); /* killed: no wait worth the name */
		child_free(child);
	}
	free(children);
}

static bool children_ready(struct loop *loop, struct error *error)
{
	struct children *children;

	if (loop->children)
		return true;
	children = calloc(1, sizeof(*children));
	if (!children)
		return error_set(error, ERROR_NOMEM, "starting a child process");
	children->loop = loop;
	LIST_INIT(&children->list);
	if (!loop_on_signal(loop, SIGCHLD, on_sigchld, children, error)) {
		free(children);
		return false;
	}
	loop->children = children;
	return true;
}

static void close_above(int last)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0) == 0)
		return;
#endif
	for (int fd = last + 1; fd < sysconf(_SC_OPEN_MAX); fd++)
		(void)close(fd);
}

/* Between vfork and exec: the parent stands still and its memory is shared, so only plain system
 * calls, and nothing that another thread's lock could hold. Never returns. */
__attribute__((noreturn)) static void become(const struct child_call *call, int out, int null,
					     volatile int *problem)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t nothing;

	(void)sigemptyset(&nothing);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP)
			(void)sigaction(number, &plain, NULL); /* some are the C library's */
	(void)sigprocmask(SIG_SETMASK, &nothing, NULL);
	if (setpgid(0, 0) == 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    (!call->as_user ||
	     (syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setgid, call->group) == 0 &&
	      syscall(SYS_setuid, call->user) == 0)) &&
	    (!call->directory || chdir(call->directory) == 0)) {
		close_above(2);
		(void)execve(call->argv[0], (char *const *)call->argv,
			     call->environment ? (char *const *)call->environment : environ);
	}
	*problem = errno;
	_exit(127);
}

/* All signals are blocked around vfork: a handler of ours run in the child would run on our
 * memory. posix_spawn can neither change user nor close all descriptors; what become() does in the
 * child are system calls alone. */
static pid_t spawn(const struct child_call *call, int out, int null, int *problem)
{
	volatile int failed = 0;
	sigset_t all, before;
	pid_t pid;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0)
		become(call, out, null, &failed); /* NOLINT(clang-analyzer-unix.Vfork) */
	if (pid < 0)
		failed = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	*problem = failed;
	return pid;
}

static bool launch(struct child *child, const struct child_call *call, struct error *error)
{
	int fds[2], null, problem = 0;

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return error_set_errno(error, ERROR_INTERNAL, errno, "/dev/null");
	if (pipe2(fds, O_CLOEXEC) < 0) {
		(void)close(null);
		return error_set_errno(error, ERROR_INTERNAL, errno, "making a pipe");
	}
	child->out = fds[0];
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK); /* our end only */
	child->pid = spawn(call, fds[1], null, &problem);
	(void)close(fds[1]);
	(void)close(null);
	if (child->pid > 0 && problem != 0)
		(void)waitpid(child->pid, NULL, 0); /* it has ended at _exit */
	if (problem != 0)
		return error_set_errno(error, problem == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID,
				       problem, "starting %s", call->argv[0]);
	return true;
}

bool child_start(struct loop *loop, const struct child_call *call, child_done_fn *done, void *arg,
		 struct child **slot, struct error *error)
{
	if (call->timeout_ms == 0)
		return error_set(error, ERROR_INVALID, "%s: a child needs a deadline",
				 call->argv[0]);
	if (!children_ready(loop, error))
		return false;

	autoptr(child) child = calloc(1, sizeof(*child));
	if (!child)
		return error_set(error, ERROR_NOMEM, "starting %s", call->argv[0]);
	child->out = -1;
	child->done = done;
	child->arg = arg;
	text_init(&child->output, call->output_max ? call->output_max : OUTPUT_MAX);
	if (!timer_init(&child->deadline, loop, on_deadline, child, error) ||
	    !launch(child, call, error))
		return false;
	LIST_INSERT_HEAD(&loop->children->list, child, link); /* from here on it must be reaped */
	child->readable =
		event_new(loop->base, child->out, EV_READ | EV_PERSIST, on_readable, child);
	if (!child->readable || event_add(child->readable, NULL) < 0) {
		kill_group(TAKE(child));
		return error_set(error, ERROR_NOMEM, "starting %s", call->argv[0]);
	}
	timer_start(&child->deadline, call->timeout_ms);
	child->slot = slot;
	*slot = TAKE(child);
	return true;
}

void child_cancel(struct child **slot)
{
	struct child *child = *slot;

	if (!child)
		return;
	*slot = NULL;
	child->slot = NULL;
	kill_group(child);
}
