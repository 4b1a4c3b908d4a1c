#include "stadion/schedule/placement.h"

/* In the order in which Marathon tells them; what none of our refusals means is never met. */
static const struct {
	const char *name;
	unsigned refusals;
} reasons[PLACEMENT_REASONS] = {
	{ "UnfulfilledRole", REFUSED_ROLE },
	{ "UnfulfilledConstraint", REFUSED_CONSTRAINT },
	{ "NoCorrespondingReservationFound", 0 },
	{ "AgentMaintenance", REFUSED_UNREACHABLE | REFUSED_ENGINE },
	{ "InsufficientCpus", REFUSED_CPUS },
	{ "InsufficientMemory", REFUSED_MEMORY },
	{ "InsufficientDisk", REFUSED_DISK },
	{ "InsufficientGpus", REFUSED_GPUS },
	{ "InsufficientPorts", REFUSED_PORTS },
	{ "DeclinedScarceResources", 0 },
};

const char *placement_reason_name(size_t reason)
{
	return reasons[reason].name;
}

bool placement_reason_applies(size_t reason, unsigned refusals)
{
	return refusals & reasons[reason].refusals;
}

size_t placement_first_reason(unsigned refusals)
{
	size_t reason = 0;

	while (reason < PLACEMENT_REASONS && !placement_reason_applies(reason, refusals))
		reason++;
	return reason;
}
