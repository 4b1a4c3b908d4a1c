#include "port_pool.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FREED_MAX 128 /* how many freed ports are remembered */

struct port_pool {
	uint16_t low, high;
	uint16_t freed[FREED_MAX]; /* ring, oldest at freed_next; 0: none */
	unsigned freed_next;
	uint8_t held[65536 / 8];
};

struct port_pool *port_pool_new(uint16_t low, uint16_t high)
{
	struct port_pool *pool = calloc(1, sizeof(*pool));

	if (pool) {
		pool->low = low;
		pool->high = high;
	}
	return pool;
}

void port_pool_free(struct port_pool *pool)
{
	free(pool);
}

static bool in_bounds(int32_t port)
{
	return port > 0 && port <= UINT16_MAX;
}

static bool held(const struct port_pool *pool, int32_t port)
{
	return (pool->held[port >> 3] >> (port & 7)) & 1;
}

static bool freed_lately(const struct port_pool *pool, int32_t port)
{
	for (unsigned i = 0; i < FREED_MAX; i++) {
		if (pool->freed[i] == port)
			return true;
	}
	return false;
}

static bool can_bind(int32_t port, int type)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	/* For TCP, connections in TIME_WAIT are no reason against a port. UDP sockets that both
	 * ask for it would share one, which is not to be found out so. */
	const int reuse = type == SOCK_STREAM;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	bool bound;

	if (fd < 0)
		return true; /* no answer; the runtime will say if it is taken */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)); /* else stricter */
	bound = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	(void)close(fd); /* nothing was written */
	return bound;
}

static bool free_on_host(int32_t port, enum port_protocol protocol)
{
	if (protocol != PORT_UDP && !can_bind(port, SOCK_STREAM))
		return false;
	return protocol == PORT_TCP || can_bind(port, SOCK_DGRAM);
}

bool port_pool_claim(struct port_pool *pool, int32_t port, enum port_protocol protocol)
{
	if (!in_bounds(port) || held(pool, port) || !free_on_host(port, protocol))
		return false;
	port_pool_hold(pool, port);
	return true;
}

int32_t port_pool_pick(struct port_pool *pool, enum port_protocol protocol, uint32_t random)
{
	uint32_t count = (uint32_t)pool->high - pool->low + 1;

	for (uint32_t i = 0; i < count; i++) {
		int32_t port = (int32_t)(pool->low + (random % count + i) % count);

		if (!freed_lately(pool, port) && port_pool_claim(pool, port, protocol))
			return port;
	}
	for (unsigned i = 0; i < FREED_MAX; i++) { /* the oldest first */
		int32_t port = pool->freed[(pool->freed_next + i) % FREED_MAX];

		if (port >= pool->low && port <= pool->high &&
		    port_pool_claim(pool, port, protocol))
			return port;
	}
	return PORT_NONE;
}

void port_pool_hold(struct port_pool *pool, int32_t port)
{
	if (in_bounds(port))
		pool->held[port >> 3] = (uint8_t)(pool->held[port >> 3] | 1U << (port & 7));
}

void port_pool_give_back(struct port_pool *pool, int32_t port)
{
	if (!in_bounds(port) || !held(pool, port))
		return;
	pool->held[port >> 3] = (uint8_t)(pool->held[port >> 3] & ~(1U << (port & 7)));
	pool->freed[pool->freed_next] = (uint16_t)port;
	pool->freed_next = (pool->freed_next + 1) % FREED_MAX;
}
