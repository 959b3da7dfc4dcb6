/* A token bucket: `rate` a second on average, `burst` at once. */
#ifndef ROOMLINE_CORE_BUCKET_H
#define ROOMLINE_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t spent; /* thousandths of a token not yet refilled */
    uint64_t at;    /* ms, when `spent` was right */
};

/* Takes `cost` tokens where there are as many. rate 0: there always are. A burst below the rate
 * counts as the rate. */
bool bucket_take(struct bucket *bucket, uint64_t rate, uint64_t burst, uint64_t cost, uint64_t now);

/* Whether nothing was taken that has not been refilled since. */
bool bucket_is_full(const struct bucket *bucket, uint64_t rate, uint64_t now);

#endif
