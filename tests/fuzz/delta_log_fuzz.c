/* A whole commit through the action parser: nothing crashes, and what is parsed and put is parsed
 * to the same text again. Paths and partition values of the log go through their parsers too. */
#include <stdint.h>
#include <stdlib.h>

#include "lake/delta/action.h"
#include "lake/delta/feature.h"
#include "lake/delta/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_file(const struct sl_delta_file *file) {
    static const struct sl_type *const types[] = {&sl_type_int, &sl_type_double, &sl_type_date,
                                                  &sl_type_timestamp, &sl_type_timestamp_ntz};
    struct sl_buf text = {0};
    bool absolute;
    if (sl_delta_path_parse(file->path, &text, &absolute, NULL) == SL_OK && !absolute) {
        /* quoting what was decoded decodes to the same */
        struct sl_buf quoted = {0}, again = {0};
        sl_delta_path_put(&quoted, sl_buf_str(&text));
        if (sl_delta_path_parse(sl_buf_str(&quoted), &again, &absolute, NULL) == SL_OK &&
            !sl_str_eq(sl_buf_str(&again), sl_buf_str(&text)))
            abort();
        sl_buf_release(&quoted);
        sl_buf_release(&again);
    }
    sl_buf_clear(&text);
    sl_delta_file_put_key(&text, file);
    sl_buf_release(&text);
    for (uint32_t i = 0; i < file->partition_values.count; i++)
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            struct sl_str value = file->partition_values.items[i].value;
            struct sl_vec vec;
            sl_vec_init(&vec, types[k]);
            if (sl_delta_value_parse(value, !value.ptr, &vec, NULL) == SL_OK && vec.rows != 1)
                abort();
            sl_vec_release(&vec);
        }
}

static void read_line(struct sl_arena *arena, struct sl_str line) {
    struct sl_delta_action action, again;
    struct sl_buf first = {0}, second = {0};
    struct sl_err err;
    if (sl_delta_action_parse(arena, line, &action, &err) != SL_OK) return;
    sl_delta_action_put(&first, &action);
    if (first.len) {
        if (first.ptr[first.len - 1] != '\n') abort();
        if (memchr(first.ptr, '\n', first.len - 1)) abort();
    }
    if (sl_delta_action_parse(arena, sl_buf_str(&first), &again, &err) != SL_OK) abort();
    sl_delta_action_put(&second, &again);
    if (!sl_str_eq(sl_buf_str(&first), sl_buf_str(&second))) abort();
    if (action.kind == SL_DELTA_ADD || action.kind == SL_DELTA_REMOVE) read_file(&action.file);
    if (action.kind == SL_DELTA_METADATA && action.metadata.schema) {
        struct sl_delta_protocol protocol;
        sl_delta_protocol_for(arena, action.metadata.schema, &action.metadata.configuration,
                              &protocol);
        if (protocol.writer_version < 2 || protocol.writer_version > 7) abort();
        if (sl_delta_check_read(&protocol, &action.metadata, &err) == SL_OK)
            (void)!sl_delta_check_write(&protocol, &action.metadata, &err);
    }
    sl_buf_release(&first);
    sl_buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_arena arena;
    struct sl_str text = {(const char *)data, size};
    sl_arena_init(&arena, "fuzz");
    for (size_t begin = 0; begin < size;) {
        size_t end = sl_str_find(text, SL_STR("\n"), begin);
        if (end == SIZE_MAX) end = size;
        read_line(&arena, sl_str_sub(text, begin, end));
        begin = end + 1;
    }
    sl_arena_release(&arena);
    return 0;
}
