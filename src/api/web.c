/* /ui/: the pages that are built into the program. */

#include <string.h>

#include "api_state.h"
#include "reply.h"
#include "web_files.h"

/* Scripts and styles from here alone, nothing inline, and nobody may frame it. */
#define POLICY                                                                            \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct {
	const char *suffix, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ROWS(types); i++)
		if (!strcmp(types[i].suffix, dot))
			return types[i].type;
	return "application/octet-stream";
}

static void serve(struct http_exchange *exchange, const char *name)
{
	for (size_t i = 0; i < web_file_count; i++) {
		if (strcmp(web_files[i].name, name) != 0)
			continue;
		http_exchange_header(exchange, "Content-Security-Policy", POLICY);
		http_exchange_header(exchange, "Referrer-Policy", "no-referrer");
		http_exchange_reply(exchange, 200, type_of(name), web_files[i].data,
				    web_files[i].len);
		return;
	}
	reply_message(exchange, 404, "URI not found: /ui/%s", name);
}

void web_redirect(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	(void)arg;
	http_exchange_header(exchange, "Location", "/ui/");
	http_exchange_reply_empty(exchange, 302);
}

void web_index(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)match;
	(void)arg;
	serve(exchange, "index.html");
}

void web_file(struct http_exchange *exchange, const struct route_match *match, void *arg)
{
	(void)arg;
	serve(exchange, match->params[0]);
}
