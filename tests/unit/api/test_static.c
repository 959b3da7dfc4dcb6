/* The table of the client's files, and what is answered from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "api/static.h"
#include "base/crypto.h"

#define PAGE_REPEATS 100

static char folder[64];
static char page[8192];

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    char path[128];
    crypto_init();
    strcpy(folder, "/tmp/roomline-static-XXXXXX");
    assert_non_null(mkdtemp(folder));
    page[0] = '\0';
    for (int i = 0; i < PAGE_REPEATS; i++)
        strcat(page, "<p>the same again, and again</p>\n");
    write_file("index.html", page);
    write_file("tiny.css", "a{}");
    write_file("noise.png", "\x89PNG not compressible by its type");
    write_file(".hidden", "secret");
    write_file("package.json", "{}");
    write_file("package-lock.json", "{}");
    write_file("packages.json", "{}");
    snprintf(path, sizeof(path), "%s/pages", folder);
    mkdir(path, 0755);
    write_file("pages/index.html", "inner");
    write_file("pages/a b.txt", "blank");
    snprintf(path, sizeof(path), "%s/node_modules", folder);
    mkdir(path, 0755);
    write_file("node_modules/index.js", "a module");
    snprintf(path, sizeof(path), "%s/pipe.txt", folder);
    assert_int_equal(mkfifo(path, 0644), 0);
    snprintf(path, sizeof(path), "%s/link.txt", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r -- '%s'", folder);
    return system(command);
}

static struct static_table *load(uint64_t hsts)
{
    char error[STATIC_ERROR_SIZE];
    struct static_options options = {.folder = folder, .hsts = hsts};
    struct static_table *table = static_load(&options, NULL, error);
    assert_non_null(table);
    return table;
}

/* One request and what came of it. */
struct exchange {
    struct http_header headers[4];
    struct http_request request;
    struct http_response response;
};

static void ask(struct exchange *exchange, struct static_table *table, enum http_method method,
                const char *path)
{
    exchange->request.method = method;
    exchange->request.path = slice_of(path);
    exchange->request.host = SLICE("example.org:8443");
    exchange->request.headers = exchange->headers;
    exchange->response = (struct http_response){0};
    buf_init(&exchange->response.headers, 16384);
    static_respond(table, &exchange->request, &exchange->response);
    buf_add_char(&exchange->response.headers, '\0');
    assert_false(buf_failed(&exchange->response.headers));
}

static void with_header(struct exchange *exchange, const char *name, const char *value)
{
    exchange->headers[exchange->request.header_count++] =
        (struct http_header){slice_of(name), slice_of(value)};
}

static void done(struct exchange *exchange)
{
    if (exchange->response.release != NULL)
        exchange->response.release(exchange->response.owner);
    buf_done(&exchange->response.headers);
}

static bool has_line(const struct exchange *exchange, const char *line)
{
    return strstr(exchange->response.headers.data, line) != NULL;
}

static int status_of(struct static_table *table, enum http_method method, const char *path)
{
    struct exchange exchange = {0};
    ask(&exchange, table, method, path);
    int status = exchange.response.status;
    done(&exchange);
    return status;
}

static void a_slash_is_the_index(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    struct exchange exchange = {0};
    ask(&exchange, table, METHOD_GET, "/");
    assert_int_equal(exchange.response.status, 200);
    assert_true(slice_is(exchange.response.body, page));
    assert_true(has_line(&exchange, "Content-Type: text/html; charset=utf-8\r\n"));
    done(&exchange);
    ask(&exchange, table, METHOD_GET, "/pages/");
    assert_true(slice_is(exchange.response.body, "inner"));
    done(&exchange);
    static_unref(table);
}

static void paths_are_decoded_once(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    assert_int_equal(status_of(table, METHOD_GET, "/pages/a%20b.txt"), 200);
    assert_int_equal(status_of(table, METHOD_GET, "/pages/a%2520b.txt"), 404);
    assert_int_equal(status_of(table, METHOD_GET, "/pages/a%2"), 404);
    static_unref(table);
}

static void nothing_outside_the_table_is_served(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    const char *const paths[] = {"/missing",
                                 "/.hidden",
                                 "/link.txt",
                                 "/pipe.txt",
                                 "/../../etc/passwd",
                                 "/pages",
                                 "/pages/../index.html",
                                 "//index.html",
                                 "/%2e%2e/%2e%2e/etc/passwd",
                                 "/index.html%00",
                                 ""};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(status_of(table, METHOD_GET, paths[i]), 404);
    static_unref(table);
}

static void what_is_for_npm_is_not_served(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    assert_int_equal(status_of(table, METHOD_GET, "/package.json"), 404);
    assert_int_equal(status_of(table, METHOD_GET, "/package-lock.json"), 404);
    assert_int_equal(status_of(table, METHOD_GET, "/node_modules/index.js"), 404);
    assert_int_equal(status_of(table, METHOD_GET, "/packages.json"), 200);
    static_unref(table);
}

static void other_methods_are_refused(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    struct exchange exchange = {0};
    assert_int_equal(status_of(table, METHOD_HEAD, "/"), 200);
    ask(&exchange, table, METHOD_POST, "/");
    assert_int_equal(exchange.response.status, 405);
    assert_true(has_line(&exchange, "Allow: GET, HEAD\r\n"));
    done(&exchange);
    static_unref(table);
}

static void every_answer_carries_the_security_headers(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    const char *const paths[] = {"/", "/missing"};
    for (size_t i = 0; i < 2; i++) {
        struct exchange exchange = {0};
        ask(&exchange, table, METHOD_GET, paths[i]);
        assert_true(has_line(&exchange, "X-Content-Type-Options: nosniff\r\n"));
        assert_true(has_line(&exchange,
                             "connect-src 'self' ws://example.org:8443 wss://example.org:8443;"));
        assert_false(has_line(&exchange, "unsafe-inline"));
        assert_true(has_line(&exchange, "Permissions-Policy: camera=(self), microphone=(self), "
                                        "display-capture=(self)\r\n"));
        assert_true(has_line(&exchange, "Cross-Origin-Opener-Policy: same-origin\r\n"));
        assert_true(has_line(&exchange, "Referrer-Policy: "));
        done(&exchange);
    }
    static_unref(table);
}

static void pages_may_have_a_policy_of_their_own(void **state)
{
    (void)state;
    char error[STATIC_ERROR_SIZE];
    struct static_options options = {.folder = folder, .policy = "default-src 'none'"};
    struct static_table *table = static_load(&options, NULL, error);
    struct exchange exchange = {0};
    assert_non_null(table);
    ask(&exchange, table, METHOD_GET, "/");
    assert_true(has_line(&exchange, "Content-Security-Policy: default-src 'none'\r\n"));
    assert_true(has_line(&exchange, "Permissions-Policy: camera=(), microphone=(), "
                                    "display-capture=()\r\n"));
    assert_false(has_line(&exchange, "'self'"));
    done(&exchange);
    static_unref(table);
}

static void hsts_is_sent_over_tls_only(void **state)
{
    (void)state;
    struct static_table *table = load(31536000);
    struct exchange exchange = {0};
    ask(&exchange, table, METHOD_GET, "/");
    assert_false(has_line(&exchange, "Strict-Transport-Security"));
    done(&exchange);
    exchange.request.secure = true;
    ask(&exchange, table, METHOD_GET, "/");
    assert_true(has_line(&exchange, "Strict-Transport-Security: max-age=31536000\r\n"));
    done(&exchange);
    static_unref(table);
}

/* What the server chooses for each Accept-Encoding; "" is the file itself. */
static void the_coding_follows_the_weights(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        const char *coding;
    } rows[] = {
        {"gzip", "gzip"},
        {"br", "br"},
        {"gzip, deflate, br", "br"},
        {"gzip;q=1.0, br;q=0.5", "gzip"},
        {"br;q=0, gzip;q=0.001", "gzip"},
        {"gzip;q=0, br;q=0", ""},
        {"identity", ""},
        {"*", "br"},
        {"*;q=0.5, br;q=0", "gzip"},
        {"identity;q=0, *", "br"},
        {"GZIP", "gzip"},
        {"deflate", ""},
        {"", ""},
        {";;;,,,=", ""},
    };
    struct static_table *table = load(0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct exchange exchange = {0};
        char line[64];
        with_header(&exchange, "Accept-Encoding", rows[i].accept);
        ask(&exchange, table, METHOD_GET, "/");
        snprintf(line, sizeof(line), "Content-Encoding: %s\r\n", rows[i].coding);
        assert_int_equal(has_line(&exchange, "Content-Encoding"), rows[i].coding[0] != '\0');
        if (rows[i].coding[0] != '\0' && !has_line(&exchange, line))
            fail_msg("%s: %s", rows[i].accept, exchange.response.headers.data);
        assert_true(has_line(&exchange, "Vary: Accept-Encoding\r\n"));
        done(&exchange);
    }
    static_unref(table);
}

static void gzip_holds_the_same_bytes(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    struct exchange exchange = {0};
    char out[sizeof(page)];
    with_header(&exchange, "accept-encoding", "gzip");
    ask(&exchange, table, METHOD_GET, "/index.html");
    assert_true(exchange.response.body.len < strlen(page));
    z_stream stream = {.next_in = (Bytef *)exchange.response.body.ptr,
                       .avail_in = (uInt)exchange.response.body.len,
                       .next_out = (Bytef *)out,
                       .avail_out = sizeof(out)};
    assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, strlen(page));
    assert_memory_equal(out, page, strlen(page));
    inflateEnd(&stream);
    done(&exchange);
    static_unref(table);
}

static void what_does_not_shrink_has_one_form(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    const char *const paths[] = {"/tiny.css", "/noise.png"};
    for (size_t i = 0; i < 2; i++) {
        struct exchange exchange = {0};
        with_header(&exchange, "Accept-Encoding", "gzip, br");
        ask(&exchange, table, METHOD_GET, paths[i]);
        assert_false(has_line(&exchange, "Content-Encoding"));
        assert_false(has_line(&exchange, "Vary"));
        done(&exchange);
    }
    static_unref(table);
}

static void copy_tag(const struct exchange *exchange, char tag[64])
{
    const char *line = strstr(exchange->response.headers.data, "ETag: ");
    assert_non_null(line);
    size_t len = strcspn(line + 6, "\r");
    assert_true(len < 64);
    memcpy(tag, line + 6, len);
    tag[len] = '\0';
}

static void a_known_tag_gets_304(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    struct exchange first = {0};
    char tag[64], weak[80], list[100];
    ask(&first, table, METHOD_GET, "/");
    copy_tag(&first, tag);
    done(&first);
    snprintf(weak, sizeof(weak), "W/%s", tag);
    snprintf(list, sizeof(list), "\"other\", %s", tag);
    const char *const matches[] = {tag, weak, list, "*"};
    for (size_t i = 0; i < 4; i++) {
        struct exchange exchange = {0};
        with_header(&exchange, "If-None-Match", matches[i]);
        ask(&exchange, table, METHOD_GET, "/");
        assert_int_equal(exchange.response.status, 304);
        assert_int_equal(exchange.response.body.len, 0);
        assert_true(has_line(&exchange, tag));
        done(&exchange);
    }
    struct exchange other = {0};
    with_header(&other, "If-None-Match", "\"other\"");
    ask(&other, table, METHOD_GET, "/");
    assert_int_equal(other.response.status, 200);
    done(&other);
    static_unref(table);
}

static void each_coding_has_its_own_tag(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    struct exchange plain = {0}, packed = {0};
    char tag[64], packed_tag[64];
    ask(&plain, table, METHOD_GET, "/");
    copy_tag(&plain, tag);
    done(&plain);
    with_header(&packed, "Accept-Encoding", "br");
    ask(&packed, table, METHOD_GET, "/");
    copy_tag(&packed, packed_tag);
    done(&packed);
    assert_string_not_equal(tag, packed_tag);
    static_unref(table);
}

static void a_changed_file_has_another_tag(void **state)
{
    (void)state;
    char tag[64], changed[64];
    struct exchange exchange = {0};
    struct static_table *table = load(0);
    ask(&exchange, table, METHOD_GET, "/tiny.css");
    copy_tag(&exchange, tag);
    done(&exchange);
    static_unref(table);
    write_file("tiny.css", "b{}");
    table = load(0);
    ask(&exchange, table, METHOD_GET, "/tiny.css");
    copy_tag(&exchange, changed);
    done(&exchange);
    static_unref(table);
    write_file("tiny.css", "a{}");
    assert_string_not_equal(tag, changed);
}

static void an_answer_in_flight_keeps_the_old_table(void **state)
{
    (void)state;
    struct static_table *table = load(0);
    struct exchange exchange = {0};
    ask(&exchange, table, METHOD_GET, "/");
    static_unref(table);
    assert_true(slice_is(exchange.response.body, page));
    done(&exchange);
}

static struct static_table *load_after(const struct static_table *former)
{
    char error[STATIC_ERROR_SIZE];
    struct static_options options = {.folder = folder};
    struct static_table *table = static_load(&options, former, error);
    assert_non_null(table);
    return table;
}

/* The page as it is sent in gzip, its body copied. */
static size_t packed_page(struct static_table *table, char ret_body[sizeof(page)])
{
    struct exchange exchange = {0};
    with_header(&exchange, "Accept-Encoding", "gzip");
    ask(&exchange, table, METHOD_GET, "/");
    assert_true(has_line(&exchange, "Content-Encoding: gzip\r\n"));
    size_t len = exchange.response.body.len;
    memcpy(ret_body, exchange.response.body.ptr, len);
    done(&exchange);
    return len;
}

static void a_file_that_stayed_is_not_compressed_again(void **state)
{
    (void)state;
    char before[sizeof(page)], after[sizeof(page)];
    struct static_table *former = load(0);
    struct exchange mark = {0};
    with_header(&mark, "Accept-Encoding", "gzip");
    ask(&mark, former, METHOD_GET, "/");
    ((char *)mark.response.body.ptr)[9] = 'x'; /* gzip's byte for the system it was made on */
    done(&mark);
    size_t len = packed_page(former, before);
    struct static_table *table = load_after(former);
    static_unref(former);
    assert_int_equal(packed_page(table, after), len);
    assert_memory_equal(before, after, len);
    static_unref(table);
}

static void a_file_that_changed_is_compressed_again(void **state)
{
    (void)state;
    char before[sizeof(page)], after[sizeof(page)];
    struct static_table *former = load(0);
    size_t len = packed_page(former, before);
    page[0] = '>';
    write_file("index.html", page);
    struct static_table *table = load_after(former);
    static_unref(former);
    assert_true(packed_page(table, after) != len || memcmp(before, after, len) != 0);
    struct exchange plain = {0};
    ask(&plain, table, METHOD_GET, "/");
    assert_true(slice_is(plain.response.body, page));
    done(&plain);
    static_unref(table);
    page[0] = '<';
    write_file("index.html", page);
}

static void assert_refused(const struct static_options *options, const char *why)
{
    char error[STATIC_ERROR_SIZE] = "", checked[STATIC_ERROR_SIZE] = "";
    assert_null(static_load(options, NULL, error));
    assert_int_equal(static_check(options, checked), -1);
    assert_non_null(strstr(error, why));
    assert_string_equal(error, checked);
}

static void a_check_finds_what_loading_would(void **state)
{
    (void)state;
    char error[STATIC_ERROR_SIZE];
    struct static_options options = {.folder = folder};
    assert_int_equal(static_check(&options, error), 0);
    assert_int_equal(static_check(&(struct static_options){.folder = NULL}, error), 0);
    assert_refused(&(struct static_options){.folder = "/dev/null"}, "Not a directory");
}

static void a_folder_too_deep_is_refused(void **state)
{
    (void)state;
    char deep[256];
    struct static_options options = {.folder = folder};
    strcpy(deep, folder);
    for (int depth = 0; depth <= 16; depth++)
        assert_int_equal(mkdir(strcat(deep, "/d"), 0755), 0);
    assert_refused(&options, "/d: too deep");
    assert_int_equal(rmdir(deep), 0);
    char error[STATIC_ERROR_SIZE];
    assert_int_equal(static_check(&options, error), 0);
}

static void a_file_too_large_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct static_options options = {.folder = folder};
    write_file("large.txt", "");
    snprintf(path, sizeof(path), "%s/large.txt", folder);
    assert_int_equal(truncate(path, (off_t)STATIC_BYTES_MAX + 1), 0);
    assert_refused(&options, "too many bytes");
    assert_int_equal(unlink(path), 0);
}

static void too_many_files_are_refused(void **state)
{
    (void)state;
    char name[32], path[128];
    struct static_options options = {.folder = folder};
    for (int n = 0; n < STATIC_FILES_MAX; n++) {
        snprintf(name, sizeof(name), "pages/%d.txt", n);
        write_file(name, "");
    }
    assert_refused(&options, "too many files");
    for (int n = 0; n < STATIC_FILES_MAX; n++) {
        snprintf(path, sizeof(path), "%s/pages/%d.txt", folder, n);
        assert_int_equal(unlink(path), 0);
    }
}

static void no_folder_is_an_empty_table(void **state)
{
    (void)state;
    char error[STATIC_ERROR_SIZE];
    struct static_options options = {.folder = NULL};
    struct static_table *table = static_load(&options, NULL, error);
    assert_int_equal(status_of(table, METHOD_GET, "/"), 404);
    static_unref(table);
}

static void an_unreadable_folder_is_named(void **state)
{
    (void)state;
    char error[STATIC_ERROR_SIZE];
    struct static_options options = {.folder = "/tmp/roomline-no-such-folder"};
    assert_null(static_load(&options, NULL, error));
    assert_string_equal(error, "/tmp/roomline-no-such-folder: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slash_is_the_index),
        cmocka_unit_test(paths_are_decoded_once),
        cmocka_unit_test(nothing_outside_the_table_is_served),
        cmocka_unit_test(other_methods_are_refused),
        cmocka_unit_test(every_answer_carries_the_security_headers),
        cmocka_unit_test(pages_may_have_a_policy_of_their_own),
        cmocka_unit_test(hsts_is_sent_over_tls_only),
        cmocka_unit_test(the_coding_follows_the_weights),
        cmocka_unit_test(gzip_holds_the_same_bytes),
        cmocka_unit_test(what_does_not_shrink_has_one_form),
        cmocka_unit_test(a_known_tag_gets_304),
        cmocka_unit_test(each_coding_has_its_own_tag),
        cmocka_unit_test(a_changed_file_has_another_tag),
        cmocka_unit_test(an_answer_in_flight_keeps_the_old_table),
        cmocka_unit_test(what_is_for_npm_is_not_served),
        cmocka_unit_test(a_file_that_stayed_is_not_compressed_again),
        cmocka_unit_test(a_file_that_changed_is_compressed_again),
        cmocka_unit_test(a_check_finds_what_loading_would),
        cmocka_unit_test(a_folder_too_deep_is_refused),
        cmocka_unit_test(a_file_too_large_is_refused),
        cmocka_unit_test(too_many_files_are_refused),
        cmocka_unit_test(no_folder_is_an_empty_table),
        cmocka_unit_test(an_unreadable_folder_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
