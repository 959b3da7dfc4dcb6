/* YAML of strangers. What is taken must come back the same from what a supervisor writes for its
 * workers, and what is printed for people must be taken, too. */
#include <string.h>

#include "app/config.h"
#include "must.h"

/* Reads `in`, which must be good, and writes it again. */
static void rewrite(const struct buf *in, struct buf *out)
{
    struct config config;
    struct config_errors errors = {0};
    must(config_parse_text(&config, in->data, in->len, "rewritten", &errors) == 0);
    must(config_write(&config, CONFIG_FORM_INTERNAL, out) == 0);
    config_done(&config);
}

static void round_trip(const struct config *config)
{
    struct buf first;
    struct buf second;
    buf_init(&first, CONFIG_TEXT_MAX);
    buf_init(&second, CONFIG_TEXT_MAX);
    must(config_write(config, CONFIG_FORM_INTERNAL, &first) == 0);
    rewrite(&first, &second);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);

    buf_clear(&first);
    buf_clear(&second);
    must(config_write(config, CONFIG_FORM_EFFECTIVE, &first) == 0);
    rewrite(&first, &second);
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct config_errors errors = {0};
    int result = config_parse_text(&config, (const char *)data, size, "fuzz", &errors);
    must((result == 0) == (errors.count == 0));
    if (result == 0)
        round_trip(&config);
    config_done(&config);
    return 0;
}
