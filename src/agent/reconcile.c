#include "reconcile.h"

#include <assert.h>
#include <stddef.h>

static enum reconcile_action unknown(const struct reconcile_wanted *wanted)
{
	/* A container whose record was lost shows in the runtime's list, and only there. */
	if (!wanted->surveyed)
		return RECONCILE_KEEP;
	return wanted->seen > 0 ? RECONCILE_LOST : RECONCILE_START;
}

static enum reconcile_action unwanted(const struct reconcile_known *known)
{
	if (!known->terminal)
		return RECONCILE_STOP;
	return known->acked ? RECONCILE_FORGET : RECONCILE_KEEP;
}

enum reconcile_action reconcile_task(const struct reconcile_known *known,
				     const struct reconcile_wanted *wanted)
{
	assert(known || wanted);
	if (!known)
		return unknown(wanted);
	if (!wanted)
		return unwanted(known);
	if (known->terminal)
		return RECONCILE_KEEP;
	if (!known->defined)
		return RECONCILE_DEFINE;
	return known->waiting ? RECONCILE_RESUME : RECONCILE_KEEP;
}
