/* Schema texts: any bytes give a type or an error; a type's own text gives an equal type. */
#include "col/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_arena arena;
    struct sl_err err;
    const struct sl_type *type, *again;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "fuzz");
    if (sl_type_parse_schema(&arena, (struct sl_str){(const char *)data, size}, &type, &err) ==
        SL_OK) {
        sl_type_put_sql(&text, type);
        sl_assert(sl_type_parse(&arena, sl_buf_str(&text), &again, &err) == SL_OK);
        sl_assert(sl_type_equal(type, again));
        sl_buf_clear(&text);
        sl_type_put_json(&text, type);
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return 0;
}
