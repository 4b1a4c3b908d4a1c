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

/* changes: old > new, "-" for none; "&" in front of new: restart. unchanged: others in `all` */
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
	for (size_t i = 0; i < 3 && rows[_i].unchanged[i]; i++)
		all[all_count++] = owned[owned_count++] = app_of(rows[_i].unchanged[i]);
	good = plan_make(changes, count, all, all_count, &plan, &error);
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
