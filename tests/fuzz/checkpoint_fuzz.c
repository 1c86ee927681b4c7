/* offsets/N and commits/N as somebody may have damaged them: an accepted text has at least one
 * source, and what is written from it is accepted again. */
#include <stdint.h>
#include <stdlib.h>

#include "state/checkpoint_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_arena arena;
    struct sl_offset_seq seq, again;
    struct sl_commit_entry entry;
    struct sl_err err;
    struct sl_buf out = {0};
    sl_arena_init(&arena, "fuzz");
    struct sl_str text = sl_arena_str(&arena, (struct sl_str){(const char *)data, size});
    if (sl_offset_seq_parse(&arena, text, &seq, &err) == SL_OK) {
        if (seq.source_count == 0) abort();
        sl_offset_seq_put(&out, &seq);
        if (sl_offset_seq_parse(&arena, sl_buf_str(&out), &again, &err) != SL_OK) abort();
        if (again.source_count != seq.source_count) abort();
    }
    if (sl_commit_entry_parse(&arena, text, &entry, &err) == SL_OK && entry.version < 1) abort();
    sl_buf_release(&out);
    sl_arena_release(&arena);
    return 0;
}
