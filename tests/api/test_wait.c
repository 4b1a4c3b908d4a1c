/* ?wait=SECONDS: changes that are answered when their deployment has ended. */

#include <sys/socket.h>

#include "api_case.h"

#define APP(id, instances) "{\"id\":\"" id "\",\"cmd\":\"sleep 1\",\"instances\":" instances "}"

static const struct step steps[] = {
	{ "had no more to do",
	  "POST",
	  "/v2/apps?wait=30",
	  NULL,
	  APP("done", "0"),
	  201,
	  { "id=/done", "@Stadion-Deployment=succeeded", "@Marathon-Deployment-Id=*" } },
	{ "not asked for",
	  "PUT",
	  "/v2/apps/done",
	  NULL,
	  "{\"mem\":64}",
	  200,
	  { "deploymentId=*", "!@Stadion-Deployment" } },
	{ "nothing to wait for",
	  "PUT",
	  "/v2/apps/done?wait=0",
	  NULL,
	  "{\"mem\":65}",
	  200,
	  { "!@Stadion-Deployment" } },
	{ "no number", "PUT", "/v2/apps/done?wait=x", NULL, "{\"mem\":66}", 422, { "message=*" } },
	{ "no sign", "PUT", "/v2/apps/done?wait=-1", NULL, "{\"mem\":66}", 422, { "message=*" } },
	{ "too long", "PUT", "/v2/apps/done?wait=601", NULL, "{\"mem\":66}", 422, { "message=*" } },
	{ "refused at once",
	  "PUT",
	  "/v2/apps/done?wait=30",
	  NULL,
	  "{\"mem\":-1}",
	  422,
	  { "details.0.path=/mem" } },
	{ "the time is over: there is no host",
	  "POST",
	  "/v2/apps?wait=1",
	  NULL,
	  APP("late", "1"),
	  201,
	  { "id=/late", "@Stadion-Deployment=running" } },
};

START_TEST(changes_wait)
{
	struct api_case self;

	api_case_start(&self, NULL);
	API_CASE_RUN(&self, steps);
	api_case_stop(&self);
}
END_TEST

static int ask(const struct api_case *self, const char *body)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(self->server)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_gt(dprintf(fd,
				 "POST /v2/apps?wait=600 HTTP/1.1\r\nHost: a.test:8080\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
				 strlen(body), body),
			 0);
	return fd;
}

/* The id of the one deployment, as soon as there is one. */
static void deployment_id(struct api_case *self, char id[64])
{
	const struct step list = { .claim = "list", .method = "GET", .path = "/v2/deployments" };
	const char *at;

	do
		api_case_call(self, &list);
	while (!(at = strstr(self->answer, "[{\"id\":\"")));
	snprintf(id, 64, "%.36s", at + strlen("[{\"id\":\""));
}

/* Whoever waits is told when another ends the deployment. */
START_TEST(a_cancelled_deployment_is_told)
{
	struct api_case self;
	char id[64], path[128], got[4096] = { 0 };
	int fd;

	api_case_start(&self, NULL);
	fd = ask(&self, APP("cancelled", "1"));
	deployment_id(&self, id);
	ck_assert_int_lt(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 0);
	snprintf(path, sizeof(path), "/v2/deployments/%s?force=true", id);
	api_case_call(&self, &(struct step){ .claim = "cancel", .method = "DELETE", .path = path });
	while (recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) <= 0)
		api_case_call(
			&self,
			&(struct step){ .claim = "meanwhile", .method = "GET", .path = "/ping" });
	ck_assert_msg(!strncmp(got, "HTTP/1.1 409 ", strlen("HTTP/1.1 409 ")), "%s", got);
	ck_assert_ptr_nonnull(strstr(got, "Stadion-Deployment: failed"));
	ck_assert_ptr_nonnull(strstr(got, id));
	close(fd);
	api_case_stop(&self);
}
END_TEST

/* Who waited and left, and who still waits at the end, leave nothing behind. */
START_TEST(who_leaves_is_forgotten)
{
	struct api_case self;
	char id[64];
	int fd;

	api_case_start(&self, NULL);
	fd = ask(&self, APP("left", "1"));
	deployment_id(&self, id);
	if (_i == 0)
		close(fd);
	deployment_id(&self, id);
	api_case_stop(&self);
	if (_i > 0)
		close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wait");
	TCase *tcase = tcase_create("wait");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, changes_wait);
	tcase_add_test(tcase, a_cancelled_deployment_is_told);
	tcase_add_loop_test(tcase, who_leaves_is_forgotten, 0, 2);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
