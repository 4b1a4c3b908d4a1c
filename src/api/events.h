#pragma once

/* The streams of /v2/events. */

#include "stadion/coordinator/coordinator.h"
#include "stadion/net/loop.h"

#define EVENT_STREAMS_MAX 100

struct event_streams;

struct event_streams *event_streams_new(struct loop *loop, struct coordinator *coordinator,
					struct error *error);
/* Ends all of them. */
void event_streams_free(struct event_streams *streams);
