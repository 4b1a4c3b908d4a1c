#include "http_client_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "loop_parts.h"
#include "stadion/base/clock.h"
#include "stadion/base/language.h"
#include "stadion/version.h"

#define CONNECT_MS 5000
#define BUFFER_BYTES 16384L /* curl's least for sending; memory per request is this twice */

DEFINE_AUTOPTR(http_request, http_request_free)

void http_request_free(struct http_request *request)
{
	if (request->added)
		(void)curl_multi_remove_handle(request->client->multi, request->easy);
	if (request->easy)
		curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	timer_clear(&request->stall);
	text_clear(&request->body);
	free(request);
}

/* Out of its owner's sight now, out of memory at the top of the loop. */
void http_request_drop(struct http_request *request)
{
	struct http_client *client = request->client;

	*request->slot = NULL;
	request->slot = NULL;
	timer_cancel(&request->stall);
	TAILQ_REMOVE(request->added ? &client->live : &client->waiting, request, link);
	TAILQ_INSERT_TAIL(&client->ended, request, link);
	event_active(client->turn, EV_TIMEOUT, 0);
}

void http_request_cancel(struct http_request **slot)
{
	if (*slot)
		http_request_drop(*slot);
}

static void tell_failure(const struct http_request *request, CURLcode code, struct error *error)
{
	if (request->cut == CUT_AT_MAXIMUM)
		(void)error_set(error, ERROR_NO_SPACE, "the reply has more than %zu bytes",
				request->body_max);
	else if (request->cut == CUT_BY_OWNER)
		(void)error_set(error, ERROR_UNAVAILABLE, "reading the reply was given up");
	else if (request->cut == CUT_NO_MEMORY)
		(void)error_set(error, ERROR_NOMEM, "reading the reply");
	else
		(void)error_set(
			error, code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_UNAVAILABLE,
			"%s", request->problem[0] ? request->problem : curl_easy_strerror(code));
}

static void finish(struct http_request *request, struct http_reply *reply)
{
	struct http_client *client = request->client;

	reply->body = text_string(&request->body);
	reply->body_len = request->body.len;
	reply->interim = request->interim;
	reply->took_ms = clock_monotonic_ms() - request->started_ms;
	http_request_drop(request);
	client->depth++; /* the reply's body lives as long as the call */
	request->done(reply, request->arg);
	http_client_leave(client); /* its owner may be gone: touch nothing after */
}

void http_request_deliver(struct http_request *request, CURLcode code)
{
	struct http_reply reply = { .status = 0 };
	bool cut_is_fine = request->discard_body && request->cut == CUT_AT_MAXIMUM;

	if (code == CURLE_OK || cut_is_fine)
		(void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	else
		tell_failure(request, code, &reply.error);
	finish(request, &reply);
}

/* From here on the loop: curl takes the handle, and may have ended it at once. */
void http_request_begin(struct http_request *request)
{
	struct http_client *client = request->client;
	CURLMcode code = curl_multi_add_handle(client->multi, request->easy);
	int running;

	if (code != CURLM_OK) {
		(void)text_copy(request->problem, sizeof(request->problem),
				curl_multi_strerror(code));
		http_request_deliver(request, CURLE_FAILED_INIT);
		return;
	}
	TAILQ_REMOVE(&client->waiting, request, link);
	TAILQ_INSERT_TAIL(&client->live, request, link);
	request->added = true;
	(void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	http_client_drain(client);
}

static void on_stall(void *arg)
{
	struct http_request *request = arg;
	struct http_reply reply = { .status = 0 };
	uint64_t quiet = clock_monotonic_ms() - request->last_byte_ms;

	if (quiet < request->stall_ms) {
		timer_start(&request->stall, request->stall_ms - quiet);
		return;
	}
	(void)error_set(&reply.error, ERROR_TIMEOUT, "no byte came for %llu ms",
			(unsigned long long)request->stall_ms);
	finish(request, &reply);
}

/* curl's callback; another count than `len` ends the transfer. */
static size_t on_bytes(char *data, size_t size, size_t count, void *arg)
{
	struct http_request *request = arg;
	size_t len = size * count;
	long status = 0;

	if (!request->slot) /* cancelled, and not yet out of curl */
		return 0;
	request->last_byte_ms = clock_monotonic_ms();
	if (request->on_data) {
		(void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
		if (request->on_data(status, data, len, request->arg))
			return request->slot ? len : 0;
		request->cut = CUT_BY_OWNER;
		return 0;
	}
	request->got += len;
	if (request->got > request->body_max) {
		request->cut = CUT_AT_MAXIMUM;
		return 0;
	}
	if (request->discard_body)
		return len;
	text_add_bytes(&request->body, data, len);
	if (request->body.failed) {
		request->cut = CUT_NO_MEMORY;
		return 0;
	}
	return len;
}

/* curl keeps what informational replies say to itself; only their lines pass here. */
static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_request *request = arg;
	size_t len = size * count;

	if (len > 12 && memcmp(line, "HTTP/1.", 7) == 0 && line[8] == ' ' && line[9] == '1')
		request->interim = 100 + (line[10] - '0') * 10 + (line[11] - '0');
	return len;
}

static bool add_header(struct http_request *request, const char *line)
{
	struct curl_slist *longer = curl_slist_append(request->headers, line);

	if (!longer)
		return false;
	request->headers = longer;
	return true;
}

static bool set_headers(struct http_request *request, const struct http_call *call)
{
	struct text type = TEXT_INIT(512);
	bool ok;

	text_addf(&type, "Content-Type: %s",
		  call->content_type ? call->content_type : "application/json");
	ok = !type.failed && add_header(request, "Expect:"); /* no round trip before a body */
	if (call->body)
		ok = ok && add_header(request, text_string(&type));
	text_clear(&type);
	if (request->client->authorization)
		ok = ok && add_header(request, request->client->authorization);
	for (size_t i = 0; call->headers && call->headers[i]; i++)
		ok = ok && add_header(request, call->headers[i]);
	return ok &&
	       curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK;
}

static CURLcode set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static long bounded_ms(uint64_t ms)
{
	return ms > INT_MAX ? INT_MAX : (long)ms;
}

static bool set_method(CURL *easy, const struct http_call *call)
{
	const char *method = call->method ? call->method : "GET";
	bool sends = call->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;

	if (strcmp(method, "HEAD") == 0)
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (sends && (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				       (curl_off_t)(call->body ? call->body_len : 0)) != CURLE_OK ||
		      curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
				       call->body ? call->body : "") != CURLE_OK))
		return false;
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static bool set_options(struct http_request *request, const struct http_call *call)
{
	CURL *easy = request->easy;
	CURLcode code = CURLE_OK;
	const char *socket = request->client->unix_socket;

#define SET(option, value)    \
	if (code == CURLE_OK) \
	code = curl_easy_setopt(easy, (option), (value))
	SET(CURLOPT_URL, call->url);
	SET(CURLOPT_PRIVATE, request);
	SET(CURLOPT_ERRORBUFFER, request->problem);
	SET(CURLOPT_WRITEFUNCTION, on_bytes);
	SET(CURLOPT_WRITEDATA, request);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, request);
	SET(CURLOPT_USERAGENT, "stadion/" STADION_VERSION);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROXY, ""); /* nobody's environment comes between us */
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
	SET(CURLOPT_TIMEOUT_MS, bounded_ms(call->timeout_ms));
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    bounded_ms(call->connect_ms ? call->connect_ms : CONNECT_MS));
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	if (socket) {
		SET(CURLOPT_UNIX_SOCKET_PATH, socket);
	}
	if (call->insecure_tls) {
		SET(CURLOPT_SSL_VERIFYPEER, 0L);
		SET(CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (call->fresh_connection) {
		SET(CURLOPT_FRESH_CONNECT, 1L);
		SET(CURLOPT_FORBID_REUSE, 1L);
	}
#undef SET
	return code == CURLE_OK && set_protocols(easy) == CURLE_OK && set_method(easy, call) &&
	       set_headers(request, call);
}

static bool has_control(const char *string)
{
	for (; *string; string++)
		if ((unsigned char)*string < ' ' || *string == 0x7f)
			return true;
	return false;
}

static bool check(const struct http_call *call, struct error *error)
{
	if (call->timeout_ms == 0)
		return error_set(error, ERROR_INVALID, "%s: a request needs a deadline", call->url);
	if (has_control(call->url) || (call->method && has_control(call->method)) ||
	    (call->content_type && has_control(call->content_type)))
		return error_set(error, ERROR_INVALID, "%s: a control character in the request",
				 call->url);
	for (size_t i = 0; call->headers && call->headers[i]; i++)
		if (has_control(call->headers[i]))
			return error_set(error, ERROR_INVALID,
					 "%s: a control character in a header", call->url);
	return true;
}

bool http_request_start(struct http_client *client, const struct http_call *call,
			http_done_fn *done, void *arg, struct http_request **slot,
			struct error *error)
{
	if (!check(call, error))
		return false;

	autoptr(http_request) request = calloc(1, sizeof(*request));
	if (!request)
		return error_set(error, ERROR_NOMEM, "%s", call->url);
	request->client = client;
	request->done = done;
	request->arg = arg;
	request->on_data = call->on_data;
	request->discard_body = call->discard_body;
	request->body_max = call->body_max ? call->body_max : HTTP_BODY_MAX;
	request->stall_ms = call->stall_ms;
	request->started_ms = request->last_byte_ms = clock_monotonic_ms();
	text_init(&request->body, request->body_max);
	request->easy = curl_easy_init();
	if (!request->easy || !set_options(request, call))
		return error_set(error, ERROR_NOMEM, "%s", call->url);
	if (call->stall_ms) {
		if (!timer_init(&request->stall, client->loop, on_stall, request, error))
			return false;
		timer_start(&request->stall, call->stall_ms);
	}
	TAILQ_INSERT_TAIL(&client->waiting, request, link);
	request->slot = slot;
	*slot = TAKE(request);
	event_active(client->turn, EV_TIMEOUT, 0); /* curl forbids adding under its callbacks */
	return true;
}
