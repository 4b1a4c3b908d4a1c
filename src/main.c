/* stadion: finds the subcommand and hands over. */

#include <stdio.h>
#include <string.h>

#include "stadion/base/language.h"
#include "stadion/commands/commands.h"
#include "stadion/runtime/runtime.h"
#include "stadion/version.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: not for people */
} commands[] = {
	{ "dev", command_dev, "coordinator and agent in one, for trying it out" },
	{ "coordinator", command_coordinator, "the API, the UI, and what decides" },
	{ "agent", command_agent, "runs and watches the tasks of one host" },
	{ "shim", process_shim_main, NULL },
};

static void print_help(FILE *out)
{
	fputs("Stadion runs containers on Docker hosts and keeps them running.\n\n"
	      "usage: stadion COMMAND [FLAGS]\n\n",
	      out);
	for (size_t i = 0; i < ROWS(commands); i++)
		if (commands[i].help)
			fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
	fputs("\n'stadion COMMAND --help' lists the flags; 'stadion --version' tells the "
	      "version.\n",
	      out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < ROWS(commands); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(argc - 1, argv + 1);
	if (!strcmp(name, "--version")) {
		puts("stadion " STADION_VERSION);
		return 0;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "help")) {
		print_help(stdout);
		return 0;
	}
	if (name[0])
		fprintf(stderr, "stadion: there is no command '%s'\n\n", name);
	print_help(stderr);
	return 2;
}
