/* Any bytes as any message: refused with a reason and nothing left behind, or read and written. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "stadion/protocol/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(name)                                                            \
	do {                                                                 \
		struct name message;                                         \
		struct error error = { 0 };                                  \
		struct text text = TEXT_INIT(64U << 20);                     \
                                                                             \
		if (name##_read((const char *)data, size, &message, &error)) \
			name##_write(&text, &message);                       \
		else if (error.kind == ERROR_NONE)                           \
			abort();                                             \
		name##_clear(&message);                                      \
		text_clear(&text);                                           \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TRY(hello);
	TRY(welcome);
	TRY(report);
	TRY(receipt);
	TRY(ask);
	TRY(wanted);
	return 0;
}
