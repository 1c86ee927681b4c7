#include "lake/partition.h"

#include "lake/percent.h"

static const char default_partition[] = "__HIVE_DEFAULT_PARTITION__";
enum { NAME_BYTES_MAX = 255 };

static bool must_escape(unsigned char c) {
    return c < 0x20 || c == 0x7F || (c < 0x80 && strchr("\"#%'*/:=?\\{[]^", c) != NULL);
}

enum sl_code sl_partition_put(struct sl_buf *out, struct sl_str name, struct sl_str value,
                              struct sl_err *err) {
    size_t begin = out->len;
    /* Spark's list does not hold NUL, and a file name cannot */
    if (value.len && memchr(value.ptr, 0, value.len))
        return sl_fail(err, SL_DATA,
                       "the value of partition column `%.*s` holds a NUL byte, which cannot be a "
                       "directory name",
                       SL_STR_ARG(name));
    sl_percent_encode(out, name, must_escape);
    sl_buf_put_byte(out, '=');
    if (!value.ptr || value.len == 0)
        sl_buf_put_cstr(out, default_partition);
    else
        sl_percent_encode(out, value, must_escape);
    if (out->len - begin > NAME_BYTES_MAX) {
        size_t bytes = out->len - begin;
        out->len = begin;
        sl_fail(err, SL_DATA,
                "the value of partition column `%.*s` makes a directory name of %zu bytes; the "
                "most is %d",
                SL_STR_ARG(name), bytes, NAME_BYTES_MAX);
        return sl_hint(err, "partition by a shorter expression, e.g. substring(..) or a date"),
               SL_DATA;
    }
    return SL_OK;
}

bool sl_partition_parse(struct sl_str dir, struct sl_buf *name, struct sl_buf *value,
                        bool *is_null) {
    size_t equals = sl_str_find(dir, SL_STR("="), 0);
    if (equals == SIZE_MAX || equals == 0) return false;
    struct sl_str raw = sl_str_sub(dir, equals + 1, dir.len);
    *is_null = sl_str_eq(raw, sl_str(default_partition));
    sl_percent_decode(name, sl_str_sub(dir, 0, equals));
    if (!*is_null) sl_percent_decode(value, raw);
    return true;
}
