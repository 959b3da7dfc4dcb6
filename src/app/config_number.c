#include "app/config_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct config_unit config_units_count[] = {{"", 1}, {NULL, 0}};

const struct config_unit config_units_size[] = {
    {"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {NULL, 0}};

const struct config_unit config_units_duration[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
    {NULL, 0}};

static const struct config_unit *find_unit(const char *suffix, const struct config_unit *units)
{
    for (; units->suffix != NULL; units++) {
        if (strcmp(units->suffix, suffix) == 0)
            return units;
    }
    return NULL;
}

bool config_number_parse(const char *text, const struct config_unit *units, uint64_t *ret_number)
{
    bool too_large = *text == '-';
    const char *digits = too_large ? text + 1 : text;
    const char *at = digits;
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        too_large |= __builtin_mul_overflow(number, 10, &number) ||
                     __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number);
    }
    const struct config_unit *unit = find_unit(at, units);
    bool bare_zero = *at == '\0' && number == 0;
    if (at == digits || (unit == NULL && !bare_zero))
        return false;
    if (unit != NULL)
        too_large |= __builtin_mul_overflow(number, unit->factor, &number);
    *ret_number = too_large ? UINT64_MAX : number;
    return true;
}

struct config_number config_number_show(uint64_t number, const struct config_unit *units)
{
    const struct config_unit *best = units;
    struct config_number shown = {"0"};
    for (; units->suffix != NULL; units++) {
        if (number % units->factor == 0)
            best = units;
    }
    if (number > 0)
        snprintf(shown.text, sizeof(shown.text), "%" PRIu64 "%s", number / best->factor,
                 best->suffix);
    return shown;
}
