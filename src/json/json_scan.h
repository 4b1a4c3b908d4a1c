#pragma once

/* One pass over the bytes of a document by the letter of RFC 8259, before json-c sees it. */

#include <stdbool.h>
#include <stddef.h>

#include "stadion/base/error.h"

/* json-c takes up to 0.7 KiB for an empty array or object: without a bound, 1 MiB of "{}," would
 * take 250 MiB. */
#define JSON_CONTAINERS_MAX 65536
/* Of all kinds: 8 MiB of "1," would take 230 MiB. The largest report of an agent has fewer. */
#define JSON_VALUES_MAX 524288
/* Of one object. json-c's table of a few hundred thousand holds up the loop for seconds. */
#define JSON_MEMBERS_MAX 16384
/* More digits than any int64 or double needs. */
#define JSON_NUMBER_MAX 100

struct json_key_seen;

struct json_scan {
	const char *text;
	size_t start, len;	    /* of the one value, without white space around it */
	size_t at, end;		    /* being read, and where the bytes end */
	size_t members;		    /* of all objects */
	size_t containers;	    /* arrays and objects */
	size_t values;		    /* these and all others */
	struct json_key_seen *keys; /* where to note the keys; NULL: nowhere */
	struct error *error;
};

/* False with "line L, column C: what is wrong". */
bool json_scan_document(struct json_scan *scan, const char *text, size_t len, struct error *error);

/* Scans once more to find and name the key that an object has twice. Always returns false. */
bool json_scan_tell_duplicate(struct json_scan *scan, struct error *error);
