/* Credentials for TURN servers, and the list of ICE servers that they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "api/ice.h"

#define NOW 1790000000 /* Unix seconds */

static char *urls[] = {(char *)"turn:turn.example.org:3478?transport=udp",
                       (char *)"turns:turn.example.org:5349"};

static struct ice_rules rules_with_turn(void)
{
    return (struct ice_rules){
        .fixed = SLICE("[]"),
        .turn = {.url_count = 2, .urls = urls, .ttl = 3600 * 1000, .secret = "north"}};
}

static const char *username(struct slice peer)
{
    static struct buf out;
    buf_done(&out);
    buf_init(&out, 1024);
    turn_add_username(NOW, peer, &out);
    buf_add_char(&out, '\0');
    assert_false(buf_failed(&out));
    return out.data;
}

/* printf %s 1790000000:ann | openssl dgst -sha1 -hmac north -binary | base64 */
static void a_credential_is_what_openssl_makes_of_it(void **state)
{
    char credential[TURN_CREDENTIAL_SIZE];
    (void)state;
    turn_credential("north", SLICE("1790000000:ann"), credential);
    assert_string_equal(credential, "yIOJnq5VaTu6Ydlz06cgZ7aFee8=");
    turn_credential("north", SLICE("1790000000:a%20b%22"), credential);
    assert_string_equal(credential, "a6uSqrNVPt6RY888jEKWqCezs+s=");
    turn_credential("south", SLICE("1790000000:ann"), credential);
    assert_string_not_equal(credential, "yIOJnq5VaTu6Ydlz06cgZ7aFee8=");
}

static void a_username_has_no_character_that_coturn_refuses(void **state)
{
    char name[64];
    (void)state;
    assert_string_equal(username(SLICE("ann")), "1790000000:ann");
    assert_string_equal(username(SLICE("Az09-._~")), "1790000000:Az09-._~");
    assert_string_equal(username(SLICE("a b\"")), "1790000000:a%20b%22");
    assert_string_equal(username(SLICE("a:b'\\%")), "1790000000:a%3Ab%27%5C%25");
    assert_string_equal(username(SLICE("\xed\x95\x9c")), "1790000000:%ED%95%9C");
    memset(name, ' ', sizeof(name));
    assert_int_equal(strlen(username((struct slice){name, sizeof(name)})), 11 + 3 * 64);
}

static cJSON *servers_for(const struct ice_rules *rules, const char *host, struct slice peer,
                          struct ice_validity *ret_validity)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    *ret_validity = ice_rules_write(rules, slice_of(host), peer, NOW, &out);
    assert_false(buf_failed(&out));
    cJSON *json = cJSON_ParseWithLength(out.data, out.len);
    assert_true(cJSON_IsArray(json));
    buf_done(&out);
    return json;
}

static const char *member(const cJSON *server, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(server, name));
}

static const char *url(const cJSON *servers, int server, int index)
{
    const cJSON *list = cJSON_GetObjectItem(cJSON_GetArrayItem(servers, server), "urls");
    return cJSON_GetStringValue(cJSON_GetArrayItem(list, index));
}

static void a_turn_server_comes_with_credentials_that_end(void **state)
{
    struct ice_rules rules = rules_with_turn();
    struct ice_validity validity;
    (void)state;
    cJSON *servers = servers_for(&rules, "h", SLICE("ann"), &validity);
    assert_int_equal(cJSON_GetArraySize(servers), 1);
    const cJSON *turn = cJSON_GetArrayItem(servers, 0);
    assert_string_equal(url(servers, 0, 0), urls[0]);
    assert_string_equal(url(servers, 0, 1), urls[1]);
    assert_string_equal(member(turn, "username"), "1790003600:ann");
    char credential[TURN_CREDENTIAL_SIZE];
    turn_credential("north", SLICE("1790003600:ann"), credential);
    assert_string_equal(member(turn, "credential"), credential);
    assert_int_equal(validity.ttl, 3600 * 1000);
    assert_int_equal(validity.expires, NOW + 3600);
    cJSON_Delete(servers);
}

static void any_peer_id_makes_good_json(void **state)
{
    struct ice_rules rules = rules_with_turn();
    struct ice_validity validity;
    char peer[64];
    (void)state;
    memset(peer, '"', sizeof(peer));
    cJSON_Delete(servers_for(&rules, "h", (struct slice){peer, sizeof(peer)}, &validity));
    cJSON_Delete(servers_for(&rules, "h", SLICE("\xff\\"), &validity));
}

static void our_own_come_first_then_those_for_all_then_turn(void **state)
{
    struct ice_rules rules = rules_with_turn();
    struct ice_validity validity;
    (void)state;
    rules.fixed = SLICE("[{\"urls\":[\"stun:a\"]},{\"urls\":[\"stun:b\"]}]");
    rules.stun_port = 3478;
    cJSON *servers = servers_for(&rules, "example.org", SLICE("ann"), &validity);
    assert_int_equal(cJSON_GetArraySize(servers), 4);
    assert_string_equal(url(servers, 0, 0), "stun:example.org:3478");
    assert_string_equal(url(servers, 1, 0), "stun:a");
    assert_string_equal(url(servers, 2, 0), "stun:b");
    assert_string_equal(url(servers, 3, 0), urls[0]);
    cJSON_Delete(servers);
    rules.stun = "stun:stun.example.org";
    servers = servers_for(&rules, "example.org", SLICE("ann"), &validity);
    assert_string_equal(url(servers, 0, 0), "stun:stun.example.org");
    cJSON_Delete(servers);
}

static void what_there_is_not_is_not_named(void **state)
{
    struct ice_rules rules = {.fixed = SLICE("[]")};
    struct ice_validity validity;
    (void)state;
    cJSON *servers = servers_for(&rules, "h", SLICE("ann"), &validity);
    assert_int_equal(cJSON_GetArraySize(servers), 0);
    assert_int_equal(validity.ttl, 0);
    assert_int_equal(validity.expires, 0);
    cJSON_Delete(servers);
    rules.stun_port = 3478; /* but nobody knows how the client calls us */
    servers = servers_for(&rules, "", SLICE("ann"), &validity);
    assert_int_equal(cJSON_GetArraySize(servers), 0);
    cJSON_Delete(servers);
    servers = servers_for(&rules, "[2001:db8::1]", SLICE("ann"), &validity);
    assert_string_equal(url(servers, 0, 0), "stun:[2001:db8::1]:3478");
    cJSON_Delete(servers);
}

static void a_host_that_is_too_long_is_left_out(void **state)
{
    struct ice_rules rules = {.fixed = SLICE("[]"), .stun_port = 3478};
    struct ice_validity validity;
    char host[1000];
    (void)state;
    memset(host, 'x', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    cJSON *servers = servers_for(&rules, host, SLICE("ann"), &validity);
    assert_int_equal(cJSON_GetArraySize(servers), 0);
    cJSON_Delete(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_what_openssl_makes_of_it),
        cmocka_unit_test(a_username_has_no_character_that_coturn_refuses),
        cmocka_unit_test(a_turn_server_comes_with_credentials_that_end),
        cmocka_unit_test(any_peer_id_makes_good_json),
        cmocka_unit_test(our_own_come_first_then_those_for_all_then_turn),
        cmocka_unit_test(what_there_is_not_is_not_named),
        cmocka_unit_test(a_host_that_is_too_long_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
