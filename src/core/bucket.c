#include "core/bucket.h"

static uint64_t spent_at(const struct bucket *bucket, uint64_t rate, uint64_t now)
{
    uint64_t elapsed = now > bucket->at ? now - bucket->at : 0;
    /* rate tokens a second are rate thousandths of a token a millisecond */
    if (elapsed >= bucket->spent / rate + 1)
        return 0;
    return bucket->spent - elapsed * rate;
}

bool bucket_take(struct bucket *bucket, uint64_t rate, uint64_t burst, uint64_t cost, uint64_t now)
{
    if (rate == 0)
        return true;
    uint64_t spent = spent_at(bucket, rate, now);
    uint64_t size = burst < rate ? rate : burst;
    bool fits = spent + cost * 1000 <= size * 1000;
    bucket->spent = fits ? spent + cost * 1000 : spent;
    bucket->at = now;
    return fits;
}

bool bucket_is_full(const struct bucket *bucket, uint64_t rate, uint64_t now)
{
    return rate == 0 || spent_at(bucket, rate, now) == 0;
}
