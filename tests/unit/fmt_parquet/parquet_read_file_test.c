/* The reader on small files of tests/fuzz/corpus/parquet (made with pyarrow): choice of columns and
 * row groups, dictionary vectors, limits, and what happens when bytes are wrong. */
#include "parquet_read_help.h"

static const char seeds[] = "tests/fuzz/corpus/parquet";

static void load(struct file *file, const char *name) {
    if (!file_load(seeds, name, file)) fail_msg("%s/%s is missing", seeds, name);
}

static struct sl_parquet_reader *open_file(struct file *file) {
    struct sl_parquet_reader *reader;
    struct sl_err err = {0};
    if (sl_parquet_reader_open(file_read, file, file->len, NULL, &reader, &err) != SL_OK)
        fail_msg("%s", err.msg);
    return reader;
}

static void expect_text(const char *name, const char *want) {
    struct file file;
    for (uint32_t step = 1; step < 20; step += 6) {
        struct sl_buf text = {0};
        struct sl_err err = {0};
        load(&file, name);
        if (file_text(&file, step, &text, &err) != SL_OK) fail_msg("%s: %s", name, err.msg);
        assert_string_equal(sl_buf_cstr(&text), want);
        sl_buf_release(&text);
        free(file.bytes);
    }
}

void test_read_values_of_small_files(void **state) {
    (void)state;
    const char *flat = "1\t\"61\"\nnull\t\"6262\"\n3\tnull\n-4\t\"61\"\n5\t\"\"\n5\t\"636363\"\n"
                       "5\t\"6262\"\nnull\t\"61\"\n";
    expect_text("plain", flat);
    expect_text("dictionary", flat);
    expect_text("lists", "[1,2]\t[[\"61\",1]]\nnull\t[]\n[]\tnull\n[3,null]\t[[\"62\",null]]\n"
                         "[4]\t[]\n");
    expect_text("nested", "[[1,[\"70\"]]]\nnull\n[]\n[[null,null],null]\n");
    expect_text("struct", "[1,\"78\"]\nnull\n[null,null]\n");
    expect_text("split", "1.5\t\"616263\"\ttrue\n2.5\t\"646566\"\tnull\nnull\t\"78797a\"\tfalse\n");
    expect_text("decimals", "123\t-12345000000\t1\t19723\nnull\tnull\t2\tnull\n");
    expect_text("int96", "1704067200000000\nnull\n");
    expect_text("checksums", "1\nnull\n3\n-4\n5\n5\n5\nnull\n");
}

static bool keep_second(void *ctx, uint32_t group) {
    ++*(int *)ctx;
    return group == 1;
}

void test_read_chosen_columns_and_groups(void **state) {
    (void)state;
    struct file file;
    uint32_t rows, columns[] = {1, 0};
    struct sl_vec out[2];
    load(&file, "dictionary");
    struct sl_parquet_reader *reader = open_file(&file);
    sl_vec_init(&out[0], &sl_type_string);
    sl_vec_init(&out[1], &sl_type_long);
    assert_int_equal(sl_parquet_reader_start(reader, columns, 2, NULL, NULL, NULL), SL_OK);
    assert_int_equal(sl_parquet_reader_next(reader, 100, out, &rows, NULL), SL_OK);
    assert_int_equal(rows, 8);
    assert_true(sl_str_eq(sl_vec_str(&out[0], 1), SL_STR("bb")));
    assert_int_equal(out[1].i64[3], -4);
    columns[0] = 9;
    assert_int_equal(sl_parquet_reader_start(reader, columns, 1, NULL, NULL, NULL), SL_BUG);
    /* No column at all: rows are counted. */
    assert_int_equal(sl_parquet_reader_start(reader, NULL, 0, NULL, NULL, NULL), SL_OK);
    assert_int_equal(sl_parquet_reader_next(reader, 100, NULL, &rows, NULL), SL_OK);
    assert_int_equal(rows, 8);
    sl_parquet_reader_close(reader);
    free(file.bytes);

    int asked = 0;
    load(&file, "checksums");
    reader = open_file(&file);
    assert_int_equal(sl_parquet_reader_group_count(reader), 2);
    assert_int_equal(sl_parquet_reader_group_rows(reader, 1), 4);
    assert_int_equal(sl_parquet_reader_rows(reader), 8);
    columns[0] = 0;
    assert_int_equal(sl_parquet_reader_start(reader, columns, 1, keep_second, &asked, NULL), SL_OK);
    assert_int_equal(sl_parquet_reader_next(reader, 100, &out[1], &rows, NULL), SL_OK);
    assert_int_equal(rows, 4);
    assert_int_equal(out[1].i64[0], 5);
    assert_int_equal(sl_parquet_reader_next(reader, 100, &out[1], &rows, NULL), SL_OK);
    assert_int_equal(rows, 0);
    assert_int_equal(asked, 2);
    sl_parquet_reader_close(reader);
    free(file.bytes);
    sl_vec_release(&out[0]);
    sl_vec_release(&out[1]);
}

/* Strings come out as DICT when the page is dictionary coded, with nulls in place. */
void test_read_gives_dictionary_vectors(void **state) {
    (void)state;
    struct file file;
    uint32_t rows, column = 1;
    struct sl_vec out;
    load(&file, "dictionary");
    struct sl_parquet_reader *reader = open_file(&file);
    sl_vec_init(&out, &sl_type_string);
    assert_int_equal(sl_parquet_reader_start(reader, &column, 1, NULL, NULL, NULL), SL_OK);
    assert_int_equal(sl_parquet_reader_next(reader, 5, &out, &rows, NULL), SL_OK);
    assert_int_equal(out.enc, SL_ENC_DICT);
    assert_int_equal(out.children[0].rows, 4);
    assert_true(sl_vec_is_null(&out, 2));
    assert_int_equal(out.codes[0], out.codes[3]);
    assert_true(sl_vec_verify(&out, NULL));
    assert_int_equal(sl_parquet_reader_next(reader, 5, &out, &rows, NULL), SL_OK);
    assert_int_equal(rows, 3);
    assert_true(sl_str_eq(sl_vec_str(&out, 0), SL_STR("ccc")));
    sl_vec_release(&out);
    sl_parquet_reader_close(reader);
    free(file.bytes);
}

/* Each file cut at each length, and with each byte changed in four ways: an error or values, no
 * crash; a read outside the file would be SL_BUG. Errors always say something. */
void test_read_broken_files(void **state) {
    (void)state;
    static const char *const names[] = {"plain", "dictionary", "lists", "nested",   "delta_v2",
                                        "split", "decimals",   "int96", "checksums"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        struct file file;
        load(&file, names[n]);
        struct sl_buf text = {0};
        struct sl_err err = {0};
        for (size_t cut = 0; cut < file.len; cut++) {
            struct file part = {file.bytes, cut};
            assert_int_equal(file_text(&part, 64, &text, &err), SL_DATA);
            assert_true(err.msg[0] != 0);
        }
        for (size_t at = 0; at < file.len; at++)
            for (int how = 0; how < 4; how++) {
                static const uint8_t masks[] = {0xFF, 0x01, 0x80, 0x10};
                file.bytes[at] ^= masks[how];
                sl_buf_clear(&text);
                enum sl_code code = file_text(&file, 64, &text, &err);
                if (code != SL_OK && code != SL_DATA && code != SL_UNSUPPORTED && code != SL_NOMEM)
                    fail_msg("%s byte %zu: %s: %s", names[n], at, sl_code_name(code), err.msg);
                file.bytes[at] ^= masks[how];
            }
        sl_buf_release(&text);
        free(file.bytes);
    }
}

void test_read_asks_the_budget(void **state) {
    (void)state;
    struct file file;
    struct sl_parquet_reader *reader;
    struct sl_budget budget;
    struct sl_err err = {0};
    uint32_t rows, column = 0;
    struct sl_vec out;
    load(&file, "plain");
    sl_budget_init(&budget, 100);
    assert_int_equal(sl_parquet_reader_open(file_read, &file, file.len, &budget, &reader, &err),
                     SL_NOMEM);
    assert_null(reader);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    sl_budget_init(&budget, 1 << 20);
    assert_int_equal(sl_parquet_reader_open(file_read, &file, file.len, &budget, &reader, &err),
                     SL_OK);
    assert_int_equal(sl_parquet_reader_start(reader, &column, 1, NULL, NULL, &err), SL_OK);
    budget.limit_bytes = atomic_load(&budget.used_bytes) + 10;
    sl_vec_init(&out, &sl_type_long);
    assert_int_equal(sl_parquet_reader_next(reader, 10, &out, &rows, &err), SL_NOMEM);
    assert_non_null(strstr(err.msg, "memory limit"));
    sl_vec_release(&out);
    sl_parquet_reader_close(reader);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    free(file.bytes);
}

void test_read_what_is_not_parquet(void **state) {
    (void)state;
    struct sl_buf text = {0};
    struct sl_err err = {0};
    char json[] = "{\"a\": 1, \"b\": 2}\n", encrypted[] = "PARE....0000PARE";
    struct file file = {(uint8_t *)json, sizeof json - 1};
    assert_int_equal(file_text(&file, 1, &text, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "PAR1"));
    file = (struct file){(uint8_t *)encrypted, sizeof encrypted - 1};
    assert_int_equal(file_text(&file, 1, &text, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "encrypted"));
    file = (struct file){(uint8_t *)json, 3};
    assert_int_equal(file_text(&file, 1, &text, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "too short"));
    sl_buf_release(&text);
}
