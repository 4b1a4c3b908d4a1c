#pragma once

/* What a client takes: the lists with q-values of Accept and Accept-Encoding (RFC 9110, 12.4). */

/* The weight of `name` in thousandths, 0: refused, by the most specific member that fits. NULL:
 * `absent`, as the header says nothing. A media type fits "type/subtype", "type/" and a star, and
 * two stars; a coding fits its name and a star. */
int accept_weight(const char *header, const char *name, int absent);
