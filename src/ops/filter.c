#include <stdlib.h>

#include "ops/op.h"

struct filter {
    struct sl_op base;
    struct sl_program *program;
};

static enum sl_code process(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err) {
    *out = in;
    return sl_program_filter(((struct filter *)op)->program, session, in, err);
}

static void profile(const struct sl_op *op, sl_profile_fn fn, void *ctx) {
    sl_program_profile(((const struct filter *)op)->program, fn, ctx);
}

static void free_filter(struct sl_op *op) {
    sl_program_free(((struct filter *)op)->program);
    free(op);
}

static const struct sl_op_ops filter_ops = {"filter", process, profile, free_filter};

enum sl_code sl_filter_new(struct sl_expr *condition, bool profiled, struct sl_op **out,
                           struct sl_err *err) {
    struct filter *filter = sl_xcalloc(1, sizeof *filter);
    filter->base.ops = &filter_ops;
    enum sl_code code = sl_program_new(&condition, 1, &filter->program, err);
    if (code != SL_OK) {
        free(filter);
        return code;
    }
    sl_program_set_profile(filter->program, profiled);
    *out = &filter->base;
    return SL_OK;
}

void sl_op_free(struct sl_op *op) {
    if (op) op->ops->free(op);
}
