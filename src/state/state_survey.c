#include "state/state_survey.h"

#include "state/state_dir.h"
#include "state/state_file.h"

enum { FILE_NAME_BYTES = 96, FINDING_BYTES = 160 };

static const char *operator_dir(struct sl_arena *arena, const char *state_dir, uint32_t number) {
    return sl_arena_printf(arena, "%s/%u", state_dir, number).ptr;
}

/* ---- what there is ---- */

static enum sl_code add_files(struct sl_state_survey *survey, const char *dir,
                              struct sl_arena *arena, struct sl_err *err) {
    char **names;
    size_t count;
    SL_TRY(sl_io_list_dir(dir, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_file_info info;
        SL_TRY(sl_io_stat(sl_path_join(arena, dir, names[i]), &info, err));
        survey->bytes += info.bytes;
        survey->snapshots += sl_str_ends(sl_str(names[i]), SL_STR(".snapshot"));
    }
    return SL_OK;
}

static enum sl_code survey_one(struct sl_state_survey *survey, const char *dir,
                               struct sl_arena *arena, struct sl_err *err) {
    struct sl_state_dir files;
    struct sl_state_identity identity = {.operator_name = SL_STR("")};
    SL_TRY(sl_state_dir_read(&files, dir, 0, err));
    if (files.change_count) {
        survey->first_version = files.changes[0];
        survey->last_version = files.changes[files.change_count - 1];
        struct sl_str name = sl_state_changes_name(arena, survey->last_version);
        struct sl_err unreadable = {0}; /* that is for `verify` to tell */
        if (sl_state_file_identity(sl_path_join(arena, dir, name.ptr), arena, &identity,
                                   &unreadable) != SL_OK)
            identity.operator_name = SL_STR("");
    }
    survey->operator_name = identity.operator_name;
    sl_state_dir_release(&files);
    return add_files(survey, dir, arena, err);
}

enum sl_code sl_state_survey_read(const char *state_dir, struct sl_arena *arena,
                                  struct sl_state_survey **out, uint32_t *count,
                                  struct sl_err *err) {
    uint32_t *numbers;
    SL_TRY(sl_state_operators(state_dir, arena, &numbers, count, err));
    *out = SL_NEW_ARRAY(arena, struct sl_state_survey, *count + (size_t)1);
    for (uint32_t i = 0; i < *count; i++) {
        (*out)[i] = (struct sl_state_survey){.number = numbers[i]};
        SL_TRY(survey_one(&(*out)[i], operator_dir(arena, state_dir, numbers[i]), arena, err));
    }
    return SL_OK;
}

/* ---- verifying ---- */

struct verify {
    const char *dir; /* of the operator */
    uint32_t number, shards;
    struct sl_str query_id;
    sl_offsets_hash_fn hash;
    sl_checkpoint_report_fn report;
    void *ctx;
    struct sl_arena *arena;
};

static void tell(struct verify *v, const char *name, const char *what) {
    char file[FILE_NAME_BYTES];
    snprintf(file, sizeof file, ".sluice/state/%u%s%s", v->number, *name ? "/" : "", name);
    v->report(v->ctx, 'E', file, what);
}

static enum sl_code pass_over(void *ctx, uint32_t store, const struct sl_batch *keys,
                              const struct sl_batch *values, struct sl_err *err) {
    (void)ctx, (void)store, (void)keys, (void)values, (void)err;
    return SL_OK;
}

/* The file is believed in what only the query knows: its columns. */
static enum sl_code read_file(struct verify *v, const char *path, int64_t version,
                              struct sl_err *err) {
    struct sl_state_identity identity;
    uint64_t bytes = 0;
    SL_TRY(sl_state_file_identity(path, v->arena, &identity, err));
    v->shards = identity.shards;
    identity.shards = 0; /* another number of them: shard 0 gives all rows */
    identity.operator_number = v->number;
    identity.query_id = v->query_id;
    identity.version = version;
    identity.offsets_hash = v->hash(v->ctx, version - 1);
    return sl_state_file_read(path, &identity, 0, pass_over, NULL, &bytes, NULL, err);
}

static enum sl_code verify_files(struct verify *v, struct sl_err *err) {
    char **names;
    size_t count;
    SL_TRY(sl_io_list_dir(v->dir, v->arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_str name = sl_str(names[i]);
        struct sl_err why = {0};
        int64_t version;
        size_t digits = strspn(names[i], "0123456789");
        bool is_state =
            sl_str_ends(name, SL_STR(".changes")) || sl_str_ends(name, SL_STR(".snapshot"));
        if (!is_state || !sl_str_to_i64(sl_str_sub(name, 0, digits), &version)) continue;
        if (read_file(v, sl_path_join(v->arena, v->dir, names[i]), version, &why) != SL_OK)
            tell(v, names[i], why.msg);
    }
    return SL_OK;
}

/* The version that all shards can begin with: their oldest newest snapshot; 0: the empty state. */
static int64_t base_of(const struct sl_state_dir *files, int64_t version) {
    int64_t base = files->shards ? version : 0;
    for (uint32_t s = 0; s < files->shards; s++) {
        int64_t snapshot = sl_state_dir_snapshot(files, s, version);
        if (snapshot < base) base = snapshot;
    }
    /* a version whose changes are missing is not there, whatever snapshots say */
    return base == version && version > 0 ? version - 1 : base;
}

static void tell_missing(struct verify *v, int64_t first, int64_t last, int64_t version) {
    char what[FINDING_BYTES];
    snprintf(what, sizeof what,
             "the changes %lld to %lld are missing: version %lld cannot be loaded",
             (long long)first, (long long)last, (long long)version);
    tell(v, "", what);
}

static enum sl_code verify_version(struct verify *v, int64_t version, struct sl_err *err) {
    struct sl_state_dir files;
    SL_TRY(sl_state_dir_read(&files, v->dir, v->shards, err));
    int64_t first = 0;
    for (int64_t at = base_of(&files, version) + 1; at <= version; at++) {
        bool there = sl_state_dir_has_changes(&files, at);
        if (there && first) tell_missing(v, first, at - 1, version);
        first = there ? 0 : first ? first : at;
    }
    if (first) tell_missing(v, first, version, version);
    sl_state_dir_release(&files);
    return SL_OK;
}

enum sl_code sl_state_survey_verify(const char *state_dir, struct sl_str query_id, int64_t version,
                                    sl_offsets_hash_fn hash, sl_checkpoint_report_fn report,
                                    void *ctx, struct sl_err *err) {
    struct sl_arena arena;
    uint32_t *numbers, count = 0;
    sl_arena_init(&arena, "state files");
    enum sl_code code = sl_state_operators(state_dir, &arena, &numbers, &count, err);
    for (uint32_t i = 0; i < count && code == SL_OK; i++) {
        struct verify v = {.dir = operator_dir(&arena, state_dir, numbers[i]),
                           .number = numbers[i],
                           .query_id = query_id,
                           .hash = hash,
                           .report = report,
                           .ctx = ctx,
                           .arena = &arena};
        code = verify_files(&v, err);
        if (code == SL_OK) code = verify_version(&v, version, err);
    }
    sl_arena_release(&arena);
    return code;
}
