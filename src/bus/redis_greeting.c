#include "bus/redis_greeting.h"

#include <stdio.h>
#include <string.h>

#define ERROR_SHOWN 120 /* bytes of what Redis says */

static bool has_password(const struct redis_client_options *options)
{
    return options->login.password[0] != '\0';
}

static bool has_database(const struct redis_client_options *options)
{
    return options->database != 0;
}

static bool has_name(const struct redis_client_options *options)
{
    return options->name != NULL;
}

static bool has_unanswered(const struct redis_client_options *options)
{
    return options->unanswered;
}

static bool has_master(const struct redis_client_options *options)
{
    return options->master != NULL;
}

static bool always(const struct redis_client_options *options)
{
    (void)options;
    return true;
}

static void write_auth(const struct redis_client_options *options, struct redis_output *output)
{
    bool user = options->login.user[0] != '\0';
    redis_output_begin(output, user ? 3 : 2);
    redis_output_word(output, SLICE("AUTH"));
    if (user)
        redis_output_word(output, slice_of(options->login.user));
    redis_output_word(output, slice_of(options->login.password));
}

static void write_select(const struct redis_client_options *options, struct redis_output *output)
{
    redis_output_begin(output, 2);
    redis_output_word(output, SLICE("SELECT"));
    redis_output_number(output, options->database);
}

static void write_name(const struct redis_client_options *options, struct redis_output *output)
{
    redis_output_begin(output, 3);
    redis_output_word(output, SLICE("CLIENT"));
    redis_output_word(output, SLICE("SETNAME"));
    redis_output_word(output, slice_of(options->name));
}

/* Changes nothing, and is permitted where CLIENT REPLY SKIP is. */
static void write_reply(const struct redis_client_options *options, struct redis_output *output)
{
    (void)options;
    redis_output_begin(output, 3);
    redis_output_word(output, SLICE("CLIENT"));
    redis_output_word(output, SLICE("REPLY"));
    redis_output_word(output, SLICE("ON"));
}

static void write_role(const struct redis_client_options *options, struct redis_output *output)
{
    (void)options;
    redis_output_begin(output, 1);
    redis_output_word(output, SLICE("ROLE"));
}

static void write_ping(const struct redis_client_options *options, struct redis_output *output)
{
    (void)options;
    redis_output_begin(output, 1);
    redis_output_word(output, SLICE("PING"));
}

/* NULL: good. The answer is no error. */
static const char *check_role(const struct redis_reply *reply)
{
    return redis_reply_is(redis_reply_item(reply, 0), "master") ? NULL
                                                                : "it is not the master any more";
}

static const char *check_subscribed(const struct redis_reply *reply)
{
    return redis_reply_is(redis_reply_item(reply, 0), "subscribe") ? NULL
                                                                   : "no answer to SUBSCRIBE";
}

enum step { AUTH, SELECT, NAME, REPLY, ROLE, PING, SUBSCRIBE, STEP_COUNT };

/* Redis that still loads answers AUTH, SELECT and SUBSCRIBE, but not PING. */
static const struct {
    const char *name;
    bool (*wanted)(const struct redis_client_options *options);
    void (*write)(const struct redis_client_options *options, struct redis_output *output);
    const char *(*check)(const struct redis_reply *reply); /* NULL: anything but an error is good */
    bool optional;                                         /* an error does no harm */
} steps[STEP_COUNT] = {
    [AUTH] = {"AUTH", has_password, write_auth, NULL, false},
    [SELECT] = {"SELECT", has_database, write_select, NULL, false},
    [NAME] = {"CLIENT SETNAME", has_name, write_name, NULL, true},
    [REPLY] = {"CLIENT REPLY", has_unanswered, write_reply, NULL, true},
    [ROLE] = {"ROLE", has_master, write_role, check_role, false},
    [PING] = {"PING", always, write_ping, NULL, false},
    [SUBSCRIBE] = {.name = "SUBSCRIBE", .check = check_subscribed},
};

void redis_greeting_init(struct redis_greeting *greeting,
                         const struct redis_client_options *options)
{
    *greeting = (struct redis_greeting){.next = AUTH};
    (void)options;
}

static void write_subscribe(struct slice channel, struct redis_output *output)
{
    redis_output_begin(output, 2);
    redis_output_word(output, SLICE("SUBSCRIBE"));
    redis_output_word(output, channel);
}

bool redis_greeting_next(struct redis_greeting *greeting,
                         const struct redis_client_options *options, struct redis_output *output)
{
    while (greeting->next < SUBSCRIBE && !steps[greeting->next].wanted(options))
        greeting->next++;
    if (greeting->next < SUBSCRIBE)
        steps[greeting->next].write(options, output);
    else if (greeting->channel < options->channel_count)
        write_subscribe(options->channels[greeting->channel++], output);
    else
        return false;
    greeting->steps[greeting->written++] = (unsigned char)greeting->next;
    greeting->next += greeting->next < SUBSCRIBE;
    return true;
}

/* --- answers --- */

/* What Redis says to AUTH may repeat its arguments, the password among them ("unknown command, with
 * args beginning with"), so only what is known is passed on. */
static const char *auth_refused(struct slice text)
{
    if (slice_skip(&text, "WRONGPASS"))
        return "AUTH was refused: WRONGPASS, the user or the password is wrong";
    if (slice_skip(&text, "NOPERM"))
        return "AUTH was refused: NOPERM";
    if (slice_skip(&text, "ERR AUTH <password> called without any password configured"))
        return "AUTH was refused: there is no password set for the default user";
    return "AUTH was refused";
}

static void show_error(const char *name, struct slice text, char *ret_cause, size_t size)
{
    size_t len = text.len < ERROR_SHOWN ? text.len : ERROR_SHOWN;
    snprintf(ret_cause, size, "%s was refused: %.*s", name, (int)len, text.ptr);
}

bool redis_greeting_check(struct redis_greeting *greeting, const struct redis_reply *reply,
                          char *ret_cause, size_t size)
{
    enum step step = greeting->steps[greeting->answered++];
    const char *wrong = NULL;
    greeting->silences |= step == REPLY && redis_reply_is(reply, "OK");
    if (reply->kind == REDIS_ERROR && steps[step].optional)
        return true;
    if (reply->kind == REDIS_ERROR && step != AUTH) {
        show_error(steps[step].name, reply->text, ret_cause, size);
        return false;
    }
    if (reply->kind == REDIS_ERROR)
        wrong = auth_refused(reply->text);
    else if (steps[step].check != NULL)
        wrong = steps[step].check(reply);
    if (wrong != NULL)
        snprintf(ret_cause, size, "%s", wrong);
    return wrong == NULL;
}

/* A subscriber may ask nothing but PING. */
static bool asks_role(const struct redis_client_options *options)
{
    return has_master(options) && options->channel_count == 0;
}

void redis_greeting_ask(const struct redis_client_options *options, struct redis_output *output)
{
    if (asks_role(options))
        write_role(options, output);
    else
        write_ping(options, output);
}

bool redis_greeting_alive(const struct redis_client_options *options,
                          const struct redis_reply *reply, char *ret_cause, size_t size)
{
    const char *wrong = NULL;
    if (reply->kind == REDIS_ERROR) {
        show_error(asks_role(options) ? "ROLE" : "PING", reply->text, ret_cause, size);
        return false;
    }
    if (asks_role(options))
        wrong = check_role(reply);
    if (wrong != NULL)
        snprintf(ret_cause, size, "%s", wrong);
    return wrong == NULL;
}
