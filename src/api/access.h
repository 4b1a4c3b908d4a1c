#pragma once

/* Who may: pure decisions over the text of headers. */

#include <stdbool.h>

/* Whether the value of an Authorization header (NULL: none) is HTTP Basic with "user:password". */
bool access_credentials_match(const char *authorization, const char *credentials);

/* Whether a request with this Origin (NULL: none) comes from the site that Host names. Browsers
 * send Origin with every change across sites; what is no browser sends none. */
bool access_origin_is_ours(const char *origin, const char *host);

/* Whether the method only looks. */
bool access_method_is_safe(const char *method);

/* Whether a Content-Type (NULL: none, which passes) is JSON, with any parameters. */
bool access_type_is_json(const char *content_type);
