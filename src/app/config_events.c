/* webhooks.events_types: a list of what a webhook is told of. */
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "core/frame.h"

#define TEXT_MAX 64 /* bytes of one, as written */

static int add_event(unsigned *events, const struct config_node *node,
                     const struct config_place *place)
{
    const char *text = config_read_text(node, TEXT_MAX, place);
    if (text == NULL)
        return -1;
    for (enum room_event event = 0; event < EVENT_TYPE_COUNT; event++) {
        if (strcmp(text, room_event_name(event)) != 0)
            continue;
        *events |= 1u << event;
        return 0;
    }
    config_refuse(place, node->line, "%s is no such event", config_quote(text).text);
    return -1;
}

static int room_events_set(const struct config_key *key, void *field,
                           const struct config_node *node, const struct config_place *place)
{
    unsigned events = 0;
    int result = 0;
    (void)key;
    if (!config_is_list(node, EVENT_TYPE_COUNT, place))
        return -1;
    for (const struct config_node *item = node->first; item != NULL; item = item->next)
        result |= add_event(&events, item, place);
    if (result == 0)
        *(unsigned *)field = events;
    return result;
}

static void room_events_write(const struct config_key *key, const void *field, bool secrets,
                              struct buf *out)
{
    (void)key;
    (void)secrets;
    for (enum room_event event = 0; event < EVENT_TYPE_COUNT; event++)
        if (*(const unsigned *)field >> event & 1)
            buf_add_format(out, "    - %s\n", room_event_name(event));
}

static void room_events_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "a list of ");
    for (enum room_event event = 0; event < EVENT_TYPE_COUNT; event++)
        buf_add_format(out, "%s%s", event == 0 ? "" : ", ", room_event_name(event));
}

static size_t room_events_entries(const void *field)
{
    size_t count = 0;
    for (unsigned events = *(const unsigned *)field; events != 0; events >>= 1)
        count += events & 1;
    return count;
}

const struct config_type config_type_room_events = {
    .name = "a list of events",
    .set = room_events_set,
    .write = room_events_write,
    .allowed = room_events_allowed,
    .entries = room_events_entries,
};
