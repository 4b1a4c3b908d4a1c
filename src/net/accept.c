#include "stadion/net/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000

/* "0.5" as 500; what is malformed counts as said without a weight. */
static int read_weight(const char *text)
{
	int weight = 0, digit = WEIGHT_MAX;

	if (*text != '0')
		return WEIGHT_MAX;
	if (*++text != '.')
		return 0;
	for (text++; *text >= '0' && *text <= '9' && digit > 1; text++) {
		digit /= 10;
		weight += (*text - '0') * digit;
	}
	return weight;
}

/* How closely a member of the list names it: 0 not at all. */
static int closeness(const char *member, size_t len, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t type = slash ? (size_t)(slash - name) + 1 : 0;

	if (len == strlen(name) && !strncasecmp(member, name, len))
		return 3;
	if (slash && len == type + 1 && !strncasecmp(member, name, type) && member[type] == '*')
		return 2;
	if (slash ? len == 3 && !memcmp(member, "*/*", 3) : len == 1 && *member == '*')
		return 1;
	return 0;
}

int accept_weight(const char *header, const char *name, int absent)
{
	int best = 0, weight = 0;

	if (!header)
		return absent;
	while (*header) {
		size_t member = strcspn(header, ","), len;
		const char *at = header + strspn(header, " \t"), *end = header + member;
		const char *q;
		int close;

		len = strcspn(at, " \t;,");
		close = closeness(at, len, name);
		if (close > best) {
			best = close;
			weight = WEIGHT_MAX;
			for (q = at + len; q < end; q++)
				if (*q == ';' &&
				    !strncasecmp(q + 1 + strspn(q + 1, " \t"), "q=", 2))
					weight = read_weight(q + 1 + strspn(q + 1, " \t") + 2);
		}
		header = *end ? end + 1 : end;
	}
	return weight;
}
