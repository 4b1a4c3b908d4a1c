#include "stadion/base/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char digits[] = "0123456789abcdef";

void id_random(void *out, size_t len)
{
	unsigned char *at = out;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* guessable ids and tokens would be worse than none */
		at += got;
		len -= (size_t)got;
	}
}

void id_hex(char *out, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		unsigned char byte;

		id_random(&byte, 1);
		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * bytes] = '\0';
}

void id_uuid(char out[UUID_SIZE])
{
	unsigned char bytes[16];
	char *at = out;

	id_random(bytes, sizeof(bytes));
	bytes[6] = (bytes[6] & 0x0f) | 0x40; /* RFC 4122: version 4 */
	bytes[8] = (bytes[8] & 0x3f) | 0x80; /* and its variant */
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	*at = '\0';
}

bool id_equal_secret(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	volatile unsigned char difference = a_len != b_len;

	for (size_t i = 0; i < a_len; i++)
		difference |= (unsigned char)(a[i] ^ (b_len ? b[i % b_len] : 0));
	return difference == 0;
}
