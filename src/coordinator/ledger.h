#pragma once

/* The only way to change the cluster in service. A transaction gathers changes of many records;
 * each call below changes memory (or lets the caller change the record it named) and remembers how
 * to undo that. ledger_submit writes all of it as one batch.
 *
 * Why memory can never claim what the disk refused: between submit and its completion nothing may
 * be changed, so nothing is built upon a change whose fate is open, and when a commit fails the
 * changes are undone in reverse order, down to what the disk has. This costs no time: what comes in
 * meanwhile would have had to wait for the sync under way in any case, and goes to disk together
 * with all else that came.
 *
 * What others may see of a transaction (replies, acknowledgements, wanted lists) is an effect: it
 * is told how the commit ended, after memory was undone if it failed. */

#include <sys/queue.h>

#include "records.h"
#include "stadion/base/error.h"
#include "stadion/store/store.h"

/* Lives in its owner's memory; `fn` is called once and may free it. NULL: committed. */
struct effect {
	STAILQ_ENTRY(effect) link;
	void (*fn)(struct effect *effect, const struct error *error);
};

enum ledger_record {
	RECORD_APP,
	RECORD_GROUP,
	RECORD_PAST,
	RECORD_INSTANCE,
	RECORD_DEPLOYMENT,
	RECORD_HOST,
	RECORD_META,
};
enum ledger_change { LEDGER_ADDED, LEDGER_KEPT, LEDGER_REMOVED };

struct ledger_entry { /* one record of a transaction */
	TAILQ_ENTRY(ledger_entry) link;
	enum ledger_record record;
	enum ledger_change change;
	union {
		struct cluster_app *app;
		struct cluster_group *group;
		struct past *past;
		struct instance *instance;
		struct deployment *deployment;
		struct host *host;
	};
	struct saved *saved; /* LEDGER_KEPT: what it was before */
};

struct ledger {
	struct cluster *cluster;
	struct store *store;
	uint64_t number; /* of the transaction that is gathered or under way; from 1 */
	uint64_t meta_touched;
	bool in_flight;
	bool incomplete; /* out of memory half-way: must not be committed */
	TAILQ_HEAD(ledger_entries, ledger_entry) entries;
	STAILQ_HEAD(, effect) effects;
	struct store_batch *versions; /* definitions and events: written as they come */
	void (*done)(const struct error *error, void *arg);
	void *arg;
};

/* `done` is called after each submitted transaction ended, its entries still there to be looked at
 * (only that), already undone if *error; then the effects. */
void ledger_init(struct ledger *ledger, struct cluster *cluster, struct store *store,
		 void (*done)(const struct error *error, void *arg), void *arg);
/* After the store was closed: effects are told that it is over. */
void ledger_clear(struct ledger *ledger);

/* All of these: false (or NULL) without memory, and then the transaction will not be committed. */

/* Before changing a record: what it is now comes back if the commit fails. */
bool ledger_keep_app(struct ledger *ledger, struct cluster_app *app);
bool ledger_keep_group(struct ledger *ledger, struct cluster_group *group);
bool ledger_keep_instance(struct ledger *ledger, struct instance *instance);
bool ledger_keep_deployment(struct ledger *ledger, struct deployment *deployment);
bool ledger_keep_meta(struct ledger *ledger);

/* Take the record, also when they fail. */
bool ledger_add_app(struct ledger *ledger, struct cluster_app *app);
bool ledger_add_group(struct ledger *ledger, struct cluster_group *group);
bool ledger_add_past(struct ledger *ledger, struct past *past); /* the oldest makes room */
bool ledger_add_instance(struct ledger *ledger, struct instance *instance);
bool ledger_add_deployment(struct ledger *ledger, struct deployment *deployment);

/* The pointer is good until the transaction has ended. */
bool ledger_remove_app(struct ledger *ledger, struct cluster_app *app);
bool ledger_remove_group(struct ledger *ledger, struct cluster_group *group);
bool ledger_remove_instance(struct ledger *ledger, struct instance *instance);
bool ledger_remove_deployment(struct ledger *ledger, struct deployment *deployment);

/* Makes `version` the app's current definition. Takes the reference, also when it fails. */
bool ledger_push_version(struct ledger *ledger, struct cluster_app *app, struct app *version);

/* The host's facts are to be written. They are not undone: the host itself said so, and says it
 * again when it was refused. */
bool ledger_put_host(struct ledger *ledger, struct host *host);

/* What the open transaction is to write, for what is no record. NULL without memory. */
struct store_batch *ledger_batch(struct ledger *ledger);

void ledger_add_effect(struct ledger *ledger, struct effect *effect);

/* True if there is anything to end: changes or effects. */
bool ledger_has_work(const struct ledger *ledger);
/* Ends the transaction: by a commit, or at once when nothing is to be written. */
void ledger_submit(struct ledger *ledger);
