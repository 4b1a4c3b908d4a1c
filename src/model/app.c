#include "stadion/model/app.h"

#include <stdlib.h>
#include <string.h>

#include "app_fields.h"
#include "stadion/base/text.h"
#include "stadion/model/constraint.h"
#include "string_list.h"

/* The flat parts of a struct app: together with ports, checks and constraints these tables are all
 * of a definition. */
static const struct field_table *const flat[] = { &app_fields, &upgrade_fields, &unreachable_fields,
						  &docker_fields, &hidden_fields };

struct app *app_new(void)
{
	struct app *app = calloc(1, sizeof(*app));
	bool good = true;

	if (!app)
		return NULL;
	app->references = 1;
	for (size_t i = 0; i < ROWS(flat); i++)
		good = FIELDS_DEFAULT(*flat[i], app) && good;
	if (!good) {
		app_unref(app);
		return NULL;
	}
	return app;
}

struct app *app_ref(const struct app *app)
{
	struct app *counted = (struct app *)app; /* the count is not part of the definition */

	counted->references++;
	return counted;
}

void app_unref(struct app *app)
{
	if (!app || --app->references > 0)
		return;
	for (size_t i = 0; i < ROWS(flat); i++)
		FIELDS_CLEAR(*flat[i], app);
	for (size_t i = 0; i < app->port_count; i++)
		FIELDS_CLEAR(mapping_fields, &app->ports[i]);
	for (size_t i = 0; i < app->check_count; i++)
		FIELDS_CLEAR(check_fields, &app->checks[i]);
	for (size_t i = 0; i < app->constraint_count; i++) {
		free(app->constraints[i].field);
		free(app->constraints[i].value);
	}
	free(app->ports);
	free(app->checks);
	free(app->constraints);
	free(app);
}

static bool copy_ports(struct app *copy, const struct app *app)
{
	if (app->port_count == 0)
		return true;
	copy->ports = calloc(app->port_count, sizeof(*copy->ports));
	if (!copy->ports)
		return false;
	for (; copy->port_count < app->port_count; copy->port_count++)
		if (!FIELDS_COPY(mapping_fields, &copy->ports[copy->port_count],
				 &app->ports[copy->port_count]))
			return false;
	return true;
}

static bool copy_checks(struct app *copy, const struct app *app)
{
	if (app->check_count == 0)
		return true;
	copy->checks = calloc(app->check_count, sizeof(*copy->checks));
	if (!copy->checks)
		return false;
	for (; copy->check_count < app->check_count; copy->check_count++)
		if (!FIELDS_COPY(check_fields, &copy->checks[copy->check_count],
				 &app->checks[copy->check_count]))
			return false;
	return true;
}

static bool copy_constraints(struct app *copy, const struct app *app)
{
	if (app->constraint_count == 0)
		return true;
	copy->constraints = calloc(app->constraint_count, sizeof(*copy->constraints));
	if (!copy->constraints)
		return false;
	for (; copy->constraint_count < app->constraint_count; copy->constraint_count++) {
		const struct constraint *from = &app->constraints[copy->constraint_count];
		struct constraint *to = &copy->constraints[copy->constraint_count];

		to->operator= from->operator;
		to->field = text_duplicate(from->field);
		to->value = text_duplicate(from->value);
		if (!to->field || (from->value && !to->value)) {
			copy->constraint_count++;
			return false;
		}
	}
	return true;
}

struct app *app_copy(const struct app *app)
{
	autoptr(app) copy = calloc(1, sizeof(*copy));
	bool good = copy != NULL;

	if (!good)
		return NULL;
	copy->references = 1;
	for (size_t i = 0; i < ROWS(flat); i++)
		good = FIELDS_COPY(*flat[i], copy, app) && good;
	if (!good || !copy_ports(copy, app) || !copy_checks(copy, app) ||
	    !copy_constraints(copy, app))
		return NULL;
	copy->version_ms = app->version_ms;
	copy->scaled_ms = app->scaled_ms;
	copy->configured_ms = app->configured_ms;
	return TAKE(copy);
}

static bool lists_equal(const struct app *a, const struct app *b)
{
	if (a->port_count != b->port_count || a->check_count != b->check_count ||
	    a->constraint_count != b->constraint_count)
		return false;
	for (size_t i = 0; i < a->port_count; i++)
		if (!FIELDS_EQUAL(mapping_fields, &a->ports[i], &b->ports[i]))
			return false;
	for (size_t i = 0; i < a->check_count; i++)
		if (!FIELDS_EQUAL(check_fields, &a->checks[i], &b->checks[i]))
			return false;
	for (size_t i = 0; i < a->constraint_count; i++)
		if (!constraint_equal(&a->constraints[i], &b->constraints[i]))
			return false;
	return true;
}

enum app_change app_compare(const struct app *old_app, const struct app *new_app)
{
	enum app_change change = APP_SAME;

	if (!lists_equal(old_app, new_app))
		return APP_RECONFIGURED;
	for (size_t i = 0; i < ROWS(flat); i++) {
		for (size_t k = 0; k < flat[i]->count; k++) {
			const struct field *field = &flat[i]->rows[k];

			if (field_equal(field, old_app, new_app))
				continue;
			if (field->offset != offsetof(struct app, instances))
				return APP_RECONFIGURED;
			change = APP_SCALED;
		}
	}
	return change;
}

bool pair_list_add(struct pair_list *list, const char *key, const char *value)
{
	struct pair pair;

	/* The size is the count's next power of two: no member for it is needed. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t size = list->count ? list->count * 2 : 1;
		struct pair *grown = reallocarray(list->items, size, sizeof(*grown));

		if (!grown)
			return false;
		list->items = grown;
	}
	pair.key = text_duplicate(key);
	pair.value = text_duplicate(value);
	if (!pair.key || !pair.value) {
		free(pair.key);
		free(pair.value);
		return false;
	}
	list->items[list->count++] = pair;
	return true;
}

const char *pair_list_find(const struct pair_list *list, const char *key)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].key, key) == 0)
			return list->items[i].value;
	return NULL;
}

void pair_list_clear(struct pair_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].key);
		free(list->items[i].value);
	}
	free(list->items);
	*list = (struct pair_list){ 0 };
}

const char *check_protocol_name(enum check_protocol protocol)
{
	return field_name_of(check_protocol_names, (int)protocol);
}

const char *constraint_operator_name(enum constraint_operator operator)
{
	return field_name_of(constraint_operator_names, (int)operator);
}

const char *port_protocol_name(enum port_protocol protocol)
{
	return field_name_of(port_protocol_names, (int)protocol);
}
