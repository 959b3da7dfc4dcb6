#include "app/settings_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *settings_read_file(const char *path, char *ret_text, size_t size, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return strerror(errno);
    setvbuf(file, NULL, _IONBF, 0); /* so that no buffer of it stays in memory */
    *ret_len = fread(ret_text, 1, size, file);
    bool broken = ferror(file) != 0;
    fclose(file);
    return broken ? "cannot be read" : NULL;
}

const char *settings_read_line(const char *path, char ret_line[SETTINGS_LINE_SIZE])
{
    size_t len = 0;
    const char *wrong = settings_read_file(path, ret_line, SETTINGS_LINE_SIZE, &len);
    if (wrong != NULL)
        return wrong;
    const char *end = memchr(ret_line, '\n', len);
    if (end == NULL && len == SETTINGS_LINE_SIZE)
        return "its first line is longer than 512 bytes";
    len = end == NULL ? len : (size_t)(end - ret_line);
    len -= len > 0 && ret_line[len - 1] == '\r';
    if (memchr(ret_line, '\0', len) != NULL)
        return "holds a NUL";
    explicit_bzero(ret_line + len, SETTINGS_LINE_SIZE - len);
    return len > 0 ? NULL : "its first line is empty";
}
