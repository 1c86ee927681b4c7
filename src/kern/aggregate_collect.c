/* collect_list, array_agg, collect_set, listagg.  Nulls are skipped.  The buffer is the array
 * itself (Spark's TypedImperativeAggregate keeps bytes of its own making there).  The order of a
 * set's values is that of their first rows; Spark's is that of its hash table. Source: Spark
 * collect.scala. */
#include "kern/aggregates.h"
#include "kern/group_lists.h"

struct collection {
    struct sl_accumulator_base base;
    struct sl_group_lists lists;
};

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = false;
    sl_buffers_new(query, call, 1)[0] = sl_buffer("buf", call->result, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    return sl_group_lists_grow(&((struct collection *)acc)->lists, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_lists_reset(&((struct collection *)acc)->lists, groups, count);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct collection *collection = (struct collection *)acc;
    return sl_group_lists_add(&collection->lists, args[0], rows, groups, NULL, count, err);
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct collection *collection = (struct collection *)acc;
    return sl_group_lists_merge(&collection->lists, buffers[0], NULL, rows, groups, count, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct collection *collection = (const struct collection *)acc;
    return sl_group_lists_append(&collection->lists, groups, count, &buffers[0], err);
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    return store(acc, groups, count, out, err);
}

static void release(struct sl_accumulator *acc) {
    struct collection *collection = (struct collection *)acc;
    sl_group_lists_release(&collection->lists);
    sl_accumulator_drop(&collection->base);
}

static struct sl_accumulator *make_lists(const struct sl_aggregate_call *call,
                                         struct sl_budget *budget, bool distinct) {
    struct collection *collection =
        sl_accumulator_new(sizeof *collection, call->function->ops, call, budget);
    sl_group_lists_init(&collection->lists, &collection->base, call->args[0].type, distinct);
    return (struct sl_accumulator *)collection;
}
static struct sl_accumulator *make_list(const struct sl_aggregate_call *call,
                                        struct sl_budget *budget) {
    return make_lists(call, budget, false);
}
static struct sl_accumulator *make_set(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_lists(call, budget, true);
}

const struct sl_aggregate_ops sl_aggregate_collect_list = {
    describe, make_list, grow, reset, update, merge, store, finish, release};
const struct sl_aggregate_ops sl_aggregate_collect_set = {
    describe, make_set, grow, reset, update, merge, store, finish, release};

/* ---- listagg ---- */

static void describe_listagg(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = true;
    sl_buffers_new(query, call, 1)[0] =
        sl_buffer("buf", sl_type_array(query, call->args[0].type, false), false);
}

/* The second argument; a null delimiter is none. */
static struct sl_str delimiter_of(const struct sl_aggregate_call *call) {
    const struct sl_vec *value = call->arg_count == 2 ? call->args[1].constant : NULL;
    if (!value || sl_vec_is_null(value, 0)) return SL_STR("");
    return sl_vec_str(value, 0);
}

static enum sl_code finish_listagg(const struct sl_accumulator *acc, const uint32_t *groups,
                                   uint32_t count, const struct sl_session *session,
                                   struct sl_vec *out, struct sl_err *err) {
    (void)session;
    const struct collection *collection = (const struct collection *)acc;
    const struct sl_group_lists *lists = &collection->lists;
    struct sl_str delimiter = delimiter_of(collection->base.call);
    struct sl_buf text = {0};
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < count && code == SL_OK; i++) {
        const struct sl_group_list *list = sl_group_list(lists, groups[i]);
        text.len = 0;
        for (uint32_t v = list->first; v; v = sl_group_list_next(lists, v)) {
            struct sl_str value = sl_vec_str(&lists->values, v - 1);
            if (v != list->first) sl_buf_put(&text, delimiter.ptr, delimiter.len);
            sl_buf_put(&text, value.ptr, value.len);
        }
        if (list->count)
            code = sl_vec_put_str(out, (struct sl_str){(const char *)text.ptr, text.len}, err);
        else
            code = sl_vec_append_null(out, 1, err);
    }
    sl_buf_release(&text);
    return code;
}

const struct sl_aggregate_ops sl_aggregate_listagg = {
    describe_listagg, make_list, grow, reset, update, merge, store, finish_listagg, release};
