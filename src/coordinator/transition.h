#pragma once

/* From wanted definitions to a deployment: what changes, who is in the way, which steps. The
 * common part of all changes that users ask for. */

#include "state.h"

struct wish { /* for one app */
	enum change_kind kind;
	char *id;
	struct app *app;	    /* CREATE, UPDATE: owned; gets versions and service ports */
	struct cluster_app *record; /* NULL: the app does not exist */
	const struct app *old_app;  /* NULL: for the plan it is a new one */
};

enum group_wish_kind {
	GROUP_WISH_SET,	    /* is to be there, with the dependencies of `head` */
	GROUP_WISH_GONE,    /* is not to be there */
	GROUP_WISH_TOUCHED, /* something below it changes: another version, and made if missing */
};

struct group_wish {
	enum group_wish_kind kind;
	char *id;
	struct group *head; /* SET */
};

struct transition {
	struct wish *wishes;
	size_t count, room;
	struct group_wish *groups;
	size_t group_count;
	bool force, preview;
	char *client, *uri; /* NULL, or who asks for a change of one app, and where */
	/* What came of it: */
	struct error error;
	char deployment_id[UUID_SIZE];
	int64_t version_ms;
	struct deployment *plan; /* of a preview */
	const char **blocking;	 /* ended by NULL; the ids are copies behind it */
};

bool transition_init(struct transition *transition, size_t count); /* zeroed wishes */
void transition_clear(struct transition *transition);
struct wish *transition_add_wish(struct transition *transition); /* zeroed; NULL without memory */
/* Whether there is an app of that id when all wishes have come true. */
bool transition_will_have_app(const struct coordinator *coordinator,
			      const struct transition *transition, const char *id);

/* Within a turn: changes nothing and fills `error`, or changes all that belongs to it. */
bool transition_carry_out(struct coordinator *coordinator, struct transition *transition);
