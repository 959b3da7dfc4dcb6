/* The time of day, which may jump; what measures spans uses the loop's clock. */
#ifndef ROOMLINE_BASE_CLOCK_H
#define ROOMLINE_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, UTC. */
uint64_t clock_unix_ms(void);

#endif
