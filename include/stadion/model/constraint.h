#pragma once

/* The pure text side of constraints: whether one is well formed, and how values are matched. Which
 * host a constraint accepts is schedule/placement's business. */

#include <stdbool.h>
#include <stddef.h>

#include "stadion/model/app.h"

/* Checks operator, value and pattern; `why` then says which rule, naming the value. */
bool constraint_valid(const struct constraint *constraint, char *why, size_t size);

bool constraint_equal(const struct constraint *a, const struct constraint *b);

/* Any case, as given by users. */
bool constraint_operator_parse(const char *name, enum constraint_operator *out);

/* Whether the whole text matches the pattern (Java-like, PCRE2 with match and depth limits). A
 * pattern that exceeds them, or does not compile, neither matches nor differs. */
enum pattern_match { PATTERN_DIFFERS, PATTERN_MATCHES, PATTERN_UNDECIDED };
enum pattern_match constraint_pattern_match(const char *pattern, const char *text);
