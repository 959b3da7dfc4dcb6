/* A directory whose answers and events are written down, one line each:
 *
 *     to:kind peer [w=worker] [v=version] [r=reason] [e=error] [q=request] [h=hops] [info] [data]
 */
#ifndef ROOMLINE_TESTS_DIRECTORY_FIXTURE_H
#define ROOMLINE_TESTS_DIRECTORY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"

#define WINDOW 30000 /* ms */

#define FIXTURE_UNIX 1700000000000 /* ms, when the test begins */

extern struct directory *directory;
extern uint64_t now;

/* Where it is set FRAME_CONTROLLED goes here instead. */
extern void (*fixture_on_controlled)(const struct frame *frame);

/* A new directory, with other limits; where a join makes no room; that tells what happens. */
void fixture_limits(size_t rooms, size_t peers_per_room);
void fixture_made_rooms_only(void);
void fixture_tells(void);

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A secret, all of whose bytes are this. */
struct session_secret secret(char byte);

/* Gives a frame to the directory: room "room", to DIRECTORY unless the frame says MAILBOX. */
void say(const struct frame *frame);

void join(worker_id worker, const char *peer, char byte);
void resume(worker_id worker, const char *peer, char byte, char proof);

/* What was sent since the last call is just these lines, in this order for each worker. */
void expect(const char *lines);

/* The roster that the last FRAME_ROOM said: "peer@worker" in the order of names, '*' where away. */
const char *roster(void);
uint64_t last_version(void);

#endif
