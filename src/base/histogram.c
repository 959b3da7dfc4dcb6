#include "base/histogram.h"

#define MS 1000u
#define SECONDS (1000u * (uint64_t)MS)
#define MINUTES (60 * SECONDS)
#define HOURS (60 * MINUTES)

const struct histogram_scale histogram_fast = {
    {10, 25, 50, 100, 250, 500, 1 * MS, 2500, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS,
     500 * MS, 1 * SECONDS},
};

const struct histogram_scale histogram_slow = {
    {500, 1 * MS, 2 * MS, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS,
     1 * SECONDS, 2500 * MS, 5 * SECONDS, 10 * SECONDS, 30 * SECONDS, 1 * MINUTES},
};

const struct histogram_scale histogram_calls = {
    {1 * SECONDS, 5 * SECONDS, 10 * SECONDS, 30 * SECONDS, 1 * MINUTES, 2 * MINUTES, 5 * MINUTES,
     10 * MINUTES, 20 * MINUTES, 30 * MINUTES, 1 * HOURS, 2 * HOURS, 4 * HOURS, 8 * HOURS,
     12 * HOURS, 24 * HOURS},
};

void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, uint64_t us)
{
    unsigned i = 0;
    while (i < HISTOGRAM_BOUNDS && us > scale->bounds[i])
        i++;
    tally_add(&histogram->buckets[i], 1);
    tally_add(&histogram->sum, us);
}
