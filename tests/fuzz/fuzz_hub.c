/* Two workers gone mad on one hub: whatever they send, and however it is cut, it ends their own
 * links at most, and what a worker gets are whole frames with its own address.
 *
 * Input: u8 worker, u16 length, so many bytes; again and again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "bus/hub.h"
#include "must.h"

#define WORKERS 2
#define RECEIVED_MAX ((size_t)64 << 20)

static uv_loop_t loop;
static struct hub *hub;

static struct worker {
    int fd;
    bool lost;
    struct buf received;
} workers[WORKERS + 1]; /* by ID */

static void on_control(void *context, worker_id id, enum packet_kind kind, struct slice payload)
{
    (void)context;
    must(id >= 1 && id <= WORKERS);
    must(kind == PACKET_READY || kind == PACKET_RELOADED || kind == PACKET_CONTROL);
    must(payload.len == 0 || kind == PACKET_CONTROL);
}

static void on_lost(void *context, worker_id id, const char *cause)
{
    (void)context;
    must(cause != NULL && !workers[id].lost);
    workers[id].lost = true;
}

static void check_received(worker_id id)
{
    struct slice bytes = buf_slice(&workers[id].received);
    enum packet_kind kind;
    struct slice payload;
    int got;
    while ((got = packet_next(&bytes, PACKET_FROM_SUPERVISOR, &kind, &payload)) > 0) {
        struct frame frame;
        must(kind == PACKET_FRAME || kind == PACKET_PROBE);
        must(kind == PACKET_PROBE || frame_decode(payload, &frame) == 0);
        must(kind == PACKET_PROBE || frame.to == id);
    }
    must(got == 0);
    buf_drop(&workers[id].received, workers[id].received.len - bytes.len);
}

static void receive(worker_id id)
{
    char bytes[65536];
    ssize_t got;
    while ((got = recv(workers[id].fd, bytes, sizeof(bytes), 0)) > 0)
        buf_add(&workers[id].received, bytes, (size_t)got);
    must(!buf_failed(&workers[id].received));
    check_received(id);
}

static void step(void)
{
    for (int i = 0; i < 2; i++) /* what one pass reads, the next one writes */
        uv_run(&loop, UV_RUN_NOWAIT);
    for (worker_id id = 1; id <= WORKERS; id++)
        receive(id);
}

static void start(void)
{
    struct directory_options directory = {.rooms = 4, .peers_per_room = 4, .resume_window = 1000};
    struct hub_events events = {NULL, on_control, on_lost};
    uv_loop_init(&loop);
    hub = hub_new(&loop, &directory, &events);
    for (worker_id id = 1; id <= WORKERS; id++) {
        int ends[2];
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        workers[id] = (struct worker){.fd = ends[0]};
        buf_init(&workers[id].received, RECEIVED_MAX);
        must(hub_add(hub, id, ends[1]) == 0);
    }
}

static void stop(void)
{
    hub_close(hub);
    uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    for (worker_id id = 1; id <= WORKERS; id++) {
        close(workers[id].fd);
        buf_done(&workers[id].received);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crypto_init();
    start();
    while (size > 3) {
        worker_id id = 1 + data[0] % WORKERS;
        size_t len = data[1] | (size_t)data[2] << 8;
        data += 3;
        size -= 3;
        len = len < size ? len : size;
        if (send(workers[id].fd, data, len, MSG_NOSIGNAL) < 0)
            must(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
        data += len;
        size -= len;
        step();
    }
    step();
    stop();
    return 0;
}
