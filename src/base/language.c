#include "stadion/base/language.h"

#include <stdlib.h>
#include <string.h>

void autofree_cleanup(void *pointer_to_pointer)
{
	void *owned;

	memcpy(&owned, pointer_to_pointer, sizeof(owned));
	free(owned);
}
