#include "dialect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct word {
    const char *type;
    enum said said;
};

static const struct word roomline_words[] = {
    {"signal", SAID_SIGNAL},       {"joined", SAID_JOINED}, {"peer-joined", SAID_PEER_JOINED},
    {"peer-left", SAID_PEER_LEFT}, {"error", SAID_ERROR},   {NULL, SAID_OTHER},
};

static const struct word limit_words[] = {
    {"signal", SAID_SIGNAL},
    {"join", SAID_PEER_JOINED},
    {"leave", SAID_PEER_LEFT},
    {NULL, SAID_ERROR},
};

/* Every message the bench meets has `type` as its first field. */
static enum said look_up(const struct word *words, const char *text, size_t length)
{
    static const char begin[] = "{\"type\":\"";
    size_t skip = sizeof(begin) - 1;
    if (length < skip || memcmp(text, begin, skip) != 0)
        return SAID_ERROR;
    const struct word *word = words;
    for (; word->type; word++) {
        size_t size = strlen(word->type);
        if (length > skip + size && memcmp(text + skip, word->type, size) == 0 &&
            text[skip + size] == '"')
            break;
    }
    return word->said;
}

static enum said hear_roomline(const char *text, size_t length, bool joined)
{
    (void)joined;
    return look_up(roomline_words, text, length);
}

static enum said hear_limit(const char *text, size_t length, bool joined)
{
    enum said said = look_up(limit_words, text, length);
    return said == SAID_PEER_JOINED && !joined ? SAID_JOINED : said;
}

/* A server may still hold the rooms of an earlier run: each process has its own. */
static void write_roomline_path(char *path, size_t size, unsigned room, unsigned pair)
{
    (void)pair;
    snprintf(path, size, "/v1/rooms/bench-%d-%u/ws", (int)getpid(), room);
}

static void write_limit_path(char *path, size_t size, unsigned room, unsigned pair)
{
    (void)room;
    snprintf(path, size, "/pair/%u", pair);
}

static const struct dialect dialects[] = {
    {.name = "roomline", .write_path = write_roomline_path, .hear = hear_roomline},
    {.name = "limit",
     .second_unanswered = true,
     .client_closes = true,
     .write_path = write_limit_path,
     .hear = hear_limit},
};

const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
        if (strcmp(dialects[i].name, name) == 0)
            return &dialects[i];
    return NULL;
}
