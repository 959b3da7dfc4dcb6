#include "app/config_errors.h"

#include <stdarg.h>
#include <string.h>

#include "app/config_table.h"
#include "base/buf.h"
#include "base/text.h"

#define SHOWN_MAX 80 /* bytes of a given value */

/* Appends to a NUL-terminated text of `size` bytes, and cuts. */
__attribute__((format(printf, 3, 0))) static void append(char *text, size_t size,
                                                         const char *format, va_list args)
{
    size_t used = strlen(text);
    vsnprintf(text + used, size - used, format, args);
}

__attribute__((format(printf, 3, 4))) static void append_format(char *text, size_t size,
                                                                const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* Starts a message with its place; NULL where all places are taken. */
static char *start_message(const struct config_place *place, unsigned line)
{
    struct config_errors *errors = place->errors;
    if (errors->count++ >= CONFIG_ERRORS_MAX)
        return NULL;
    char *text = errors->text[errors->count - 1];
    text[0] = '\0';
    if (place->origin != NULL)
        append_format(text, CONFIG_ERROR_SIZE, "%s", config_show(place->origin).text);
    if (place->line > 0)
        append_format(text, CONFIG_ERROR_SIZE, ":%u", line > 0 ? line : place->line);
    if (place->origin != NULL)
        append_format(text, CONFIG_ERROR_SIZE, ": ");
    if (place->key != NULL)
        append_format(text, CONFIG_ERROR_SIZE, "%s: ", place->key->path);
    return text;
}

void config_error(const struct config_place *place, unsigned line, const char *format, ...)
{
    char *text = start_message(place, line);
    if (text == NULL)
        return;
    va_list args;
    va_start(args, format);
    append(text, CONFIG_ERROR_SIZE, format, args);
    va_end(args);
}

void config_refuse(const struct config_place *place, unsigned line, const char *format, ...)
{
    char *text = start_message(place, line);
    if (text == NULL)
        return;
    va_list args;
    va_start(args, format);
    append(text, CONFIG_ERROR_SIZE, format, args);
    va_end(args);

    struct buf allowed;
    buf_init(&allowed, CONFIG_ERROR_SIZE);
    config_key_allowed(place->key, &allowed);
    if (!buf_failed(&allowed))
        append_format(text, CONFIG_ERROR_SIZE, "; allowed: %.*s", (int)allowed.len, allowed.data);
    buf_done(&allowed);
    if (place->key->type->written != NULL)
        append_format(text, CONFIG_ERROR_SIZE, ", %s", place->key->type->written);
}

void config_errors_print(const struct config_errors *errors, FILE *file)
{
    for (size_t i = 0; i < errors->count && i < CONFIG_ERRORS_MAX; i++)
        fprintf(file, "%s\n", errors->text[i]);
    if (errors->count > CONFIG_ERRORS_MAX)
        fprintf(file, "and %zu more\n", errors->count - CONFIG_ERRORS_MAX);
}

static size_t show_character(char *out, const unsigned char *at, const unsigned char *end)
{
    size_t len = text_utf8_sequence(at, end);
    bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && len == 2 && at[1] < 0xa0);
    if (len == 0 || control)
        return (size_t)sprintf(out, "\\x%02x", *at);
    memcpy(out, at, len);
    return len;
}

struct config_shown config_show(const char *text)
{
    struct config_shown shown = {{0}};
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + strlen(text);
    size_t len = 0;
    while (at < end && len < SHOWN_MAX) {
        size_t step = text_utf8_sequence(at, end);
        size_t added = show_character(shown.text + len, at, end);
        /* An escaped control of two bytes takes two rounds: the second byte is no UTF-8. */
        at += added == step ? step : 1;
        len += added;
    }
    strcpy(shown.text + len, at < end ? "..." : "");
    return shown;
}

struct config_shown config_quote(const char *text)
{
    struct config_shown inner = config_show(text);
    struct config_shown quoted;
    snprintf(quoted.text, sizeof(quoted.text), "\"%.190s\"", inner.text);
    return quoted;
}
