#include "stadion/schedule/plan.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/model/path_id.h"

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = {
		[PLAN_START] = "StartApplication",
		[PLAN_SCALE] = "ScaleApplication",
		[PLAN_RESTART] = "RestartApplication",
		[PLAN_STOP] = "StopApplication",
	};

	return names[action];
}

void plan_clear(struct plan *plan)
{
	if (!plan)
		return;
	free(plan->items);
	*plan = (struct plan){ 0 };
}

/* The apps sorted by id, so that what a dependency names (an app, or a group: a run of apps) is
 * found by searching. */
struct node {
	const struct app *app;
	size_t layer; /* length of the longest chain below it */
	enum { UNSEEN, OPEN, CLOSED } state;
};

struct graph {
	const struct plan_world *world;
	struct node *nodes;
	size_t count;
	size_t *path; /* the open chain, for naming a cycle and in place of recursion */
	struct cursor {
		size_t source; /* 0: the app; from 1: the groups that it is in */
		size_t dependency, next;
	} * cursors; /* how far each of the chain has looked */
};

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->app->id, ((const struct node *)b)->app->id);
}

static size_t first_not_below(const struct graph *graph, const char *id)
{
	size_t low = 0, high = graph->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		assert(graph->nodes[middle].app);
		if (strcmp(graph->nodes[middle].app->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those that the node has by itself or by a group that it is in; NULL: none there. */
static char *const *dependencies_of(const struct graph *graph, const struct app *app, size_t source)
{
	const struct group *group;

	if (source == 0)
		return app->dependencies;
	group = graph->world->groups[source - 1];
	return path_id_within(app->id, group->id) ? group->dependencies : NULL;
}

/* The next app at or after the cursor that `node` waits for by one source; false when there is none
 * left. An app inside a group that it depends on does not wait for itself, and the app that a group
 * names is no group. */
static bool next_of_source(const struct graph *graph, size_t node, struct cursor *cursor,
			   size_t *out)
{
	char *const *dependencies = dependencies_of(graph, graph->nodes[node].app, cursor->source);
	bool by_group = cursor->source > 0;

	for (; dependencies && dependencies[cursor->dependency]; cursor->dependency++) {
		const char *wanted = dependencies[cursor->dependency];
		size_t at = cursor->next ? cursor->next : first_not_below(graph, wanted);

		/* "/g-x" sorts between "/g" and "/g/a": what is not within is passed over as long
		 * as it begins alike. */
		for (; at < graph->count; at++) {
			const char *id = graph->nodes[at].app->id;

			if (strncmp(id, wanted, strlen(wanted)) != 0)
				break;
			if (!path_id_within(id, wanted) ||
			    (at == node && strcmp(id, wanted) != 0) ||
			    (by_group && strcmp(id, wanted) == 0))
				continue;
			cursor->next = at + 1;
			*out = at;
			return true;
		}
		cursor->next = 0;
	}
	return false;
}

static bool next_dependency(const struct graph *graph, size_t node, struct cursor *cursor,
			    size_t *out)
{
	for (; cursor->source <= graph->world->group_count; cursor->source++) {
		if (next_of_source(graph, node, cursor, out))
			return true;
		cursor->dependency = cursor->next = 0;
	}
	return false;
}

static bool name_cycle(const struct graph *graph, size_t depth, size_t back, struct error *error)
{
	struct text text = TEXT_INIT(400);
	size_t from = 0;

	while (graph->path[from] != back)
		from++;
	for (size_t i = from; i < depth; i++)
		text_addf(&text, "%s -> ", graph->nodes[graph->path[i]].app->id);
	text_add(&text, graph->nodes[back].app->id);
	(void)error_set(error, ERROR_INVALID, "the dependencies have a cycle: %s%s",
			text_string(&text), text.failed ? "..." : "");
	text_clear(&text);
	return false;
}

/* Depth first from `start`, without recursion: chains may be as long as there are apps. */
static bool measure(struct graph *graph, size_t start, struct error *error)
{
	size_t depth = 1;

	graph->path[0] = start;
	graph->cursors[0] = (struct cursor){ 0 };
	graph->nodes[start].state = OPEN;
	while (depth > 0) {
		size_t node = graph->path[depth - 1], below;

		if (!next_dependency(graph, node, &graph->cursors[depth - 1], &below)) {
			graph->nodes[node].state = CLOSED;
			depth--;
		} else if (graph->nodes[below].state == OPEN) {
			return name_cycle(graph, depth, below, error);
		} else if (graph->nodes[below].state == UNSEEN) {
			/* Looked at again when it is closed and its layer known. */
			graph->cursors[depth - 1].next = below;
			graph->nodes[below].state = OPEN;
			graph->path[depth] = below;
			graph->cursors[depth++] = (struct cursor){ 0 };
		} else if (graph->nodes[node].layer <= graph->nodes[below].layer) {
			graph->nodes[node].layer = graph->nodes[below].layer + 1;
		}
	}
	return true;
}

static bool graph_make(const struct plan_world *world, struct graph *graph, struct error *error)
{
	size_t count = world->app_count;

	graph->world = world;
	graph->count = count;
	graph->nodes = calloc(count + 1, sizeof(*graph->nodes));
	graph->path = calloc(count + 1, sizeof(*graph->path));
	graph->cursors = calloc(count + 1, sizeof(*graph->cursors));
	if (!graph->nodes || !graph->path || !graph->cursors)
		return error_set(error, ERROR_NOMEM, "a plan over %zu apps", count);
	for (size_t i = 0; i < count; i++)
		graph->nodes[i].app = world->apps[i];
	qsort(graph->nodes, count, sizeof(*graph->nodes), by_id);
	for (size_t i = 0; i < count; i++)
		if (graph->nodes[i].state == UNSEEN && !measure(graph, i, error))
			return false;
	return true;
}

static void graph_clear(struct graph *graph)
{
	free(graph->nodes);
	free(graph->path);
	free(graph->cursors);
}

static size_t layer_of(const struct graph *graph, const char *id)
{
	size_t at = first_not_below(graph, id);

	if (at < graph->count && strcmp(graph->nodes[at].app->id, id) == 0)
		return graph->nodes[at].layer;
	return 0;
}

/* What is done in the layers for a change; false: nothing. */
static bool change_action(const struct plan_change *change, enum plan_action *action)
{
	if (!change->new_app)
		return false;
	*action = PLAN_SCALE;
	if (!change->old_app)
		return true;
	switch (app_compare(change->old_app, change->new_app)) {
	case APP_RECONFIGURED:
		*action = PLAN_RESTART;
		return true;
	case APP_SCALED:
		*action = change->restart ? PLAN_RESTART : PLAN_SCALE;
		return true;
	case APP_SAME:
		*action = PLAN_RESTART;
		return change->restart;
	}
	return false;
}

static int by_step(const void *a, const void *b)
{
	const struct plan_item *one = a, *other = b;

	if (one->step != other->step)
		return one->step < other->step ? -1 : 1;
	return one->change < other->change ? -1 : one->change > other->change;
}

/* Steps are first numbered with gaps (0 stops, 1 starts, 2 + layer), then without. */
static void fill(const struct plan_change *changes, size_t count, const struct graph *graph,
		 struct plan *plan)
{
	size_t last = SIZE_MAX;

	assert(plan->items);
	for (size_t i = 0; i < count; i++) {
		const struct plan_change *change = &changes[i];
		enum plan_action action;

		if (change->old_app && !change->new_app)
			plan->items[plan->count++] = (struct plan_item){ 0, i, PLAN_STOP };
		if (!change->old_app && change->new_app)
			plan->items[plan->count++] = (struct plan_item){ 1, i, PLAN_START };
		if (change_action(change, &action) && change->new_app)
			plan->items[plan->count++] =
				(struct plan_item){ 2 + layer_of(graph, change->new_app->id), i,
						    action };
	}
	qsort(plan->items, plan->count, sizeof(*plan->items), by_step);
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->items[i].step != last) {
			last = plan->items[i].step;
			plan->step_count++;
		}
		plan->items[i].step = plan->step_count - 1;
	}
}

bool plan_make(const struct plan_change *changes, size_t count, const struct plan_world *world,
	       struct plan *out, struct error *error)
{
	struct graph graph = { 0 };
	struct plan plan = { .items = calloc(2 * count + 1, sizeof(*plan.items)) };
	bool good = graph_make(world, &graph, error);

	if (good && !plan.items)
		good = error_set(error, ERROR_NOMEM, "a plan of %zu changes", count);
	if (good) {
		fill(changes, count, &graph, &plan);
		*out = plan;
	} else {
		plan_clear(&plan);
	}
	graph_clear(&graph);
	return good;
}
