/* The state of percentile_approx, read from any bytes: merged twice, stored, asked. */
#include "kern/aggregate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_arena arena;
    struct sl_session session = {.ansi = true, .time_zone = SL_STR("UTC")};
    struct sl_vec half, buffer, out;
    struct sl_aggregate_call call;
    const struct sl_type *targets[2];
    sl_arena_init(&arena, "fuzz");
    sl_vec_init(&half, &sl_type_double);
    sl_vec_init(&buffer, &sl_type_binary);
    sl_vec_init(&out, &sl_type_double);
    enum sl_code code = sl_vec_put_f64(&half, 0.5, NULL);
    half.enc = SL_ENC_CONST;
    struct sl_bind_arg args[] = {{.type = &sl_type_double},
                                 {.type = &sl_type_double, .constant = &half}};
    if (code == SL_OK)
        code = sl_aggregate_resolve(&arena, &session, SL_STR("percentile_approx"), args, 2, false,
                                    false, (struct sl_span){0, 0}, targets, &call, NULL);
    if (code == SL_OK)
        code = sl_vec_put_str(&buffer, (struct sl_str){(const char *)data, size}, NULL);
    if (code == SL_OK) {
        const struct sl_aggregate_ops *ops = call.function->ops;
        struct sl_accumulator *acc = ops->make(&call, NULL);
        const struct sl_vec *given = &buffer;
        uint32_t rows[] = {0, 0}, groups[] = {0, 0};
        code = ops->grow(acc, 1, NULL);
        if (code == SL_OK) code = ops->merge(acc, &given, rows, groups, 2, &session, NULL);
        if (code == SL_OK) code = ops->finish(acc, groups, 1, &session, &out, NULL);
        if (code == SL_OK) code = ops->store(acc, groups, 1, &buffer, NULL);
        ops->free(acc);
    }
    sl_vec_release(&half);
    sl_vec_release(&buffer);
    sl_vec_release(&out);
    sl_arena_release(&arena);
    return 0;
}
