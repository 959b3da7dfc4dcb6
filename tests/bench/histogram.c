#include "histogram.h"

#include <stddef.h>

/* Values below HISTOGRAM_STEPS have a bucket each, then every doubling has HISTOGRAM_STEPS. */
static size_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (size_t)value;
    unsigned top_bit = 63 - (unsigned)__builtin_clzll(value);
    unsigned shift = top_bit - 6;
    size_t bucket =
        (size_t)(shift + 1) * HISTOGRAM_STEPS + ((value >> shift) & (HISTOGRAM_STEPS - 1));
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t middle_of(size_t bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    unsigned shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
    uint64_t low = (HISTOGRAM_STEPS + (uint64_t)(bucket % HISTOGRAM_STEPS)) << shift;
    return low + (((uint64_t)1 << shift) >> 1);
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds)
{
    histogram->buckets[bucket_of(nanoseconds)]++;
    histogram->count++;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    uint64_t wanted = (uint64_t)((double)histogram->count * percent / 100.0);
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted)
            return middle_of(i);
    }
    return 0;
}
