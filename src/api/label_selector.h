#pragma once

/* Label selectors: "env==prod, tier in (web, api), !=, notin, a bare key". All terms must hold, and
 * a negative one holds only for what has the label. Letters, digits and - _ . stand for themselves,
 * any other character after a backslash. Source: Marathon's REST API, `label` of GET /v2/apps. */

#include <stdbool.h>

#include "stadion/base/error.h"
#include "stadion/base/language.h"
#include "stadion/model/app.h"

#define LABEL_SELECTOR_MAX 4096 /* bytes of text */
#define LABEL_TERMS_MAX 64
#define LABEL_VALUES_MAX 256

struct label_selector;

/* NULL with ERROR_INVALID, which names the position, or ERROR_NOMEM. Blank text matches all. */
struct label_selector *label_selector_parse(const char *text, struct error *error);
void label_selector_free(struct label_selector *selector);
DEFINE_AUTOPTR(label_selector, label_selector_free)

bool label_selector_matches(const struct label_selector *selector, const struct pair_list *labels);
