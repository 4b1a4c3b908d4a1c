#pragma once

/* The answers that all resources share: errors in Marathon's shapes, and the results of changes. */

#include "stadion/base/error.h"
#include "stadion/coordinator/coordinator.h"
#include "stadion/model/app_read.h"
#include "stadion/net/http_server.h"

#define REPLY_MAX (64U << 20) /* bytes of any answer; beyond it is a 500 */

/* {"message": ...} */
void reply_message(struct http_exchange *exchange, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The status that belongs to the kind of error, with its text. */
int reply_status(enum error_kind kind);
void reply_error(struct http_exchange *exchange, const struct error *error);

/* 400: the body is no JSON; `why` goes into "details" as a string. */
void reply_not_json(struct http_exchange *exchange, const char *why);

/* 422 with one entry of "details" per path. */
void reply_problems(struct http_exchange *exchange, const struct problems *problems);

/* A change that was refused: 409 names the deployments in the way. */
void reply_refused(struct http_exchange *exchange, const struct change_outcome *outcome);

/* {"version", "deploymentId"} with Marathon-Deployment-Id. */
void reply_deployment(struct http_exchange *exchange, int status,
		      const struct change_outcome *outcome);
