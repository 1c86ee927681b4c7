/* Damaged compressed files: an error or less text, never a crash or a loop without end. */
#include <stdint.h>
#include <stdlib.h>

#include "fmt/codec/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { STEPS_MAX = 10000 };
    static char out[4096];
    struct sl_inflater *inflater;
    if (size < 1) return 0;
    enum sl_inflate_kind kind = SL_INFLATE_GZIP + data[0] % 3;
    if (sl_inflater_new(kind, &inflater, NULL) != SL_OK) abort();
    struct sl_str in = {(const char *)data + 1, size - 1};
    for (int step = 0; step < STEPS_MAX; step++) {
        size_t before = in.len, written;
        if (sl_inflater_step(inflater, &in, out, sizeof out, &written, NULL) != SL_OK) break;
        if (written > sizeof out || in.len > before) abort();
        if (in.len == before && written == 0) break;
    }
    sl_inflater_free(inflater);
    return 0;
}
