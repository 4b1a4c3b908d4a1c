#include "path.h"

#include <string.h>

static const char unreserved[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

void docker_path_add(struct text *path, const char *value)
{
	for (const char *p = value; *p; p++) {
		if (strchr(unreserved, *p))
			text_add_bytes(path, p, 1);
		else
			text_addf(path, "%%%02X", (unsigned)(unsigned char)*p);
	}
}
