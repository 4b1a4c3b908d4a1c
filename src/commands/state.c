#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stadion/base/id.h"
#include "stadion/base/text.h"

bool state_folder_make(const char *path, struct error *error)
{
	char part[PATH_MAX], *at = part;
	bool more = true;

	if (!text_copy(part, sizeof(part), path))
		return error_set(error, ERROR_INVALID, "the path %.80s... is too long", path);
	while (more) {
		at += strspn(at, "/");
		at += strcspn(at, "/");
		more = *at;
		*at = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return error_set_errno(
				error, ERROR_UNAVAILABLE, errno,
				"making the state folder %s (--state DIR names another)", part);
		if (more)
			*at = '/';
	}
	if (access(path, R_OK | W_OK | X_OK) < 0)
		return error_set_errno(error, ERROR_DENIED, errno,
				       "the state folder %s; say another with --state DIR", path);
	return true;
}

#define SECRET_MAX 512

static bool secret_read_open(int fd, const char *path, char **out, struct error *error)
{
	char line[SECRET_MAX + 1];
	struct stat status;
	ssize_t len;

	if (fstat(fd, &status) < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "reading %s", path);
	if (!S_ISREG(status.st_mode))
		return error_set(error, ERROR_INVALID, "%s is not a file", path);
	if (status.st_mode & S_IRWXO)
		return error_set(error, ERROR_INVALID,
				 "%s is open to every user of this machine: chmod 600 it", path);
	len = read(fd, line, SECRET_MAX);
	if (len < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "reading %s", path);
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!line[0] || len == SECRET_MAX)
		return error_set(error, ERROR_INVALID,
				 "%s must hold one line of 1 to %d characters", path,
				 SECRET_MAX - 1);
	*out = text_duplicate(line);
	explicit_bzero(line, sizeof(line));
	return *out || error_set(error, ERROR_NOMEM, "reading %s", path);
}

bool state_secret_read(const char *path, char **out, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good;

	if (fd < 0)
		return error_set_errno(error, ERROR_INVALID, errno, "opening %s", path);
	good = secret_read_open(fd, path, out, error);
	close(fd);
	return good;
}

#define SECRET_BYTES 32

bool state_secret_make(const char *path, char **out, struct error *error)
{
	char line[2 * SECRET_BYTES + 2];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0 && errno == EEXIST)
		return state_secret_read(path, out, error);
	if (fd < 0)
		return error_set_errno(error, ERROR_UNAVAILABLE, errno, "making %s", path);
	id_hex(line, SECRET_BYTES);
	line[sizeof(line) - 2] = '\n';
	good = write(fd, line, sizeof(line) - 1) == (ssize_t)sizeof(line) - 1 && fsync(fd) == 0;
	if (!good) {
		(void)error_set_errno(error, ERROR_UNAVAILABLE, errno, "writing %s", path);
		(void)unlink(path); /* half a secret is worse than none */
	}
	close(fd);
	return good && state_secret_read(path, out, error);
}
