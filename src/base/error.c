#include "base/error.h"

struct error_row {
    const char *wire;
    const char *text;
    enum close_code close_new;
    enum close_code close_joined;
};

static const struct error_row errors[] = {
    [ERR_NOT_JSON_NEGATED] = {"bad-message", "The message is not UTF-8 or not JSON.",
                              CLOSE_NOT_JSON, CLOSE_NOT_JSON},
    [ERR_KICKED_NEGATED] = {"forbidden", "An administrator has removed this peer from the room.",
                            CLOSE_KICKED, CLOSE_KICKED},
    [ERR_TOO_MANY_ROOMS_NEGATED] = {"unavailable", "There are as many rooms as there may be.",
                                    CLOSE_OVERLOADED, CLOSE_NONE},
#define X(name, wire, text, close_new, close_joined)                                               \
    [ERR_NEGATED_##name] = {wire, text, close_new, close_joined},
    WIRE_ERRORS(X)
#undef X
};

struct close_row {
    enum close_code code;
    const char *reason;
    bool resumable;
};

static const struct close_row closes[] = {
#define X(code, reason, resumable, reconnect) {code, reason, resumable},
    CLOSE_CODES(X)
#undef X
};

static const struct error_row *error_find(int error)
{
    const size_t count = sizeof(errors) / sizeof(errors[0]);
    size_t row = error < 0 ? 0 - (size_t)error : 0;
    return row > 0 && row < count && errors[row].wire != NULL ? &errors[row]
                                                              : &errors[ERR_NEGATED_INTERNAL];
}

const char *error_wire(int error)
{
    return error_find(error)->wire;
}

const char *error_text(int error)
{
    return error_find(error)->text;
}

unsigned error_number(int error)
{
    switch (error) {
    case ERR_NOT_JSON: return ERR_NEGATED_BAD_MESSAGE;
    case ERR_KICKED: return ERR_NEGATED_FORBIDDEN;
    case ERR_TOO_MANY_ROOMS: return ERR_NEGATED_UNAVAILABLE;
    default: return error < 0 && error > -ERR_COUNT ? (unsigned)-error : ERR_NEGATED_INTERNAL;
    }
}

enum close_code error_close(int error, bool joined)
{
    const struct error_row *row = error_find(error);
    return joined ? row->close_joined : row->close_new;
}

unsigned close_index(enum close_code code)
{
    unsigned i = 0;
    while (i < CLOSE_CODE_COUNT && closes[i].code != code)
        i++;
    return i;
}

enum close_code close_at(unsigned index)
{
    return closes[index].code;
}

static const struct close_row *close_find(enum close_code code)
{
    unsigned index = close_index(code);
    return index < CLOSE_CODE_COUNT ? &closes[index] : NULL;
}

const char *close_reason(enum close_code code)
{
    const struct close_row *row = close_find(code);
    return row == NULL ? "" : row->reason;
}

bool close_resumable(enum close_code code)
{
    const struct close_row *row = close_find(code);
    return row == NULL || row->resumable;
}
