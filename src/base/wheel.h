/* A timing wheel: many deadlines of which most are moved before they come due.
 *
 * Hashed wheel with lazy turns (Varghese and Lauck 1987, scheme 6). Arming, moving and disarming
 * cost O(1); a deadline comes due up to one slot late, never early. Knows no clock: the owner says
 * what time it is. */
#ifndef ROOMLINE_BASE_WHEEL_H
#define ROOMLINE_BASE_WHEEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define WHEEL_SLOTS 256
#define WHEEL_SLOT_MS 50

struct deadline {
    LIST_ENTRY(deadline) slot;
    uint64_t due; /* ms; 0 where it is not armed */
    void (*on_due)(struct deadline *deadline);
};

/* What the deadline is embedded in. */
#define WHEEL_OWNER(deadline, type, member) ((type *)((char *)(deadline)-offsetof(type, member)))

LIST_HEAD(deadline_list, deadline);

struct wheel {
    struct deadline_list slots[WHEEL_SLOTS];
    uint64_t next; /* number of the slot (time / WHEEL_SLOT_MS) that is looked at next */
};

void wheel_init(struct wheel *wheel, uint64_t now);

/* Arms or moves. The deadline is embedded in its owner, who disarms it before it goes. */
void wheel_arm(struct wheel *wheel, struct deadline *deadline, uint64_t due);
void wheel_disarm(struct deadline *deadline);

/* Calls on_due of everything due by now. on_due may arm and disarm any deadline. */
void wheel_turn(struct wheel *wheel, uint64_t now);

#endif
