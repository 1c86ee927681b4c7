/* Any bytes as a deletion vector: refused, or a set whose parts agree with each other. */
#include <stdint.h>
#include <stdlib.h>

#include "base/bits.h"
#include "lake/delta/deletion_vector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sl_deletion_vector *vector) {
    enum { ROWS = 70000 };
    static uint64_t keep[(ROWS + 63) / 64];
    uint64_t deleted = 0;
    sl_bits_fill(keep, ROWS, true);
    sl_deletion_vector_clear(vector, 5, ROWS, keep);
    for (uint32_t i = 0; i < ROWS; i++) {
        bool has = sl_deletion_vector_has(vector, 5 + i);
        if (has == sl_bit_get(keep, i)) abort();
        deleted += has;
    }
    if (deleted > sl_deletion_vector_count(vector)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_str bytes = {(const char *)data, size};
    struct sl_deletion_vector *vector;
    struct sl_err err;
    if (sl_deletion_vector_parse(bytes, -1, &vector, &err) == SL_OK) {
        check(vector);
        sl_deletion_vector_free(vector);
    }
    struct sl_delta_vector inline_form = {'i', bytes, -1, (int64_t)(size / 5 * 4), 6};
    if (sl_deletion_vector_read("/nowhere", &inline_form, &vector, &err) == SL_OK)
        sl_deletion_vector_free(vector);
    return 0;
}
