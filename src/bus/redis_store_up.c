/* Connected, a store loads the scripts, asks whether its user may do all that they do, and lets one
 * run, which proves that this Redis takes changes; then it is up. What Redis cannot do for anybody now
 * (it is a replica, it is loading, it has forgotten the scripts) ends the connection, so that there is
 * one way back: through all this again, and what was not answered is asked again by the node. What it
 * cannot do for one ask (its memory is full) fails that ask. */
#include <string.h>

#include "base/log.h"
#include "bus/redis_store_state.h"

#define LACKS_RIGHTS "the user of Redis lacks rights"

static const struct {
    const char *code, *cause; /* NULL: only this ask fails */
} failures[] = {
    {"NOSCRIPT", "Redis has forgotten the scripts"},
    {"READONLY", "this Redis is a replica"},
    {"LOADING", "Redis is loading its data"},
    {"BUSY", "Redis is busy with a script"},
    {"MASTERDOWN", "this Redis is a replica without a master"},
    {"MISCONF", "Redis cannot save its data"},
    {"NOREPLICAS", "Redis has too few replicas"},
    {"CLUSTERDOWN", "the Redis cluster is down"},
    {"MOVED", "this is a Redis cluster"},
    {"NOAUTH", "Redis demands a password"},
    {"NOPERM", LACKS_RIGHTS},
    {"OOM", NULL},
    {"WRONGTYPE", NULL},
    {"ERR", NULL},
};

#define FAILURE_COUNT (sizeof(failures) / sizeof(failures[0]))

/* So says a script of which a command was refused: in Redis 7.0, and in later ones and Valkey. */
static bool tells_of_rights(struct slice error)
{
    static const char *const starts[] = {"ERR The user executing the script can't",
                                         "ERR ACL failure in script"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(error.ptr, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static const char *cause_of(const struct redis_reply *reply)
{
    if (tells_of_rights(reply->text))
        return LACKS_RIGHTS;
    size_t len = strcspn(reply->text.ptr, " ");
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        if (strlen(failures[i].code) == len && memcmp(failures[i].code, reply->text.ptr, len) == 0)
            return failures[i].cause;
    return NULL;
}

void redis_store_log_failure(const struct redis_reply *reply)
{
    log_event(LOG_ERROR, "redis-refused",
              LOG_SLICE("error", reply->kind == REDIS_ERROR ? reply->text : SLICE("not an answer")),
              LOG_END);
}

void redis_store_start_over(struct redis_store *store, const char *cause)
{
    store->failing = true;
    redis_client_restart(store->commands, cause);
}

bool redis_store_is_answer(struct redis_store *store, const struct redis_reply *reply)
{
    const char *cause;
    if (reply == NULL || store->failing || store->closing)
        return false;
    if (reply->kind != REDIS_ERROR)
        return true;
    cause = cause_of(reply);
    if (cause == NULL)
        return true;
    redis_store_start_over(store, cause);
    return false;
}

/* ---- what its user may do */

/* Once, until the rights are there: it is tried again and again. */
static void say_missing(struct redis_store *store, struct slice commands)
{
    if (!store->lacks_rights)
        log_event(LOG_ERROR, "redis-rights", LOG_SLICE("missing", commands),
                  LOG_STR("hint", "compare the ACL rule of this user with docs/operations.md"),
                  LOG_END);
    store->lacks_rights = true;
}

static void on_checked(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    if (!redis_store_is_answer(store, reply))
        return;
    if (reply->kind != REDIS_TEXT) {
        redis_store_log_failure(reply);
        redis_store_start_over(store, "the scripts do not run");
        return;
    }
    if (reply->text.len > 0) {
        say_missing(store, reply->text);
        redis_store_start_over(store, LACKS_RIGHTS);
        return;
    }
    store->lacks_rights = false;
    redis_sweep_now(store);
    if (!store->sweeping)
        redis_store_start_over(store, "no memory for a command");
}

static void check(struct redis_store *store)
{
    struct redis_words words;
    redis_words_check(&words, &store->options.shard);
    if (redis_store_command(store, &words, on_checked))
        redis_client_flush(store->commands);
    else
        redis_store_start_over(store, "no memory for a command");
}

/* ---- the scripts */

static void on_loaded(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    if (!redis_store_is_answer(store, reply))
        return;
    if (reply->kind != REDIS_TEXT || reply->text.len != REDIS_SHA_SIZE) {
        redis_store_log_failure(reply);
        redis_store_start_over(store, "Redis does not take the scripts");
        return;
    }
    memcpy(store->options.shard.shas[store->loaded++], reply->text.ptr, REDIS_SHA_SIZE);
    if (store->loaded == SCRIPT_COUNT)
        check(store);
}

void redis_store_begin(struct redis_store *store)
{
    struct buf source;
    buf_init(&source, REDIS_SCRIPT_MAX);
    store->failing = false;
    store->loaded = 0;
    for (int script = 0; script < SCRIPT_COUNT; script++) {
        buf_clear(&source);
        redis_script_add(&source, script, store->options.shard.tells);
        struct slice words[] = {SLICE("SCRIPT"), SLICE("LOAD"), buf_slice(&source)};
        if (buf_failed(&source) ||
            redis_client_send(store->commands, words, 3, on_loaded, store) != 0) {
            redis_store_start_over(store, "no memory for the scripts");
            break;
        }
    }
    buf_done(&source);
    redis_client_flush(store->commands);
}
