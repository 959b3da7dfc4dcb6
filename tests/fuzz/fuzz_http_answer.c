/* Answers of webhooks: in whatever pieces they arrive, they are read the same, and are no larger than
 * allowed. */
#include "must.h"
#include "net/http_answer.h"

#define BODY_MAX 300

static enum http_answered read_in_pieces(struct http_answer *answer, struct slice bytes,
                                         size_t piece)
{
    enum http_answered state = ANSWER_MORE;
    while (bytes.len > 0 && state == ANSWER_MORE) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        state = http_answer_feed(answer, (struct slice){bytes.ptr, len});
        bytes = (struct slice){bytes.ptr + len, bytes.len - len};
    }
    if (state == ANSWER_WHOLE && bytes.len > 0)
        state = http_answer_feed(answer, bytes);
    return state == ANSWER_MORE ? http_answer_end(answer) : state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct http_answer *whole = http_answer_new(BODY_MAX), *split = http_answer_new(BODY_MAX);
    enum http_answered state = read_in_pieces(whole, bytes, size);
    must(read_in_pieces(split, bytes, 1) == state);
    if (state == ANSWER_WHOLE) {
        must(http_answer_status(whole) == http_answer_status(split));
        must(slice_equal(http_answer_body(whole), http_answer_body(split)));
        must(http_answer_body(whole).len <= BODY_MAX);
        must(http_answer_keeps_alive(whole) == http_answer_keeps_alive(split));
    }
    http_answer_free(whole);
    http_answer_free(split);
    return 0;
}
