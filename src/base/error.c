#include "base/error.h"

struct error_row {
    const char *wire;
    const char *text;
    enum close_code close_new;
    enum close_code close_joined;
};

static const struct error_row errors[ERR_COUNT] = {
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
    if (error >= 0 || -error >= ERR_COUNT)
        error = ERR_INTERNAL;
    return &errors[-error];
}

const char *error_wire(int error)
{
    return error_find(error)->wire;
}

const char *error_text(int error)
{
    return error_find(error)->text;
}

enum close_code error_close(int error, bool joined)
{
    const struct error_row *row = error_find(error);
    return joined ? row->close_joined : row->close_new;
}

static const struct close_row *close_find(enum close_code code)
{
    for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++)
        if (closes[i].code == code)
            return &closes[i];
    return NULL;
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
