#include "redis/fixture.h"

struct rig rig;

int fixture_start(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    return 0;
}

int fixture_stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

int fixture_clear(void **state)
{
    (void)state;
    server_do(rig.commands, "FLUSHALL");
    rig_clear(&rig);
    return 0;
}
