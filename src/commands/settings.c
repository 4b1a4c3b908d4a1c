#include "settings.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings_value.h"
#include "stadion/base/language.h"
#include "stadion/base/text.h"

#define AT(member) offsetof(struct settings, member)
#define SERVERS (ROLE_COORDINATOR | ROLE_DEV)
#define HOSTS (ROLE_AGENT | ROLE_DEV)

static const struct setting table[] = {
	{ "listen", SERVERS, SETTING_ENDPOINT, AT(listen), "127.0.0.1:8080", "ADDR:PORT", NULL,
	  "where the API and the UI answer", NULL },
	{ "listen", ROLE_AGENT, SETTING_ENDPOINT, AT(listen), "127.0.0.1:5051", "ADDR:PORT", NULL,
	  "where the agent answers", NULL },
	{ "agent_listen", ROLE_DEV, SETTING_ENDPOINT, AT(agent_listen), "127.0.0.1:5051",
	  "ADDR:PORT", NULL, "where the agent answers", NULL },
	{ "state", ROLE_ANY, SETTING_PATH, AT(state), NULL, "DIR",
	  "/var/lib/stadion as root, else $XDG_STATE_HOME/stadion", "folder that keeps everything",
	  NULL },
	{ "config", ROLE_ANY, SETTING_PATH, AT(config), NULL, "FILE", "none",
	  "file of settings: `name = value` lines, `#` comments", NULL },
	{ "log_level", ROLE_ANY, SETTING_LEVEL, AT(log_level), "info", "LEVEL", NULL,
	  "debug, info, warn or error", NULL },
	{ "insecure", ROLE_ANY, SETTING_FLAG, AT(insecure), "false", NULL, NULL,
	  "allow other machines in without credentials", NULL },
	{ "store", SERVERS, SETTING_STORE, AT(store), NULL, "sqlite:PATH",
	  "sqlite:<state>/coordinator/stadion.db", "database of apps and tasks", NULL },
	{ "credentials_file", SERVERS, SETTING_PATH, AT(credentials_file), NULL, "FILE", "none",
	  "holds USER:PASSWORD, demanded by the API and the UI", NULL },
	{ "agent_token_file", ROLE_COORDINATOR, SETTING_PATH, AT(agent_token_file), NULL, "FILE",
	  "none", "holds the token that agents must present", NULL },
	{ "agent_token_file", ROLE_DEV, SETTING_PATH, AT(agent_token_file), NULL, "FILE",
	  "<state>/agent.token, made if missing", "holds the token of the agent", NULL },
	{ "unreachable_after", SERVERS, SETTING_SECONDS, AT(unreachable_after_s), "15", "SECONDS",
	  NULL, "silence until a host counts as unreachable", NULL },
	{ "task_launch_timeout", SERVERS, SETTING_SECONDS, AT(task_launch_timeout_s), "300",
	  "SECONDS", NULL, "no progress towards running until a task is replaced", NULL },
	{ "health_check_defaults", SERVERS, SETTING_CHECKS, AT(marathon_check_defaults), "stadion",
	  "stadion|marathon", NULL,
	  "what checks get that do not say: 15 s grace and 10 s timeout, or 300 and 20", NULL },
	{ "access_control_allow_origin", SERVERS, SETTING_TEXT, AT(allow_origins), NULL,
	  "ORIGIN[,ORIGIN]", "none", "other sites whose pages may look, never change; * is all",
	  NULL },
	{ "coordinator", ROLE_AGENT, SETTING_URL, AT(coordinator), "http://127.0.0.1:8080", "URL",
	  NULL, "the coordinator to work for", NULL },
	{ "token_file", ROLE_AGENT, SETTING_PATH, AT(token_file), NULL, "FILE", "none",
	  "holds the token that the coordinator demands of agents", NULL },
	{ "docker", HOSTS, SETTING_SOCKET, AT(docker), NULL, "unix:///PATH",
	  "$DOCKER_HOST, else unix:///var/run/docker.sock", "socket of the Docker Engine", NULL },
	{ "hostname", ROLE_AGENT, SETTING_TEXT, AT(hostname), NULL, "NAME", "the machine's",
	  "what constraints and links call this host", NULL },
	{ "hostname", ROLE_DEV, SETTING_TEXT, AT(hostname), "localhost", "NAME", NULL,
	  "what constraints and links call this host", NULL },
	{ "host_id", HOSTS, SETTING_TEXT, AT(host_id), NULL, "ID",
	  "from machine and engine, kept in the state folder", "identity of this host", NULL },
	{ "ports", HOSTS, SETTING_PORTS, AT(ports), "31000-32000", "LOW-HIGH", NULL,
	  "host ports that tasks may get", NULL },
	{ "attribute", HOSTS, SETTING_PAIRS, AT(attributes), NULL, "KEY=VALUE", "none",
	  "what constraints can ask for; repeatable", NULL },
	{ "resources", HOSTS, SETTING_RESOURCES, AT(resources), NULL, "cpus=N,mem=MB,disk=MB",
	  "as found", "what tasks may use in all", NULL },
	{ "apps", HOSTS, SETTING_PATH, 0, NULL, "DIR", NULL, NULL,
	  "running a folder of apps without a coordinator is not there yet" },
};

static const struct {
	enum role role;
	const char *name;
} role_names[] = {
	{ ROLE_AGENT, "agent" },
	{ ROLE_COORDINATOR, "coordinator" },
	{ ROLE_DEV, "dev" },
};

const char *role_name(enum role role)
{
	for (size_t i = 0; i < ROWS(role_names); i++)
		if (role_names[i].role == role)
			return role_names[i].name;
	return "?";
}

const struct setting *settings_next(enum role role, const struct setting *after)
{
	for (const struct setting *row = after ? after + 1 : table; row < table + ROWS(table);
	     row++)
		if ((row->roles & role) && !row->refused)
			return row;
	return NULL;
}

/* Sources in rising order. A repeatable setting gathers within one, and starts anew in the next. */
enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAGS };

struct reading {
	enum role role;
	struct settings *settings;
	enum source source;
	enum source last[ROWS(table)]; /* that said something of the row */
};

static const struct setting *find(enum role role, const char *name)
{
	for (size_t i = 0; i < ROWS(table); i++)
		if ((table[i].roles & role) && !strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

#define NAME_MAX_LEN 48

static const char *nearest(enum role role, const char *name)
{
	const struct setting *row = NULL;
	const char *best = NULL;
	size_t least = strlen(name) / 2 + 1;

	while ((row = settings_next(role, row))) {
		size_t distance = setting_name_distance(name, row->name);

		if (distance <= least && (!best || distance < least)) {
			least = distance;
			best = row->name;
		}
	}
	return best;
}

/* As the user must write it at this source. */
static void spell(enum source source, const char *name, char out[NAME_MAX_LEN + 16])
{
	size_t at = 0;
	const char *prefix = source == SOURCE_FLAGS	    ? "--"
			     : source == SOURCE_ENVIRONMENT ? "STADION_"
							    : "";

	for (; *prefix; prefix++)
		out[at++] = *prefix;
	for (; *name && at < NAME_MAX_LEN + 15; name++) {
		if (source == SOURCE_FLAGS && *name == '_')
			out[at++] = '-';
		else if (source == SOURCE_ENVIRONMENT && *name >= 'a' && *name <= 'z')
			out[at++] = (char)(*name - 'a' + 'A');
		else
			out[at++] = *name;
	}
	out[at] = '\0';
}

/* The roles that do have `name`, for a message: "agent, dev". */
static void name_roles(const char *name, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ROWS(role_names); i++) {
		if (!find(role_names[i].role, name) || len >= size)
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
					role_names[i].name);
	}
}

static bool refuse_name(const struct reading *reading, const char *name, struct error *error)
{
	char shown[NAME_MAX_LEN + 16], other[NAME_MAX_LEN + 16], roles[64];
	const char *near = nearest(reading->role, name);

	spell(reading->source, name, shown);
	name_roles(name, roles, sizeof(roles));
	if (roles[0])
		return error_set(error, ERROR_INVALID, "'%s' is a setting of %s, not of %s", shown,
				 roles, role_name(reading->role));
	if (!near)
		return error_set(error, ERROR_INVALID,
				 "unknown setting '%s'; 'stadion %s --help' lists all", shown,
				 role_name(reading->role));
	spell(reading->source, near, other);
	return error_set(error, ERROR_INVALID, "unknown setting '%s'; did you mean '%s'?", shown,
			 other);
}

static bool apply(struct reading *reading, const struct setting *row, const char *text,
		  struct error *error)
{
	enum source *last = &reading->last[row - table];
	char shown[NAME_MAX_LEN + 16];
	bool fresh = *last != reading->source;

	spell(reading->source, row->name, shown);
	if (row->refused)
		return error_set(error, ERROR_INVALID, "%s: %s", shown, row->refused);
	if (reading->source == SOURCE_FILE && !fresh && row->kind != SETTING_PAIRS)
		return error_set(error, ERROR_INVALID, "%s: is set twice in this file", shown);
	*last = reading->source;
	if (!setting_value_read(row->kind, text, fresh, (char *)reading->settings + row->offset,
				error))
		return error_wrap(error, "%s", shown);
	return true;
}

static bool read_defaults(struct reading *reading, struct error *error)
{
	reading->source = SOURCE_DEFAULT;
	for (size_t i = 0; i < ROWS(table); i++)
		if ((table[i].roles & reading->role) && table[i].normal &&
		    !apply(reading, &table[i], table[i].normal, error))
			return false;
	return true;
}

/* One line of a file: "name = value", a comment begins with # after a blank or at the start. */
static bool read_line(struct reading *reading, char *line, struct error *error)
{
	char *name = line + strspn(line, " \t\r"), *value, *end;
	const struct setting *row;

	for (char *at = name; *at; at++)
		if (*at == '#' && (at == line || at[-1] == ' ' || at[-1] == '\t'))
			*at = '\0';
	if (!*name)
		return true;
	value = strchr(name, '=');
	if (!value)
		return error_set(error, ERROR_INVALID, "expected 'name = value', found '%s'", name);
	for (end = value; end > name && strchr(" \t", end[-1]); end--)
		;
	value++;
	*end = '\0';
	value += strspn(value, " \t");
	for (end = value + strlen(value); end > value && strchr(" \t\r", end[-1]); end--)
		;
	*end = '\0';
	row = find(reading->role, name);
	if (!row)
		return refuse_name(reading, name, error);
	if (!strcmp(row->name, "config"))
		return error_set(error, ERROR_INVALID, "a file cannot name another file");
	return apply(reading, row, value, error);
}

#define LINE_SIZE 4096

static bool read_file(struct reading *reading, const char *path, struct error *error)
{
	char line[LINE_SIZE];
	unsigned number = 0;
	bool good = true;
	FILE *file = fopen(path, "re");

	if (!file)
		return error_set_errno(error, ERROR_INVALID, errno, "opening %s", path);
	reading->source = SOURCE_FILE;
	while (good && fgets(line, sizeof(line), file)) {
		size_t len = strlen(line);

		number++;
		if (len == sizeof(line) - 1 && line[len - 1] != '\n')
			good = error_set(error, ERROR_INVALID, "longer than %d bytes", LINE_SIZE);
		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		good = good && read_line(reading, line, error);
	}
	if (!good)
		(void)error_wrap(error, "%s:%u", path, number);
	else if (ferror(file))
		good = error_set_errno(error, ERROR_INVALID, errno, "reading %s", path);
	(void)fclose(file); /* it was only read */
	return good;
}

/* "STADION_LOG_LEVEL=info" gives "log_level" and the value; NULL for a variable that is not ours.
 */
static const char *variable_split(const char *variable, char name[NAME_MAX_LEN])
{
	const char *value = strchr(variable, '=');
	size_t at = 0;

	if (strncmp(variable, "STADION_", 8) != 0 || !value || value <= variable + 8)
		return NULL;
	for (const char *c = variable + 8; c < value && at < NAME_MAX_LEN - 1; c++)
		name[at++] = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	name[at] = '\0';
	return value + 1;
}

static bool read_environment(struct reading *reading, const char *const *environment,
			     struct error *error)
{
	reading->source = SOURCE_ENVIRONMENT;
	for (; environment && *environment; environment++) {
		char name[NAME_MAX_LEN], roles[64];
		const char *value = variable_split(*environment, name);
		const struct setting *row = value ? find(reading->role, name) : NULL;

		if (!value)
			continue;
		name_roles(name, roles, sizeof(roles));
		if (!row && roles[0])
			continue; /* of another role: one environment may serve several */
		if (!row)
			return refuse_name(reading, name, error);
		if (!apply(reading, row, value, error))
			return false;
	}
	return true;
}

/* Splits "--name=value" or "--name" "value" at *arguments and moves it on. */
static bool next_flag(struct reading *reading, const char *const **arguments,
		      const struct setting **row, const char **value, struct error *error)
{
	const char *argument = *(*arguments)++;
	const char *equals = strchr(argument, '=');
	char name[NAME_MAX_LEN];
	size_t len = equals ? (size_t)(equals - argument) : strlen(argument);

	if (strncmp(argument, "--", 2) != 0 || len < 3)
		return error_set(error, ERROR_INVALID,
				 "unexpected '%s'; 'stadion %s --help' lists what can be said",
				 argument, role_name(reading->role));
	len = len - 2 < sizeof(name) ? len - 2 : sizeof(name) - 1;
	for (size_t i = 0; i < len; i++)
		name[i] = argument[i + 2] == '-' ? '_' : argument[i + 2];
	name[len] = '\0';
	*row = find(reading->role, name);
	if (!*row)
		return refuse_name(reading, name, error);
	if (equals)
		*value = equals + 1;
	else if ((*row)->kind == SETTING_FLAG)
		*value = "true";
	else if (**arguments)
		*value = *(*arguments)++;
	else
		return error_set(error, ERROR_INVALID, "%.*s: needs a value, %s", (int)(len + 2),
				 argument, (*row)->argument);
	return true;
}

static bool read_flags(struct reading *reading, const char *const *arguments, struct error *error)
{
	const struct setting *row = NULL;
	const char *value = NULL;

	reading->source = SOURCE_FLAGS;
	while (arguments && *arguments)
		if (!next_flag(reading, &arguments, &row, &value, error) ||
		    !apply(reading, row, value, error))
			return false;
	return true;
}

static const char *lookup(const char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, len) && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

/* The file is named by what outranks it, so flags and environment are looked through for that
 * alone before all is read in order. */
static bool find_file(const struct settings_input *input, const char **path, struct error *error)
{
	struct reading reading = { .role = input->role, .source = SOURCE_FLAGS };
	const char *const *arguments = input->arguments;
	const struct setting *row = NULL;
	const char *value = NULL;

	*path = lookup(input->environment, "STADION_CONFIG");
	while (arguments && *arguments) {
		if (!next_flag(&reading, &arguments, &row, &value, error))
			return false;
		assert(row);
		if (!strcmp(row->name, "config"))
			*path = value;
	}
	return true;
}

static bool complete_state(struct settings *settings, const char *const *environment,
			   struct error *error)
{
	const char *base = lookup(environment, "XDG_STATE_HOME");
	const char *home = lookup(environment, "HOME");
	struct text path = TEXT_INIT(4096);

	if (settings->state)
		return true;
	if (geteuid() == 0)
		text_add(&path, "/var/lib/stadion");
	else if (base && base[0] == '/')
		text_addf(&path, "%s/stadion", base);
	else if (home && home[0] == '/')
		text_addf(&path, "%s/.local/state/stadion", home);
	else
		return error_set(error, ERROR_INVALID,
				 "there is no home folder to keep state in; say --state DIR");
	settings->state = text_take(&path);
	return settings->state || error_set(error, ERROR_NOMEM, "settings");
}

/* What a row could not say as text. */
static bool complete(struct settings *settings, const struct settings_input *input,
		     struct error *error)
{
	const char *engine = lookup(input->environment, "DOCKER_HOST");
	char name[256] = "localhost";

	if (!complete_state(settings, input->environment, error))
		return false;
	if (!settings->docker && (input->role & HOSTS)) {
		bool given = engine && engine[0];

		if (!setting_value_read(SETTING_SOCKET,
					given ? engine : "unix:///var/run/docker.sock", true,
					&settings->docker, error))
			return error_wrap(error, "DOCKER_HOST");
	}
	if (!settings->hostname && (input->role & HOSTS)) {
		if (gethostname(name, sizeof(name) - 1) < 0)
			return error_set_errno(error, ERROR_INTERNAL, errno, "host name");
		settings->hostname = text_duplicate(name);
	}
	if (!settings->store && (input->role & SERVERS)) {
		struct text path = TEXT_INIT(4096);

		text_addf(&path, "sqlite:%s/coordinator/stadion.db", settings->state);
		settings->store = text_take(&path);
	}
	return true;
}

bool settings_read(const struct settings_input *input, struct settings *out, struct error *error)
{
	struct reading reading = { .role = input->role, .settings = out };
	const char *path = NULL;

	*out = (struct settings){ 0 };
	return find_file(input, &path, error) && read_defaults(&reading, error) &&
	       (!path || read_file(&reading, path, error)) &&
	       read_environment(&reading, input->environment, error) &&
	       read_flags(&reading, input->arguments, error) && complete(out, input, error);
}

void settings_clear(struct settings *settings)
{
	char *const strings[] = {
		settings->config,
		settings->state,
		settings->store,
		settings->agent_token_file,
		settings->credentials_file,
		settings->coordinator,
		settings->docker,
		settings->hostname,
		settings->host_id,
		settings->token_file,
	};

	for (size_t i = 0; i < ROWS(strings); i++)
		free(strings[i]);
	pair_list_clear(&settings->attributes);
	*settings = (struct settings){ 0 };
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, endpoint->address, &four) == 1)
		return (ntohl(four.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, endpoint->address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool exposed(const struct endpoint *endpoint, const char *flag, const char *needs,
		    struct error *error)
{
	return error_set(error, ERROR_INVALID,
			 "%s %s:%u is open to other machines: give %s, or listen on 127.0.0.1, "
			 "or say --insecure",
			 flag, endpoint->address, endpoint->port, needs);
}

bool settings_check_exposure(const struct settings *settings, enum role role, struct error *error)
{
	bool open = !endpoint_is_loopback(&settings->listen);

	if (settings->insecure)
		return true;
	if (role == ROLE_AGENT && open && !settings->token_file)
		return exposed(&settings->listen, "--listen", "--token-file FILE", error);
	if (role == ROLE_COORDINATOR && open &&
	    !(settings->credentials_file && settings->agent_token_file))
		return exposed(&settings->listen, "--listen",
			       "--credentials-file FILE and --agent-token-file FILE", error);
	if (role == ROLE_DEV && open && !settings->credentials_file)
		return exposed(&settings->listen, "--listen", "--credentials-file FILE", error);
	return true;
}

void settings_print_help(enum role role, FILE *out)
{
	const struct setting *row = NULL;

	while ((row = settings_next(role, row))) {
		char shown[NAME_MAX_LEN + 16];
		const char *normal = row->normal ? row->normal : row->normal_help;

		spell(SOURCE_FLAGS, row->name, shown);
		fprintf(out, "  %s%s%s\n", shown, row->argument ? " " : "",
			row->argument ? row->argument : "");
		fprintf(out, "        %s", row->help);
		if (row->kind != SETTING_FLAG)
			fprintf(out, "\n        default: %s", normal);
		fprintf(out, "\n");
	}
}
