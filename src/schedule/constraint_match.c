#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_value.h"
#include "stadion/model/constraint.h"

const char *host_value(const struct placement_host *host, const char *field)
{
	const char *value;

	if (strcmp(field, "hostname") == 0 || strcmp(field, "@hostname") == 0)
		return host->hostname;
	if (!host->attributes)
		return NULL;
	value = pair_list_find(host->attributes, field);
	if (!value && field[0] == '@') /* @zone and @region are attributes of that name */
		value = pair_list_find(host->attributes, field + 1);
	return value;
}

/* The value of the i-th placed instance; NULL when its host has none. */
static const char *placed_value(const struct placement_request *request, size_t i,
				const char *field)
{
	return host_value(&request->hosts[request->placed[i]], field);
}

static size_t count_of(const struct placement_request *request, const char *field,
		       const char *value)
{
	size_t count = 0;

	for (size_t i = 0; i < request->placed_count; i++) {
		const char *other = placed_value(request, i, field);

		count += other && strcmp(other, value) == 0;
	}
	return count;
}

static bool seen_before(const struct placement_request *request, const char *field, size_t at)
{
	const char *value = placed_value(request, at, field);

	for (size_t i = 0; i < at; i++) {
		const char *other = placed_value(request, i, field);

		if (other && strcmp(other, value) == 0)
			return true;
	}
	return false;
}

/* A new value always; a used one when enough values are in use and it has the fewest. */
static bool group_by_accepts(const struct placement_request *request,
			     const struct constraint *constraint, const char *value)
{
	size_t own = count_of(request, constraint->field, value);
	size_t distinct = 0;

	if (own == 0)
		return true;
	for (size_t i = 0; i < request->placed_count; i++) {
		const char *other = placed_value(request, i, constraint->field);

		if (!other || seen_before(request, constraint->field, i))
			continue;
		distinct++;
		if (count_of(request, constraint->field, other) < own)
			return false;
	}
	return distinct >= (constraint->value ? strtoul(constraint->value, NULL, 10) : 0);
}

static bool cluster_accepts(const struct placement_request *request,
			    const struct constraint *constraint, const char *value)
{
	const char *first;

	if (constraint->value && *constraint->value)
		return strcmp(value, constraint->value) == 0;
	if (request->placed_count == 0)
		return true;
	first = placed_value(request, 0, constraint->field);
	return first && strcmp(first, value) == 0;
}

/* Texts that are equal, or numbers that are equal in three decimals. */
static bool is_accepts(const char *wanted, const char *value)
{
	char *wanted_end, *value_end;
	double a, b;

	if (strcmp(wanted, value) == 0)
		return true;
	a = strtod(wanted, &wanted_end);
	b = strtod(value, &value_end);
	if (wanted_end == wanted || value_end == value || *wanted_end || *value_end)
		return false;
	return isfinite(a) && isfinite(b) && fabs(nearbyint(a * 1000) - nearbyint(b * 1000)) < 0.5;
}

bool constraint_accepts(const struct constraint *constraint,
			const struct placement_request *request, size_t host)
{
	const char *value = host_value(&request->hosts[host], constraint->field);
	const char *wanted = constraint->value ? constraint->value : "";

	if (!value)
		return constraint->operator== CONSTRAINT_UNLIKE;
	switch (constraint->operator) {
	case CONSTRAINT_UNIQUE:
		return count_of(request, constraint->field, value) == 0;
	case CONSTRAINT_CLUSTER:
		return cluster_accepts(request, constraint, value);
	case CONSTRAINT_GROUP_BY:
		return group_by_accepts(request, constraint, value);
	case CONSTRAINT_LIKE:
		return constraint_pattern_match(wanted, value) == PATTERN_MATCHES;
	case CONSTRAINT_UNLIKE:
		return constraint_pattern_match(wanted, value) == PATTERN_DIFFERS;
	case CONSTRAINT_MAX_PER:
		return count_of(request, constraint->field, value) < strtoul(wanted, NULL, 10);
	case CONSTRAINT_IS:
		return is_accepts(wanted, value);
	}
	return false;
}
