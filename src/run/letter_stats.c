#include "run/letter_stats.h"

#include <stdlib.h>

struct groups {
    struct sl_arena *arena;
    const struct sl_letter_owners *owners;
    struct sl_letter_group *items;
    uint32_t count, cap, last; /* letters of one kind stand together */
};

static bool is_group(const struct sl_letter_group *group, const struct sl_batch *batch,
                     uint32_t row, int64_t partition) {
    return group->partition == partition &&
           sl_str_eq(group->kind, sl_listed_text(batch, SL_LISTED_KIND, row)) &&
           sl_str_eq(group->rule, sl_listed_text(batch, SL_LISTED_RULE, row)) &&
           sl_str_eq(group->topic, sl_listed_text(batch, SL_LISTED_TOPIC, row)) &&
           sl_str_eq(group->query, sl_listed_text(batch, SL_LISTED_QUERY, row));
}

static struct sl_letter_group *find_group(struct groups *groups, const struct sl_batch *batch,
                                          uint32_t row) {
    int64_t partition = sl_listed_int(batch, SL_LISTED_PARTITION, row);
    if (groups->count && is_group(&groups->items[groups->last], batch, row, partition))
        return &groups->items[groups->last];
    for (uint32_t i = 0; i < groups->count; i++)
        if (is_group(&groups->items[i], batch, row, partition)) {
            groups->last = i;
            return &groups->items[i];
        }
    if (groups->count == groups->cap) {
        uint32_t cap = groups->cap ? 2 * groups->cap : 32;
        groups->items =
            sl_arena_grow(groups->arena, groups->items, groups->cap * sizeof *groups->items,
                          cap * sizeof *groups->items);
        groups->cap = cap;
    }
    groups->last = groups->count++;
    struct sl_letter_group *added = &groups->items[groups->last];
    *added = (struct sl_letter_group){
        .query = sl_arena_str(groups->arena, sl_listed_text(batch, SL_LISTED_QUERY, row)),
        .kind = sl_arena_str(groups->arena, sl_listed_text(batch, SL_LISTED_KIND, row)),
        .rule = sl_arena_str(groups->arena, sl_listed_text(batch, SL_LISTED_RULE, row)),
        .topic = sl_arena_str(groups->arena, sl_listed_text(batch, SL_LISTED_TOPIC, row)),
        .partition = partition,
        .first_us = INT64_MAX,
        .last_us = INT64_MIN};
    return added;
}

static enum sl_code begin_stats(void *ctx, const struct sl_type *schema,
                                const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}

static enum sl_code take_stats(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    (void)err;
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (batch->selected && !sl_bit_get(batch->selected, row)) continue;
        struct groups *groups = ctx;
        struct sl_letter_group *group = find_group(groups, batch, row);
        int64_t at = sl_listed_int(batch, SL_LISTED_FAILED_AT, row);
        bool has_id = !sl_vec_is_null(&batch->columns[SL_LISTED_QUERY_ID], row);
        group->counts[sl_letter_owners_judge(groups->owners, group->query,
                                             has_id ? sl_listed_text(batch, SL_LISTED_QUERY_ID, row)
                                                    : (struct sl_str){0},
                                             sl_listed_int(batch, SL_LISTED_BATCH_ID, row))]++;
        if (at < group->first_us) group->first_us = at;
        if (at > group->last_us) group->last_us = at;
    }
    return SL_OK;
}

static int compare_groups(const void *a, const void *b) {
    const struct sl_letter_group *x = a, *y = b;
    for (int i = 0; i < SL_LETTER_STATES; i++)
        if (x->counts[i] != y->counts[i]) return x->counts[i] < y->counts[i] ? 1 : -1;
    int order = sl_str_cmp(x->query, y->query);
    if (!order) order = sl_str_cmp(x->kind, y->kind);
    if (!order) order = sl_str_cmp(x->rule, y->rule);
    if (!order) order = sl_str_cmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

enum sl_code sl_letters_stats(struct sl_pipeline *pipeline, const struct sl_letter_owners *owners,
                              struct sl_str query, struct sl_arena *arena,
                              struct sl_letter_group **out, uint32_t *count, struct sl_err *err) {
    struct groups groups = {.arena = arena, .owners = owners};
    const struct sl_letter_reading reading = {pipeline, owners, query};
    SL_TRY(sl_letters_read(&reading, false, begin_stats, take_stats, &groups, err));
    if (groups.count) qsort(groups.items, groups.count, sizeof *groups.items, compare_groups);
    *out = groups.items;
    *count = groups.count;
    return SL_OK;
}
