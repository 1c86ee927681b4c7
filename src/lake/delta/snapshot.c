/* Opening and following.  State is gathered oldest first, so that the newest action wins; files are
 * passed over until they are walked. */
#include "lake/delta/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "lake/delta/delta_error.h"
#include "lake/delta/feature.h"
#include "lake/delta/snapshot_int.h"

/* What the log says besides files. */
struct state {
    struct sl_arena arena;
    bool has_protocol, has_metadata;
    struct sl_delta_protocol protocol;
    struct sl_delta_metadata metadata;
    struct sl_delta_txn_table txns;
    struct sl_delta_domain *domains;
    uint32_t domain_count, domain_cap;
};

struct sl_delta_snapshot {
    char *dir;
    struct sl_budget *budget;
    struct state state;
    struct sl_arena segment_arena;
    struct sl_delta_segment segment; /* its version is the snapshot's, however old the listing */
    int64_t listed_version;
};

/* ---- state ---- */

/* A deep copy, by way of its text: rare, and all kinds alike. Property values get a NUL behind
 * them. */
static enum sl_code copy_action(struct sl_arena *arena, const struct sl_delta_action *action,
                                struct sl_delta_action *out, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_delta_action_put(&text, action);
    struct sl_str line = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    SL_TRY(sl_delta_action_parse(arena, line, out, err));
    if (out->kind != SL_DELTA_METADATA) return SL_OK;
    struct sl_delta_map *map = &out->metadata.configuration;
    for (uint32_t i = 0; i < map->count; i++)
        if (map->items[i].value.ptr) map->items[i].value = sl_arena_str(arena, map->items[i].value);
    return SL_OK;
}

static void put_domain(struct state *state, const struct sl_delta_domain *domain) {
    uint32_t at = 0;
    while (at < state->domain_count && !sl_str_eq(state->domains[at].domain, domain->domain)) at++;
    bool is_there = at < state->domain_count;
    if (domain->removed) {
        if (is_there) state->domains[at] = state->domains[--state->domain_count];
        return;
    }
    if (!is_there && state->domain_count == state->domain_cap) {
        uint32_t more = state->domain_cap ? state->domain_cap * 2 : 4;
        state->domains =
            sl_arena_grow(&state->arena, state->domains, state->domain_cap * sizeof *state->domains,
                          more * sizeof *state->domains);
        state->domain_cap = more;
    }
    if (!is_there) state->domain_count++;
    state->domains[at] = *domain;
}

static enum sl_code apply(void *ctx, const struct sl_delta_action *action, struct sl_err *err) {
    struct state *state = ctx;
    struct sl_delta_action copy;
    if (action->kind == SL_DELTA_TXN) {
        sl_delta_txn_table_put(&state->txns, &state->arena, &action->txn);
        return SL_OK;
    }
    SL_TRY(copy_action(&state->arena, action, &copy, err));
    if (copy.kind == SL_DELTA_PROTOCOL) {
        state->protocol = copy.protocol;
        state->has_protocol = true;
    } else if (copy.kind == SL_DELTA_METADATA) {
        state->metadata = copy.metadata;
        state->has_metadata = true;
    } else if (copy.kind == SL_DELTA_DOMAIN) {
        put_domain(state, &copy.domain);
    }
    return SL_OK;
}

static void release_state(struct state *state) {
    sl_delta_txn_table_release(&state->txns);
    sl_arena_release(&state->arena);
    *state = (struct state){0};
}

static enum sl_code replay_commits(const char *dir, int64_t first, int64_t last,
                                   sl_delta_action_fn each, void *ctx, struct sl_err *err) {
    struct sl_arena arena;
    enum sl_code code = SL_OK;
    sl_arena_init(&arena, "Delta log");
    for (int64_t v = first; v <= last && code == SL_OK; v++) {
        sl_arena_reset(&arena);
        code = sl_delta_replay_json(sl_delta_commit_path(&arena, dir, v), SL_DELTA_WANT_STATE, each,
                                    ctx, err);
    }
    sl_arena_release(&arena);
    return code;
}

/* ---- opening ---- */

static enum sl_code check_state(const struct state *state, int64_t version, struct sl_err *err) {
    if (state->has_protocol && state->has_metadata)
        return sl_delta_check_read(&state->protocol, &state->metadata, err);
    return sl_delta_fail(err, SL_DATA, "DELTA_STATE_RECOVER_ERROR", "XXKDS",
                         "the log of the Delta table holds no `%s` action up to version %lld, so "
                         "its state cannot be known",
                         state->has_protocol ? "metaData" : "protocol", (long long)version);
}

/* Of one try to open; a damaged checkpoint leaves its version here. */
struct attempt {
    int64_t checkpoint_max;
    bool is_damaged;
};

static enum sl_code load(struct sl_delta_snapshot *s, struct attempt *attempt, struct sl_err *err) {
    const struct sl_delta_segment *segment = &s->segment;
    if (segment->checkpoint != SL_DELTA_CHECKPOINT_NONE) {
        struct sl_err local = {0};
        enum sl_code code = sl_delta_replay_checkpoint(s->dir, segment, SL_DELTA_WANT_STATE,
                                                       s->budget, apply, &s->state, &local);
        attempt->is_damaged = code == SL_DATA || (code == SL_IO && local.sys == ENOENT);
        attempt->checkpoint_max = segment->checkpoint_version - 1;
        if (code != SL_OK && err) *err = local;
        if (code != SL_OK) return code;
    }
    SL_TRY(replay_commits(s->dir, segment->first_commit, segment->version, apply, &s->state, err));
    return check_state(&s->state, segment->version, err);
}

/* A checkpoint that cannot be read is passed over for an older one as long as the commits behind
 * that are there; if they are not, the first checkpoint's error is the one to tell. */
static enum sl_code open_at(struct sl_delta_snapshot *s, int64_t version, bool *found,
                            struct sl_err *err) {
    struct attempt attempt = {.checkpoint_max = INT64_MAX};
    struct sl_err first = {0}, local = {0};
    for (;;) {
        enum sl_code code = sl_delta_log_segment_below(
            &s->segment_arena, s->dir, version, attempt.checkpoint_max, &s->segment, found, &local);
        bool has_segment = code == SL_OK;
        if (has_segment && !*found) return SL_OK;
        attempt.is_damaged = false;
        if (has_segment) code = load(s, &attempt, &local);
        s->listed_version = s->segment.version;
        if (code == SL_OK) return SL_OK;
        bool is_again = first.code != SL_OK;
        if (attempt.is_damaged && !is_again) first = local;
        if (!attempt.is_damaged) {
            if (err) *err = is_again && !has_segment ? first : local;
            return is_again && !has_segment ? first.code : code;
        }
        release_state(&s->state);
        sl_arena_init(&s->state.arena, "snapshot");
    }
}

enum sl_code sl_delta_snapshot_open(const char *table_dir, int64_t version,
                                    struct sl_budget *budget, struct sl_delta_snapshot **out,
                                    struct sl_err *err) {
    struct sl_delta_snapshot *s = sl_xcalloc(1, sizeof *s);
    bool found = false;
    *out = NULL;
    s->dir = strdup(table_dir);
    s->budget = budget;
    sl_arena_init(&s->state.arena, "snapshot");
    sl_arena_init(&s->segment_arena, "snapshot");
    enum sl_code code = open_at(s, version, &found, err);
    if (code == SL_OK && found)
        *out = s;
    else
        sl_delta_snapshot_close(s);
    return code;
}

void sl_delta_snapshot_close(struct sl_delta_snapshot *s) {
    if (!s) return;
    release_state(&s->state);
    sl_arena_release(&s->segment_arena);
    free(s->dir);
    free(s);
}

/* ---- following ---- */

/* Actions of new commits, kept apart until all of them were read and allowed: a failed update
 * leaves the snapshot where it was. */
struct news {
    struct sl_arena arena;
    struct sl_delta_action *items;
    size_t count, cap;
};

static enum sl_code note(void *ctx, const struct sl_delta_action *action, struct sl_err *err) {
    struct news *news = ctx;
    if (news->count == news->cap) {
        size_t more = news->cap ? news->cap * 2 : 8;
        news->items = sl_arena_grow(&news->arena, news->items, news->cap * sizeof *news->items,
                                    more * sizeof *news->items);
        news->cap = more;
    }
    SL_TRY(copy_action(&news->arena, action, &news->items[news->count], err));
    news->count++;
    return SL_OK;
}

static enum sl_code take_news(struct sl_delta_snapshot *s, struct news *news, struct sl_err *err) {
    const struct sl_delta_protocol *protocol = &s->state.protocol;
    const struct sl_delta_metadata *metadata = &s->state.metadata;
    for (size_t i = 0; i < news->count; i++) {
        if (news->items[i].kind == SL_DELTA_PROTOCOL) protocol = &news->items[i].protocol;
        if (news->items[i].kind == SL_DELTA_METADATA) metadata = &news->items[i].metadata;
    }
    if (protocol != &s->state.protocol || metadata != &s->state.metadata)
        SL_TRY(sl_delta_check_read(protocol, metadata, err));
    for (size_t i = 0; i < news->count; i++) SL_TRY(apply(&s->state, &news->items[i], err));
    return SL_OK;
}

enum sl_code sl_delta_snapshot_update(struct sl_delta_snapshot *s, struct sl_err *err) {
    int64_t newest;
    struct news news = {0};
    SL_TRY(sl_delta_log_newest(s->dir, s->segment.version, &newest, err));
    if (newest < s->segment.version)
        return sl_fail(err, SL_DATA,
                       "the Delta table `%s` was at version %lld and now is at %lld: it was "
                       "removed or replaced meanwhile",
                       s->dir, (long long)s->segment.version, (long long)newest);
    if (newest == s->segment.version) return SL_OK;
    sl_arena_init(&news.arena, "Delta log");
    enum sl_code code = replay_commits(s->dir, s->segment.version + 1, newest, note, &news, err);
    if (code == SL_OK) code = take_news(s, &news, err);
    if (code == SL_OK) s->segment.version = newest;
    sl_arena_release(&news.arena);
    return code;
}

/* ---- asking ---- */

const char *sl_delta_snapshot_dir(const struct sl_delta_snapshot *s) { return s->dir; }
int64_t sl_delta_snapshot_version(const struct sl_delta_snapshot *s) { return s->segment.version; }

const struct sl_delta_protocol *sl_delta_snapshot_protocol(const struct sl_delta_snapshot *s) {
    return &s->state.protocol;
}
const struct sl_delta_metadata *sl_delta_snapshot_metadata(const struct sl_delta_snapshot *s) {
    return &s->state.metadata;
}
const struct sl_delta_segment *sl_delta_snapshot_segment(const struct sl_delta_snapshot *s) {
    return &s->segment;
}

int64_t sl_delta_snapshot_txn(const struct sl_delta_snapshot *s, struct sl_str app_id) {
    const struct sl_delta_txn *txn = sl_delta_txn_table_find(&s->state.txns, app_id);
    return txn ? txn->version : -1;
}

const char *sl_delta_snapshot_property(const struct sl_delta_snapshot *s, const char *name) {
    const struct sl_delta_pair *pair =
        sl_delta_map_find(&s->state.metadata.configuration, sl_str(name));
    return pair ? pair->value.ptr : NULL;
}

enum sl_code sl_delta_snapshot_txns(const struct sl_delta_snapshot *s, sl_delta_txn_fn each,
                                    void *ctx, struct sl_err *err) {
    for (uint32_t i = 0; i < s->state.txns.count; i++)
        SL_TRY(each(ctx, &s->state.txns.items[i], err));
    return SL_OK;
}

const struct sl_delta_domain *sl_delta_snapshot_domains(const struct sl_delta_snapshot *s,
                                                        uint32_t *count) {
    *count = s->state.domain_count;
    return s->state.domains;
}

/* ---- walking ---- */

struct walker {
    const struct sl_delta_walk *walk;
    struct sl_delta_seen seen;
    bool is_checkpoint; /* nothing is older: its files need not be remembered */
};

static enum sl_code visit(void *ctx, const struct sl_delta_action *action, struct sl_err *err) {
    struct walker *w = ctx;
    bool is_new;
    SL_TRY(sl_delta_seen_check(&w->seen, &action->file, !w->is_checkpoint, &is_new, err));
    if (!is_new) return SL_OK;
    sl_delta_file_fn each = action->kind == SL_DELTA_ADD ? w->walk->live : w->walk->removed;
    return each ? each(w->walk->ctx, &action->file, err) : SL_OK;
}

static enum sl_code walk_segment(const struct sl_delta_snapshot *s,
                                 const struct sl_delta_segment *segment, struct sl_arena *arena,
                                 struct walker *w, struct sl_err *err) {
    for (int64_t v = segment->version; v >= segment->first_commit; v--) {
        const char *path = sl_delta_commit_path(arena, s->dir, v);
        SL_TRY(
            sl_delta_replay_json(path, SL_DELTA_WANT_ADDS | SL_DELTA_WANT_REMOVES, visit, w, err));
    }
    unsigned wanted =
        (w->walk->live ? SL_DELTA_WANT_ADDS : 0) | (w->walk->removed ? SL_DELTA_WANT_REMOVES : 0);
    w->is_checkpoint = true;
    if (segment->checkpoint == SL_DELTA_CHECKPOINT_NONE) return SL_OK;
    return sl_delta_replay_checkpoint(s->dir, segment, wanted, s->budget, visit, w, err);
}

/* A snapshot that followed the table for long lists the log anew: there may be a newer checkpoint,
 * and the commits that it began with may be gone. */
enum sl_code sl_delta_snapshot_walk(const struct sl_delta_snapshot *s,
                                    const struct sl_delta_walk *walk, struct sl_err *err) {
    struct walker w = {.walk = walk};
    struct sl_delta_segment segment = s->segment;
    struct sl_arena arena;
    bool found = true;
    enum sl_code code = SL_OK;
    sl_arena_init(&arena, "Delta log");
    sl_delta_seen_init(&w.seen, s->budget);
    if (s->listed_version != s->segment.version)
        code = sl_delta_log_segment(&arena, s->dir, s->segment.version, &segment, &found, err);
    if (code == SL_OK && !found)
        code = sl_fail(err, SL_DATA, "the log of the Delta table `%s` vanished", s->dir);
    if (code == SL_OK) code = walk_segment(s, &segment, &arena, &w, err);
    sl_delta_seen_release(&w.seen);
    sl_arena_release(&arena);
    return code;
}
