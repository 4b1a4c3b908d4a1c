#include "coordinator_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stadion/api/api.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"
#include "stadion/coordinator/coordinator.h"
#include "stadion/net/http_server.h"
#include "stadion/protocol/messages.h"
#include "state.h"

struct coordinator_part {
	struct http_server *server;
	struct coordinator *coordinator;
	struct api *api;
	char url[80];
};

DEFINE_AUTOPTR(coordinator_part, coordinator_part_free)

void coordinator_part_free(struct coordinator_part *part)
{
	if (!part)
		return;
	http_server_free(part->server); /* nothing new comes in while the rest goes */
	api_free(part->api);
	coordinator_free(part->coordinator);
	free(part);
}

static void handle(struct http_exchange *exchange, void *arg)
{
	struct coordinator_part *part = arg;

	api_handle(exchange, part->api);
}

static bool listen_on(struct coordinator_part *part, struct loop *loop,
		      const struct endpoint *endpoint, struct error *error)
{
	const struct http_server_options options = {
		.address = endpoint->address,
		.port = endpoint->port,
		.body_max = PROTOCOL_BODY_MAX,
	};

	part->server = http_server_new(loop, &options, handle, part, error);
	if (part->server)
		return true;
	(void)error_wrap(error, "the API");
	if (error->kind == ERROR_CONFLICT || error->kind == ERROR_DENIED) {
		struct error taken = *error;

		(void)error_set(error, taken.kind, "%.400s; choose another with --listen ADDR:PORT",
				taken.text);
	}
	return false;
}

static bool is_any(const char *address)
{
	return !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
}

/* What others should call this port: the address, or the host's name where it is every address. */
static void name_address(const struct endpoint *endpoint, uint16_t port, char *out, size_t size)
{
	char host[200] = "localhost";

	if (is_any(endpoint->address))
		(void)gethostname(host, sizeof(host) - 1); /* else it stays localhost */
	else
		(void)text_copy(host, sizeof(host), endpoint->address);
	snprintf(out, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static void name_url(struct coordinator_part *part, const struct endpoint *endpoint)
{
	const char *host = !strcmp(endpoint->address, "0.0.0.0") ? "127.0.0.1"
			   : !strcmp(endpoint->address, "::")	 ? "::1"
								 : endpoint->address;

	snprintf(part->url, sizeof(part->url),
		 strchr(host, ':') ? "http://[%s]:%u" : "http://%s:%u", host,
		 http_server_port(part->server));
}

/* The folder of a store that lies in the state folder is ours to make. */
static bool make_store_folder(const struct settings *settings, struct error *error)
{
	struct text path = TEXT_INIT(4096);
	bool good;

	text_addf(&path, "%s/coordinator", settings->state);
	good = !path.failed && state_folder_make(text_string(&path), error);
	text_clear(&path);
	return good;
}

static bool read_credentials(const char *path, char **out, struct error *error)
{
	if (!path)
		return true;
	if (!state_secret_read(path, out, error))
		return error_wrap(error, "--credentials-file");
	if (!strchr(*out, ':') || (*out)[0] == ':')
		return error_set(error, ERROR_INVALID,
				 "--credentials-file: %s must hold USER:PASSWORD", path);
	return true;
}

static bool open_api(struct coordinator_part *part, struct loop *loop,
		     const struct settings *settings, struct error *error)
{
	char address[256];
	autofree char *credentials = NULL;
	struct api_options options = {
		.address = address,
		.allow_origins = settings->allow_origins,
		.marathon_check_defaults = settings->marathon_check_defaults,
	};

	if (!read_credentials(settings->credentials_file, &credentials, error))
		return false;
	options.credentials = credentials;
	name_address(&settings->listen, http_server_port(part->server), address, sizeof(address));
	part->api = api_new(loop, part->coordinator, &options, error);
	return part->api;
}

struct coordinator_part *coordinator_part_new(struct loop *loop, const struct settings *settings,
					      const char *token, struct error *error)
{
	autoptr(coordinator_part) part = calloc(1, sizeof(*part));
	const struct coordinator_options options = {
		.store = settings->store,
		.agent_token = token,
		.unreachable_ms = (uint64_t)settings->unreachable_after_s * 1000,
		.launch_timeout_ms = (uint64_t)settings->task_launch_timeout_s * 1000,
	};

	if (!part) {
		(void)error_set(error, ERROR_NOMEM, "coordinator");
		return NULL;
	}
	if (!listen_on(part, loop, &settings->listen, error) || !make_store_folder(settings, error))
		return NULL;
	name_url(part, &settings->listen);
	part->coordinator = coordinator_new(loop, &options, error);
	if (!part->coordinator || !open_api(part, loop, settings, error))
		return NULL;
	return TAKE(part);
}

bool coordinator_part_reload(struct coordinator_part *part, const struct settings *settings,
			     struct error *error)
{
	autofree char *credentials = NULL;

	return read_credentials(settings->credentials_file, &credentials, error) &&
	       api_set_credentials(part->api, credentials, error);
}

const char *coordinator_part_url(const struct coordinator_part *part)
{
	return part->url;
}
