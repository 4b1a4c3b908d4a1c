#include "server.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stadion/base/log.h"
#include "state.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2

/* Thousands of small and short-lived texts in one long-lived process: one arena, and what is freed
 * goes back to the system early. */
static void tune_memory(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 64 << 10);
	(void)mallopt(M_TOP_PAD, 16 << 10);
}

static void on_stop(int number, void *arg)
{
	struct server *server = arg;

	log_info("server.stopping", F("signal", number));
	/* Stopping waits for the store; who cannot wait says it twice. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	loop_stop(server->loop);
}

static bool reload(struct server *server, struct error *error)
{
	struct settings fresh;
	bool good = settings_read(&server->input, &fresh, error);

	if (good && server->coordinator)
		good = coordinator_part_reload(server->coordinator, &fresh, error);
	if (good)
		log_setup(fresh.log_level, STDERR_FILENO);
	settings_clear(&fresh);
	return good;
}

static void on_reload(int number, void *arg)
{
	struct error error = { 0 };

	(void)number;
	if (reload(arg, &error))
		log_info("settings.reloaded");
	else
		log_error("settings.reload_failed", F("error", error.text));
}

static bool start(struct server *server, server_start_fn *start_parts, struct error *error)
{
	server->loop = loop_new(error);
	return server->loop && state_folder_make(server->settings.state, error) &&
	       loop_on_signal(server->loop, SIGTERM, on_stop, server, error) &&
	       loop_on_signal(server->loop, SIGINT, on_stop, server, error) &&
	       loop_on_signal(server->loop, SIGHUP, on_reload, server, error) &&
	       start_parts(server, error);
}

/* The agent first: what it says last, nobody needs to answer. */
static void stop(struct server *server)
{
	agent_part_free(server->agent);
	coordinator_part_free(server->coordinator);
	if (server->loop)
		loop_free(server->loop);
}

static int run(struct server *server, server_start_fn *start_parts)
{
	enum role role = server->input.role;
	struct error error = { 0 };
	int status = STATUS_USAGE;

	if (settings_read(&server->input, &server->settings, &error) &&
	    settings_check_exposure(&server->settings, role, &error)) {
		log_setup(server->settings.log_level, STDERR_FILENO);
		status = start(server, start_parts, &error) && loop_run(server->loop, &error)
				 ? 0
				 : STATUS_FAILED;
		stop(server);
	}
	if (status)
		fprintf(stderr, "stadion %s: %s\n", role_name(role), error.text);
	settings_clear(&server->settings);
	return status;
}

int server_main(enum role role, const char *summary, char **argv, server_start_fn *start_parts)
{
	struct server server = {
		.input = { .role = role,
			   .arguments = (const char *const *)argv + 1,
			   .environment = (const char *const *)environ },
	};

	for (char **argument = argv + 1; *argument; argument++) {
		if (strcmp(*argument, "--help") != 0 && strcmp(*argument, "-h") != 0)
			continue;
		printf("%s\n\nusage: stadion %s [FLAGS]\n\n", summary, role_name(role));
		settings_print_help(role, stdout);
		printf("\nEach can be set as STADION_NAME in the environment and as 'name = value' "
		       "in the file too;\nflags win over environment, environment over file.\n");
		return 0;
	}
	tune_memory();
	return run(&server, start_parts);
}
