#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "http_server_parts.h"
#include "stadion/base/language.h"
#include "stadion/net/accept.h"

/* Packing happens on the loop, so it takes the fastest level (some 100 MB a second: JSON shrinks to
 * a tenth) and leaves alone what would hold the loop for long, and what fits a packet or two. */
#define GZIP_MIN 1024
#define GZIP_MAX (4U << 20)
#define GZIP_LEVEL 1
#define GZIP_WINDOW_BITS (15 + 16) /* zlib: 16 more make a gzip header */
#define GZIP_MEMORY 8

static bool shrinks(const char *content_type)
{
	static const char *const types[] = { "application/json", "text/", "image/svg" };

	for (size_t i = 0; content_type && i < ROWS(types); i++)
		if (!strncasecmp(content_type, types[i], strlen(types[i])))
			return true;
	return false;
}

static struct evbuffer *pack(struct evbuffer *body)
{
	size_t len = evbuffer_get_length(body);
	z_stream stream = { .next_in = evbuffer_pullup(body, -1), .avail_in = (uInt)len };
	struct evbuffer_iovec room;
	struct evbuffer *out = evbuffer_new();
	bool good;

	if (!out || !stream.next_in ||
	    deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		if (out)
			evbuffer_free(out);
		return NULL;
	}
	good = evbuffer_reserve_space(out, (ev_ssize_t)len, &room, 1) == 1;
	if (good) {
		stream.next_out = room.iov_base;
		stream.avail_out = (uInt)len; /* what does not get smaller is sent as it is */
		good = deflate(&stream, Z_FINISH) == Z_STREAM_END;
		room.iov_len = good ? stream.total_out : 0;
		good = evbuffer_commit_space(out, &room, 1) == 0 && good;
	}
	(void)deflateEnd(&stream); /* its only complaint is input left over */
	if (good)
		return out;
	evbuffer_free(out);
	return NULL;
}

struct evbuffer *http_gzip_reply(struct http_exchange *exchange, const char *content_type,
				 struct evbuffer *body)
{
	const char *offer = http_exchange_request_header(exchange, "Accept-Encoding");
	size_t len = evbuffer_get_length(body);
	struct evbuffer *packed;

	if (len < GZIP_MIN || len > GZIP_MAX || !shrinks(content_type))
		return NULL;
	http_exchange_header(exchange, "Vary", "Accept-Encoding");
	packed = accept_weight(offer, "gzip", 0) > 0 ? pack(body) : NULL;
	if (packed)
		http_exchange_header(exchange, "Content-Encoding", "gzip");
	return packed;
}
