#pragma once

/* The subcommands of the program. Each takes what main got, without the program's name: argv[0] is
 * the subcommand. Each returns the exit status: 0, 1 it failed while running, 2 it was called
 * wrongly. */

int command_agent(int argc, char **argv);
int command_coordinator(int argc, char **argv);
int command_dev(int argc, char **argv);
