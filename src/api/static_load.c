/* Reads the client's folder, once: each regular file below it, but for links, hidden ones, and what
 * tells npm of the folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/static.h"
#include "api/static_compress.h"
#include "api/static_table.h"
#include "base/crypto.h"
#include "base/mem.h"

#define DEPTH_MAX 16
#define PATH_SIZE 1024        /* bytes of a path below the folder */
#define COMPRESS_AT_LEAST 200 /* bytes; less is one packet anyway */

struct loading {
    struct static_table *table;
    const struct static_table *former; /* to take over from what was compressed; or NULL */
    const char *folder;
    bool only_check; /* nothing will be served from it */
    char *error;     /* STATIC_ERROR_SIZE */
};

static const struct {
    const char *ending;
    const char *type;
    bool compressible;
} types[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".map", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".svg", "image/svg+xml", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".md", "text/markdown; charset=utf-8", true},
    {".ts", "text/plain; charset=utf-8", true},
    {".xml", "application/xml", true},
    {".wasm", "application/wasm", true},
    {".ico", "image/x-icon", true},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".jpeg", "image/jpeg", false},
    {".gif", "image/gif", false},
    {".webp", "image/webp", false},
    {".avif", "image/avif", false},
    {".woff", "font/woff", false},
    {".woff2", "font/woff2", false},
    {".mp3", "audio/mpeg", false},
    {".ogg", "audio/ogg", false},
    {".wav", "audio/wav", true},
    {".mp4", "video/mp4", false},
    {".webm", "video/webm", false},
};

const char *static_type(const char *path, bool *ret_compressible)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t ending = strlen(types[i].ending);
        if (len > ending && strcasecmp(path + len - ending, types[i].ending) == 0) {
            *ret_compressible = types[i].compressible;
            return types[i].type;
        }
    }
    *ret_compressible = false;
    return "application/octet-stream";
}

static int fail(const struct loading *loading, const char *path, const char *why)
{
    snprintf(loading->error, STATIC_ERROR_SIZE, "%s%s: %s", loading->folder, path, why);
    return -1;
}

static int fail_errno(const struct loading *loading, const char *path)
{
    return fail(loading, path, strerror(errno));
}

/* Reads exactly len bytes; a file that shrinks meanwhile is an error. */
static int read_all(int fd, char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t some = read(fd, bytes, len);
        if (some < 0 && errno == EINTR)
            continue;
        if (some == 0)
            errno = EIO;
        if (some <= 0)
            return -1;
        bytes += some;
        len -= (size_t)some;
    }
    return 0;
}

static void finish_form(struct static_form *form, const char *type, const char *coding,
                        const char *tag, bool varies)
{
    if (form->bytes == NULL)
        return;
    snprintf(form->tag, sizeof(form->tag), "\"%s%s%s\"", tag, coding[0] == '\0' ? "" : "-", coding);
    buf_init(&form->headers, 1024);
    buf_add_format(&form->headers, "Content-Type: %s\r\n", type);
    if (coding[0] != '\0')
        buf_add_format(&form->headers, "Content-Encoding: %s\r\n", coding);
    buf_add_format(&form->headers, "ETag: %s\r\n", form->tag);
    if (varies)
        buf_add_text(&form->headers, "Vary: Accept-Encoding\r\n");
}

static void compress(struct static_file *file)
{
    const struct static_form *plain = &file->forms[CODING_IDENTITY];
    struct slice bytes = {plain->bytes, plain->len};
    file->forms[CODING_BROTLI].bytes = static_brotli(bytes, &file->forms[CODING_BROTLI].len);
    file->forms[CODING_GZIP].bytes = static_gzip(bytes, &file->forms[CODING_GZIP].len);
}

static void copy_form(struct static_form *form, const struct static_form *from)
{
    if (from->bytes == NULL)
        return;
    form->bytes = mem_must(from->len + 1);
    form->len = from->len;
    memcpy(form->bytes, from->bytes, from->len);
}

/* Compressing takes ten times as long as all else, and calls wait meanwhile: of a file with the
 * same bytes as before it is not done again. */
static bool take_over(struct static_file *file, const struct static_table *former)
{
    const struct static_file *old = NULL;
    if (former != NULL)
        MAP_FIND(former->by_path, file->path, strlen(file->path), old);
    if (old == NULL || strcmp(old->tag, file->tag) != 0)
        return false;
    copy_form(&file->forms[CODING_BROTLI], &old->forms[CODING_BROTLI]);
    copy_form(&file->forms[CODING_GZIP], &old->forms[CODING_GZIP]);
    return true;
}

/* A strong tag names bytes, so each coding has its own (RFC 9110 section 8.8.3.3). */
static void make_forms(struct static_file *file, const struct static_table *former)
{
    static const char *const codings[CODING_COUNT] = {"br", "gzip", ""};
    bool compressible;
    const char *type = static_type(file->path, &compressible);
    const struct static_form *plain = &file->forms[CODING_IDENTITY];
    crypto_etag(plain->bytes, plain->len, file->tag);
    if (compressible && plain->len >= COMPRESS_AT_LEAST && !take_over(file, former))
        compress(file);
    bool varies =
        file->forms[CODING_BROTLI].bytes != NULL || file->forms[CODING_GZIP].bytes != NULL;
    for (int i = 0; i < CODING_COUNT; i++)
        finish_form(&file->forms[i], type, codings[i], file->tag, varies);
}

static struct static_file *file_new(struct static_table *table, const char *path, size_t len)
{
    struct static_file *file = mem_must(sizeof(*file));
    file->path = mem_must(strlen(path) + 1);
    memcpy(file->path, path, strlen(path));
    file->forms[CODING_IDENTITY].bytes = mem_must(len + 1);
    file->forms[CODING_IDENTITY].len = len;
    MAP_ADD(table->by_path, file->path, strlen(file->path), file);
    table->files++;
    table->bytes += len;
    return file;
}

static int load_open_file(struct loading *loading, int fd, const char *path)
{
    struct stat status;
    struct static_table *table = loading->table;
    if (fstat(fd, &status) != 0)
        return fail_errno(loading, path);
    if (!S_ISREG(status.st_mode))
        return 0;
    if (table->files == STATIC_FILES_MAX)
        return fail(loading, "", "too many files");
    if ((size_t)status.st_size > STATIC_BYTES_MAX - table->bytes)
        return fail(loading, "", "too many bytes");
    struct static_file *file = file_new(table, path, (size_t)status.st_size);
    if (read_all(fd, file->forms[CODING_IDENTITY].bytes, (size_t)status.st_size) != 0)
        return fail_errno(loading, path);
    if (!loading->only_check)
        make_forms(file, loading->former);
    return 0;
}

static int load_folder(struct loading *loading, int fd, const char *path, int depth);

/* `path` is that of the entry. Takes over fd. */
static int load_entry(struct loading *loading, int fd, const char *path, int depth)
{
    struct stat status;
    int error;
    if (fstat(fd, &status) != 0)
        error = fail_errno(loading, path);
    else if (S_ISDIR(status.st_mode))
        return load_folder(loading, fd, path, depth + 1);
    else
        error = load_open_file(loading, fd, path);
    close(fd);
    return error;
}

/* A folder of pages is often an npm package as well. */
static bool is_for_browsers(const char *name)
{
    static const char *const others[] = {"package.json", "package-lock.json", "node_modules"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return false;
    return name[0] != '.';
}

static int load_name(struct loading *loading, int folder_fd, const char *folder, const char *name,
                     int depth)
{
    char path[PATH_SIZE];
    if (!is_for_browsers(name))
        return 0;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return fail(loading, folder, "a path in it is too long");
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? 0 : fail_errno(loading, path);
    return load_entry(loading, fd, path, depth);
}

/* Takes over fd. */
static int load_folder(struct loading *loading, int fd, const char *path, int depth)
{
    DIR *dir = depth > DEPTH_MAX ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int error = depth > DEPTH_MAX ? fail(loading, path, "too deep") : fail_errno(loading, path);
        close(fd);
        return error;
    }
    int error = 0;
    const struct dirent *entry;
    while (error == 0 && (entry = readdir(dir)) != NULL)
        error = load_name(loading, fd, path, entry->d_name, depth);
    closedir(dir);
    return error;
}

/* An empty folder name is an empty table. */
static struct static_table *load(const struct static_options *options, struct loading *loading)
{
    struct static_table *table = mem_must(sizeof(*table));
    table->refs = 1;
    table->policy = options->policy;
    table->hsts = options->hsts;
    if (options->folder == NULL || options->folder[0] == '\0')
        return table;
    loading->table = table;
    loading->folder = options->folder;
    int fd = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? fail_errno(loading, "") : load_folder(loading, fd, "", 0);
    if (error == 0)
        return table;
    static_unref(table);
    return NULL;
}

struct static_table *static_load(const struct static_options *options,
                                 const struct static_table *former,
                                 char ret_error[STATIC_ERROR_SIZE])
{
    return load(options, &(struct loading){.former = former, .error = ret_error});
}

int static_check(const struct static_options *options, char ret_error[STATIC_ERROR_SIZE])
{
    struct static_table *table =
        load(options, &(struct loading){.only_check = true, .error = ret_error});
    static_unref(table);
    return table == NULL ? -1 : 0;
}
