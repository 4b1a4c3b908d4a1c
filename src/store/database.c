#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lockfile.h"
#include "stadion/base/text.h"

#define SCHEMA_VERSION 1
#define WAL_RESERVE (256 << 10)
#define APPLICATION_ID 0x53746164 /* "Stad": file(1) and we tell ours from any other by it */

struct database {
	char path[PATH_MAX];
	int lock_fd;
	uint64_t epoch;
	sqlite3 *sqlite;
	sqlite3_stmt *put, *delete;
};

static int errno_of(sqlite3_file *file)
{
	int number = 0;

	if (file && file->pMethods)
		(void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
	return number;
}

static bool is_full(int number)
{
	return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

/* The disk is full in more ways than ENOSPC, and SQLite knows only that one by name. Its
 * sqlite3_system_errno has been overwritten by the time we ask; the files remember theirs. */
static bool found_no_space(sqlite3 *sqlite)
{
	sqlite3_file *main_file = NULL, *wal_file = NULL;

	(void)sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_FILE_POINTER, &main_file);
	(void)sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal_file);
	return is_full(errno_of(main_file)) || is_full(errno_of(wal_file));
}

static enum error_kind kind_of(sqlite3 *sqlite, int code)
{
	if ((code & 0xff) == SQLITE_FULL)
		return ERROR_NO_SPACE;
	if ((code & 0xff) == SQLITE_NOMEM)
		return ERROR_NOMEM;
	return (code & 0xff) == SQLITE_IOERR && found_no_space(sqlite) ? ERROR_NO_SPACE
								       : ERROR_UNAVAILABLE;
}

static bool fail(struct database *database, struct error *error)
{
	int code = sqlite3_extended_errcode(database->sqlite);
	enum error_kind kind = kind_of(database->sqlite, code);

	if (kind == ERROR_NO_SPACE)
		return error_set(error, kind, "%s: no space left on disk", database->path);
	return error_set(error, kind, "%s: %s (SQLite %d)", database->path,
			 sqlite3_errmsg(database->sqlite), code);
}

static bool run(struct database *database, const char *sql, struct error *error)
{
	return sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       fail(database, error);
}

/* Text of the first column of the first row; "" when there is none. */
static bool ask(struct database *database, const char *sql, char *out, size_t size,
		struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(database->sqlite, sql, -1, &statement, NULL);

	out[0] = '\0';
	if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(statement, 0);

		(void)text_copy(out, size, text ? (const char *)text : ""); /* for people */
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		(void)fail(database, error); /* the code below says so */
	(void)sqlite3_finalize(statement);   /* repeats what step said */
	return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* locking_mode comes before the first access: then there is no -shm file, which on a full disk is
 * a SIGBUS (reference/traps.md). The WAL file is kept over a close, so that a restart on a full
 * disk has blocks to write its epoch into (journal_size_limit would empty it). */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA mmap_size = 0;"
			       "PRAGMA cache_size = -256;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA trusted_schema = OFF;"
			       "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;";

static bool configure(struct database *database, struct error *error)
{
	int keep_wal = 1;
	char mode[32];

	(void)sqlite3_extended_result_codes(database->sqlite, 1);
	/* Without lookaside: 120 KiB less, and we run two statements. */
	(void)sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
	(void)sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (!run(database, settings, error) ||
	    !ask(database, "PRAGMA journal_mode", mode, sizeof(mode), error))
		return false;
	if (strcmp(mode, "wal") != 0)
		return error_set(error, ERROR_UNAVAILABLE, "%s: journal mode is %s, must be wal",
				 database->path, mode);
	(void)sqlite3_file_control(database->sqlite, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_wal);
	return true;
}

static bool check(struct database *database, struct error *error)
{
	char verdict[256], version[32], application[32];

	if (!ask(database, "PRAGMA quick_check(1)", verdict, sizeof(verdict), error))
		return false;
	if (strcmp(verdict, "ok") != 0)
		return error_set(error, ERROR_UNAVAILABLE, "%s is damaged: %s", database->path,
				 verdict);
	if (!ask(database, "PRAGMA user_version", version, sizeof(version), error) ||
	    !ask(database, "PRAGMA application_id", application, sizeof(application), error))
		return false;
	if (strcmp(version, "0") != 0 && strtol(application, NULL, 10) != APPLICATION_ID)
		return error_set(error, ERROR_INVALID, "%s belongs to another program",
				 database->path);
	if (strtol(version, NULL, 10) > SCHEMA_VERSION)
		return error_set(error, ERROR_INVALID,
				 "%s has format %s, this program knows up to %d", database->path,
				 version, SCHEMA_VERSION);
	return true;
}

#define STRING(x) STRING_(x)
#define STRING_(x) #x

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS epoch (number INTEGER NOT NULL);"
	"INSERT INTO epoch SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM epoch);"
	"UPDATE epoch SET number = number + 1;"
	"PRAGMA application_id = " STRING(APPLICATION_ID) ";"
							  "PRAGMA user_version = " STRING(
								  SCHEMA_VERSION) ";"
										  "COMMIT;";

static bool raise_epoch(struct database *database, struct error *error)
{
	char number[32];

	/* What an ended process left in the WAL goes into the file first: the WAL then begins
	 * anew and needs no room to grow. If even that finds no room, the write below says so. */
	(void)sqlite3_wal_checkpoint_v2(database->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					NULL);
	if (!run(database, schema, error) ||
	    !ask(database, "SELECT number FROM epoch", number, sizeof(number), error))
		return false;
	database->epoch = strtoull(number, NULL, 10);
	return true;
}

static bool prepare(struct database *database, const char *sql, sqlite3_stmt **out,
		    struct error *error)
{
	return sqlite3_prepare_v3(database->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out,
				  NULL) == SQLITE_OK ||
	       fail(database, error);
}

/* Blocks of its own for the WAL: what lies behind the last frame is ignored, and with them a
 * program that starts on a full disk can still raise the epoch. */
static void reserve(const struct database *database)
{
	char name[PATH_MAX + 8];
	int fd;

	(void)snprintf(name, sizeof(name), "%s-wal", database->path);
	fd = open(name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	(void)posix_fallocate(fd, 0, WAL_RESERVE); /* without it we are as well off as before */
	(void)close(fd);
}

static bool open_sqlite(struct database *database, struct error *error)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	int code = sqlite3_open_v2(database->path, &database->sqlite, flags, NULL);

	if (!database->sqlite)
		return error_set(error, ERROR_NOMEM, "opening %s", database->path);
	return (code == SQLITE_OK || fail(database, error)) && configure(database, error) &&
	       check(database, error) && raise_epoch(database, error) &&
	       prepare(database,
		       "INSERT INTO record VALUES (?, ?) "
		       "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		       &database->put, error) &&
	       prepare(database, "DELETE FROM record WHERE key = ?", &database->delete, error);
}

/* SQLITE_OPEN_NOFOLLOW refuses links anywhere in the path; a linked folder (/var/run, or the state
 * folder of an operator) is fine, only the file itself must not be one. */
static bool resolve(const char *path, char out[PATH_MAX], struct error *error)
{
	return realpath(path, out) ||
	       error_set_errno(error, ERROR_UNAVAILABLE, errno, "resolving %s", path);
}

struct database *database_open(const char *path, struct error *error)
{
	autoptr(database) database = calloc(1, sizeof(*database));

	if (!database) {
		error_set(error, ERROR_NOMEM, "opening %s", path);
		return NULL;
	}
	database->lock_fd = -1;
	if (!lockfile_prepare(path, error) || !resolve(path, database->path, error) ||
	    (database->lock_fd = lockfile_take(database->path, error)) < 0 ||
	    !open_sqlite(database, error))
		return NULL;
	reserve(database);
	return TAKE(database);
}

void database_close(struct database *database)
{
	if (!database)
		return;
	(void)sqlite3_finalize(database->put); /* these repeat errors that were told already */
	(void)sqlite3_finalize(database->delete);
	(void)sqlite3_close(database->sqlite);
	if (database->lock_fd >= 0)
		(void)close(database->lock_fd); /* lets the lock go; the file stays, a name only */
	free(database);
}

uint64_t database_epoch(const struct database *database)
{
	return database->epoch;
}

static bool apply_change(struct database *database, const struct batch_change *change)
{
	sqlite3_stmt *statement = change->is_delete ? database->delete : database->put;
	bool applied = change->key_len <= INT_MAX && change->value_len <= INT_MAX &&
		       sqlite3_bind_text(statement, 1, change->key, (int)change->key_len,
					 SQLITE_STATIC) == SQLITE_OK &&
		       (change->is_delete ||
			sqlite3_bind_blob(statement, 2, change->value, (int)change->value_len,
					  SQLITE_STATIC) == SQLITE_OK) &&
		       sqlite3_step(statement) == SQLITE_DONE;

	(void)sqlite3_reset(statement); /* repeats what step said */
	(void)sqlite3_clear_bindings(statement);
	return applied;
}

static bool apply_all(struct database *database, const struct batch_queue *batches)
{
	const struct store_batch *batch;
	const struct batch_change *change;

	STAILQ_FOREACH(batch, batches, link)
	{
		STAILQ_FOREACH(change, &batch->changes, link)
		{
			if (!apply_change(database, change))
				return false;
		}
	}
	return true;
}

bool database_apply(struct database *database, const struct batch_queue *batches,
		    struct error *error)
{
	if (run(database, "BEGIN IMMEDIATE", error)) {
		if (apply_all(database, batches)) {
			if (run(database, "COMMIT", error))
				return true;
		} else {
			fail(database, error);
		}
	}
	/* Some faults have rolled back already; the rest must be gone before the next batch. */
	if (!sqlite3_get_autocommit(database->sqlite))
		(void)run(database, "ROLLBACK", NULL); /* the first fault is the one to tell */
	return false;
}

static bool each_row(struct database *database, sqlite3_stmt *statement, const char *prefix,
		     store_each_fn *fn, void *arg, struct error *error)
{
	size_t prefix_len = strlen(prefix);
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(statement, 0);
		const char *value = sqlite3_column_blob(statement, 1);
		int len = sqlite3_column_bytes(statement, 1);

		if (!key)
			return error_set(error, ERROR_NOMEM, "reading %s", database->path);
		if (strncmp(key, prefix, prefix_len) != 0)
			return true; /* keys come in order: the rest is beyond */
		if (!fn(key, value ? value : "", (size_t)len, arg, error))
			return false;
	}
	return code == SQLITE_DONE || fail(database, error);
}

bool database_each(struct database *database, const char *prefix, store_each_fn *fn, void *arg,
		   struct error *error)
{
	sqlite3_stmt *statement = NULL;
	bool fine = prepare(database, "SELECT key, value FROM record WHERE key >= ? ORDER BY key",
			    &statement, error) &&
		    (sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC) == SQLITE_OK ||
		     fail(database, error)) &&
		    each_row(database, statement, prefix, fn, arg, error);

	(void)sqlite3_finalize(statement); /* repeats what step said */
	return fine;
}
