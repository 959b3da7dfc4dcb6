/* Small files that hold secrets. No copy of them stays in memory but the caller's.
 *
 * All return NULL, or what is wrong with the file. */
#ifndef ROOMLINE_APP_SETTINGS_FILE_H
#define ROOMLINE_APP_SETTINGS_FILE_H

#include <stddef.h>

#define SETTINGS_LINE_SIZE 513 /* bytes of a line and its NUL */

/* The first `size` bytes; as many as that may mean that there are more. */
const char *settings_read_file(const char *path, char *ret_text, size_t size, size_t *ret_len);

/* The first line, without its end; not an empty one. The space behind it is zeroed. */
const char *settings_read_line(const char *path, char ret_line[SETTINGS_LINE_SIZE]);

#endif
