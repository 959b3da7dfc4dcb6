#include "redis_info.h"

#include "fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 };

static int connect_to(const char *address)
{
    char host[32];
    unsigned port;
    struct sockaddr_in target = {.sin_family = AF_INET};
    if (sscanf(address, "%31[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &target.sin_addr) != 1)
        fail("Redis must be given as IPV4:PORT, not %s", address);
    target.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&target, sizeof(target)))
        fail("cannot connect to Redis at %s: %s", address, strerror(errno));
    return fd;
}

/* The answer is $LENGTH, a line's end, so many bytes, a line's end. */
static int is_whole(const char *answer, size_t length)
{
    char *text;
    unsigned long announced = strtoul(answer + 1, &text, 10);
    return length > 0 && answer[0] == '$' && strncmp(text, "\r\n", 2) == 0 &&
           length == (size_t)(text - answer) + 2 + announced + 2;
}

static void ask(const char *address, char answer[ANSWER_MAX])
{
    static const char question[] = "INFO all\r\n";
    int fd = connect_to(address);
    size_t length = 0;
    ssize_t got = write(fd, question, sizeof(question) - 1);
    while (got > 0 && !is_whole(answer, length)) {
        got = read(fd, answer + length, ANSWER_MAX - 1 - length);
        length += got > 0 ? (size_t)got : 0;
        answer[length] = '\0';
    }
    if (got <= 0)
        fail("Redis did not answer INFO but %.100s", answer);
    close(fd);
}

/* The number behind `name`; a command that never came has no line. */
static uint64_t number_after(const char *answer, const char *name)
{
    const char *found = strstr(answer, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

void redis_info_read(const char *address, struct redis_info *ret_info)
{
    char answer[ANSWER_MAX] = "";
    ask(address, answer);
    *ret_info = (struct redis_info){
        .pid = (pid_t)number_after(answer, "\nprocess_id:"),
        .commands = number_after(answer, "\ntotal_commands_processed:"),
        .publishes = number_after(answer, "\ncmdstat_publish:calls="),
        .output_bytes = number_after(answer, "\ntotal_net_output_bytes:"),
    };
    if (ret_info->pid == 0)
        fail("Redis did not say its process ID");
}
