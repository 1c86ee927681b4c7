/* Nested vectors to Dremel levels (parquet-format README, Nested Encoding), a node of the schema at
 * a time over a chunk of rows.
 *
 * A slot is one entry that every leaf below the node will get: a position in the node's vector, or
 * NONE with the definition level at which it ended (null or empty above).  Lists turn one slot into
 * as many as they have elements; structs pass their slots on to each child. */
#include "fmt/parquet/parquet_write_int.h"

#define NONE UINT32_MAX

enum { CHUNK_ROWS_FIRST = 64, CHUNK_ROWS_MAX = 1024, CHUNK_SLOTS = 16384 };

struct slots {
    uint32_t *pos;
    uint8_t *defs; /* of slots that ended; the others take the level of the leaf */
    uint8_t *reps;
    uint32_t count;
};

struct shredder {
    struct sl_parquet_writer *writer;
    uint32_t rows, most_slots; /* of the widest leaf */
    struct sl_err *err;
};

static enum sl_code visit(struct shredder *shredder, const struct sl_parquet_node *node,
                          const struct sl_vec *vec, struct slots slots);

static void copy_slots(struct shredder *shredder, struct slots *slots) {
    struct sl_arena *scratch = &shredder->writer->scratch;
    uint32_t *pos = SL_NEW_ARRAY(scratch, uint32_t, slots->count);
    uint8_t *defs = SL_NEW_ARRAY(scratch, uint8_t, slots->count);
    if (slots->count) {
        memcpy(pos, slots->pos, slots->count * sizeof *pos);
        memcpy(defs, slots->defs, slots->count);
    }
    slots->pos = pos;
    slots->defs = defs;
}

/* Ends the slots that are null here and turns the others into positions of a FLAT or VIEW vector,
 * which is returned. */
static enum sl_code resolve(struct shredder *shredder, const struct sl_parquet_node *node,
                            const struct sl_vec **vec, struct slots *slots) {
    const struct sl_vec *from = *vec;
    if (!from->valid && from->enc != SL_ENC_CONST && from->enc != SL_ENC_DICT) return SL_OK;
    copy_slots(shredder, slots);
    for (uint32_t i = 0; i < slots->count; i++) {
        uint32_t pos = slots->pos[i];
        if (pos == NONE) continue;
        if (sl_vec_is_null(from, pos)) {
            if (!node->optional)
                return sl_fail(shredder->err, SL_DATA,
                               "field `%.*s` is NOT NULL but a row holds null",
                               SL_STR_ARG(node->name));
            slots->pos[i] = NONE;
            slots->defs[i] = (uint8_t)(node->def - 1);
        } else if (from->enc == SL_ENC_CONST) {
            slots->pos[i] = 0;
        } else if (from->enc == SL_ENC_DICT) {
            slots->pos[i] = (uint32_t)from->codes[pos];
        }
    }
    if (from->enc == SL_ENC_DICT) *vec = &from->children[0];
    return SL_OK;
}

static enum sl_code visit_leaf(struct shredder *shredder, const struct sl_parquet_node *node,
                               const struct sl_vec *vec, struct slots slots) {
    struct sl_arena *scratch = &shredder->writer->scratch;
    uint32_t *pos = SL_NEW_ARRAY(scratch, uint32_t, slots.count);
    uint8_t *defs = SL_NEW_ARRAY(scratch, uint8_t, slots.count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < slots.count; i++) {
        bool there = slots.pos[i] != NONE;
        defs[i] = there ? node->def : slots.defs[i];
        pos[kept] = slots.pos[i];
        kept += there;
    }
    if (slots.count > shredder->most_slots) shredder->most_slots = slots.count;
    struct sl_leaf_values values = {.vec = vec, .pos = pos, .count = kept};
    struct sl_leaf_levels levels = {.defs = kept == slots.count ? NULL : defs,
                                    .reps = slots.reps,
                                    .count = slots.count,
                                    .rows = shredder->rows};
    return sl_leaf_append(shredder->writer, node->leaf, &values, &levels, shredder->err);
}

static uint32_t list_length(const struct sl_vec *vec, uint32_t pos) {
    return (uint32_t)(vec->offsets[pos + 1] - vec->offsets[pos]);
}

/* One slot per element; an empty list is a slot that ends at the list's own level. */
static enum sl_code expand(struct shredder *shredder, const struct sl_parquet_node *node,
                           const struct sl_vec *vec, const struct slots *from, struct slots *to) {
    struct sl_arena *scratch = &shredder->writer->scratch;
    uint64_t total = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t length = from->pos[i] == NONE ? 0 : list_length(vec, from->pos[i]);
        total += length ? length : 1;
    }
    if (total > INT32_MAX / 8)
        return sl_fail(shredder->err, SL_UNSUPPORTED,
                       "field `%.*s`: a row holds more than %d elements", SL_STR_ARG(node->name),
                       INT32_MAX / 8);
    *to = (struct slots){.pos = SL_NEW_ARRAY(scratch, uint32_t, total),
                         .defs = SL_NEW_ARRAY(scratch, uint8_t, total),
                         .reps = SL_NEW_ARRAY(scratch, uint8_t, total),
                         .count = (uint32_t)total};
    uint8_t inner_rep = (uint8_t)(node->rep + 1);
    uint32_t at = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t pos = from->pos[i], length = pos == NONE ? 0 : list_length(vec, pos);
        to->reps[at] = from->reps[i];
        if (!length) {
            to->pos[at] = NONE;
            to->defs[at++] = pos == NONE ? from->defs[i] : node->def;
            continue;
        }
        uint32_t first = (uint32_t)vec->offsets[pos];
        for (uint32_t k = 0; k < length; k++, at++) {
            to->pos[at] = first + k;
            to->defs[at] = 0;
            if (k) to->reps[at] = inner_rep;
        }
    }
    return SL_OK;
}

static enum sl_code visit(struct shredder *shredder, const struct sl_parquet_node *node,
                          const struct sl_vec *vec, struct slots slots) {
    SL_TRY(resolve(shredder, node, &vec, &slots));
    if (node->leaf) return visit_leaf(shredder, node, vec, slots);
    struct slots inner = slots;
    if (node->type->kind != SL_STRUCT_KIND) SL_TRY(expand(shredder, node, vec, &slots, &inner));
    for (uint32_t i = 0; i < node->child_count; i++)
        SL_TRY(visit(shredder, &node->children[i], &vec->children[i], inner));
    return SL_OK;
}

enum sl_code sl_parquet_append_nested(struct sl_parquet_writer *writer,
                                      const struct sl_parquet_node *node, const struct sl_vec *vec,
                                      const uint32_t *idx, uint32_t begin, uint32_t count,
                                      struct sl_err *err) {
    uint32_t end = begin + count, step = CHUNK_ROWS_FIRST;
    while (begin < end) {
        uint32_t rows = end - begin < step ? end - begin : step;
        struct shredder shredder = {.writer = writer, .rows = rows, .err = err};
        sl_arena_reset(&writer->scratch);
        struct slots slots = {.pos = SL_NEW_ARRAY(&writer->scratch, uint32_t, rows),
                              .defs = sl_arena_zalloc(&writer->scratch, rows),
                              .reps = sl_arena_zalloc(&writer->scratch, rows),
                              .count = rows};
        for (uint32_t i = 0; i < rows; i++) slots.pos[i] = idx ? idx[begin + i] : begin + i;
        SL_TRY(visit(&shredder, node, vec, slots));
        begin += rows;
        /* pages end between chunks only: long lists take fewer rows at a time */
        uint32_t per_row = shredder.most_slots / rows + 1;
        step = CHUNK_SLOTS / per_row;
        step = step < 1 ? 1 : step > CHUNK_ROWS_MAX ? CHUNK_ROWS_MAX : step;
    }
    return SL_OK;
}
