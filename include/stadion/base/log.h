#pragma once

/* One line per event: time, level, a stable name, then key=value. Values are escaped, so that
 * nothing that a container or a client says can forge a line.
 *
 *     log_info("task.moved", F("task", task->id), F("after_ms", took_ms));
 */

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key; /* NULL ends the list */
	const char *text;
	int64_t number;
	bool is_number;
};

/* Lines below `level` are dropped; the rest go to file descriptor `fd` (2 until told otherwise).
 * The only global state of the program, set by main. */
void log_setup(enum log_level level, int fd);
enum log_level log_level_now(void);
void log_level_set(enum log_level level);
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out); /* debug info warn error */

void log_write(enum log_level level, const char *event, ...); /* fields, ended by LOG_END */

struct log_field log_text_field(const char *key, const char *text); /* NULL is shown as - */
struct log_field log_number_field(const char *key, int64_t number);
struct log_field log_unsigned_field(const char *key, uint64_t number); /* sizes, durations */

#define LOG_END ((struct log_field){ .key = 0 })
#define F(key, value) \
	_Generic((value),                                                                          \
		char *: log_text_field,                                                            \
		const char *: log_text_field,                                                      \
		unsigned int: log_unsigned_field,                                                  \
		unsigned long: log_unsigned_field,                                                 \
		unsigned long long: log_unsigned_field,                                            \
		default: log_number_field)((key), (value))

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__, LOG_END)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__, LOG_END)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__, LOG_END)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__, LOG_END)
