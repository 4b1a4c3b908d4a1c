#pragma once

/* The Marathon v2 REST API over a coordinator. */

#include "stadion/base/error.h"
#include "stadion/coordinator/coordinator.h"
#include "stadion/net/http_server.h"
#include "stadion/net/loop.h"

struct api;

struct api_options {
	const char *credentials; /* "user:password" for HTTP Basic; NULL: open */
	const char *address;	 /* "127.0.0.1:8080": what /v2/info and X-Marathon-Leader say */
	/* Sites whose pages may look, joined by commas: "https://a.example", or a star. NULL: none.
	 */
	const char *allow_origins;
	bool marathon_check_defaults;
};

struct api *api_new(struct loop *loop, struct coordinator *coordinator,
		    const struct api_options *options, struct error *error);
void api_free(struct api *api);

/* New credentials from now on; NULL: open. Copied. */
bool api_set_credentials(struct api *api, const char *credentials, struct error *error);

/* Everything that comes in on the coordinator's port; agents' paths are handed to the coordinator.
 */
void api_handle(struct http_exchange *exchange, void *api);
