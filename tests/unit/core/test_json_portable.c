/* The same tests on what machines without AVX2 run. */
#define JSON_PORTABLE 1

#include "core/json.c"
#include "core/json_string.c"

#undef COUNT
#include "test_json.c"
