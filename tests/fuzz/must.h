/* A property that a fuzzer claims. Unlike assert(), there in every build. */
#ifndef ROOMLINE_TESTS_FUZZ_MUST_H
#define ROOMLINE_TESTS_FUZZ_MUST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(property)                                                                             \
    do {                                                                                           \
        if (!(property)) {                                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #property);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
