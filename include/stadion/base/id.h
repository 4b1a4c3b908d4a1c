#pragma once

/* Random identities, from the kernel's generator. */

#include <stdbool.h>
#include <stddef.h>

#define UUID_SIZE 37
void id_uuid(char out[UUID_SIZE]);		    /* version 4 */
void id_random(void *out, size_t len);		    /* aborts if the kernel gives none */
void id_hex(char *out, size_t bytes);		    /* 2 * bytes digits and a NUL */
bool id_equal_secret(const char *a, const char *b); /* in time that depends on lengths only */
