#include <stdlib.h>

#include "ops/op.h"

struct project {
    struct sl_op base;
    struct sl_program *program;
    struct sl_arena arena;
    struct sl_batch out;
    const struct sl_vec **outputs;
};

static enum sl_code process(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err) {
    struct project *project = (struct project *)op;
    SL_TRY(sl_program_eval(project->program, session, in, project->outputs, err));
    for (uint32_t c = 0; c < project->out.schema->field_count; c++)
        sl_vec_borrow(&project->out.columns[c], project->outputs[c]);
    sl_batch_take_rows(&project->out, in);
    if (in->faults) sl_program_drop_failed(project->program, &project->out);
    *out = &project->out;
    return SL_OK;
}

static void profile(const struct sl_op *op, sl_profile_fn fn, void *ctx) {
    sl_program_profile(((const struct project *)op)->program, fn, ctx);
}

static void free_project(struct sl_op *op) {
    struct project *project = (struct project *)op;
    sl_program_free(project->program);
    sl_batch_release(&project->out);
    sl_arena_release(&project->arena);
    free(project->outputs);
    free(project);
}

static const struct sl_op_ops project_ops = {"project", process, profile, free_project};

enum sl_code sl_project_new(struct sl_expr *const *exprs, const struct sl_type *schema,
                            bool profiled, struct sl_op **out, struct sl_err *err) {
    struct project *project = sl_xcalloc(1, sizeof *project);
    project->base.ops = &project_ops;
    sl_arena_init(&project->arena, "project");
    sl_batch_init(&project->out, schema, &project->arena);
    project->outputs = sl_xcalloc(schema->field_count, sizeof *project->outputs);
    enum sl_code code = sl_program_new(exprs, schema->field_count, &project->program, err);
    if (code != SL_OK) {
        free_project(&project->base);
        return code;
    }
    sl_program_set_profile(project->program, profiled);
    *out = &project->base;
    return SL_OK;
}
