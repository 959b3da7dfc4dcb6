#include "base/wheel.h"

#include <stddef.h>

void wheel_init(struct wheel *wheel, uint64_t now)
{
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        LIST_INIT(&wheel->slots[i]);
    wheel->next = now / WHEEL_SLOT_MS;
}

static struct deadline_list *slot_of(struct wheel *wheel, uint64_t number)
{
    return &wheel->slots[number % WHEEL_SLOTS];
}

void wheel_arm(struct wheel *wheel, struct deadline *deadline, uint64_t due)
{
    wheel_disarm(deadline);
    /* A slot that was looked at already would only come round a whole turn later. */
    uint64_t earliest = wheel->next * WHEEL_SLOT_MS + 1;
    deadline->due = due < earliest ? earliest : due;
    LIST_INSERT_HEAD(slot_of(wheel, deadline->due / WHEEL_SLOT_MS), deadline, slot);
}

void wheel_disarm(struct deadline *deadline)
{
    if (deadline->due == 0)
        return;
    LIST_REMOVE(deadline, slot);
    deadline->due = 0;
}

/* Takes the slot's list away first: on_due may arm into the same slot. */
static void turn_slot(struct wheel *wheel, uint64_t number)
{
    struct deadline_list *slot = slot_of(wheel, number);
    struct deadline_list todo = *slot;
    struct deadline *deadline;
    if (todo.lh_first != NULL)
        todo.lh_first->slot.le_prev = &todo.lh_first;
    LIST_INIT(slot);
    while ((deadline = LIST_FIRST(&todo)) != NULL) {
        LIST_REMOVE(deadline, slot);
        if (deadline->due >= (number + 1) * WHEEL_SLOT_MS) {
            LIST_INSERT_HEAD(slot, deadline, slot); /* a later turn's */
            continue;
        }
        deadline->due = 0;
        deadline->on_due(deadline);
    }
}

void wheel_turn(struct wheel *wheel, uint64_t now)
{
    uint64_t end = now / WHEEL_SLOT_MS; /* the slot that `now` is in is not over */
    if (end > wheel->next + WHEEL_SLOTS)
        wheel->next = end - WHEEL_SLOTS; /* one whole turn sees every slot */
    while (wheel->next < end)
        turn_slot(wheel, wheel->next++);
}
