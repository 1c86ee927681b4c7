/* Control-plane JSON: a text that parses is printed and parses again to the same text. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_arena arena;
    struct sl_json json, again;
    struct sl_buf out = {0}, out_again = {0};
    sl_arena_init(&arena, "fuzz");
    if (sl_json_parse(&arena, (struct sl_str){(const char *)data, size}, &json, NULL) == SL_OK) {
        sl_json_put(&out, &json);
        if (sl_json_parse(&arena, sl_buf_str(&out), &again, NULL) != SL_OK) abort();
        sl_json_put(&out_again, &again);
        if (!sl_str_eq(sl_buf_str(&out), sl_buf_str(&out_again))) abort();
    }
    sl_buf_release(&out);
    sl_buf_release(&out_again);
    sl_arena_release(&arena);
    return 0;
}
