/* sluice checkpoint show|verify DIR */
#include <stdio.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/cli.h"
#include "state/state_survey.h"

static enum sl_code show_batch(const struct sl_checkpoint *checkpoint, int64_t id,
                               struct sl_arena *arena, struct sl_err *err) {
    struct sl_offset_seq seq;
    SL_TRY(sl_checkpoint_read_offsets(checkpoint, id, arena, &seq, err));
    bool committed = id <= sl_checkpoint_last_commit(checkpoint);
    printf("batch %lld  %s", (long long)id,
           committed ? "committed" : "planned, not committed: it will run again");
    if (seq.has_metadata) {
        char at[SL_CLOCK_TEXT_SIZE];
        printf("  at %s", sl_clock_text(at, seq.batch_timestamp_ms));
        if (seq.batch_watermark_ms)
            printf("  watermark %s", sl_clock_text(at, seq.batch_watermark_ms));
    }
    printf("\n");
    for (uint32_t i = 0; i < seq.source_count; i++)
        printf("  source %u ends at %.*s\n", i, seq.sources[i].ptr ? (int)seq.sources[i].len : 1,
               seq.sources[i].ptr ? seq.sources[i].ptr : "-");
    return SL_OK;
}

static enum sl_code show_state(const char *dir, struct sl_arena *arena, struct sl_err *err) {
    struct sl_state_survey *surveys;
    uint32_t count;
    struct sl_str state_dir = sl_arena_printf(arena, "%s/.sluice/state", dir);
    SL_TRY(sl_state_survey_read(state_dir.ptr, arena, &surveys, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_state_survey *survey = &surveys[i];
        printf("state %-10u%.*s  ", survey->number, SL_STR_ARG(survey->operator_name));
        if (survey->last_version)
            printf("versions %lld to %lld, ", (long long)survey->first_version,
                   (long long)survey->last_version);
        else
            printf("no versions, ");
        printf("%u snapshot%s, %llu bytes\n", survey->snapshots, survey->snapshots == 1 ? "" : "s",
               (unsigned long long)survey->bytes);
    }
    return SL_OK;
}

static enum sl_code show(const struct sl_checkpoint *checkpoint, const char *dir, int64_t count,
                         struct sl_arena *arena, struct sl_err *err) {
    int64_t last = sl_checkpoint_last_offsets(checkpoint),
            commit = sl_checkpoint_last_commit(checkpoint);
    int64_t *ids;
    size_t id_count;
    struct sl_str id = sl_checkpoint_query_id(checkpoint);
    printf("query id        %.*s\nlast planned    %lld\nlast committed  %lld\n", SL_STR_ARG(id),
           (long long)last, (long long)commit);
    SL_TRY(show_state(dir, arena, err));
    SL_TRY(sl_checkpoint_ids(checkpoint, "offsets", arena, &ids, &id_count, err));
    size_t first = (int64_t)id_count > count ? id_count - (size_t)count : 0;
    for (size_t i = first; i < id_count; i++) SL_TRY(show_batch(checkpoint, ids[i], arena, err));
    return SL_OK;
}

struct findings {
    int errors, warnings;
};
static void print_finding(void *ctx, char severity, const char *file, const char *what) {
    struct findings *findings = ctx;
    if (severity == 'E')
        findings->errors++;
    else
        findings->warnings++;
    printf("%s: %s: %s\n", severity == 'E' ? "error" : "warning", file, what);
}

static enum sl_code verify(const struct sl_checkpoint *checkpoint, int *status,
                           struct sl_err *err) {
    struct findings findings = {0};
    SL_TRY(sl_checkpoint_verify(checkpoint, print_finding, &findings, err));
    printf("%d error%s, %d warning%s\n", findings.errors, findings.errors == 1 ? "" : "s",
           findings.warnings, findings.warnings == 1 ? "" : "s");
    *status = findings.errors ? 3 : 0;
    return SL_OK;
}

/* Sluice's and Spark's checkpoints hold at least these two. */
static enum sl_code check_is_checkpoint(const char *dir, struct sl_err *err) {
    static const char *const names[] = {"", "/metadata", "/offsets"};
    struct sl_file_info info[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        struct sl_buf path = {0};
        sl_buf_printf(&path, "%s%s", dir, names[i]);
        enum sl_code code = sl_io_stat(sl_buf_cstr(&path), &info[i], err);
        sl_buf_release(&path);
        SL_TRY(code);
        if (i == 0 && info[0].exists && !info[0].is_dir)
            return sl_fail(err, SL_USER, "`%s` is a file, not a checkpoint directory", dir);
    }
    if (!info[0].exists || info[1].exists || info[2].exists) return SL_OK;
    sl_fail(err, SL_USER, "`%s` is not a checkpoint: it has neither metadata nor offsets/", dir);
    return sl_hint(err, "it is the directory that 'sluice.checkpointLocation' names in the SQL"),
           SL_USER;
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    struct sl_arena arena;
    struct sl_checkpoint *checkpoint = NULL;
    int64_t count = 10;
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    sl_arena_init(&arena, "checkpoint");
    enum sl_code code = sl_args_expect(args, 2, 2, command->usage, &err);
    bool is_show = code == SL_OK && strcmp(args->positional[0], "show") == 0;
    if (code == SL_OK && !is_show && strcmp(args->positional[0], "verify") != 0) {
        code = sl_fail(&err, SL_USAGE, "`checkpoint` has no `%s`", args->positional[0]);
        sl_hint(&err, "usage: sluice %s", command->usage);
    }
    if (code == SL_OK) code = sl_args_int(args, "batches", &count, &err);
    if (code == SL_OK && count < 1)
        code = sl_fail(&err, SL_USAGE, "`--batches` must be at least 1");
    if (code == SL_OK) code = check_is_checkpoint(args->positional[1], &err);
    if (code == SL_OK)
        code = sl_checkpoint_open(&arena, args->positional[1], true, &cli.engine.log, &checkpoint,
                                  &err);
    if (code == SL_OK)
        code = is_show ? show(checkpoint, args->positional[1], count, &arena, &err)
                       : verify(checkpoint, &status, &err);
    if (code != SL_OK) status = sl_cli_fail(&cli, &err, NULL, SL_STR(""));
    sl_checkpoint_close(checkpoint);
    sl_arena_release(&arena);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"batches", 0, "N", "show the last N batches (default 10)"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_checkpoint = {
    .name = "checkpoint",
    .summary = "show or verify a checkpoint directory, ours or Spark's",
    .usage = "checkpoint show|verify DIR",
    .flags = flags,
    .examples = "  sluice checkpoint show /data/lake/_checkpoints/orders\n  sluice checkpoint "
                "verify /data/lake/_checkpoints/orders\n",
    .run = run,
};
