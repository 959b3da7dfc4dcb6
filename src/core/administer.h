/* What a peer with the admin right does to its room: `lock`, `kick`, `close`. The directory does it,
 * and tells the room by the ways it always has; the one who asked hears only of errors. */
#ifndef ROOMLINE_CORE_ADMINISTER_H
#define ROOMLINE_CORE_ADMINISTER_H

#include "core/envelope.h"
#include "core/frame.h"
#include "core/session.h"

void administer_lock(struct session *session, const struct envelope *envelope);
void administer_kick(struct session *session, const struct envelope *envelope);
void administer_close(struct session *session, const struct envelope *envelope);

void administer_on_controlled(struct exchange *exchange, const struct frame *frame);

#endif
