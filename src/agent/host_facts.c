#include "host_facts.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "stadion/base/text.h"

#define GIB_KIB (INT64_C(1) << 20)

static void read_line(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");

	out[0] = '\0';
	if (!file)
		return;
	if (fgets(out, (int)size, file))
		out[strcspn(out, "\n")] = '\0';
	else
		out[0] = '\0';
	(void)fclose(file); /* was only read */
}

static int64_t cpu_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return CPU_COUNT(&set);
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online > 0 ? online : 1;
}

/* As a Mesos agent does: so much stays with the system, but never more than half. */
static int64_t without_reserve(int64_t all_kib, int64_t reserve_kib)
{
	return all_kib > 2 * reserve_kib ? all_kib - reserve_kib : all_kib / 2;
}

void host_facts_read(struct host_facts *out, const char *folder)
{
	struct statvfs disk;
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_size = sysconf(_SC_PAGESIZE);

	*out = (struct host_facts){ .cpu_milli = cpu_count() * 1000 };
	if (gethostname(out->hostname, sizeof(out->hostname) - 1) < 0 || !out->hostname[0])
		(void)text_copy(out->hostname, sizeof(out->hostname), "localhost");
	read_line("/proc/sys/kernel/random/boot_id", out->boot_id, sizeof(out->boot_id));
	read_line("/etc/machine-id", out->machine_id, sizeof(out->machine_id));
	if (!out->machine_id[0]) /* a long name is cut, the same way each time */
		(void)text_copy(out->machine_id, sizeof(out->machine_id), out->hostname);
	if (pages > 0 && page_size > 0)
		out->mem_kib = without_reserve(pages * (page_size / 1024), GIB_KIB);
	if (statvfs(folder, &disk) == 0)
		out->disk_kib = without_reserve(
			(int64_t)(disk.f_blocks * (disk.f_frsize / 512) / 2), 5 * GIB_KIB);
}

/* FNV-1a. Nobody gains by a collision: it only has to tell a fleet's machines apart. */
static uint64_t hash(uint64_t state, const char *text)
{
	for (; *text; text++)
		state = (state ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return (state ^ 0xff) * UINT64_C(1099511628211); /* so that "a","bc" is not "ab","c" */
}

void host_id_derive(char out[HOST_ID_SIZE], const char *machine_id, const char *engine)
{
	uint64_t low = hash(hash(UINT64_C(14695981039346656037), machine_id), engine);
	uint64_t high = hash(hash(low, engine), machine_id);

	(void)snprintf(out, HOST_ID_SIZE, "host-%016" PRIx64 "%016" PRIx64, high, low);
}
