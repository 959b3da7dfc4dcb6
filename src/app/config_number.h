/* Whole numbers, sizes (64KiB) and durations (25s) as text. */
#ifndef ROOMLINE_APP_CONFIG_NUMBER_H
#define ROOMLINE_APP_CONFIG_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct config_unit {
    const char *suffix;
    uint64_t factor;
};

/* From the smallest to the largest, ended by a NULL suffix. */
extern const struct config_unit config_units_count[];    /* "" */
extern const struct config_unit config_units_size[];     /* "" for bytes, KiB, MiB, GiB */
extern const struct config_unit config_units_duration[]; /* ms, s, m, h, d; 0 needs none */

/* False where the text is not digits and a unit. A number too large, or negative, is UINT64_MAX. */
bool config_number_parse(const char *text, const struct config_unit *units, uint64_t *ret_number);

/* In the largest unit that needs no fraction; reads back as the same number. */
struct config_number {
    char text[32];
};
struct config_number config_number_show(uint64_t number, const struct config_unit *units);

#endif
