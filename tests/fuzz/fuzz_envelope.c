/* Whatever a client sends: each slice lies and holds what the header says; cJSON reads the same. */
#include "core/envelope.h"
#include "core/json.h"
#include "must.h"
#include "second_opinion.h"

static struct envelope envelope;

static bool lies_within(struct slice inner, const char *start, size_t len)
{
    return inner.ptr >= start && inner.ptr + inner.len <= start + len;
}

static void check_place(struct slice slice, struct slice text)
{
    must(slice.ptr == NULL || lies_within(slice, text.ptr, text.len) ||
         lies_within(slice, envelope.decoded, envelope.decoded_len));
}

static void check_raw(struct slice slice, struct slice text, enum json_kind kind, enum json_kind or)
{
    if (slice.ptr == NULL)
        return;
    must(lies_within(slice, text.ptr, text.len));
    must(json_check(slice) == kind || json_check(slice) == or);
}

static void check_fields(struct slice text)
{
    must(envelope.decoded_len <= sizeof(envelope.decoded));
    check_place(envelope.to, text);
    check_place(envelope.peer, text);
    check_place(envelope.token, text);
    check_place(envelope.session, text);
    must(envelope.to.ptr == NULL || text_is_peer_name(envelope.to));
    must(envelope.peer.ptr == NULL || text_is_peer_name(envelope.peer));
    must(envelope.token.len <= ENVELOPE_TOKEN_MAX);
    must(envelope.session.len <= ENVELOPE_SESSION_MAX);
    must(envelope.id.len <= ENVELOPE_ID_MAX);
    must(envelope.received <= UINT64_C(1) << 53);
    check_raw(envelope.id, text, JSON_STRING, JSON_NUMBER);
    check_raw(envelope.info, text, JSON_OBJECT, JSON_OBJECT);
    must(envelope.data.ptr == NULL || json_check(envelope.data) != JSON_INVALID);
}

static void check_needed(void)
{
    if (envelope.type == TYPE_SIGNAL)
        must(envelope.to.ptr != NULL && envelope.data.ptr != NULL);
    if (envelope.type == TYPE_INFO)
        must(envelope.info.ptr != NULL);
    if (envelope.type == TYPE_KICK)
        must(envelope.peer.ptr != NULL && envelope.ban <= UINT64_C(1000) * ENVELOPE_BAN_MAX);
    if (envelope.type == TYPE_TOKEN)
        must(envelope.token.ptr != NULL);
    must(envelope.type != TYPE_UNKNOWN);
    must(envelope.session.ptr == NULL || (envelope.type == TYPE_JOIN && envelope.has_received));
}

static void check_text(const cJSON *json, const char *name, struct slice slice)
{
    const char *text = cJSON_GetStringValue(second_opinion_member(json, name));
    must(slice.ptr == NULL || (text != NULL && slice_is(slice, text)));
}

/* A decoded text that holds a NUL is beyond cJSON, and so are member names with one. */
static void compare(struct slice text)
{
    cJSON *json = second_opinion_parse(text);
    must(json != NULL);
    if (memmem(text.ptr, text.len, "\\u0000", 6) == NULL) {
        check_text(json, "to", envelope.to);
        check_text(json, "peer", envelope.peer);
        check_text(json, "token", envelope.token);
        check_text(second_opinion_member(json, "resume"), "session", envelope.session);
    }
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    int error = envelope_read(&envelope, text);
    must((error == ERR_NOT_JSON) == (json_check(text) == JSON_INVALID));
    if (error == ERR_NOT_JSON)
        return 0;
    must(error == 0 || error == ERR_BAD_MESSAGE || error == ERR_UNKNOWN_TYPE ||
         error == ERR_BAD_NAME || error == ERR_TOO_LARGE);
    check_fields(text);
    if (error == 0)
        check_needed();
    if (second_opinion_can_tell(text))
        compare(text);
    return 0;
}
