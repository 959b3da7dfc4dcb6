/* A Redis with the scripts for all tests of a program, empty at the beginning of each. */
#ifndef ROOMLINE_TESTS_REDIS_FIXTURE_H
#define ROOMLINE_TESTS_REDIS_FIXTURE_H

#include "redis/rig.h"

extern struct rig rig;

/* For cmocka: of the group, and of each test. */
int fixture_start(void **state);
int fixture_stop(void **state);
int fixture_clear(void **state);

#endif
