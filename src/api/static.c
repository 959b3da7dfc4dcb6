#include "api/static.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "api/static_table.h"
#include "base/mem.h"
#include "base/text.h"

#define PATH_MAX_BYTES 1024 /* of a request's path, decoded */

struct static_table *static_ref(struct static_table *table)
{
    table->refs++;
    return table;
}

static void file_free(struct static_file *file)
{
    for (int i = 0; i < CODING_COUNT; i++) {
        mem_free(file->forms[i].bytes);
        buf_done(&file->forms[i].headers);
    }
    mem_free(file->path);
    mem_free(file);
}

void static_unref(struct static_table *table)
{
    if (table == NULL || --table->refs > 0)
        return;
    struct static_file *file, *next;
    MAP_EACH (table->by_path, file, next) {
        MAP_DELETE(table->by_path, file);
        file_free(file);
    }
    mem_free(table);
}

static void release(void *owner)
{
    static_unref(owner);
}

/* What the client accepts (RFC 9110 section 12.5.3). */

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = (struct slice){text.ptr + 1, text.len - 1};
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Takes the part before the separator off. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    size_t taken = end == NULL ? len : len + 1;
    struct slice part = trim((struct slice){rest->ptr, len});
    *rest = (struct slice){rest->ptr + taken, rest->len - taken};
    return part;
}

static bool same_word(struct slice a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

/* "0.25" is 250; what is no weight counts as 1000. */
static int weight(struct slice parameters)
{
    struct slice name = cut(&parameters, '=');
    struct slice value = trim(parameters);
    if (!same_word(name, "q") || value.len == 0 || value.ptr[0] != '0')
        return 1000;
    int thousandths = 0, unit = 100;
    for (size_t i = 2; i < value.len && i < 5; i++, unit /= 10)
        if (value.ptr[i] >= '0' && value.ptr[i] <= '9')
            thousandths += unit * (value.ptr[i] - '0');
    return thousandths;
}

/* Fills the weight of each coding. The file itself is what one gets who names nothing. */
static void read_weights(struct slice accept, int weights[CODING_COUNT])
{
    static const char *const names[CODING_COUNT] = {"br", "gzip", "identity"};
    int others = -1;
    for (int i = 0; i < CODING_COUNT; i++)
        weights[i] = -1;
    while (accept.len > 0) {
        struct slice parameters = cut(&accept, ',');
        struct slice name = cut(&parameters, ';');
        int value = weight(parameters);
        if (same_word(name, "*"))
            others = value;
        for (int i = 0; i < CODING_COUNT; i++)
            if (same_word(name, names[i]))
                weights[i] = value;
    }
    for (int i = 0; i < CODING_COUNT; i++)
        if (weights[i] < 0)
            weights[i] = others >= 0 ? others : i == CODING_IDENTITY ? 1 : 0;
}

/* The best form that the client takes, the smallest of equals; the file itself rather than nothing.
 */
static const struct static_form *choose(const struct static_file *file, struct slice accept)
{
    int weights[CODING_COUNT];
    int best = CODING_IDENTITY;
    read_weights(accept, weights);
    for (int i = CODING_COUNT - 1; i >= 0; i--) {
        const struct static_form *form = &file->forms[i];
        if (form->bytes == NULL || weights[i] == 0)
            continue;
        if (weights[best] == 0 || weights[i] > weights[best] ||
            (weights[i] == weights[best] && form->len < file->forms[best].len))
            best = i;
    }
    return &file->forms[best];
}

/* RFC 9110 section 13.1.2: compared weakly, so "W/" does not matter. */
static bool none_match_has(struct slice tags, const char *tag)
{
    while (tags.len > 0) {
        struct slice one = cut(&tags, ',');
        if (one.len > 2 && memcmp(one.ptr, "W/", 2) == 0)
            one = (struct slice){one.ptr + 2, one.len - 2};
        if (slice_is(one, tag) || slice_is(one, "*"))
            return true;
    }
    return false;
}

/* Older Safari does not count WebSockets of the same host under 'self'. The host was validated with
 * the request. */
static void add_content_policy(const struct http_request *request, struct buf *headers)
{
    buf_add_text(headers, "Content-Security-Policy: default-src 'self'; "
                          "img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
                          "connect-src 'self'");
    if (request->host.len > 0) {
        buf_add_text(headers, " ws://");
        buf_add_slice(headers, request->host);
        buf_add_text(headers, " wss://");
        buf_add_slice(headers, request->host);
    }
    buf_add_text(headers, "; object-src 'none'; base-uri 'none'; form-action 'self'; "
                          "frame-ancestors 'none'\r\n");
}

void static_add_security(const struct static_table *table, const struct http_request *request,
                         struct http_response *response)
{
    struct buf *headers = &response->headers;
    if (table->policy == NULL)
        add_content_policy(request, headers);
    else
        http_response_add(response, "Content-Security-Policy", slice_of(table->policy));
    const char *devices = table->policy == NULL ? "(self)" : "()";
    buf_add_format(headers, "Permissions-Policy: camera=%s, microphone=%s, display-capture=%s\r\n",
                   devices, devices, devices);
    buf_add_text(headers, "Cross-Origin-Opener-Policy: same-origin\r\n"
                          "Referrer-Policy: no-referrer\r\n"
                          "X-Content-Type-Options: nosniff\r\n");
    if (table->hsts > 0 && request->secure)
        buf_add_format(headers, "Strict-Transport-Security: max-age=%llu\r\n",
                       (unsigned long long)table->hsts);
}

static const struct static_file *find(const struct static_table *table, struct slice path)
{
    const struct static_file *file = NULL;
    struct buf name;
    buf_init(&name, PATH_MAX_BYTES);
    if (text_percent_decode(path, &name)) {
        if (name.len > 0 && name.data[name.len - 1] == '/')
            buf_add_text(&name, "index.html");
        if (!buf_failed(&name))
            MAP_FIND(table->by_path, name.data, name.len, file);
    }
    buf_done(&name);
    return file;
}

static void respond_file(struct static_table *table, const struct static_file *file,
                         const struct http_request *request, struct http_response *response)
{
    const struct static_form *form = choose(file, http_header(request, "Accept-Encoding"));
    buf_add_slice(&response->headers, buf_slice(&form->headers));
    http_response_add(response, "Cache-Control", SLICE("no-cache"));
    if (none_match_has(http_header(request, "If-None-Match"), form->tag)) {
        response->status = 304;
        return;
    }
    response->status = 200;
    response->body = (struct slice){form->bytes, form->len};
    response->owner = static_ref(table);
    response->release = release;
}

void static_respond(struct static_table *table, const struct http_request *request,
                    struct http_response *response)
{
    const struct static_file *file = find(table, request->path);
    static_add_security(table, request, response);
    if (file == NULL) {
        http_response_text(response, 404, "not found\n");
    } else if (request->method != METHOD_GET && request->method != METHOD_HEAD) {
        http_response_add(response, "Allow", SLICE("GET, HEAD"));
        http_response_text(response, 405, "only GET and HEAD\n");
    } else {
        respond_file(table, file, request, response);
    }
}
