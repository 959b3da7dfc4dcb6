/*
 * Counts of nanoseconds in buckets that grow with the value: 64 to each doubling, so that a
 * percentile is exact to 1.6%.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEPS = 64,
    HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 40,
};

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t nanoseconds);
/* The value below which `percent` of a hundred lie; 0 when nothing was counted. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
