/* A file per output partition and task, a bounded number of them at once.  Rows of further
 * partitions are kept in columns of their own and written, partition after partition, when the
 * buffer is full or the task ends. */
#include "table/table_writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "table/output_file.h"
#include "table/partition_map.h"

enum {
    OVERFLOW_BYTES_MAX = 16 << 20,
    FLUSH_BYTES_MIN = 1 << 20, /* smaller row groups are not worth ending */
};

struct open_file {
    struct sl_output_file *file;
    struct sl_parquet_writer *encoder;
    uint32_t counter; /* c000, c001: files of one partition by the limits */
};

struct sl_table_writer {
    struct sl_table_writer_config config;
    const struct sl_type *file_schema;
    uint32_t *file_columns; /* their indexes in config.schema */
    struct sl_arena arena;

    /* the batch in progress */
    int64_t batch_id;
    uint64_t seed;
    size_t task_bytes_max;

    pthread_mutex_t mutex;               /* guards the encoders and calls of `closed` */
    struct sl_parquet_writer **encoders; /* idle ones, kept for their buffers */
    size_t encoder_count, encoder_cap;
};

struct sl_table_task {
    struct sl_table_writer *writer;
    uint32_t number;
    uint64_t random;              /* file uuids */
    struct sl_partition_map *map; /* NULL: not partitioned */
    struct open_file *files;      /* by slot; one, when not partitioned */
    uint32_t file_cap, open_count;
    const struct sl_vec **columns; /* file columns of the batch at hand */

    struct sl_vec *overflow; /* file columns */
    uint32_t *overflow_slots;
    uint32_t overflow_rows, overflow_cap;
    uint32_t *overflow_idx;
};

/* ---- the writer ---- */

static bool is_partition(const struct sl_table_writer_config *config, uint32_t column) {
    for (uint32_t p = 0; p < config->partition_count; p++)
        if (config->partition_columns[p] == column) return true;
    return false;
}

static void split_schema(struct sl_table_writer *writer) {
    const struct sl_type *schema = writer->config.schema;
    struct sl_field *fields = SL_NEW_ARRAY(&writer->arena, struct sl_field, schema->field_count);
    uint32_t count = 0;
    writer->file_columns = SL_NEW_ARRAY(&writer->arena, uint32_t, schema->field_count);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (is_partition(&writer->config, i)) continue;
        fields[count] = schema->fields[i];
        fields[count].nullable = true;
        writer->file_columns[count++] = i;
    }
    writer->file_schema = sl_type_struct(&writer->arena, fields, count);
}

struct sl_table_writer *sl_table_writer_new(const struct sl_table_writer_config *config) {
    struct sl_table_writer *writer = sl_xcalloc(1, sizeof *writer);
    writer->config = *config;
    sl_arena_init(&writer->arena, "table writer");
    pthread_mutex_init(&writer->mutex, NULL);
    split_schema(writer);
    return writer;
}

void sl_table_writer_free(struct sl_table_writer *writer) {
    if (!writer) return;
    for (size_t i = 0; i < writer->encoder_count; i++) sl_parquet_writer_free(writer->encoders[i]);
    free(writer->encoders);
    pthread_mutex_destroy(&writer->mutex);
    sl_arena_release(&writer->arena);
    free(writer);
}

const struct sl_type *sl_table_writer_file_schema(const struct sl_table_writer *writer,
                                                  const uint32_t **file_columns) {
    if (file_columns) *file_columns = writer->file_columns;
    return writer->file_schema;
}

void sl_table_writer_begin(struct sl_table_writer *writer, int64_t batch_id, uint64_t seed,
                           size_t task_bytes_max) {
    writer->batch_id = batch_id;
    writer->seed = seed;
    writer->task_bytes_max = task_bytes_max;
}

struct sl_table_task *sl_table_task_open(struct sl_table_writer *writer, uint32_t number) {
    const struct sl_table_writer_config *config = &writer->config;
    struct sl_table_task *task = sl_xcalloc(1, sizeof *task);
    task->writer = writer;
    task->number = number;
    /* two tables of one process may be given the same seed */
    const char *salt = config->staging ? config->staging : config->table_dir;
    task->random = sl_xxh64(salt, strlen(salt), writer->seed + number);
    if (config->partition_count)
        task->map = sl_partition_map_new(config->schema, config->partition_columns,
                                         config->partition_count, config->session);
    task->columns = sl_xcalloc(writer->file_schema->field_count, sizeof *task->columns);
    return task;
}

/* ---- files ---- */

static struct sl_parquet_writer *take_idle_encoder(struct sl_table_writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    struct sl_parquet_writer *encoder =
        writer->encoder_count ? writer->encoders[--writer->encoder_count] : NULL;
    pthread_mutex_unlock(&writer->mutex);
    return encoder;
}

static void give_idle_encoder(struct sl_table_writer *writer, struct sl_parquet_writer *encoder) {
    pthread_mutex_lock(&writer->mutex);
    if (writer->encoder_count == writer->encoder_cap) {
        writer->encoder_cap = writer->encoder_cap ? writer->encoder_cap * 2 : 8;
        writer->encoders =
            sl_xrealloc(writer->encoders, writer->encoder_cap * sizeof(struct sl_parquet_writer *));
    }
    writer->encoders[writer->encoder_count++] = encoder;
    pthread_mutex_unlock(&writer->mutex);
}

static enum sl_code get_encoder(struct sl_table_writer *writer, struct sl_parquet_writer **out,
                                struct sl_err *err) {
    *out = take_idle_encoder(writer);
    if (*out) return SL_OK;
    return sl_output_encoder_new(writer->file_schema, &writer->config.encoding,
                                 writer->config.budget, out, err);
}

static void name_file(struct sl_table_task *task, const char *dir, uint32_t counter,
                      struct sl_buf *staged, struct sl_buf *final) {
    const struct sl_table_writer *writer = task->writer;
    char uuid[37] = {0};
    uint64_t high = sl_random_next(&task->random);
    sl_uuid_format(uuid, high, sl_random_next(&task->random));
    sl_output_file_put_name(final, dir, task->number, uuid, counter, writer->config.encoding.codec);
    if (writer->config.staging)
        sl_buf_printf(staged, "%s/%lld-%05u-%s.tmp", writer->config.staging,
                      (long long)writer->batch_id, task->number, uuid);
    else
        sl_buf_put_str(staged, sl_buf_str(final));
}

static enum sl_code make_dir(const struct sl_table_writer *writer, const char *dir,
                             struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "path");
    enum sl_code code = sl_io_make_dirs(sl_path_join(&arena, writer->config.table_dir, dir), err);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code open_file(struct sl_table_task *task, struct open_file *open, const char *dir,
                              struct sl_err *err) {
    struct sl_table_writer *writer = task->writer;
    struct sl_buf staged = {0}, final = {0};
    if (!open->encoder) SL_TRY(get_encoder(writer, &open->encoder, err));
    if (!writer->config.staging && *dir) SL_TRY(make_dir(writer, dir, err));
    name_file(task, dir, open->counter++, &staged, &final);
    enum sl_code code = sl_output_file_open(writer->config.table_dir, sl_buf_cstr(&staged),
                                            sl_buf_cstr(&final), open->encoder, &open->file, err);
    if (code == SL_OK) task->open_count++;
    sl_buf_release(&staged);
    sl_buf_release(&final);
    return code;
}

static enum sl_code tell_closed(struct sl_table_task *task, const struct open_file *open,
                                struct sl_output_file *file, uint64_t bytes, struct sl_err *err) {
    struct sl_table_writer *writer = task->writer;
    struct sl_data_file told = {
        .staged = sl_output_file_written(file),
        .final = sl_output_file_final(file),
        .bytes = bytes,
        .rows = sl_parquet_writer_rows(open->encoder),
        .keys = task->map ? sl_partition_map_values(task->map) : NULL,
        .key_row = (uint32_t)(open - task->files),
        .encoder = open->encoder,
    };
    pthread_mutex_lock(&writer->mutex);
    enum sl_code code = writer->config.closed(writer->config.ctx, &told, err);
    pthread_mutex_unlock(&writer->mutex);
    return code;
}

static enum sl_code close_file(struct sl_table_task *task, struct open_file *open,
                               struct sl_err *err) {
    uint64_t bytes;
    struct sl_output_file *file = open->file;
    open->file = NULL;
    task->open_count--;
    enum sl_code code = sl_output_file_close(file, &bytes, err);
    if (code == SL_OK) code = tell_closed(task, open, file, bytes, err);
    sl_output_file_free(file);
    return code;
}

static bool is_full(const struct sl_table_writer_config *config,
                    const struct sl_output_file *file) {
    return (config->rows_per_file_max && sl_output_file_rows(file) >= config->rows_per_file_max) ||
           (config->file_bytes_target && sl_output_file_bytes(file) >= config->file_bytes_target);
}

/* Rows into the file of a slot, which is opened, and cut at the limits, as needed. */
static enum sl_code write_rows(struct sl_table_task *task, uint32_t slot,
                               const struct sl_vec *const *columns, const uint32_t *idx,
                               uint32_t count, struct sl_err *err) {
    struct open_file *open = &task->files[slot];
    const char *dir = task->map ? sl_partition_map_dir(task->map, slot) : "";
    uint64_t limit = task->writer->config.rows_per_file_max;
    uint32_t done = 0;
    while (done < count) {
        if (!open->file) SL_TRY(open_file(task, open, dir, err));
        uint32_t part = count - done;
        if (limit && limit - sl_output_file_rows(open->file) < part)
            part = (uint32_t)(limit - sl_output_file_rows(open->file));
        SL_TRY(sl_output_file_write(open->file, columns, idx ? idx + done : NULL, part, err));
        done += part;
        if (is_full(&task->writer->config, open->file)) SL_TRY(close_file(task, open, err));
    }
    return SL_OK;
}

static void reserve_slots(struct sl_table_task *task, uint32_t slots) {
    if (slots <= task->file_cap) return;
    uint32_t cap = task->file_cap ? task->file_cap * 2 : 16;
    if (cap < slots) cap = slots;
    task->files = sl_xrealloc(task->files, cap * sizeof *task->files);
    memset(task->files + task->file_cap, 0, (cap - task->file_cap) * sizeof *task->files);
    task->file_cap = cap;
}

/* ---- rows of partitions beyond the limit ---- */

static enum sl_code keep_overflow(struct sl_table_task *task, uint32_t slot, const uint32_t *idx,
                                  uint32_t count, struct sl_err *err) {
    const struct sl_type *schema = task->writer->file_schema;
    if (!task->overflow) {
        task->overflow = sl_xcalloc(schema->field_count, sizeof *task->overflow);
        for (uint32_t c = 0; c < schema->field_count; c++)
            sl_vec_init(&task->overflow[c], schema->fields[c].type);
    }
    if (task->overflow_rows + count > task->overflow_cap) {
        task->overflow_cap = (task->overflow_rows + count) * 2;
        task->overflow_slots =
            sl_xrealloc(task->overflow_slots, task->overflow_cap * sizeof *task->overflow_slots);
        task->overflow_idx =
            sl_xrealloc(task->overflow_idx, task->overflow_cap * sizeof *task->overflow_idx);
    }
    for (uint32_t c = 0; c < schema->field_count; c++)
        SL_TRY(sl_vec_append(&task->overflow[c], task->columns[c], idx, count, err));
    for (uint32_t i = 0; i < count; i++) task->overflow_slots[task->overflow_rows + i] = slot;
    task->overflow_rows += count;
    return SL_OK;
}

static size_t overflow_bytes(const struct sl_table_task *task) {
    size_t bytes = 0;
    for (uint32_t c = 0; task->overflow && c < task->writer->file_schema->field_count; c++)
        bytes += sl_vec_owned_bytes(&task->overflow[c]);
    return bytes;
}

struct slot_row {
    uint32_t slot, row;
};
static int compare_slot_rows(const void *a, const void *b) {
    const struct slot_row *x = a, *y = b;
    if (x->slot != y->slot) return x->slot < y->slot ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static enum sl_code write_sorted(struct sl_table_task *task, const struct slot_row *sorted,
                                 const struct sl_vec *const *columns, struct sl_err *err) {
    for (uint32_t begin = 0, end; begin < task->overflow_rows; begin = end) {
        uint32_t slot = sorted[begin].slot;
        for (end = begin; end < task->overflow_rows && sorted[end].slot == slot; end++)
            task->overflow_idx[end - begin] = sorted[end].row;
        SL_TRY(write_rows(task, slot, columns, task->overflow_idx, end - begin, err));
        struct open_file *open = &task->files[slot];
        if (open->file) SL_TRY(close_file(task, open, err));
        if (open->encoder) give_idle_encoder(task->writer, open->encoder);
        open->encoder = NULL;
    }
    return SL_OK;
}

static enum sl_code flush_overflow(struct sl_table_task *task, struct sl_err *err) {
    if (!task->overflow_rows) return SL_OK;
    uint32_t field_count = task->writer->file_schema->field_count;
    struct slot_row *sorted = sl_xmalloc(task->overflow_rows * sizeof *sorted);
    const struct sl_vec **columns = sl_xcalloc(field_count, sizeof *columns);
    for (uint32_t i = 0; i < task->overflow_rows; i++)
        sorted[i] = (struct slot_row){task->overflow_slots[i], i};
    qsort(sorted, task->overflow_rows, sizeof *sorted, compare_slot_rows);
    for (uint32_t c = 0; c < field_count; c++) columns[c] = &task->overflow[c];
    enum sl_code code = write_sorted(task, sorted, columns, err);
    for (uint32_t c = 0; c < field_count; c++) sl_vec_clear(&task->overflow[c]);
    task->overflow_rows = 0;
    free(columns);
    free(sorted);
    return code;
}

/* Time-ordered data leaves old partitions open with rows nobody adds to: their row groups go first.
 */
static enum sl_code limit_memory(struct sl_table_task *task, struct sl_err *err) {
    for (;;) {
        size_t total = 0, largest_bytes = 0;
        struct sl_parquet_writer *largest = NULL;
        for (uint32_t i = 0; i < task->file_cap; i++) {
            if (!task->files[i].file) continue;
            size_t bytes = sl_parquet_writer_memory(task->files[i].encoder);
            total += bytes;
            if (bytes > largest_bytes) largest_bytes = bytes, largest = task->files[i].encoder;
        }
        if (total <= task->writer->task_bytes_max || largest_bytes < FLUSH_BYTES_MIN) return SL_OK;
        SL_TRY(sl_parquet_writer_flush(largest, err));
        if (sl_parquet_writer_memory(largest) >= largest_bytes) return SL_OK;
    }
}

/* ---- the task ---- */

static enum sl_code write_partitioned(struct sl_table_task *task, const struct sl_batch *batch,
                                      struct sl_err *err) {
    struct sl_partition_groups groups;
    SL_TRY(sl_partition_map_group(task->map, batch, &groups, err));
    reserve_slots(task, sl_partition_map_slots(task->map));
    for (uint32_t g = 0; g < groups.count; g++) {
        uint32_t slot = groups.slots[g], begin = groups.starts[g],
                 count = groups.starts[g + 1] - begin;
        bool may_open =
            task->files[slot].file || task->open_count < task->writer->config.open_partitions_max;
        bool whole = groups.count == 1 && count == batch->rows;
        const uint32_t *idx = whole ? NULL : groups.rows + begin;
        if (may_open)
            SL_TRY(write_rows(task, slot, task->columns, idx, count, err));
        else
            SL_TRY(keep_overflow(task, slot, groups.rows + begin, count, err));
    }
    return overflow_bytes(task) > OVERFLOW_BYTES_MAX ? flush_overflow(task, err) : SL_OK;
}

static enum sl_code write_plain(struct sl_table_task *task, const struct sl_batch *batch,
                                struct sl_err *err) {
    reserve_slots(task, 1);
    if (!batch->selected) return write_rows(task, 0, task->columns, NULL, batch->rows, err);
    if (batch->rows > task->overflow_cap) {
        task->overflow_cap = batch->rows;
        task->overflow_idx =
            sl_xrealloc(task->overflow_idx, task->overflow_cap * sizeof *task->overflow_idx);
    }
    uint32_t count = sl_batch_selection(batch, task->overflow_idx);
    return count ? write_rows(task, 0, task->columns, task->overflow_idx, count, err) : SL_OK;
}

enum sl_code sl_table_task_write(struct sl_table_task *task, const struct sl_batch *batch,
                                 struct sl_err *err) {
    if (batch->selected && batch->selected_rows == 0) return SL_OK;
    for (uint32_t c = 0; c < task->writer->file_schema->field_count; c++)
        task->columns[c] = &batch->columns[task->writer->file_columns[c]];
    SL_TRY(task->map ? write_partitioned(task, batch, err) : write_plain(task, batch, err));
    return limit_memory(task, err);
}

static void free_task(struct sl_table_task *task) {
    for (uint32_t i = 0; i < task->file_cap; i++) {
        sl_output_file_free(task->files[i].file);
        if (task->files[i].encoder) give_idle_encoder(task->writer, task->files[i].encoder);
    }
    for (uint32_t c = 0; task->overflow && c < task->writer->file_schema->field_count; c++)
        sl_vec_release(&task->overflow[c]);
    sl_partition_map_free(task->map);
    free(task->overflow);
    free(task->overflow_slots);
    free(task->overflow_idx);
    free(task->files);
    free(task->columns);
    free(task);
}

enum sl_code sl_table_task_close(struct sl_table_task *task, struct sl_err *err) {
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < task->file_cap && code == SL_OK; i++)
        if (task->files[i].file) code = close_file(task, &task->files[i], err);
    if (code == SL_OK) code = flush_overflow(task, err);
    free_task(task);
    return code;
}

void sl_table_task_abort(struct sl_table_task *task) { free_task(task); }
