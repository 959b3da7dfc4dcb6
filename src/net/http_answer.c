#include "net/http_answer.h"

#include <llhttp.h>

#include "base/mem.h"

struct http_answer {
    llhttp_t llhttp;
    struct buf body;
    size_t raw; /* bytes that came */
    enum http_answered state;
    bool keeps_alive;
};

static int body_cb(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_answer *answer = llhttp->data;
    buf_add(&answer->body, at, len);
    return buf_failed(&answer->body) ? -1 : 0;
}

static int complete_cb(llhttp_t *llhttp)
{
    struct http_answer *answer = llhttp->data;
    if (llhttp->status_code < 200)
        return llhttp->status_code == 101 ? -1 : 0; /* we never ask for another protocol */
    answer->state = ANSWER_WHOLE;
    answer->keeps_alive = llhttp_should_keep_alive(llhttp) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {.on_body = body_cb, .on_message_complete = complete_cb};

void http_answer_reset(struct http_answer *answer)
{
    size_t body_max = answer->body.max;
    buf_done(&answer->body);
    *answer = (struct http_answer){.state = ANSWER_MORE};
    buf_init(&answer->body, body_max);
    llhttp_init(&answer->llhttp, HTTP_RESPONSE, &settings);
    answer->llhttp.data = answer;
}

struct http_answer *http_answer_new(size_t body_max)
{
    struct http_answer *answer = mem_zero(sizeof(*answer));
    if (answer == NULL)
        return NULL;
    buf_init(&answer->body, body_max);
    http_answer_reset(answer);
    return answer;
}

void http_answer_free(struct http_answer *answer)
{
    if (answer == NULL)
        return;
    buf_done(&answer->body);
    mem_free(answer);
}

enum http_answered http_answer_feed(struct http_answer *answer, struct slice bytes)
{
    if (answer->state != ANSWER_MORE || bytes.len == 0) {
        answer->state = bytes.len == 0 ? answer->state : ANSWER_BROKEN;
        return answer->state;
    }
    enum llhttp_errno error = llhttp_execute(&answer->llhttp, bytes.ptr, bytes.len);
    answer->raw += bytes.len;
    const char *end = llhttp_get_error_pos(&answer->llhttp);
    bool whole = answer->state == ANSWER_WHOLE && (end == NULL || end == bytes.ptr + bytes.len);
    bool going_on = answer->state == ANSWER_MORE && error == HPE_OK;
    if (!(whole || going_on) || answer->raw - answer->body.len > HTTP_ANSWER_HEAD_MAX)
        answer->state = ANSWER_BROKEN;
    return answer->state;
}

enum http_answered http_answer_end(struct http_answer *answer)
{
    if (answer->state == ANSWER_MORE)
        llhttp_finish(&answer->llhttp);
    if (answer->state == ANSWER_MORE)
        answer->state = ANSWER_BROKEN;
    answer->keeps_alive = false;
    return answer->state;
}

int http_answer_status(const struct http_answer *answer)
{
    return answer->llhttp.status_code;
}

struct slice http_answer_body(const struct http_answer *answer)
{
    return buf_slice(&answer->body);
}

bool http_answer_keeps_alive(const struct http_answer *answer)
{
    return answer->keeps_alive;
}

bool http_answer_has_begun(const struct http_answer *answer)
{
    return answer->raw > 0;
}
