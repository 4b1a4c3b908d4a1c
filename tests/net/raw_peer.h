#pragma once

/* The other end of a connection, byte by byte: what no well-behaved client would send. */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct raw_peer {
	int fd;
	bool ended; /* the server closed */
	size_t len;
	char got[65536];
};

static inline void raw_connect(struct raw_peer *peer, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	memset(peer, 0, sizeof(*peer));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(peer->fd, 0);
	ck_assert_int_eq(connect(peer->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static inline void raw_send(struct raw_peer *peer, const char *bytes)
{
	(void)send(peer->fd, bytes, strlen(bytes), MSG_NOSIGNAL); /* it may have been closed */
}

/* Takes what has come; true when it is something new or the end. */
static inline bool raw_poll(struct raw_peer *peer)
{
	ssize_t got = recv(peer->fd, peer->got + peer->len, sizeof(peer->got) - 1 - peer->len,
			   MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		peer->ended = true;
		return true;
	}
	peer->len += (size_t)got;
	peer->got[peer->len] = '\0';
	return true;
}

static inline bool raw_has(struct raw_peer *peer, const char *what)
{
	(void)raw_poll(peer);
	return strstr(peer->got, what) != NULL;
}

static inline bool raw_ended(struct raw_peer *peer)
{
	(void)raw_poll(peer);
	return peer->ended;
}

static inline void raw_close(struct raw_peer *peer)
{
	(void)close(peer->fd);
	peer->fd = -1;
}
