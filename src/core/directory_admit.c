/* Who may come in. What is checked here and what follows of it are one step: nobody else comes
 * between. */
#include "base/error.h"
#include "core/directory_state.h"

#define TICKETS_MAX 1000000u
#define TICKET_LEAST_MS 1000u

/* One that was used: kept until it is not valid any more. */
struct ticket {
    UT_hash_handle hh;
    struct directory *directory;
    struct deadline deadline;
    unsigned len;
    char bytes[];
};

/* ---- tickets */

static struct ticket *ticket_find(const struct directory *directory, struct slice ticket)
{
    struct ticket *used;
    MAP_FIND(directory->tickets, ticket.ptr, ticket.len, used);
    return used;
}

static void ticket_free(struct ticket *ticket)
{
    wheel_disarm(&ticket->deadline);
    MAP_DELETE(ticket->directory->tickets, ticket);
    mem_free(ticket);
}

static void on_ticket_due(struct deadline *deadline)
{
    ticket_free(WHEEL_OWNER(deadline, struct ticket, deadline));
}

static uint64_t kept_ms(const struct frame *request)
{
    uint64_t ms = request->ticket_ms < CONTROL_TIME_MAX ? request->ticket_ms : CONTROL_TIME_MAX;
    return ms > TICKET_LEAST_MS ? ms : TICKET_LEAST_MS;
}

bool directory_ticket_use(struct directory *directory, const struct frame *request)
{
    struct slice name = request->ticket;
    if (name.len == 0)
        return true;
    if (MAP_COUNT(directory->tickets) >= TICKETS_MAX)
        return false;
    struct ticket *ticket = mem_zero(sizeof(*ticket) + name.len);
    if (ticket == NULL)
        return false;
    ticket->directory = directory;
    ticket->deadline.on_due = on_ticket_due;
    ticket->len = (unsigned)name.len;
    memcpy(ticket->bytes, name.ptr, name.len);
    MAP_ADD(directory->tickets, ticket->bytes, ticket->len, ticket);
    if (ticket->hh.tbl == NULL) {
        mem_free(ticket);
        return false;
    }
    wheel_arm(&directory->wheel, &ticket->deadline, directory->now + kept_ms(request));
    return true;
}

void directory_ticket_forget(struct directory *directory, const struct frame *request)
{
    struct ticket *ticket = ticket_find(directory, request->ticket);
    if (ticket != NULL)
        ticket_free(ticket);
}

void directory_tickets_free(struct directory *directory)
{
    struct ticket *ticket, *next;
    MAP_EACH (directory->tickets, ticket, next) {
        ticket_free(ticket);
    }
}

/* ---- the checks, one after the other; the first that objects decides */

struct entrant {
    struct directory *directory;
    const struct directory_room *room;     /* or NULL */
    const struct directory_member *member; /* who has the name, or NULL */
    const struct frame *request;
    struct control_settings settings;
};

/* A client that missed its end: it is to hear of that, not to begin anew. */
static int check_ended(const struct entrant *entrant)
{
    const struct frame *request = entrant->request;
    if (request->kind != FRAME_RESUME)
        return 0;
    switch (
        directory_ended_find(entrant->directory, request->room, &request->proof, &request->proof)) {
    case LEAVE_KICKED: return ERR_KICKED;
    case LEAVE_ROOM_CLOSED: return ERR_ROOM_CLOSED;
    default: return 0;
    }
}

static int check_ban(const struct entrant *entrant)
{
    bool banned =
        entrant->room != NULL && directory_is_banned(entrant->room, entrant->request->peer);
    return banned ? ERR_FORBIDDEN : 0;
}

static int check_ticket(const struct entrant *entrant)
{
    struct slice ticket = entrant->request->ticket;
    if (ticket.len == 0)
        return 0;
    if (entrant->directory->options.no_tickets)
        return ERR_UNAVAILABLE;
    return ticket_find(entrant->directory, ticket) != NULL ? ERR_UNAUTHORIZED : 0;
}

/* One whose client may never have learnt that it is a member may have come again. */
static int check_name(const struct entrant *entrant)
{
    const struct directory_member *member = entrant->member;
    bool taken = member != NULL && !(entrant->request->flags & JOIN_PROVEN) && !member->unheard;
    return taken ? ERR_PEER_TAKEN : 0;
}

static int check_lock(const struct entrant *entrant)
{
    uint32_t flags = entrant->request->flags;
    bool is_in = entrant->member != NULL && (flags & JOIN_PROVEN);
    return entrant->settings.locked && !(flags & JOIN_ADMIN) && !is_in ? ERR_ROOM_LOCKED : 0;
}

static int check_room(const struct entrant *entrant)
{
    const struct directory_options *options = &entrant->directory->options;
    if (entrant->room != NULL)
        return 0;
    if (options->made_rooms_only)
        return ERR_ROOM_CLOSED;
    bool full = options->rooms != 0 && MAP_COUNT(entrant->directory->rooms) >= options->rooms;
    return full ? ERR_TOO_MANY_ROOMS : 0;
}

static int check_space(const struct entrant *entrant)
{
    size_t others = entrant->room == NULL ? 0 : MAP_COUNT(entrant->room->members);
    size_t limit = entrant->directory->options.peers_per_room;
    size_t asked = entrant->request->peers_max;
    if (entrant->settings.peers_max != 0)
        limit = entrant->settings.peers_max;
    if (asked != 0 && (limit == 0 || asked < limit))
        limit = asked;
    if (entrant->member != NULL)
        others--;
    return limit != 0 && others >= limit ? ERR_ROOM_FULL : 0;
}

int directory_admit(struct directory *directory, const struct directory_room *room,
                    const struct directory_member *member, const struct frame *request)
{
    static int (*const checks[])(const struct entrant *) = {
        check_ended, check_ban, check_ticket, check_name, check_lock, check_room, check_space,
    };
    struct entrant entrant = {
        .directory = directory, .room = room, .member = member, .request = request};
    int error = 0;
    if (room != NULL)
        entrant.settings = directory_settings_read(room);
    for (size_t i = 0; error == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
        error = checks[i](&entrant);
    return error;
}
