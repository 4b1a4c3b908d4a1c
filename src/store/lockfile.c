#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stadion/base/text.h"

/* The part before the last slash: "." when there is none, "/" for files of the root. */
static bool folder_of(const char *path, char out[PATH_MAX], struct error *error)
{
	char *slash;

	if (!text_copy(out, PATH_MAX, path))
		return error_set(error, ERROR_INVALID, "%.80s...: path too long", path);
	slash = strrchr(out, '/');
	if (!slash)
		return text_copy(out, PATH_MAX, ".");
	slash[slash == out ? 1 : 0] = '\0';
	return true;
}

static bool create_folders(char *folder, struct error *error)
{
	for (char *slash = folder + 1;; slash++) {
		char saved;

		if (*slash != '/' && *slash != '\0')
			continue;
		saved = *slash;
		*slash = '\0';
		if (mkdir(folder, 0700) < 0 && errno != EEXIST && errno != EISDIR)
			return error_set_errno(error,
					       errno == EACCES ? ERROR_DENIED : ERROR_UNAVAILABLE,
					       errno, "creating folder %s", folder);
		if (!(*slash = saved))
			return true;
	}
}

/* A new file is only there after a power loss if its folder was synced too. */
static bool sync_folder(const char *folder, struct error *error)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced;

	if (fd < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "opening folder %s",
				       folder);
	synced = fsync(fd) == 0 || errno == EINVAL; /* some file systems cannot and need not */
	if (!synced)
		error_set_errno(error, ERROR_UNAVAILABLE, errno, "syncing folder %s", folder);
	(void)close(fd); /* read only: nothing can be lost here */
	return synced;
}

bool lockfile_prepare(const char *path, struct error *error)
{
	char folder[PATH_MAX];
	bool fine;
	int fd;

	if (!folder_of(path, folder, error) || !create_folders(folder, error))
		return false;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set_errno(error, errno == EACCES ? ERROR_DENIED : ERROR_UNAVAILABLE,
				       errno, "opening %s", path);
	fine = fchmod(fd, 0600) == 0 ||
	       error_set_errno(error, ERROR_DENIED, errno, "setting the rights of %s", path);
	(void)close(fd); /* nothing was written */
	return fine && sync_folder(folder, error);
}

static long read_pid(int fd)
{
	char digits[24] = "";
	ssize_t len = pread(fd, digits, sizeof(digits) - 1, 0);

	return len > 0 ? strtol(digits, NULL, 10) : 0;
}

static void write_pid(int fd)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%ld\n", (long)getpid());

	/* Only a courtesy to whoever meets the lock: on a full disk the lock holds without it. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, digits, (size_t)len, 0);
}

int lockfile_take(const char *path, struct error *error)
{
	char name[PATH_MAX];
	int fd;

	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name)) {
		error_set(error, ERROR_INVALID, "%.80s...: path too long", path);
		return -1;
	}
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		error_set_errno(error, errno == EACCES ? ERROR_DENIED : ERROR_UNAVAILABLE, errno,
				"opening %s", name);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			error_set(error, ERROR_CONFLICT, "%s is in use by process %ld", path,
				  read_pid(fd));
		else
			error_set_errno(error, ERROR_UNAVAILABLE, errno, "locking %s", name);
		(void)close(fd); /* the lock is not ours */
		return -1;
	}
	write_pid(fd);
	return fd;
}
