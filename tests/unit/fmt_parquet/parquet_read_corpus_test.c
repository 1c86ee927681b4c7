/* The files of apache/parquet-testing: right values, and clean refusals. Skipped without the
 * corpora ($SLUICE_CORPORA). */
#include "parquet_read_help.h"

#include "base/hash.h"

/* Rows and CRC-32 of the text that file_text makes. Each was compared with pyarrow 26 value by
 * value; nested_structs.rust with DuckDB, int96_from_spark with the values in its .md,
 * incorrect_map_schema by eye. */
static const struct {
    const char *name;
    uint32_t rows, crc;
} expected[] = {
    {"alltypes_dictionary.parquet", 2, 0xc7ce3638},
    {"alltypes_plain.parquet", 8, 0x2ac5f610},
    {"alltypes_plain.snappy.parquet", 2, 0x42fe6873},
    {"alltypes_tiny_pages.parquet", 7300, 0xb42d8986},
    {"alltypes_tiny_pages_plain.parquet", 7300, 0xb42d8986},
    {"binary.parquet", 12, 0xbf60391a},
    {"binary_truncated_min_max.parquet", 12, 0x6f264de6},
    {"byte_array_decimal.parquet", 24, 0xb2ad82fc},
    {"byte_stream_split.zstd.parquet", 300, 0xfe50d3aa},
    {"byte_stream_split_extended.gzip.parquet", 200, 0x90b556db},
    {"column_chunk_key_value_metadata.parquet", 0, 0x00000000},
    {"concatenated_gzip_members.parquet", 513, 0x10d66d1a},
    {"data_index_bloom_encoding_stats.parquet", 14, 0x585ee66e},
    {"data_index_bloom_encoding_with_length.parquet", 14, 0x585ee66e},
    {"datapage_v1-snappy-compressed-checksum.parquet", 5120, 0x3e2b8e86},
    {"datapage_v1-uncompressed-checksum.parquet", 5120, 0x3e2b8e86},
    {"datapage_v2.snappy.parquet", 5, 0xd530175e},
    {"datapage_v2_empty_datapage.snappy.parquet", 1, 0xd491916e},
    {"delta_binary_packed.parquet", 200, 0x43b6f06e},
    {"delta_byte_array.parquet", 1000, 0x506b0cad},
    {"delta_encoding_optional_column.parquet", 100, 0x58eabfbe},
    {"delta_encoding_required_column.parquet", 100, 0xbbf1d71e},
    {"delta_length_byte_array.parquet", 1000, 0xc17ee1d5},
    {"dict-page-offset-zero.parquet", 39, 0xf8a34bd2},
    {"fixed_length_byte_array.parquet", 1000, 0x2615515d},
    {"fixed_length_decimal.parquet", 24, 0xb2ad82fc},
    {"fixed_length_decimal_legacy.parquet", 24, 0xb2ad82fc},
    {"float16_nonzeros_and_nans.parquet", 8, 0xb300da27},
    {"float16_zeros_and_nans.parquet", 3, 0x27ab4b18},
    {"floating_orders_nan_count.parquet", 50, 0x5ab2badf},
    {"geospatial/crs-arbitrary-value.parquet", 1, 0xf8fd3c25},
    {"geospatial/crs-default.parquet", 1, 0x4c762268},
    {"geospatial/crs-geography.parquet", 1, 0x4c762268},
    {"geospatial/crs-projjson.parquet", 1, 0xf8fd3c25},
    {"geospatial/crs-srid.parquet", 1, 0xf8fd3c25},
    {"geospatial/geography-lines.parquet", 499, 0x7abff6dc},
    {"geospatial/geography-points.parquet", 500, 0xad21b356},
    {"geospatial/geography-polygons.parquet", 500, 0x523a2663},
    {"geospatial/geospatial-with-nan.parquet", 3, 0x314c3782},
    {"geospatial/geospatial.parquet", 196, 0xd77112d2},
    {"hadoop_lz4_compressed.parquet", 4, 0xc6ee4c40},
    {"hadoop_lz4_compressed_larger.parquet", 10000, 0x9a638ce5},
    {"incorrect_map_schema.parquet", 1, 0x6deeeeee},
    {"int32_decimal.parquet", 24, 0xb2ad82fc},
    {"int32_with_null_pages.parquet", 1000, 0x6c90de74},
    {"int64_decimal.parquet", 24, 0xb2ad82fc},
    {"int96_from_spark.parquet", 6, 0xa609bf89},
    {"list_columns.parquet", 3, 0x9c630acc},
    {"lz4_raw_compressed.parquet", 4, 0xc6ee4c40},
    {"lz4_raw_compressed_larger.parquet", 10000, 0x9a638ce5},
    {"map_no_value.parquet", 3, 0x0a046826},
    {"nan_in_stats.parquet", 2, 0xbd13e31a},
    {"nation.dict-malformed.parquet", 25, 0x1e1425bb},
    {"nested_lists.snappy.parquet", 3, 0x51eb2ede},
    {"nested_maps.snappy.parquet", 6, 0x739abee4},
    {"nested_structs.rust.parquet", 1, 0x6a84b390},
    {"non_hadoop_lz4_compressed.parquet", 4, 0xc6ee4c40},
    {"nonnullable.impala.parquet", 1, 0xd4eb426a},
    {"null_list.parquet", 1, 0x7068d244},
    {"nullable.impala.parquet", 7, 0x5f383c12},
    {"nulls.snappy.parquet", 8, 0x23c2d913},
    {"old_list_structure.parquet", 1, 0x46e3f77a},
    {"overflow_i16_page_cnt.parquet", 40000, 0x6a5fc80b},
    {"page_v2_empty_compressed.parquet", 10, 0x9690f415},
    {"plain-dict-uncompressed-checksum.parquet", 1000, 0xba978214},
    {"repeated_no_annotation.parquet", 6, 0x0d3044d8},
    {"repeated_primitive_no_list.parquet", 4, 0x6e912ef7},
    {"rle-dict-snappy-checksum.parquet", 1000, 0x48a0156a},
    {"rle_boolean_encoding.parquet", 68, 0x5222b25b},
    {"single_nan.parquet", 1, 0xd491916e},
    {"sort_columns.parquet", 6, 0xf4fb0fe3},
    {"unknown-logical-type.parquet", 3, 0xaae047a4},
};

static void load(struct file *file, const char *folder, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/parquet-testing/%s", corpora(), folder);
    if (!file_load(path, name, file)) skip();
}

static uint32_t count_lines(const struct sl_buf *text) {
    uint32_t lines = 0;
    for (size_t i = 0; i < text->len; i++) lines += text->ptr[i] == '\n';
    return lines;
}

void test_corpus_values_in_any_batch_size(void **state) {
    (void)state;
    static const uint32_t steps[] = {4096, 7, 1};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct file file;
        load(&file, "data", expected[i].name);
        for (int s = 0; s < 3; s++) {
            struct sl_buf text = {0};
            struct sl_err err = {0};
            if (file_text(&file, steps[s], &text, &err) != SL_OK)
                fail_msg("%s: %s", expected[i].name, err.msg);
            if (count_lines(&text) != expected[i].rows ||
                sl_crc32(0, text.ptr, text.len) != expected[i].crc)
                fail_msg("%s: other values in batches of %u", expected[i].name, steps[s]);
            sl_buf_release(&text);
        }
        free(file.bytes);
    }
}

/* ---- delta encodings against the CSV files beside them ---- */

static void append_cell(struct sl_buf *to, const char *cell, size_t len, bool text) {
    if (len == 0) {
        sl_buf_put_cstr(to, "null");
    } else if (!text) {
        sl_buf_put(to, cell, len);
    } else {
        sl_buf_put_byte(to, '"');
        for (size_t i = 0; i < len; i++) sl_buf_printf(to, "%02x", (uint8_t)cell[i]);
        sl_buf_put_byte(to, '"');
    }
}

/* CSV with optional quotes, the first line names; columns from first_text on are strings. */
static void csv_text(const struct file *csv, uint32_t first_text, struct sl_buf *to) {
    size_t at = 0;
    while (at < csv->len && csv->bytes[at] != '\n') at++;
    at++;
    for (uint32_t column = 0; at < csv->len;) {
        bool quoted = csv->bytes[at] == '"';
        size_t begin = at += quoted, end;
        while (at < csv->len &&
               (quoted ? csv->bytes[at] != '"' : csv->bytes[at] != ',' && csv->bytes[at] != '\n'))
            at++;
        end = at;
        at += quoted;
        if (end > begin && csv->bytes[end - 1] == '\r') end--;
        append_cell(to, (const char *)csv->bytes + begin, end - begin, column >= first_text);
        while (at < csv->len && csv->bytes[at] == '\r') at++;
        bool last = at >= csv->len || csv->bytes[at] == '\n';
        sl_buf_put_byte(to, last ? '\n' : '\t');
        column = last ? 0 : column + 1;
        at++;
    }
}

void test_corpus_delta_encodings_match_csv(void **state) {
    (void)state;
    static const struct {
        const char *parquet, *csv;
        uint32_t first_text;
    } pairs[] = {
        {"delta_binary_packed.parquet", "delta_binary_packed_expect.csv", 99},
        {"delta_byte_array.parquet", "delta_byte_array_expect.csv", 0},
        {"delta_encoding_optional_column.parquet", "delta_encoding_optional_column_expect.csv", 9},
        {"delta_encoding_required_column.parquet", "delta_encoding_required_column_expect.csv", 9},
    };
    for (int i = 0; i < 4; i++) {
        struct file parquet, csv;
        struct sl_buf got = {0}, want = {0};
        load(&parquet, "data", pairs[i].parquet);
        load(&csv, "data", pairs[i].csv);
        assert_int_equal(file_text(&parquet, 100, &got, NULL), SL_OK);
        csv_text(&csv, pairs[i].first_text, &want);
        if (!sl_str_eq(sl_buf_str(&got), sl_buf_str(&want)))
            fail_msg("%s differs from its CSV", pairs[i].parquet);
        sl_buf_release(&got);
        sl_buf_release(&want);
        free(parquet.bytes);
        free(csv.bytes);
    }
}

/* ---- refusals ---- */

static void refuse(const char *folder, const char *name, enum sl_code code, const char *part) {
    struct file file;
    struct sl_buf text = {0};
    struct sl_err err = {0};
    load(&file, folder, name);
    if (file_text(&file, 4096, &text, &err) != code) fail_msg("%s: %s", name, err.msg);
    if (!strstr(err.msg, part)) fail_msg("%s: \"%s\" lacks \"%s\"", name, err.msg, part);
    sl_buf_release(&text);
    free(file.bytes);
}

void test_corpus_bad_data_is_named(void **state) {
    (void)state;
    refuse("bad_data", "PARQUET-1481.parquet", SL_DATA, "physical type");
    refuse("bad_data", "ARROW-GH-41317.parquet", SL_DATA, "`timestamp_us_no_tz`");
    refuse("bad_data", "ARROW-GH-41321.parquet", SL_DATA, "page at byte 1313");
    refuse("bad_data", "ARROW-GH-45185.parquet", SL_DATA, "begins inside a row");
    refuse("bad_data", "ARROW-GH-47662.parquet", SL_DATA, "values end too early");
    refuse("bad_data", "ARROW-RS-GH-6229-DICTHEADER.parquet", SL_DATA, "not inside the file");
    refuse("bad_data", "ARROW-RS-GH-6229-LEVELS.parquet", SL_DATA, "more than the 1 left");
    refuse("data", "datapage_v1-corrupt-checksum.parquet", SL_DATA, "checksum");
    refuse("data", "rle-dict-uncompressed-corrupt-checksum.parquet", SL_DATA, "checksum");
}

/* Indexes of width 0 are what a dictionary of one value needs; readers of today accept them. */
void test_corpus_index_width_zero(void **state) {
    (void)state;
    struct file file;
    struct sl_buf text = {0};
    load(&file, "bad_data", "ARROW-GH-43605.parquet");
    assert_int_equal(file_text(&file, 4096, &text, NULL), SL_OK);
    assert_int_equal(count_lines(&text), 21186);
    for (size_t i = 0; i < text.len; i += 2) assert_int_equal(text.ptr[i], '0');
    sl_buf_release(&text);
    free(file.bytes);
}

void test_corpus_encryption_and_codecs_are_refused_by_name(void **state) {
    (void)state;
    refuse("data", "encrypt_columns_and_footer.parquet.encrypted", SL_UNSUPPORTED, "encrypted");
    refuse("data", "encrypt_columns_plaintext_footer.parquet.encrypted", SL_UNSUPPORTED,
           "encrypted");
    refuse("data", "uniform_encryption.parquet.encrypted", SL_UNSUPPORTED, "encrypted");
    refuse("data", "external_key_material_java.parquet.encrypted", SL_UNSUPPORTED, "encrypted");
    refuse("data", "large_string_map.brotli.parquet", SL_UNSUPPORTED, "BROTLI");
}

/* ---- statistics ---- */

static void expect_bounds(const struct sl_group_stats *stats, const char *min, const char *max) {
    struct sl_buf low = {0}, high = {0};
    put_row(&low, &stats->min, 0);
    put_row(&high, &stats->max, 0);
    assert_string_equal(sl_buf_cstr(&low), min);
    assert_string_equal(sl_buf_cstr(&high), max);
    sl_buf_release(&low);
    sl_buf_release(&high);
}

static void expect_stats(const char *name, uint32_t group, uint32_t column, const char *min,
                         const char *max) {
    struct file file;
    struct sl_parquet_reader *reader;
    struct sl_group_stats stats;
    load(&file, "data", name);
    assert_int_equal(sl_parquet_reader_open(file_read, &file, file.len, NULL, &reader, NULL),
                     SL_OK);
    assert_int_equal(sl_parquet_reader_group_stats(reader, group, column, &stats, NULL), SL_OK);
    if (stats.has_min_max != (min != NULL)) fail_msg("%s: bounds %d", name, stats.has_min_max);
    if (min)
        expect_bounds(&stats, min, max);
    else
        assert_int_equal(stats.min.rows, 0);
    sl_vec_release(&stats.min);
    sl_vec_release(&stats.max);
    sl_parquet_reader_close(reader);
    free(file.bytes);
}

void test_corpus_statistics_only_where_valid(void **state) {
    (void)state;
    expect_stats("sort_columns.parquet", 0, 0, "1", "2");
    expect_stats("sort_columns.parquet", 1, 1, "\"61\"", "\"63\"");
    expect_stats("int32_decimal.parquet", 0, 0, "100", "2400");
    expect_stats("binary_truncated_min_max.parquet", 0, 2, "\"416c\"",
                 "\"f09f9a804b6576696e204261636f6e\"");
    /* NaN in bounds, or nothing but NaN. */
    expect_stats("nan_in_stats.parquet", 0, 0, NULL, NULL);
    expect_stats("single_nan.parquet", 0, 0, NULL, NULL);
    expect_stats("floating_orders_nan_count.parquet", 1, 1, NULL, NULL);
    /* The file counts NaN: none here; zeros get the sign that hides nothing. */
    expect_stats("floating_orders_nan_count.parquet", 0, 1, "-2", "5");
    expect_stats("floating_orders_nan_count.parquet", 0, 0, "-2", "5");
    expect_stats("floating_orders_nan_count.parquet", 3, 3, "-0", "5");
    expect_stats("floating_orders_nan_count.parquet", 4, 1, "-5", "0");
    /* Nobody says whether there are NaN: then they may be above everything. */
    expect_stats("float16_nonzeros_and_nans.parquet", 0, 0, "-2", "nan");
    /* No order, or one that old writers got wrong. */
    expect_stats("int96_from_spark.parquet", 0, 0, NULL, NULL);
    expect_stats("fixed_length_decimal.parquet", 0, 0, NULL, NULL);
}
