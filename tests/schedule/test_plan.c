/* Changes become steps: stops, starts, then scale and restart by layers of dependencies. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stadion/base/text.h"
#include "stadion/schedule/plan.h"

/* "/id*3!x:/dep,/dep" is an app with 3 instances, command x and dependencies. */
static struct app *app_of(const char *text)
{
	struct app *app = app_new();
	char copy[128];
	char *dependency, *rest, *mark;
	size_t count = 0;

	ck_assert_ptr_nonnull(app);
	(void)text_copy(copy, sizeof(copy), text);
	rest = strchr(copy, ':');
	if (rest)
		*rest++ = '\0';
	app->dependencies = calloc(8, sizeof(char *));
	while (rest && (dependency = strsep(&rest, ",")))
		app->dependencies[count++] = strdup(dependency);
	mark = strchr(copy, '!');
	app->cmd = strdup(mark ? mark + 1 : "");
	if (mark)
		*mark = '\0';
	mark = strchr(copy, '*');
	if (mark) {
		app->instances = (int32_t)strtol(mark + 1, NULL, 10);
		*mark = '\0';
	}
	app->id = strdup(copy);
	return app;
}

static struct group *group_of(const char *text)
{
	const char *colon = strchr(text, ':');
	char id[64];
	struct group *group;

	(void)snprintf(id, sizeof(id), "%.*s", (int)(colon - text), text);
	group = group_new(id);
	ck_assert(group && group_add_dependency(group, colon + 1));
	return group;
}

/* changes: old > new, "-" for none; "&" in front of new: restart. unchanged: others in `all`;
 * "@/g:/h": all in group g need all in h */
static const struct {
	const char *claim;
	struct {
		const char *old_app, *new_app;
	} changes[4];
	const char *unchanged[3];
	const char *plan; /* NULL: refused, and `cycle` is named */
	const char *cycle;
} rows[] = {
	{ "new", { { "-", "/a" } }, { NULL }, "[Start /a][Scale /a]", NULL },
	{ "scaled", { { "/a*1", "/a*2" } }, { NULL }, "[Scale /a]", NULL },
	{ "reconfigured", { { "/a*1!x", "/a*2!y" } }, { NULL }, "[Restart /a]", NULL },
	{ "restarted", { { "/a", "&/a" } }, { NULL }, "[Restart /a]", NULL },
	{ "removed", { { "/a", "-" } }, { NULL }, "[Stop /a]", NULL },
	{ "the same", { { "/a", "/a" } }, { NULL }, "", NULL },
	{ "all kinds",
	  { { "-", "/b" }, { "/c", "-" }, { "/a*1", "/a*2" } },
	  { NULL },
	  "[Stop /c][Start /b][Scale /b Scale /a]",
	  NULL },
	{ "layers",
	  { { "-", "/web:/db,/x" }, { "-", "/db" }, { "-", "/edge:/web" } },
	  { NULL },
	  "[Start /web Start /db Start /edge][Scale /db][Scale /web][Scale /edge]",
	  NULL },
	{ "group dependency",
	  { { "-", "/web:/g" }, { "-", "/g/db" }, { "-", "/g-not:/web" } },
	  { NULL },
	  "[Start /web Start /g/db Start /g-not][Scale /g/db][Scale /web][Scale /g-not]",
	  NULL },
	{ "an unchanged one between",
	  { { "/a*1", "/a*2" }, { "/c*1:/b", "/c*2:/b" } },
	  { "/b:/a" },
	  "[Scale /a][Scale /c]",
	  NULL },
	{ "inside the group that it needs",
	  { { "-", "/g/a:/g" }, { "-", "/g/b" } },
	  { NULL },
	  "[Start /g/a Start /g/b][Scale /g/b][Scale /g/a]",
	  NULL },
	{ "a group needs a group",
	  { { "-", "/web/a" }, { "-", "/web/deep/b" }, { "-", "/db/x" }, { "-", "/z" } },
	  { "@/web:/db" },
	  "[Start /web/a Start /web/deep/b Start /db/x Start /z][Scale /db/x Scale /z]"
	  "[Scale /web/a Scale /web/deep/b]",
	  NULL },
	{ "by its app and by both its groups",
	  { { "-", "/g/h/a:/p" }, { "-", "/p:/q" }, { "-", "/q/1" }, { "-", "/r/1:/p" } },
	  { "@/g:/q", "@/g/h:/r" },
	  "[Start /g/h/a Start /p Start /q/1 Start /r/1][Scale /q/1][Scale /p][Scale /r/1]"
	  "[Scale /g/h/a]",
	  NULL },
	{ "the app that a group names is no group",
	  { { "-", "/g/a" }, { "-", "/b" } },
	  { "@/g:/b" },
	  "[Start /g/a Start /b][Scale /g/a Scale /b]",
	  NULL },
	{ "groups in a circle",
	  { { "-", "/a/x" }, { "-", "/b/x" } },
	  { "@/a:/b", "@/b:/a" },
	  NULL,
	  "/a/x -> /b/x -> /a/x" },
	{ "a group needs what is in it",
	  { { "-", "/a/x" }, { "-", "/a/b/y" }, { "-", "/a/b/z" } },
	  { "@/a:/a/b" },
	  NULL,
	  "/a/b/y -> /a/b/z -> /a/b/y" },
	{ "cycle", { { "-", "/a:/b" } }, { "/b:/c", "/c:/a" }, NULL, "/a -> /b -> /c -> /a" },
	{ "itself", { { "-", "/a:/a" } }, { NULL }, NULL, "/a -> /a" },
};

static void plan_text(const struct plan *plan, const struct plan_change *changes, char *out,
		      size_t size)
{
	struct text text = TEXT_INIT(1024);

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_item *item = &plan->items[i];
		bool first = i == 0 || item->step != plan->items[i - 1].step;
		bool last = i + 1 == plan->count || item->step != plan->items[i + 1].step;
		const char *name = plan_action_name(item->action);
		const struct plan_change *change = &changes[item->change];

		text_addf(&text, "%s%.*s %s%s", first ? "[" : " ",
			  (int)(strlen(name) - strlen("Application")), name, change->id,
			  last ? "]" : "");
	}
	(void)text_copy(out, size, text_string(&text));
	text_clear(&text);
}

START_TEST(plans_follow_the_table)
{
	struct plan_change changes[4] = { { 0 } };
	const struct app *all[8];
	struct group *groups[3];
	struct plan_world world = { .apps = all, .groups = (const struct group *const *)groups };
	struct app *owned[12];
	size_t count = 0, all_count = 0, owned_count = 0;
	struct plan plan = { 0 };
	struct error error = { 0 };
	char got[512];
	bool good;

	for (; count < 4 && rows[_i].changes[count].old_app; count++) {
		const char *before = rows[_i].changes[count].old_app;
		const char *after = rows[_i].changes[count].new_app;
		struct plan_change *change = &changes[count];

		change->restart = *after == '&';
		after += change->restart;
		if (*before != '-')
			change->old_app = owned[owned_count++] = app_of(before);
		if (*after != '-')
			change->new_app = all[all_count++] = owned[owned_count++] = app_of(after);
		change->id = change->new_app ? change->new_app->id : change->old_app->id;
	}
	for (size_t i = 0; i < 3 && rows[_i].unchanged[i]; i++) {
		const char *text = rows[_i].unchanged[i];

		if (*text == '@')
			groups[world.group_count++] = group_of(text + 1);
		else
			all[all_count++] = owned[owned_count++] = app_of(text);
	}
	world.app_count = all_count;
	good = plan_make(changes, count, &world, &plan, &error);
	if (rows[_i].plan) {
		ck_assert_msg(good, "%s: %s", rows[_i].claim, error.text);
		plan_text(&plan, changes, got, sizeof(got));
		ck_assert_msg(strcmp(got, rows[_i].plan) == 0, "%s: %s", rows[_i].claim, got);
	} else {
		ck_assert(!good);
		ck_assert_msg(strstr(error.text, rows[_i].cycle) != NULL, "%s", error.text);
	}
	plan_clear(&plan);
	while (owned_count > 0)
		app_unref(owned[--owned_count]);
	while (world.group_count > 0)
		group_unref(groups[--world.group_count]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = tcase_create("plan");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, plans_follow_the_table, 0, ROWS(rows));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
