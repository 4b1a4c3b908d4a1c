#pragma once

/* Two clocks. Intervals are measured on the monotonic one; the wall clock is for people, for
 * versions and for what is stored. Pure code gets either as an argument. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t clock_monotonic_ms(void);
int64_t clock_wall_ms(void); /* since 1970, UTC */

#define TIMESTAMP_SIZE 32

/* "2024-05-01T10:00:04.990Z": Marathon's form, always UTC, always three fraction digits. */
void timestamp_format(char out[TIMESTAMP_SIZE], int64_t wall_ms);
/* ISO-8601 with Z or an offset, fraction optional (more than three digits are cut). */
bool timestamp_parse(const char *text, int64_t *wall_ms);
