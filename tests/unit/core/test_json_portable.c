/* The same tests on what machines without SSE2 run. */
#define JSON_PORTABLE 1

#include "core/json.c"

#undef COUNT
#include "test_json.c"
