#include "app/config_reference.h"

#include <stdio.h>
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"

static void add_fallback(const struct config_key *key, struct buf *out)
{
    if (key->type == &config_type_text)
        config_write_text(key->fallback, out);
    else
        buf_add_text(out, key->fallback[0] == '\0' ? "\"\"" : key->fallback);
}

/* config/roomline.yaml */

static const char example_head[] =
    "# Every key of roomline's configuration, its default, and why it is there.\n"
    "#\n"
    "# Copy what you change. docs/configuration.md says what each key takes; this file and that "
    "one\n"
    "# are written by `roomline --print-config-example` and `roomline --print-config-reference`.\n";

static void add_example_keys(const struct config_section *section, struct buf *out)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if (strcmp(key->section, section->name) != 0)
            continue;
        buf_add_format(out, "  # %s\n  %s: ", key->help, key->name);
        add_fallback(key, out);
        buf_add_char(out, '\n');
    }
}

void config_write_example(struct buf *out)
{
    buf_add_text(out, example_head);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        buf_add_format(out, "\n# %s\n%s:\n", config_sections[i].help, config_sections[i].name);
        add_example_keys(&config_sections[i], out);
    }
}

/* docs/configuration.md */

static const char reference_head[] =
    "# Configuration\n"
    "\n"
    "Written by `roomline --print-config-reference` from the table in `src/app/config_keys.h`; a "
    "test\n"
    "compares the two.\n"
    "\n"
    "## Where values come from\n"
    "\n"
    "Later wins: the default, the file of `--config FILE`, the environment, the command line. A "
    "list\n"
    "is replaced as a whole. `roomline --print-config` shows every value and where it came from, "
    "with\n"
    "credentials left out; `roomline --check` says whether the server would start with it.\n"
    "\n"
    "| where | how |\n"
    "|---|---|\n"
    "| file | YAML: `limits:`, under it `rooms: 500`. One document of at most 256 KiB, without "
    "anchors, aliases and tags. No file is read unless `--config` names one. |\n"
    "| environment | `ROOMLINE_LIMITS_ROOMS=500` |\n"
    "| command line | `--set limits.rooms=500`, and short forms of a few keys: see `roomline "
    "--help` "
    "|\n"
    "\n"
    "On the command line and in the environment a list is comma-separated\n"
    "(`ROOMLINE_SERVER_ORIGINS=self,https://example.org`) or YAML in brackets\n"
    "(`--set 'session.ice_servers=[{urls: \"stun:stun.example.org\"}]'`).\n"
    "\n"
    "Whatever is not understood is refused before anything is bound, with exit status 2 and a "
    "line\n"
    "for each fault, up to ten: an unknown key or `ROOMLINE_` variable, a key given twice, a value "
    "of\n"
    "the wrong type or out of range, a file that can't be read.\n"
    "\n"
    "    roomline.yaml:12: limits.peers_per_room: \"many\" is not a whole number; allowed: 0 (no "
    "limit) to 100000\n"
    "\n"
    "One variable is no setting: `ROOMLINE_WORKER`, which the server sets for its own workers.\n"
    "Variables that Kubernetes makes for a service named `roomline`\n"
    "(`ROOMLINE_SERVICE_HOST`, `ROOMLINE_PORT_8080_TCP` and so on) are ignored.\n"
    "\n"
    "Durations are written `500ms`, `25s`, `10m`, `1h`, `7d` or `0`; sizes `512` (bytes), "
    "`64KiB`,\n"
    "`1MiB`, `1GiB`. Relative paths start at the working directory.\n";

static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '*')
            buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

static void add_row(const struct config_key *key, struct buf *out)
{
    struct buf allowed;
    buf_init(&allowed, CONFIG_ERROR_SIZE);
    config_key_allowed(key, &allowed);
    buf_add_char(&allowed, '\0');
    buf_add_format(out, "| `%s` | `", key->path);
    add_fallback(key, out);
    buf_add_text(out, "` | ");
    if (buf_failed(&allowed))
        out->failed = true;
    else
        add_cell(out, allowed.data);
    buf_add_text(out, " | ");
    add_cell(out, key->help);
    buf_add_text(out, " |\n");
    buf_done(&allowed);
}

void config_write_reference(struct buf *out)
{
    buf_add_text(out, reference_head);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        const struct config_section *section = &config_sections[i];
        buf_add_format(out, "\n## %s\n\n%s\n\n", section->name, section->help);
        buf_add_text(out, "| key | default | allowed | what for |\n|---|---|---|---|\n");
        for (size_t j = 0; j < CONFIG_KEY_COUNT; j++) {
            if (strcmp(config_keys[j].section, section->name) == 0)
                add_row(&config_keys[j], out);
        }
    }
}

/* --help */

void config_write_keys(struct buf *out)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        char assignment[CONFIG_PATH_MAX * 2];
        snprintf(assignment, sizeof(assignment), "%s=%s", key->path, key->fallback);
        buf_add_format(out, "  %-42s %s\n", assignment, key->help);
    }
}
