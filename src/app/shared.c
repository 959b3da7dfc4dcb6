#include "app/shared.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct shared_memory {
    uint32_t layout;
    uint32_t rows;
    unsigned char key[CRYPTO_HASH_KEY_SIZE]; /* of the sketch, the same for all workers */
    struct shared_row row[];
};

static const size_t gauge_offsets[] = {
#define X(name, help) offsetof(struct metrics, name),
    METRICS_GAUGES(X)
#undef X
};

static size_t size_for(unsigned rows)
{
    return sizeof(struct shared_memory) + rows * sizeof(struct shared_row);
}

static int map(struct shared *shared, int fd, unsigned rows)
{
    void *memory = mmap(NULL, size_for(rows), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        assert(errno > 0);
        return -errno;
    }
    shared->memory = memory;
    shared->rows = rows;
    return 0;
}

int shared_create(struct shared *shared, unsigned rows)
{
    *shared = (struct shared){.fd = memfd_create("roomline-counters", MFD_CLOEXEC)};
    if (shared->fd < 0)
        return -errno;
    int error = ftruncate(shared->fd, (off_t)size_for(rows)) < 0 ? -errno : 0;
    if (error == 0)
        error = map(shared, shared->fd, rows);
    if (error != 0) {
        shared_done(shared);
        return error;
    }
    shared->memory->layout = metrics_layout();
    shared->memory->rows = rows;
    crypto_random(shared->memory->key, sizeof(shared->memory->key));
    shared->own = mem_must(sizeof(*shared->own));
    return 0;
}

int shared_attach(struct shared *shared, int fd, unsigned rows)
{
    struct stat status;
    int error = -EINVAL;
    *shared = (struct shared){.fd = -1};
    if (fstat(fd, &status) == 0 && status.st_size == (off_t)size_for(rows))
        error = map(shared, fd, rows);
    close(fd);
    if (error == 0 &&
        (shared->memory->layout != metrics_layout() || shared->memory->rows != rows)) {
        shared_done(shared);
        error = -EINVAL;
    }
    return error;
}

void shared_done(struct shared *shared)
{
    if (shared->memory != NULL)
        munmap(shared->memory, size_for(shared->rows));
    if (shared->fd >= 0)
        close(shared->fd);
    mem_free(shared->own);
    *shared = (struct shared){.fd = -1};
}

struct shared_row *shared_row(const struct shared *shared, unsigned index)
{
    return &shared->memory->row[index];
}

void shared_bury(struct shared *shared, unsigned index)
{
    struct shared_row *row = shared_row(shared, index);
    metrics_inherit(shared->own, &row->metrics);
    memset((void *)row, 0, sizeof(*row));
}

static const struct metrics *worker_metrics(const void *context, unsigned index)
{
    return &shared_row(context, index)->metrics;
}

struct metrics_sources shared_sources(const struct shared *shared)
{
    return (struct metrics_sources){shared->own, worker_metrics, shared, shared->rows};
}

uint64_t shared_sum(const struct shared *shared, enum shared_gauge gauge)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < shared->rows; i++) {
        const char *metrics = (const char *)&shared_row(shared, i)->metrics;
        sum += tally_get((const struct tally *)(metrics + gauge_offsets[gauge]));
    }
    return sum;
}

/* --- connections --- */

/* What an address is counted as, hashed: one value of 64 bits serves both lines of the sketch. */
static uint64_t ticket_for(const struct shared *shared, const struct ip *address)
{
    static const struct ip nobody;
    const unsigned char *bytes = address == NULL ? nobody.bytes : address->bytes;
    bool v4 = address != NULL && ip_is_v4(address);
    return crypto_hash_under(shared->memory->key, bytes + (v4 ? 12 : 0), v4 ? 4 : 8);
}

static _Atomic uint32_t *cell(const struct shared *shared, unsigned index, unsigned line,
                              uint64_t ticket)
{
    size_t column = (size_t)(ticket >> (32 * line)) & (SHARED_SKETCH_WIDTH - 1);
    return &shared_row(shared, index)->sketch[line][column];
}

static uint64_t count_from(const struct shared *shared, uint64_t ticket)
{
    uint64_t least = UINT64_MAX;
    for (unsigned line = 0; line < SHARED_SKETCH_DEPTH; line++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < shared->rows; i++)
            sum += atomic_load_explicit(cell(shared, i, line, ticket), memory_order_relaxed);
        least = sum < least ? sum : least;
    }
    return least;
}

/* The row has one writer: loads and stores do. */
static void count(struct shared *shared, unsigned index, uint64_t ticket, int change)
{
    struct shared_row *row = shared_row(shared, index);
    tally_add(&row->metrics.connections, (uint64_t)(int64_t)change);
    for (unsigned line = 0; line < SHARED_SKETCH_DEPTH; line++) {
        _Atomic uint32_t *counter = cell(shared, index, line, ticket);
        uint32_t value = atomic_load_explicit(counter, memory_order_relaxed);
        atomic_store_explicit(counter, value + (uint32_t)change, memory_order_relaxed);
    }
}

static bool refuse(struct shared *shared, unsigned index, enum admission_limit limit)
{
    tally_add(&shared_row(shared, index)->metrics.admission[limit], 1);
    return false;
}

bool shared_admit(struct shared *shared, unsigned index, const struct shared_limits *limits,
                  const struct ip *address, uint64_t *ret_ticket)
{
    uint64_t ticket = ticket_for(shared, address);
    if (limits->connections != 0 && shared_sum(shared, SHARED_connections) >= limits->connections)
        return refuse(shared, index, ADMISSION_CONNECTIONS);
    if (address != NULL && limits->connections_per_address != 0 &&
        count_from(shared, ticket) >= limits->connections_per_address)
        return refuse(shared, index, ADMISSION_PER_ADDRESS);
    count(shared, index, ticket, 1);
    *ret_ticket = ticket;
    return true;
}

void shared_release(struct shared *shared, unsigned index, uint64_t ticket)
{
    count(shared, index, ticket, -1);
}
