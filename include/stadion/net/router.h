#pragma once

/* Routes of a server as a table. A pattern is literal text with at most one "{id}", which takes
 * one or more path segments (Marathon's ids contain slashes), and any number of "{name}", which
 * take one segment each. Doubled and trailing slashes in the request vanish first. Rows are tried
 * in order. A path that matches only under other methods is 405 with Allow; none is 404. HEAD goes
 * to GET's row, OPTIONS is answered with Allow. */

#include <stddef.h>

#include "stadion/net/http_server.h"

#define ROUTE_PARAMS_MAX 4
#define ROUTE_PATH_MAX 4096

struct route_match {
	const char
		*params[ROUTE_PARAMS_MAX]; /* in the pattern's order; {id} without outer slashes */
};

typedef void route_fn(struct http_exchange *exchange, const struct route_match *match, void *arg);

struct route {
	const char *method;
	const char *pattern;
	route_fn *fn;
};

/* Answers the exchange: calls the row's fn, or replies with a JSON {"message": ...} itself. */
void router_dispatch(const struct route *routes, size_t count, struct http_exchange *exchange,
		     void *arg);

/* The pure part, for tables: the index of the row, or -1 (no such path) or -2 (other methods;
 * their names, comma-separated, are in allow). `scratch` holds the params. */
int router_find(const struct route *routes, size_t count, const char *method, const char *path,
		char scratch[ROUTE_PATH_MAX], struct route_match *match, char *allow,
		size_t allow_size);
