/* /v2/events: what happens in the cluster, as it happens (marathon-api 11.1).
 *
 * A stream is a place in the coordinator's numbered events, and is written to by its reader's own
 * pace: what it does not take waits in the one copy that all share. A reader that falls so far
 * behind that its next event is not kept any more is cut. */

#include "events.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api_state.h"
#include "reply.h"
#include "stadion/base/clock.h"
#include "stadion/base/log.h"
#include "stadion/json/json_writer.h"

#define MEDIA_TYPE "text/event-stream"
#define KEEP_ALIVE_MS 10000
#define AHEAD_MAX (64U << 10) /* bytes that may wait for one reader */
#define TYPES_MAX 64	      /* that one reader may name */

struct event_streams {
	struct coordinator *coordinator;
	struct timer keep_alive; /* pending while there is a stream */
	LIST_HEAD(, stream) streams;
	size_t count;
};

struct stream {
	LIST_ENTRY(stream) link;
	struct event_reader reader;
	struct event_streams *owner;
	struct http_exchange *exchange;
	char *types[TYPES_MAX]; /* none: all */
	size_t type_count;
	uint64_t next; /* number */
};

static void stream_free(struct stream *stream)
{
	for (size_t i = 0; i < stream->type_count; i++)
		free(stream->types[i]);
	free(stream);
}

/* Takes it out; what becomes of the exchange is the caller's. */
static struct http_exchange *stream_leave(struct stream *stream)
{
	struct event_streams *owner = stream->owner;
	struct http_exchange *exchange = stream->exchange;

	http_exchange_on_gone(exchange, NULL, NULL);
	http_exchange_stream_on_room(exchange, NULL, NULL);
	event_bus_detach(&stream->reader);
	LIST_REMOVE(stream, link);
	if (--owner->count == 0)
		timer_cancel(&owner->keep_alive);
	coordinator_tell_stream(owner->coordinator, STREAM_DETACHED, http_exchange_peer(exchange));
	stream_free(stream);
	return exchange;
}

static void on_gone(void *arg)
{
	http_exchange_stream_end(stream_leave(arg)); /* nobody is there to read it */
}

static void stream_cut(struct stream *stream, const char *why)
{
	log_warn("events.cut", F("peer", http_exchange_peer(stream->exchange)),
		 F("next", stream->next), F("why", why));
	http_exchange_stream_cut(stream_leave(stream));
}

static bool is_wanted(const struct stream *stream, const char *type)
{
	for (size_t i = 0; i < stream->type_count; i++)
		if (strcmp(stream->types[i], type) == 0)
			return true;
	return stream->type_count == 0;
}

/* May free the stream. */
static void stream_write(struct stream *stream)
{
	const struct event_bus *bus = coordinator_events(stream->owner->coordinator);

	for (; stream->next <= event_bus_last(bus); stream->next++) {
		const struct event *event = event_bus_get(bus, stream->next);

		if (http_exchange_stream_pending(stream->exchange) >= AHEAD_MAX)
			return; /* on_room goes on */
		if (!event) {
			stream_cut(stream, "it reads too slowly: what is next is not kept");
			return;
		}
		if (is_wanted(stream, event->type) &&
		    !http_exchange_stream_write(stream->exchange, event->frame, event->len)) {
			stream_cut(stream, "it cannot be written to");
			return;
		}
	}
}

static void on_events(struct event_reader *reader)
{
	stream_write((struct stream *)((char *)reader - offsetof(struct stream, reader)));
}

static void on_room(void *arg)
{
	stream_write(arg);
}

static void on_keep_alive(void *arg)
{
	struct event_streams *streams = arg;
	struct stream *stream, *next;

	for (stream = LIST_FIRST(&streams->streams); stream; stream = next) {
		next = LIST_NEXT(stream, link);
		if (http_exchange_stream_pending(stream->exchange) == 0 &&
		    !http_exchange_stream_write(stream->exchange, "\r\n", 2))
			stream_cut(stream, "it cannot be written to");
	}
	if (streams->count > 0)
		timer_start(&streams->keep_alive, KEEP_ALIVE_MS);
}

/* Only who asked for what it missed is told that some of it is not kept. */
static void write_gap(struct stream *stream, const char *asked)
{
	struct text frame = TEXT_INIT(65536), data = TEXT_INIT(32768);
	struct json_writer writer = JSON_WRITER(&data);

	json_object_begin(&writer);
	json_field_text(&writer, "lastEventId", asked);
	json_field_integer(&writer, "from", (int64_t)stream->next);
	json_field_text(&writer, "message",
			"what came between the last event that this client has seen and the next "
			"one here is not kept: read the state anew");
	json_field_text(&writer, "eventType", "event_stream_gap");
	json_field_timestamp(&writer, "timestamp", clock_wall_ms());
	json_object_end(&writer);
	text_addf(&frame, "id: %" PRIu64 "\r\nevent: event_stream_gap\r\ndata: %s\r\n\r\n",
		  stream->next - 1, text_string(&data));
	if (!data.failed && !frame.failed) /* else it goes to one that is cut soon, too */
		(void)http_exchange_stream_write(stream->exchange, text_string(&frame), frame.len);
	text_clear(&data);
	text_clear(&frame);
}

static bool read_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0;
}

static void begin_at(struct stream *stream, const char *asked)
{
	const struct event_bus *bus = coordinator_events(stream->owner->coordinator);
	uint64_t seen;

	if (!asked || !*asked) {
		stream->next = event_bus_last(bus) + 1;
	} else if (read_number(asked, &seen) && seen + 1 >= event_bus_first(bus) &&
		   seen <= event_bus_last(bus)) {
		stream->next = seen + 1;
	} else {
		stream->next = event_bus_first(bus);
		write_gap(stream, asked);
	}
}

static bool read_types(struct stream *stream)
{
	const char *type;

	while ((type = http_exchange_query(stream->exchange, "event_type", stream->type_count))) {
		if (stream->type_count == TYPES_MAX) {
			reply_message(stream->exchange, 400, "at most %d event types", TYPES_MAX);
			return false;
		}
		stream->types[stream->type_count] = text_duplicate(type);
		if (!stream->types[stream->type_count]) {
			reply_message(stream->exchange, 503, "out of memory");
			return false;
		}
		stream->type_count++;
	}
	return true;
}

static void stream_start(struct stream *stream)
{
	struct event_streams *owner = stream->owner;
	struct http_exchange *exchange = stream->exchange;

	if (owner->count++ == 0)
		timer_start(&owner->keep_alive, KEEP_ALIVE_MS);
	LIST_INSERT_HEAD(&owner->streams, stream, link);
	stream->reader.fn = on_events;
	event_bus_attach(coordinator_events(owner->coordinator), &stream->reader);
	coordinator_tell_stream(owner->coordinator, STREAM_ATTACHED, http_exchange_peer(exchange));
	http_exchange_header(exchange, "Connection", "close");
	http_exchange_stream_begin(exchange, 200, MEDIA_TYPE ";charset=utf-8");
	http_exchange_on_gone(exchange, on_gone, stream);
	http_exchange_stream_on_room(exchange, on_room, stream);
	begin_at(stream, http_exchange_request_header(exchange, "Last-Event-ID"));
	stream_write(stream);
}

void events_stream(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	struct event_streams *streams = ((struct api *)arg)->event_streams;
	const char *accept = http_exchange_request_header(exchange, "Accept");
	struct stream *stream;

	(void)match;
	if (!accept || !strcasestr(accept, MEDIA_TYPE)) {
		reply_message(exchange, 406, "events come as %s: name it in Accept", MEDIA_TYPE);
		return;
	}
	if (strcmp(http_exchange_method(exchange), "HEAD") == 0) {
		http_exchange_reply(exchange, 200, MEDIA_TYPE ";charset=utf-8", "", 0);
		return;
	}
	if (streams->count >= EVENT_STREAMS_MAX) {
		reply_message(exchange, 503, "%d event streams are open, the most there may be",
			      EVENT_STREAMS_MAX);
		return;
	}
	stream = calloc(1, sizeof(*stream));
	if (!stream) {
		reply_message(exchange, 503, "out of memory");
		return;
	}
	stream->owner = streams;
	stream->exchange = exchange;
	if (read_types(stream))
		stream_start(stream);
	else
		stream_free(stream);
}

struct event_streams *event_streams_new(struct loop *loop, struct coordinator *coordinator,
					struct error *error)
{
	struct event_streams *streams = calloc(1, sizeof(*streams));

	if (!streams) {
		(void)error_set(error, ERROR_NOMEM, "event streams");
		return NULL;
	}
	streams->coordinator = coordinator;
	LIST_INIT(&streams->streams);
	if (timer_init(&streams->keep_alive, loop, on_keep_alive, streams, error))
		return streams;
	free(streams);
	return NULL;
}

void event_streams_free(struct event_streams *streams)
{
	struct stream *stream;

	if (!streams)
		return;
	while ((stream = LIST_FIRST(&streams->streams)))
		http_exchange_stream_end(stream_leave(stream));
	timer_clear(&streams->keep_alive);
	free(streams);
}
