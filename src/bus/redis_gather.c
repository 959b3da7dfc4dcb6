#include "bus/redis_gather.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

struct part {
    bool came;
    int error;
    enum control_outcome outcome;
    struct buf data;
};

struct gather {
    uint32_t request;
    enum control_op op;
    worker_id asker;
    uint32_t limit; /* of LIST */
    uint64_t since;
    size_t count;
    struct part parts[];
};

bool gather_is_for(const struct frame *ask)
{
    return ask->kind == FRAME_CONTROL &&
           (ask->reason == CONTROL_LIST || ask->reason == CONTROL_WORKERS);
}

struct gather *gather_new(const struct frame *ask, size_t shards, uint64_t now)
{
    struct gather *gather = mem_zero(sizeof(*gather) + shards * sizeof(gather->parts[0]));
    struct control_query query;
    if (gather == NULL)
        return NULL;
    gather->request = ask->request;
    gather->op = ask->reason;
    gather->asker = ask->from;
    gather->limit = control_query_read(ask->data, &query) ? query.limit : 0;
    gather->since = now;
    gather->count = shards;
    for (size_t i = 0; i < shards; i++)
        buf_init(&gather->parts[i].data, CONTROL_ANSWER_MAX);
    return gather;
}

void gather_free(struct gather *gather)
{
    for (size_t i = 0; i < gather->count; i++)
        buf_done(&gather->parts[i].data);
    mem_free(gather);
}

uint32_t gather_request(const struct gather *gather)
{
    return gather->request;
}

uint64_t gather_since(const struct gather *gather)
{
    return gather->since;
}

bool gather_take(struct gather *gather, size_t shard, const struct frame *answer)
{
    struct part *part = &gather->parts[shard];
    if (!part->came) {
        part->came = true;
        part->error = answer->error;
        part->outcome = answer->reason;
        buf_add_slice(&part->data, answer->data);
        if (buf_failed(&part->data))
            part->error = ERR_UNAVAILABLE;
    }
    for (size_t i = 0; i < gather->count; i++)
        if (!gather->parts[i].came)
            return false;
    return true;
}

/* ---- one answer of many */

static bool read_part(const struct part *part, struct control_listing *ret_listing)
{
    return part->came && part->error == 0 && part->outcome == CONTROL_DONE &&
           control_listing_read(buf_slice(&part->data), ret_listing);
}

/* An entry as any of the two ops has it. */
union entry {
    struct control_listed listed;
    struct control_worker worker;
};

static bool next_entry(enum control_op op, struct slice *entries, union entry *ret_entry)
{
    return op == CONTROL_LIST ? control_listed_next(entries, &ret_entry->listed)
                              : control_worker_next(entries, &ret_entry->worker);
}

static int compare_listed(const void *a, const void *b)
{
    struct slice one = ((const union entry *)a)->listed.room;
    struct slice other = ((const union entry *)b)->listed.room;
    int order = memcmp(one.ptr, other.ptr, one.len < other.len ? one.len : other.len);
    return order != 0 ? order : (one.len > other.len) - (one.len < other.len);
}

static int compare_workers(const void *a, const void *b)
{
    const struct control_worker *one = &((const union entry *)a)->worker;
    const struct control_worker *other = &((const union entry *)b)->worker;
    if (one->worker != other->worker)
        return one->worker < other->worker ? -1 : 1;
    return (int)other->fresh - (int)one->fresh;
}

static size_t count_entries(const struct gather *gather)
{
    struct control_listing listing;
    union entry entry;
    size_t count = 0;
    for (size_t i = 0; i < gather->count; i++)
        if (read_part(&gather->parts[i], &listing))
            while (next_entry(gather->op, &listing.entries, &entry))
                count++;
    return count;
}

/* NULL: no memory. Notes in *head what the parts' heads say. */
static union entry *collect(const struct gather *gather, const struct slice *names,
                            struct control_listing *head, struct buf *missing, size_t *ret_count)
{
    union entry *entries = mem_alloc((count_entries(gather) + 1) * sizeof(*entries));
    struct control_listing listing;
    *ret_count = 0;
    for (size_t i = 0; entries != NULL && i < gather->count; i++) {
        if (!read_part(&gather->parts[i], &listing)) {
            head->missing++;
            control_name_add(missing, names[i]);
            continue;
        }
        head->more |= listing.more;
        while (next_entry(gather->op, &listing.entries, &entries[*ret_count]))
            (*ret_count)++;
    }
    return entries;
}

/* The first of them all are among the first of each. */
static void add_rooms(const struct gather *gather, const union entry *entries, size_t count,
                      struct buf *out)
{
    for (size_t i = 0; i < count && i < gather->limit; i++)
        control_listed_add(out, &entries[i].listed);
}

/* Each worker beats on every shard; it lives where any of them says so. */
static void add_workers(const union entry *entries, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        if (i == 0 || entries[i].worker.worker != entries[i - 1].worker.worker)
            control_worker_add(out, &entries[i].worker);
}

static bool merge(const struct gather *gather, const struct slice *names, struct buf *out)
{
    struct control_listing head = {.shards = (uint32_t)gather->count};
    struct buf missing;
    size_t count;
    buf_init(&missing, gather->count * (CONTROL_SHARD_NAME_MAX + 4));
    union entry *entries = collect(gather, names, &head, &missing, &count);
    bool any = entries != NULL && head.missing < gather->count;
    if (any) {
        bool list = gather->op == CONTROL_LIST;
        qsort(entries, count, sizeof(*entries), list ? compare_listed : compare_workers);
        head.more |= list && count > gather->limit;
        head.names = buf_slice(&missing);
        control_listing_begin(out, &head);
        if (list)
            add_rooms(gather, entries, count, out);
        else
            add_workers(entries, count, out);
    }
    mem_free(entries);
    buf_done(&missing);
    return any && !buf_failed(out);
}

/* What is no query is none to any of them. */
static bool is_invalid(const struct gather *gather)
{
    return gather->op == CONTROL_LIST && gather->limit == 0;
}

struct frame gather_answer(const struct gather *gather, const struct slice *names, struct buf *out)
{
    struct frame answer = {.kind = FRAME_CONTROLLED,
                           .from = DIRECTORY,
                           .to = gather->asker,
                           .request = gather->request,
                           .reason = CONTROL_DONE};
    if (is_invalid(gather))
        answer.reason = CONTROL_INVALID;
    else if (merge(gather, names, out))
        answer.data = buf_slice(out);
    else
        answer.error = ERR_UNAVAILABLE;
    return answer;
}
