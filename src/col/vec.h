/* One column of a batch.  Arrow's memory layout, so that Parquet pages, Arrow IPC and the C data
 * interface need no conversion.
 *
 * Encodings:
 *   FLAT   value i at position i
 *   CONST  one value at position 0 stands for all rows
 *   DICT   codes[i] (int32) is a position in children[0], a FLAT vector without own codes; a row is
 *          null when its validity bit is 0 (the dictionary itself holds no nulls);
 *          producers give null rows a code inside the dictionary, so that kernels may look up all
 *   VIEW   strings and binary only: views[i] points into foreign memory that the batch holds
 *
 * Layout of FLAT by kind (CONST the same, one row):
 *   BOOL           bits (1 = true)
 *   fixed width    data, sl_type_width bytes each; wide DECIMAL __int128, else int64
 *   STRING,BINARY  offsets[rows + 1] (int32, first 0) + bytes
 *   ARRAY, MAP     offsets[rows + 1] into the children (ARRAY: items; MAP: keys, values)
 *   STRUCT         children[field_count], each with `rows` rows
 *   NULL           nothing; every row is null
 *
 * Nulls: valid == NULL means all rows are valid; else bit 1 = valid (CONST: bit 0 only).  The value
 * of a null row is undefined but readable; a null STRING/ARRAY/MAP row has length 0. Invariant: in
 * a null STRUCT row every child is null too, so a field is read without its parent.
 *
 * Ownership: a vector owns what its sl_vec_reserve gave it (struct sl_store) and borrows everything
 * else (pointers set by sl_vec_borrow or by a source); borrowed memory must outlive the use.
 * Buffers are 64-byte aligned and padded to 64 bytes, so kernels may read and write whole vectors
 * of lanes. Owner: one thread.
 */
#ifndef SL_COL_VEC_H
#define SL_COL_VEC_H

#include "base/bits.h"
#include "base/budget.h"
#include "base/str.h"
#include "col/type.h"

typedef __int128 sl_int128;

enum sl_enc { SL_ENC_FLAT, SL_ENC_CONST, SL_ENC_DICT, SL_ENC_VIEW };

struct sl_store {
    void *ptr;
    size_t cap; /* bytes */
};

struct sl_vec {
    const struct sl_type *type;
    enum sl_enc enc;
    uint32_t rows;
    uint64_t *valid;
    union {
        void *data;
        uint64_t *bits;
        int8_t *i8;
        int16_t *i16;
        int32_t *i32;
        int64_t *i64;
        float *f32;
        double *f64;
        sl_int128 *i128;
        struct sl_str *views;
    };
    int32_t *offsets;
    uint8_t *bytes;
    int32_t *codes;
    struct sl_vec *children;
    uint32_t child_count;

    struct sl_store own_valid, own_data, own_offsets, own_bytes, own_codes;
    bool owns_children; /* the array itself and its vectors */
};

/* Sets type and encoding FLAT, no rows, nothing owned; for nested types makes the children. */
void sl_vec_init(struct sl_vec *vec, const struct sl_type *type);
/* Frees what is owned; safe on a zeroed struct. */
void sl_vec_release(struct sl_vec *vec);
/* rows = 0, FLAT, all valid, borrowed pointers dropped; owned capacity stays (children too). */
void sl_vec_clear(struct sl_vec *vec);
/* Makes the FLAT arrays for `rows` rows writable and owned (values: by kind;
 * STRING/BINARY/ARRAY/MAP: offsets with offsets[0] = 0; STRUCT: children likewise). Keeps present
 * contents up to vec->rows. Does not touch vec->rows, validity or string bytes. SL_NOMEM when the
 * system or limit says no. */
SL_MUST_CHECK enum sl_code sl_vec_reserve(struct sl_vec *vec, uint32_t rows, struct sl_err *err);
/* Room for `bytes` string bytes in all (not more). SL_DATA past INT32_MAX - 64. */
SL_MUST_CHECK enum sl_code sl_vec_reserve_bytes(struct sl_vec *vec, size_t bytes,
                                                struct sl_err *err);
/* Makes the validity bitmap owned and writable for `rows` rows; bits that nobody wrote since
 * sl_vec_clear are ones. */
SL_MUST_CHECK enum sl_code sl_vec_reserve_valid(struct sl_vec *vec, uint32_t rows,
                                                struct sl_err *err);
/* For an empty vector that is not nested: makes it DICT with owned codes for `rows` rows and an
 * owned, empty dictionary children[0], which the caller fills or lets borrow (sl_vec_borrow). */
SL_MUST_CHECK enum sl_code sl_vec_reserve_dict(struct sl_vec *vec, uint32_t rows,
                                               struct sl_err *err);
/* Shallow view: out borrows everything of in. out's own storage is kept for later. */
void sl_vec_borrow(struct sl_vec *out, const struct sl_vec *in);
/* A view of the first rows only is made by lowering out->rows after it (lists and structs keep
 * longer children). For other ranges copy with sl_vec_append and an index list. */

/* Of a FLAT vector of a signed integer kind, or of one that is stored as such (DATE, TIMESTAMP,
 * short decimals ..). */
static inline int64_t sl_vec_integer(const struct sl_vec *vec, uint32_t row) {
    switch (vec->type->kind) {
    case SL_BYTE_KIND:
        return vec->i8[row];
    case SL_SHORT_KIND:
        return vec->i16[row];
    case SL_INT_KIND:
    case SL_DATE_KIND:
        return vec->i32[row];
    default:
        return vec->i64[row];
    }
}

/* Decodes CONST, DICT and VIEW into owned FLAT storage of out; a FLAT input is borrowed. */
SL_MUST_CHECK enum sl_code sl_vec_flatten(const struct sl_vec *in, struct sl_vec *out,
                                          struct sl_err *err);
/* Appends the rows idx[0..count) of in (any encoding), or rows 0..count when idx is NULL, to out
 * (FLAT, same type; what it borrows is copied first). After a failure out has to be cleared. */
SL_MUST_CHECK enum sl_code sl_vec_append(struct sl_vec *out, const struct sl_vec *in,
                                         const uint32_t *idx, uint32_t count, struct sl_err *err);
/* Makes out the rows idx[0..count) of in, which may repeat: what multiplies rows. Texts are not
 * copied: out is then a DICT that borrows in's (a null row of in has a code, too). */
SL_MUST_CHECK enum sl_code sl_vec_pick(struct sl_vec *out, const struct sl_vec *in,
                                       const uint32_t *idx, uint32_t count, struct sl_err *err);
/* Appends rows of in as sl_vec_append does; SL_NO_ROW in idx stands for a null. */
#define SL_NO_ROW UINT32_MAX
SL_MUST_CHECK enum sl_code sl_vec_append_or_null(struct sl_vec *out, const struct sl_vec *in,
                                                 const uint32_t *idx, uint32_t count,
                                                 struct sl_err *err);
/* Appends `count` nulls. */
SL_MUST_CHECK enum sl_code sl_vec_append_null(struct sl_vec *out, uint32_t count,
                                              struct sl_err *err);

static inline uint32_t sl_vec_pos(const struct sl_vec *vec, uint32_t row) {
    return vec->enc == SL_ENC_CONST ? 0 : row;
}
static inline bool sl_vec_is_null(const struct sl_vec *vec, uint32_t row) {
    return vec->type->kind == SL_NULL_KIND ||
           (vec->valid && !sl_bit_get(vec->valid, sl_vec_pos(vec, row)));
}
/* The bytes of a valid STRING/BINARY row, any encoding. */
struct sl_str sl_vec_str(const struct sl_vec *vec, uint32_t row);

/* Row builders for code that is not hot (literals, tests, fallbacks): append one value to an owned
 * FLAT vector. */
SL_MUST_CHECK enum sl_code sl_vec_put_str(struct sl_vec *vec, struct sl_str value,
                                          struct sl_err *err);
SL_MUST_CHECK enum sl_code
sl_vec_put_i64(struct sl_vec *vec, int64_t value,
               struct sl_err *err); /* any integer-like kind, BOOL, dates, decimals */
SL_MUST_CHECK enum sl_code sl_vec_put_f64(struct sl_vec *vec, double value, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_vec_put_i128(struct sl_vec *vec, sl_int128 value, struct sl_err *err);

/* Bytes held by owned storage, children included: for budgets. */
size_t sl_vec_owned_bytes(const struct sl_vec *vec);
/* Debug check of the invariants above; true when they hold, else *why says what does not. */
bool sl_vec_verify(const struct sl_vec *vec, const char **why);
/* Logical equality of two rows, nested included; nulls equal, NaN equals NaN. For tests and twins.
 */
bool sl_vec_rows_equal(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b,
                       uint32_t row_b);

#endif
