/* One thread, one poll set, pairs of sockets.  A side is read only while the other side's buffer is
 * empty, so a slow reader holds back a fast writer and memory stays at one buffer per direction. */
#include "conn/kafka/kafka_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"

enum { BUFFER = 64 << 10, PAIRS_MAX = 256 };

struct flow { /* one direction */
    uint8_t *bytes;
    size_t begin, end;
};
struct pair {
    int fds[2];          /* client, broker */
    struct flow flow[2]; /* from fds[i] to fds[1 - i] */
};
struct sl_kafka_relay {
    int listener, wake[2], to_port;
    pthread_t thread;
    bool running;
    struct pair *pairs;
    int pair_count;
};

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int open_socket(void) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void drop_pair(struct sl_kafka_relay *relay, int index) {
    struct pair *pair = &relay->pairs[index];
    for (int i = 0; i < 2; i++) {
        close(pair->fds[i]);
        free(pair->flow[i].bytes);
    }
    *pair = relay->pairs[--relay->pair_count];
}

static void accept_pair(struct sl_kafka_relay *relay) {
    int on = 1, client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in to = loopback(relay->to_port);
    int broker = relay->pair_count < PAIRS_MAX ? open_socket() : -1;
    if (broker < 0 || connect(broker, (struct sockaddr *)&to, sizeof to) != 0) {
        if (broker >= 0) close(broker);
        close(client);
        return;
    }
    struct pair *pair = &relay->pairs[relay->pair_count++];
    *pair = (struct pair){.fds = {client, broker}};
    for (int i = 0; i < 2; i++) pair->flow[i].bytes = sl_xmalloc(BUFFER);
}

/* False when the connection is over. */
static bool pump(struct pair *pair, int from, short events) {
    struct flow *in = &pair->flow[from], *out = &pair->flow[1 - from];
    if ((events & (POLLIN | POLLHUP | POLLERR)) && in->begin == in->end) {
        ssize_t n = recv(pair->fds[from], in->bytes, BUFFER, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
        in->begin = 0;
        in->end = n > 0 ? (size_t)n : 0;
    }
    if ((events & POLLOUT) && out->begin < out->end) {
        ssize_t n = send(pair->fds[from], out->bytes + out->begin, out->end - out->begin,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (n > 0) out->begin += (size_t)n;
    }
    return true;
}

static short wanted_events(const struct pair *pair, int side) {
    const struct flow *in = &pair->flow[side], *out = &pair->flow[1 - side];
    return (short)((in->begin == in->end ? POLLIN : 0) | (out->begin < out->end ? POLLOUT : 0));
}

static void *relay_main(void *argument) {
    struct sl_kafka_relay *relay = argument;
    struct pollfd *polls = sl_xcalloc(2 + 2 * PAIRS_MAX, sizeof *polls);
    for (;;) {
        int pairs = relay->pair_count;
        polls[0] = (struct pollfd){.fd = relay->wake[0], .events = POLLIN};
        polls[1] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
        for (int i = 0; i < 2 * pairs; i++)
            polls[2 + i] = (struct pollfd){.fd = relay->pairs[i / 2].fds[i % 2],
                                           .events = wanted_events(&relay->pairs[i / 2], i % 2)};
        if (poll(polls, (nfds_t)(2 + 2 * pairs), -1) < 0 && errno != EINTR) break;
        if (polls[0].revents) break;
        /* Backwards: a dropped pair is replaced by the last one, which has been served. */
        for (int i = pairs - 1; i >= 0; i--) {
            bool alive = true;
            for (int side = 0; side < 2 && alive; side++)
                alive = pump(&relay->pairs[i], side, polls[2 + 2 * i + side].revents);
            if (!alive) drop_pair(relay, i);
        }
        if (polls[1].revents) accept_pair(relay);
    }
    free(polls);
    return NULL;
}

enum sl_code sl_kafka_relay_start(int from_port, int to_port, struct sl_kafka_relay **out,
                                  struct sl_err *err) {
    *out = NULL;
    struct sl_kafka_relay *relay = sl_xcalloc(1, sizeof *relay);
    relay->to_port = to_port;
    relay->wake[0] = relay->wake[1] = -1;
    relay->pairs = sl_xcalloc(PAIRS_MAX, sizeof *relay->pairs);
    int on = 1;
    struct sockaddr_in at = loopback(from_port);
    enum sl_code code = SL_OK;
    relay->listener = open_socket();
    if (relay->listener < 0 ||
        setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(relay->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(relay->listener, 64) != 0 || pipe(relay->wake) != 0) {
        code = sl_fail_sys(err, errno, "could not listen on 127.0.0.1:%d", from_port);
        sl_hint(err, "another broker may be running there; stop it, or choose another port");
    }
    if (code == SL_OK && pthread_create(&relay->thread, NULL, relay_main, relay) != 0)
        code = sl_fail_sys(err, EAGAIN, "could not start a thread");
    relay->running = code == SL_OK;
    if (code != SL_OK)
        sl_kafka_relay_stop(relay);
    else
        *out = relay;
    return code;
}

void sl_kafka_relay_stop(struct sl_kafka_relay *relay) {
    if (!relay) return;
    if (relay->running) {
        ssize_t rc = write(relay->wake[1], "", 1);
        if (rc == 1) pthread_join(relay->thread, NULL);
    }
    while (relay->pair_count) drop_pair(relay, 0);
    if (relay->listener >= 0) close(relay->listener);
    for (int i = 0; i < 2; i++)
        if (relay->wake[i] >= 0) close(relay->wake[i]);
    free(relay->pairs);
    free(relay);
}
