#include "process_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/stat.h>

/* The sandbox belongs to the task's user, who may put links there: never followed. */
bool process_output_open(struct process_output *output)
{
	struct stat status;

	output->file =
		openat(output->sandbox, output->name,
		       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (output->file < 0)
		return false;
	if (fstat(output->file, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(output->file);
		output->file = -1;
		errno = EINVAL;
		return false;
	}
	output->size = (uint64_t)status.st_size;
	if (output->user != status.st_uid && fchown(output->file, output->user, output->group) < 0)
		errno = 0; /* not root: the task has our own user then, who may read it anyway */
	return true;
}

static void rotate(struct process_output *output)
{
	char old[32];

	snprintf(old, sizeof(old), "%s.1", output->name);
	if (renameat(output->sandbox, output->name, output->sandbox, old) < 0)
		return; /* somebody took it away: go on with what is open */
	close(output->file);
	if (!process_output_open(output))
		output->size = 0;
}

static void append(struct process_output *output, const char *data, size_t len)
{
	while (len && output->file >= 0) {
		ssize_t part = write(output->file, data, len);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0) /* disk full: the task goes on, its words are lost */
			return;
		data += part;
		len -= (size_t)part;
		output->size += (uint64_t)part;
	}
}

bool process_output_take(struct process_output *output)
{
	char data[16384];
	ssize_t len;

	if (output->pipe < 0)
		return false;
	len = read(output->pipe, data, sizeof(data));
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0) {
		close(output->pipe);
		output->pipe = -1;
		return false;
	}
	append(output, data, (size_t)len);
	if (output->size >= OUTPUT_MAX)
		rotate(output);
	return true;
}

void process_output_close(struct process_output *output)
{
	if (output->pipe >= 0)
		close(output->pipe);
	if (output->file >= 0)
		close(output->file);
	output->pipe = output->file = -1;
}
