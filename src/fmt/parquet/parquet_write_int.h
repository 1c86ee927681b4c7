/* What the parts of the Parquet writer share: the schema tree, the column under construction (a
 * leaf), and the writer itself.
 *
 *   parquet_write.c         life cycle, batches to columns, row groups, memory
 *   parquet_write_schema.c  types to the tree and the schema part of the footer
 *   parquet_write_flat.c    flat vectors to levels and leaf positions
 *   parquet_write_shred.c   nested vectors to levels and leaf positions
 *   parquet_write_values.c  values of one leaf into its page: gather, dictionary, PLAIN, bounds
 *   parquet_write_page.c    a full page: levels, body, compression, header; the dictionary page
 *   parquet_write_footer.c  column metadata, column and offset index, footer
 */
#ifndef SL_FMT_PARQUET_WRITE_INT_H
#define SL_FMT_PARQUET_WRITE_INT_H

#include "base/arena.h"
#include "fmt/parquet/parquet_dict.h"
#include "fmt/parquet/parquet_stats.h"
#include "fmt/parquet/parquet_write.h"

struct sl_thrift_writer;

/* Numbers of the file format (parquet.thrift). */
enum {
    WIRE_BOOLEAN = 0,
    WIRE_INT32 = 1,
    WIRE_INT64 = 2,
    WIRE_FLOAT = 4,
    WIRE_DOUBLE = 5,
    WIRE_BYTE_ARRAY = 6,
    WIRE_FIXED = 7
};
enum { WIRE_PLAIN = 0, WIRE_RLE = 3, WIRE_RLE_DICTIONARY = 8 };
enum { WIRE_DATA_PAGE = 0, WIRE_DICTIONARY_PAGE = 2 };

/* Room before the values of a page, so that its levels can be put in front without a copy: 20,000
 * one-bit levels take 2,500 bytes. */
enum { PAGE_HEAD = 4096 };

/* A place in the chunk's bytes; pages may be split over blocks. */
struct sl_parquet_piece {
    const uint8_t *ptr;
    size_t len;
};

struct sl_parquet_page {
    int64_t offset; /* within the chunk, without the dictionary page */
    int32_t bytes;  /* with header */
    int64_t first_row;
    int64_t null_count, raw_bytes;
    uint32_t min_at, min_len, max_at, max_len; /* in leaf->index_bytes */
    bool has_bounds, all_null;
};

struct sl_parquet_leaf {
    /* fixed by the schema */
    const struct sl_type *type;
    struct sl_str *path;
    uint32_t path_count;
    int32_t wire;
    uint32_t width; /* bytes of a value in PLAIN; 0: BOOLEAN (bits) and BYTE_ARRAY */
    uint8_t max_def, max_rep;
    bool is_bytes, text, may_have_dict;

    /* the page under construction */
    struct sl_buf values; /* PLAIN: PAGE_HEAD bytes of room, then values */
    uint32_t *codes;      /* dictionary mode */
    uint32_t codes_cap;
    struct sl_buf defs, reps; /* one byte each; defs only when some level is below max_def */
    bool defs_kept;
    uint32_t page_values, page_levels, page_rows;
    uint64_t page_raw_bytes; /* of byte strings, without lengths */
    struct sl_bounds page_bounds;

    /* the chunk under construction */
    bool dict_mode, codec_chosen;
    enum sl_codec codec;
    struct sl_dict dict;
    uint64_t dict_seen;    /* values that went through the dictionary */
    uint32_t plain_chunks; /* how many chunks more start in PLAIN, after an early give-up */
    struct sl_buf pieces;  /* struct sl_parquet_piece[] */
    struct sl_buf pages;   /* struct sl_parquet_page[] */
    struct sl_buf index_bytes;
    struct sl_buf page_histograms; /* int64: per page max_rep + 1, then max_def + 1 counts */
    int64_t *histogram;            /* of the chunk, same layout */
    uint32_t dict_pages, plain_pages;
    int64_t chunk_values, chunk_rows, chunk_raw_bytes;
    int64_t raw_size, stored_size; /* pages with headers, before and after compression */
    struct sl_bounds chunk_bounds, file_bounds;
};

struct sl_parquet_node {
    const struct sl_type *type;
    struct sl_str name;
    bool optional;
    uint8_t def, rep; /* levels of a value that is there, this node's own OPTIONAL included */
    struct sl_parquet_node *children;
    uint32_t child_count;
    struct sl_parquet_leaf *leaf; /* primitives only */
};

/* Serialised parts of one column chunk, waiting for the footer. */
struct sl_parquet_chunk_meta {
    size_t meta_at, meta_len;
    size_t column_index_at, column_index_len; /* len 0: none */
    size_t offset_index_at, offset_index_len;
    int64_t column_index_offset, offset_index_offset; /* in the file */
};

struct sl_parquet_group_meta {
    int64_t rows, raw_size, stored_size, offset;
};

struct sl_parquet_block {
    struct sl_parquet_block *next;
    size_t len, cap;
    uint8_t bytes[];
};

struct sl_parquet_writer {
    const struct sl_type *schema;
    struct sl_parquet_write_options options;
    struct sl_budget *budget;
    sl_bytes_fn write;
    void *write_ctx;
    struct sl_arena arena; /* schema tree and leaves */
    struct sl_parquet_node root;
    struct sl_parquet_leaf **leaves;
    uint32_t leaf_count;
    struct sl_compressor compressor;

    struct sl_parquet_block *blocks, *block; /* compressed pages of the row group; current one */
    size_t block_bytes, stored_bytes;
    struct sl_arena scratch; /* levels and positions of one chunk of rows */
    struct sl_buf levels, json, packed, header, gathered;
    uint32_t *wide; /* levels as words, for the hybrid encoder */
    uint32_t wide_cap;
    struct sl_buf marks;   /* which codes a page uses */
    struct sl_buf mapping; /* input dictionary position to code */

    uint64_t rows, group_rows, written;
    struct sl_buf metas;  /* bytes */
    struct sl_buf chunks; /* struct sl_parquet_chunk_meta[] */
    struct sl_buf groups; /* struct sl_parquet_group_meta[] */
    size_t taken_bytes;   /* from the budget */
    bool finished, failed;
    struct sl_column_stats *stats; /* per top-level column, after finish */
};

/* Values of one leaf: rows pos[0..count) of vec, or begin.. when pos is NULL.  vec is FLAT, VIEW or
 * CONST (position 0); `repeats`: positions repeat, as those of a dictionary do. */
struct sl_leaf_values {
    const struct sl_vec *vec;
    const uint32_t *pos;
    uint32_t begin, count;
    bool repeats;
};
/* Levels that go with them; defs NULL: all present, reps NULL: flat. */
struct sl_leaf_levels {
    const uint8_t *defs, *reps;
    uint32_t count, rows;
};

/* schema */
SL_MUST_CHECK enum sl_code sl_parquet_tree_build(struct sl_parquet_writer *writer,
                                                 struct sl_err *err);
void sl_parquet_tree_put(const struct sl_parquet_writer *writer, struct sl_thrift_writer *thrift);

/* Appends to the leaf's page and ends the page when it is full; never splits what it is given. */
SL_MUST_CHECK enum sl_code sl_leaf_append(struct sl_parquet_writer *writer,
                                          struct sl_parquet_leaf *leaf,
                                          const struct sl_leaf_values *values,
                                          const struct sl_leaf_levels *levels, struct sl_err *err);
void sl_leaf_begin_chunk(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf);
/* Bytes of the byte strings among the values. */
uint64_t sl_leaf_values_bytes(const struct sl_leaf_values *values);
/* Writes the page's codes as PLAIN values instead and leaves dictionary mode. */
void sl_leaf_leave_dict(struct sl_parquet_leaf *leaf);
/* Bounds of the strings a dictionary page uses. */
void sl_leaf_bound_codes(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf);

/* A top-level primitive column; a nested one. Rows idx[0..count), or begin.. when idx is NULL. */
SL_MUST_CHECK enum sl_code sl_parquet_append_flat(struct sl_parquet_writer *writer,
                                                  const struct sl_parquet_node *node,
                                                  const struct sl_vec *vec, const uint32_t *idx,
                                                  uint32_t begin, uint32_t count,
                                                  struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_parquet_append_nested(struct sl_parquet_writer *writer,
                                                    const struct sl_parquet_node *node,
                                                    const struct sl_vec *vec, const uint32_t *idx,
                                                    uint32_t begin, uint32_t count,
                                                    struct sl_err *err);

/* pages */
SL_MUST_CHECK enum sl_code sl_leaf_end_page(struct sl_parquet_writer *writer,
                                            struct sl_parquet_leaf *leaf, struct sl_err *err);
/* Sends the chunk (dictionary page, data pages) to the callback; *dict_bytes: size of the
 * dictionary page with its header, 0 if none. */
SL_MUST_CHECK enum sl_code sl_leaf_send_chunk(struct sl_parquet_writer *writer,
                                              struct sl_parquet_leaf *leaf, int64_t *dict_bytes,
                                              struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_parquet_send(struct sl_parquet_writer *writer, const void *bytes,
                                           size_t len, struct sl_err *err);

/* footer */
void sl_parquet_put_chunk(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                          int64_t chunk_offset, int64_t dict_bytes);
SL_MUST_CHECK enum sl_code sl_parquet_put_footer(struct sl_parquet_writer *writer,
                                                 struct sl_err *err);

#endif
