/* A top-level primitive column: rows of any vector encoding to values and levels of its leaf, a
 * chunk of rows at a time, so that positions stay in L1 and pages end near their size. */
#include "fmt/parquet/parquet_write_int.h"

enum { CHUNK_ROWS = 2048 };

struct flat_scratch {
    uint32_t *pos;
    uint8_t *defs;
};

/* Valid rows to pos, levels to defs; returns the number of valid rows. */
static uint32_t split_nulls(const struct sl_vec *vec, const uint32_t *idx, uint32_t begin,
                            uint32_t count, const struct flat_scratch *scratch) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = idx ? idx[begin + i] : begin + i;
        bool valid = sl_bit_get(vec->valid, row);
        scratch->pos[kept] = row;
        scratch->defs[i] = valid;
        kept += valid;
    }
    return kept;
}

static uint32_t resolve_const(const struct sl_vec *vec, uint32_t count,
                              const struct flat_scratch *scratch, struct sl_leaf_values *values) {
    bool null = sl_vec_is_null(vec, 0);
    values->vec = vec;
    values->repeats = true;
    values->pos = scratch->pos;
    if (null) {
        memset(scratch->defs, 0, count);
        return 0;
    }
    memset(scratch->pos, 0, count * sizeof *scratch->pos);
    return count;
}

/* Finds the positions of the values and the levels of rows [begin, begin + count). */
static void resolve(const struct sl_vec *vec, const uint32_t *idx, uint32_t begin, uint32_t count,
                    const struct flat_scratch *scratch, struct sl_leaf_values *values,
                    struct sl_leaf_levels *levels) {
    *values = (struct sl_leaf_values){.vec = vec, .begin = begin, .count = count};
    *levels = (struct sl_leaf_levels){.count = count, .rows = count};
    if (vec->enc == SL_ENC_CONST) {
        values->count = resolve_const(vec, count, scratch, values);
    } else if (vec->valid) {
        values->pos = scratch->pos;
        values->count = split_nulls(vec, idx, begin, count, scratch);
    } else if (idx) {
        values->pos = idx + begin;
    }
    if (values->count < count) levels->defs = scratch->defs;
    if (vec->enc == SL_ENC_DICT) {
        for (uint32_t i = 0; i < values->count; i++) {
            uint32_t row = values->pos ? values->pos[i] : begin + i;
            scratch->pos[i] = (uint32_t)vec->codes[row];
        }
        values->pos = scratch->pos;
        values->vec = &vec->children[0];
        values->repeats = true;
    }
}

static uint32_t chunk_rows(const struct sl_parquet_writer *writer,
                           const struct sl_parquet_leaf *leaf, uint32_t left) {
    uint32_t rows = left < CHUNK_ROWS ? left : CHUNK_ROWS;
    uint32_t room = writer->options.page_rows - leaf->page_rows;
    if (rows > room) rows = room;
    if (!leaf->dict_mode && leaf->width && leaf->values.len > PAGE_HEAD) {
        size_t used = leaf->values.len - PAGE_HEAD;
        size_t fit = (writer->options.page_bytes - used + leaf->width - 1) / leaf->width;
        if (rows > fit) rows = (uint32_t)fit;
    }
    return rows ? rows : 1;
}

enum sl_code sl_parquet_append_flat(struct sl_parquet_writer *writer,
                                    const struct sl_parquet_node *node, const struct sl_vec *vec,
                                    const uint32_t *idx, uint32_t begin, uint32_t count,
                                    struct sl_err *err) {
    uint32_t pos[CHUNK_ROWS];
    uint8_t defs[CHUNK_ROWS];
    const struct flat_scratch scratch = {pos, defs};
    struct sl_parquet_leaf *leaf = node->leaf;
    for (uint32_t end = begin + count; begin < end;) {
        struct sl_leaf_values values;
        struct sl_leaf_levels levels;
        uint32_t rows = chunk_rows(writer, leaf, end - begin);
        resolve(vec, idx, begin, rows, &scratch, &values, &levels);
        /* long strings: fewer rows at a time, so that a page stays near its size */
        while (leaf->is_bytes && rows > 1 &&
               sl_leaf_values_bytes(&values) > writer->options.page_bytes) {
            rows /= 2;
            resolve(vec, idx, begin, rows, &scratch, &values, &levels);
        }
        if (!node->optional && values.count < rows)
            return sl_fail(err, SL_DATA, "column `%.*s` is NOT NULL but a row holds null",
                           SL_STR_ARG(node->name));
        SL_TRY(sl_leaf_append(writer, leaf, &values, &levels, err));
        begin += rows;
    }
    return SL_OK;
}
