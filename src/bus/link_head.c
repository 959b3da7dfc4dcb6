#include "bus/link_head.h"

#include "bus/store.h"

static char *put(char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (char)(value >> (8 * i));
    return at;
}

static uint64_t take(const char **at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)*(*at)++ << (8 * i);
    return value;
}

void link_head_write(const struct link_head *head, char *ret_bytes)
{
    char *at = put(ret_bytes, STORE_LINK, 1);
    at = put(at, head->flags, 1);
    at = put(at, head->source, 8);
    at = put(at, head->life, 4);
    at = put(at, head->to_life, 4);
    at = put(at, head->session, 4);
    at = put(at, head->number, 8);
    at = put(at, head->ack_session, 4);
    at = put(at, head->ack, 8);
    put(at, head->expires, 8);
}

static bool is_valid(const struct link_head *head)
{
    if (head->flags & ~(unsigned)LINK_FLAGS || head->life == 0)
        return false;
    return !(head->flags & LINK_DATA) ||
           (head->flags == LINK_DATA && head->session != 0 && head->number != 0);
}

bool link_head_read(struct slice *packet, struct link_head *ret_head)
{
    const char *at = packet->ptr;
    if (packet->len < LINK_HEAD_SIZE || take(&at, 1) != STORE_LINK)
        return false;
    /* One by one: the order of evaluation within an initializer is not defined. */
    ret_head->flags = (unsigned)take(&at, 1);
    ret_head->source = take(&at, 8);
    ret_head->life = (uint32_t)take(&at, 4);
    ret_head->to_life = (uint32_t)take(&at, 4);
    ret_head->session = (uint32_t)take(&at, 4);
    ret_head->number = take(&at, 8);
    ret_head->ack_session = (uint32_t)take(&at, 4);
    ret_head->ack = take(&at, 8);
    ret_head->expires = take(&at, 8);
    packet->ptr += LINK_HEAD_SIZE;
    packet->len -= LINK_HEAD_SIZE;
    return is_valid(ret_head);
}
