#include <string.h>

#include "http_server_parts.h"
#include "stadion/base/text.h"

/* Of the framing headers each may come once, and they exclude each other: two readers of one
 * message must not disagree about where it ends. */
struct framing {
	unsigned lengths, encodings, hosts;
};

static bool is_digits(const char *value)
{
	return *value && strspn(value, "0123456789") == strlen(value);
}

static bool has_control(const char *string)
{
	for (; *string; string++)
		if (((unsigned char)*string < ' ' && *string != '\t') || *string == 0x7f)
			return true;
	return false;
}

static bool is_token(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789!#$%&'*+-.^_`|~";

	return *name && strspn(name, letters) == strlen(name);
}

static const char *check_header(const struct evkeyval *header, struct framing *framing)
{
	if (!is_token(header->key))
		return "a header's name has a character that is not allowed";
	if (has_control(header->value))
		return "a header has a control character";
	if (evutil_ascii_strcasecmp(header->key, "Host") == 0)
		framing->hosts++;
	if (evutil_ascii_strcasecmp(header->key, "Content-Length") == 0) {
		framing->lengths++;
		if (!is_digits(header->value))
			return "Content-Length must be a number";
	}
	if (evutil_ascii_strcasecmp(header->key, "Transfer-Encoding") == 0) {
		framing->encodings++;
		if (evutil_ascii_strcasecmp(header->value, "chunked") != 0)
			return "Transfer-Encoding must be chunked";
	}
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What a path must not have once it is decoded: it becomes a C string in UTF-8. */
static const char *check_path(const char *path)
{
	char decoded[4];
	size_t have = 0, need = 1;

	while (*path) {
		int high = -1, low = -1;

		if (*path == '%') {
			high = hex_digit(path[1]);
			low = high < 0 ? -1 : hex_digit(path[2]);
			if (low < 0)
				return "the path has a % without two hexadecimal digits";
		}
		decoded[have++] = (char)(low < 0 ? *path : high * 16 + low);
		path += low < 0 ? 1 : 3;
		if (have == 1) {
			unsigned char c = (unsigned char)decoded[0];

			if (c < ' ' || c == 0x7f)
				return "the path has a control character";
			need = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		}
		if (have < need)
			continue;
		if (text_utf8_sequence(decoded, have) != have)
			return "the path is not UTF-8";
		have = 0;
	}
	return have == 0 ? NULL : "the path is not UTF-8";
}

const char *http_check_request(struct evhttp_request *request, size_t header_count, int *status)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	struct framing framing = { 0 };
	struct evkeyval *header;
	size_t count = 0;
	const char *why = NULL;

	if (request->major != 1 || request->minor < 0) { /* evhttp takes 0.9 and -1.1 as well */
		request->major = request->minor = 1;	 /* which the reply takes on */
		*status = 505;
		return "only HTTP/1.0 and HTTP/1.1 are spoken here";
	}
	*status = 400;
	TAILQ_FOREACH(header, headers, next) {
		if (++count > header_count) {
			*status = 431;
			return "too many headers";
		}
		why = check_header(header, &framing);
		if (why)
			return why;
	}
	if (framing.lengths > 1 || framing.encodings > 1 || framing.hosts > 1)
		return "a header is there twice that may come once";
	if (framing.lengths && framing.encodings)
		return "Content-Length and Transfer-Encoding exclude each other";
	if (!uri || !evhttp_uri_get_path(uri))
		return "the request has no path";
	return check_path(evhttp_uri_get_path(uri));
}
