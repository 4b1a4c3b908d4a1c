#pragma once

/* What we add to the language: owning locals and handing them over. GCC and clang. */

#include <stddef.h>

/* A local that owns: released when it leaves scope. DEFINE_AUTOPTR(type, release) first. */
#define autoptr(type) __attribute__((cleanup(type##_cleanup))) struct type *

#define DEFINE_AUTOPTR(type, release)                                              \
	__attribute__((unused)) static inline void type##_cleanup(struct type **p) \
	{                                                                          \
		if (*p)                                                            \
			release(*p);                                               \
	}

/* A local C string that owns: freed when it leaves scope. */
#define autofree __attribute__((cleanup(autofree_cleanup)))
void autofree_cleanup(void *pointer_to_pointer);

/* Gives an owning pointer away: evaluates to it and leaves NULL behind. */
#define TAKE(p)                             \
	__extension__({                     \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
