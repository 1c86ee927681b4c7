/* Goal: no input makes the paths of the JSON decoder disagree, read outside a record, or break the
 * columns. Method: the first byte chooses a schema, the rest is records, one a line, each in its
 * own exact allocation so that the address sanitizer sees a read behind it. The text functions run
 * too. */
#include "../unit/fmt_json/json_twins.h"
#include "fmt/json/json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 64 };

static void get_paths(struct sl_str record) {
    static const char *const texts[] = {"$", "$.a", "$[*].a", "$.c[*][*]", "$.b['k'][1]"};
    struct sl_arena arena;
    struct sl_buf out = {0};
    sl_arena_init(&arena, "query");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        sl_json_path_get(sl_json_path_parse(&arena, sl_str(texts[i])), record, &out);
    sl_json_path_parse(&arena, record);
    sl_buf_release(&out);
    sl_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct sl_arena arena;
    struct sl_err err;
    const struct sl_type *schema;
    sl_arena_init(&arena, "query");
    struct sl_str ddl = sl_str(twin_schemas[data[0] % TWIN_SCHEMAS]);
    if (sl_type_parse_schema(&arena, ddl, &schema, &err) != SL_OK) abort();
    struct sl_str views[ROWS_MAX];
    uint32_t rows = 0;
    const char *at = (const char *)data + 1, *end = (const char *)data + size;
    while (at < end && rows < ROWS_MAX) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((line ? line : end) - at);
        char *copy = malloc(len ? len : 1);
        memcpy(copy, at, len);
        views[rows++] = (struct sl_str){copy, len};
        at += len + 1;
    }
    struct sl_vec in;
    sl_vec_init(&in, &sl_type_string);
    in.enc = SL_ENC_VIEW;
    in.rows = rows;
    in.views = views;
    struct sl_json_decode_stats stats;
    if (!twins_agree(schema, &in, &stats)) abort();
    if (rows) get_paths(views[0]);
    for (uint32_t i = 0; i < rows; i++) free((char *)(uintptr_t)views[i].ptr);
    sl_arena_release(&arena);
    return 0;
}
