#include <stdlib.h>

#include "ops/op.h"

struct limit {
    struct sl_op base;
    int64_t *left;
    uint64_t *selected;
    uint32_t cap; /* rows of selected */
};

static enum sl_code process(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err) {
    (void)session, (void)err;
    struct limit *limit = (struct limit *)op;
    uint32_t have = in->selected ? in->selected_rows : in->rows;
    *out = in;
    if (have <= *limit->left) {
        *limit->left -= have;
        return SL_OK;
    }
    if (in->rows > limit->cap) {
        limit->cap = in->rows;
        limit->selected = sl_xrealloc(limit->selected, SL_BIT_WORDS(limit->cap) * 8);
    }
    sl_bits_fill(limit->selected, in->rows, false);
    in->selected_rows = (uint32_t)*limit->left;
    for (uint32_t row = 0; *limit->left > 0; row++) {
        if (in->selected && !sl_bit_get(in->selected, row)) continue;
        sl_bit_set(limit->selected, row);
        --*limit->left;
    }
    in->selected = limit->selected;
    return SL_OK;
}

static void profile(const struct sl_op *op, sl_profile_fn fn, void *ctx) {
    (void)op, (void)fn, (void)ctx;
}

static void free_limit(struct sl_op *op) {
    free(((struct limit *)op)->selected);
    free(op);
}

static const struct sl_op_ops limit_ops = {"limit", process, profile, free_limit, NULL};

struct sl_op *sl_limit_new(int64_t *left) {
    struct limit *limit = sl_xcalloc(1, sizeof *limit);
    *limit = (struct limit){.base.ops = &limit_ops, .left = left};
    return &limit->base;
}

bool sl_limit_is_reached(const struct sl_op *op) {
    return op->ops == &limit_ops && *((const struct limit *)op)->left == 0;
}
