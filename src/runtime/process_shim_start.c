#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process_shim.h"
#include "stadion/base/clock.h"
#include "stadion/base/text.h"

static bool find_user(struct shim *shim, struct error *error)
{
	const struct passwd *entry;

	shim->user = geteuid();
	shim->group = getegid();
	if (!shim->spec->user)
		return true;
	entry = getpwnam(shim->spec->user);
	if (!entry)
		return error_set(error, ERROR_INVALID, "there is no user '%s' on this host",
				 shim->spec->user);
	if (entry->pw_uid != geteuid() && geteuid() != 0)
		return error_set(error, ERROR_DENIED,
				 "only root may run a task as user '%s'; the agent is not root",
				 shim->spec->user);
	shim->user = entry->pw_uid;
	shim->group = entry->pw_gid;
	if (geteuid() == 0 && fchown(shim->sandbox, shim->user, shim->group) < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "giving the sandbox to %s",
				       shim->spec->user);
	return true;
}

static bool open_outputs(struct shim *shim, int ends[2], struct error *error)
{
	static const char *const names[2] = { "stdout", "stderr" };

	for (size_t i = 0; i < 2; i++) {
		struct process_output *output = &shim->outputs[i];
		int both[2];

		*output = (struct process_output){ .pipe = -1,
						   .sandbox = shim->sandbox,
						   .file = -1,
						   .name = names[i],
						   .user = shim->user,
						   .group = shim->group };
		if (!process_output_open(output) || pipe2(both, O_CLOEXEC) < 0)
			return error_set_errno(error, ERROR_UNAVAILABLE, errno, "%s in the sandbox",
					       names[i]);
		(void)fcntl(both[0], F_SETFL, O_NONBLOCK);
		output->pipe = both[0];
		ends[i] = both[1];
	}
	return true;
}

static bool become_user(const struct shim *shim)
{
	if (!shim->spec->user || shim->user == geteuid())
		return true;
	return initgroups(shim->spec->user, shim->group) == 0 &&
	       setresgid(shim->group, shim->group, shim->group) == 0 &&
	       setresuid(shim->user, shim->user, shim->user) == 0;
}

/* In the child; what failed goes to the shim as an errno. */
static void run(const struct shim *shim, const int ends[2], int problem)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), number;
	sigset_t none;

	(void)setsid();
	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* those that cannot be set are at it already */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(ends[0], 1) >= 0 && dup2(ends[1], 2) >= 0 &&
	    fchdir(shim->sandbox) == 0 && become_user(shim))
		execve(shim->spec->argv[0], shim->spec->argv, shim->spec->environment);
	number = errno;
	(void)!write(problem, &number, sizeof(number));
	_exit(127);
}

static bool mark(struct shim *shim, pid_t pid, struct error *error)
{
	shim->mark.pid = pid;
	shim->mark.started_ms = clock_wall_ms();
	shim->started_ms = clock_monotonic_ms();
	if (!process_boot_id(shim->mark.boot_id) ||
	    !process_start_ticks(pid, &shim->mark.start_ticks))
		return error_set(error, ERROR_INTERNAL, "/proc says nothing of the process");
	return process_mark_write(shim->folder, &shim->mark, error);
}

bool shim_start(struct shim *shim, struct error *error)
{
	int ends[2] = { -1, -1 }, problem[2], number = 0;
	sigset_t mine;
	pid_t pid;

	sigemptyset(&mine);
	sigaddset(&mine, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &mine, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!find_user(shim, error) || !open_outputs(shim, ends, error))
		return false;
	if (pipe2(problem, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "no new process");
	if (pid == 0)
		run(shim, ends, problem[1]);
	close(ends[0]);
	close(ends[1]);
	close(problem[1]);
	if (read(problem[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
		return error_set_errno(error, ERROR_UNAVAILABLE, number, "starting %s",
				       shim->spec->argv[0]);
	close(problem[0]);
	if (mark(shim, pid, error))
		return true;
	(void)kill(-pid, SIGKILL); /* what is not on record must not run */
	return false;
}
