#include "table/rewrite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "table/output_file.h"

enum { BATCH_ROWS = 4096, GROUP_BYTES_MIN = 8 << 20 };

struct run {
    const struct sl_rewrite *rewrite;
    const struct sl_rewrite_group *groups;
    const bool *wanted;                  /* every column */
    struct sl_parquet_writer **encoders; /* one a worker, kept from group to group */
    pthread_mutex_t mutex;               /* for `closed` */
};

/* One group on one worker. */
struct job {
    struct run *run;
    uint32_t group, files;
    struct sl_parquet_writer *encoder;
    struct sl_output_file *file; /* NULL: none is open */
    struct sl_batch batch;
    struct sl_arena arena;
    const struct sl_vec **columns;
    uint32_t idx[BATCH_ROWS];
};

/* ---- how ---- */

static enum sl_codec choose_codec(struct sl_str like, const char *setting) {
    static const enum sl_codec codecs[] = {SL_CODEC_ZSTD, SL_CODEC_GZIP, SL_CODEC_LZ4_RAW,
                                           SL_CODEC_SNAPPY};
    enum sl_codec codec;
    if (setting && sl_codec_parse(sl_str(setting), &codec)) return codec;
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, "%s.parquet", sl_codec_extension(codecs[i]));
        if (sl_str_ends(like, sl_str(suffix))) return codecs[i];
    }
    return SL_CODEC_SNAPPY;
}

void sl_rewrite_choose_encoding(struct sl_rewrite *rewrite, struct sl_str like,
                                const char *codec_setting, const struct sl_pool *pool,
                                size_t memory_share) {
    const struct sl_budget *budget = rewrite->budget;
    struct sl_parquet_write_options *encoding = &rewrite->encoding;
    sl_parquet_write_options_init(encoding);
    encoding->codec = choose_codec(like, codec_setting);
    if (!budget || !budget->limit_bytes) return;
    size_t bytes = budget->limit_bytes / memory_share / (pool ? sl_pool_workers(pool) : 1);
    if (bytes < GROUP_BYTES_MIN) bytes = GROUP_BYTES_MIN;
    if (bytes < encoding->row_group_bytes) encoding->row_group_bytes = bytes;
}

/* ---- the output ---- */

static void name_file(const struct job *job, struct sl_buf *staged, struct sl_buf *final) {
    const struct sl_rewrite *rewrite = job->run->rewrite;
    char uuid[37] = {0};
    uint64_t high, low;
    sl_random_system(&high, &low);
    sl_uuid_format(uuid, high, low);
    sl_output_file_put_name(final, job->run->groups[job->group].dir, job->group, uuid, job->files,
                            rewrite->encoding.codec);
    if (rewrite->staging)
        sl_buf_printf(staged, "%s/%s.tmp", rewrite->staging, uuid);
    else
        sl_buf_put_str(staged, sl_buf_str(final));
}

static enum sl_code open_output(struct job *job, struct sl_err *err) {
    struct sl_buf staged = {0}, final = {0};
    name_file(job, &staged, &final);
    enum sl_code code = sl_output_file_open(job->run->rewrite->table_dir, sl_buf_cstr(&staged),
                                            sl_buf_cstr(&final), job->encoder, &job->file, err);
    sl_buf_release(&staged);
    sl_buf_release(&final);
    job->files++;
    return code;
}

static enum sl_code close_output(struct job *job, struct sl_err *err) {
    const struct sl_rewrite *rewrite = job->run->rewrite;
    struct sl_output_file *file = job->file;
    uint64_t bytes;
    job->file = NULL;
    enum sl_code code = sl_output_file_close(file, &bytes, err);
    if (code == SL_OK) {
        struct sl_data_file told = {.staged = sl_output_file_written(file),
                                    .final = sl_output_file_final(file),
                                    .bytes = bytes,
                                    .rows = sl_parquet_writer_rows(job->encoder),
                                    .encoder = job->encoder};
        pthread_mutex_lock(&job->run->mutex);
        code = rewrite->closed(rewrite->ctx, job->group, &told, err);
        pthread_mutex_unlock(&job->run->mutex);
    }
    sl_output_file_free(file);
    return code;
}

/* ---- the inputs ---- */

static enum sl_code write_batch(struct job *job, struct sl_err *err) {
    const struct sl_rewrite *rewrite = job->run->rewrite;
    const struct sl_batch *batch = &job->batch;
    uint32_t count = batch->rows;
    if (batch->selected) count = sl_batch_selection(batch, job->idx);
    if (count == 0) return SL_OK;
    if (!job->file) SL_TRY(open_output(job, err));
    SL_TRY(sl_output_file_write(job->file, job->columns, batch->selected ? job->idx : NULL, count,
                                err));
    bool is_full =
        rewrite->file_bytes_target && sl_output_file_bytes(job->file) >= rewrite->file_bytes_target;
    return is_full ? close_output(job, err) : SL_OK;
}

static enum sl_code copy_rows(struct job *job, struct sl_table_reader *reader, struct sl_err *err) {
    const struct sl_rewrite *rewrite = job->run->rewrite;
    for (;;) {
        if (rewrite->stopping && rewrite->stopping(rewrite->ctx))
            return sl_fail(err, SL_CANCELED, "stopped");
        sl_batch_clear(&job->batch);
        SL_TRY(sl_table_reader_next(reader, BATCH_ROWS, &job->batch, err));
        if (job->batch.rows == 0) return SL_OK;
        SL_TRY(write_batch(job, err));
    }
}

static enum sl_code copy_input(struct job *job, uint32_t input, struct sl_err *err) {
    const struct sl_rewrite *rewrite = job->run->rewrite;
    struct sl_scan_file file = {0};
    struct sl_table_reader *reader = NULL;
    void *handle = NULL;
    SL_TRY(rewrite->open_input(rewrite->ctx, input, &file, &handle, err));
    enum sl_code code = sl_table_reader_open(rewrite->scan, &file, job->run->wanted, &reader, err);
    if (code == SL_OK) code = copy_rows(job, reader, err);
    sl_table_reader_close(reader);
    rewrite->close_input(rewrite->ctx, handle);
    return code;
}

static enum sl_code run_job(struct job *job, struct sl_err *err) {
    const struct sl_rewrite_group *group = &job->run->groups[job->group];
    for (uint32_t i = 0; i < group->count; i++) SL_TRY(copy_input(job, group->first + i, err));
    return job->file ? close_output(job, err) : SL_OK;
}

/* @thread worker */
static enum sl_code run_group(void *ctx, size_t worker, size_t task, struct sl_err *err) {
    struct run *run = ctx;
    const struct sl_rewrite *rewrite = run->rewrite;
    struct sl_parquet_writer **encoder = &run->encoders[worker];
    if (!*encoder)
        SL_TRY(sl_output_encoder_new(rewrite->file_schema, &rewrite->encoding, rewrite->budget,
                                     encoder, err));
    struct job *job = sl_xcalloc(1, sizeof *job);
    uint32_t field_count = rewrite->file_schema->field_count;
    job->run = run;
    job->group = (uint32_t)task;
    job->encoder = *encoder;
    sl_arena_init(&job->arena, "rewrite");
    sl_batch_init(&job->batch, rewrite->file_schema, &job->arena);
    job->columns = sl_xcalloc(field_count + 1, sizeof *job->columns);
    for (uint32_t c = 0; c < field_count; c++) job->columns[c] = &job->batch.columns[c];
    enum sl_code code = run_job(job, err);
    sl_output_file_free(job->file);
    sl_batch_release(&job->batch);
    sl_arena_release(&job->arena);
    free(job->columns);
    free(job);
    return code;
}

enum sl_code sl_rewrite_run(const struct sl_rewrite *rewrite, struct sl_pool *pool,
                            const struct sl_rewrite_group *groups, uint32_t count,
                            struct sl_err *err) {
    size_t workers = pool ? sl_pool_workers(pool) : 1;
    uint32_t field_count = rewrite->file_schema->field_count;
    bool *wanted = sl_xcalloc(field_count + 1, sizeof *wanted);
    memset(wanted, true, field_count);
    struct run run = {.rewrite = rewrite, .groups = groups, .wanted = wanted};
    run.encoders = sl_xcalloc(workers, sizeof(struct sl_parquet_writer *));
    pthread_mutex_init(&run.mutex, NULL);
    enum sl_code code = SL_OK;
    if (pool)
        code = sl_pool_run(pool, count, run_group, &run, err);
    else
        for (uint32_t i = 0; i < count && code == SL_OK; i++) code = run_group(&run, 0, i, err);
    for (size_t i = 0; i < workers; i++) sl_parquet_writer_free(run.encoders[i]);
    pthread_mutex_destroy(&run.mutex);
    free(run.encoders);
    free(wanted);
    return code;
}
