#include "run/bounded.h"

/* Start and end of what there is; a bounded source without offsets (files) plans all it has. */
static enum sl_code plan_all(const struct sl_epoch *epoch, struct sl_feed *feed,
                             struct sl_arena *arena, struct sl_err *err) {
    struct sl_source *source = feed->source;
    struct sl_buf start = {0}, end = {0};
    struct sl_batch_limits limits = {.ignore_limits = true};
    bool has_new;
    enum sl_code code = SL_OK;
    if (source->ops->initial_offset) code = source->ops->initial_offset(source, &start, err);
    if (code == SL_OK && source->ops->latest_offset)
        code = source->ops->latest_offset(source, sl_buf_str(&start), &limits, &end, &has_new, err);
    struct sl_str from = sl_arena_str(arena, sl_buf_str(&start)),
                  to = sl_arena_str(arena, sl_buf_str(&end));
    sl_buf_release(&start);
    sl_buf_release(&end);
    SL_TRY(code);
    uint32_t workers = (uint32_t)sl_pool_workers(epoch->engine->pool);
    return source->ops->plan(source, from, to, workers, arena, &feed->splits, &feed->split_count,
                             err);
}

enum sl_code sl_bounded_open(const struct sl_conn_env *env, const struct sl_epoch *epoch,
                             struct sl_feed *feed, struct sl_arena *arena, struct sl_err *err) {
    const struct sl_node *scan = feed->consumers[0].pipe->scan;
    if (scan->kind == SL_NODE_VALUES) {
        feed->splits = SL_NEW(arena, struct sl_split);
        feed->split_count = 1;
        return SL_OK;
    }
    SL_TRY(sl_scan_open(env, scan->scan, &feed->source, err));
    struct sl_source *source = feed->source;
    if (scan->pushed_count && source->ops->restrict_to)
        source->ops->restrict_to(source, scan->pushed, scan->pushed_count, scan->scan_columns);
    sl_feed_choose_columns(feed, epoch->outputs, arena);
    return plan_all(epoch, feed, arena, err);
}
