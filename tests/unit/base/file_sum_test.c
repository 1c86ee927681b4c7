/* Hadoop's sidecars: ours are its bytes (tests/golden holds some that Spark left), and a file that
 * is not what its sidecar was made of is refused. */
#include "base/file_sum.h"

#include "temp_dir.h"
#include "unit.h"

#define OFFSETS "tests/golden/spark-4.1.1/checkpoint/offsets"

static enum sl_code check(const char *dir, const char *name, struct sl_err *err) {
    char path[512];
    struct sl_buf text = {0};
    struct sl_file_sum sum = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(sl_io_read_file(path, 1 << 20, &text, err), SL_OK);
    sl_file_sum_add(&sum, sl_buf_str(&text));
    enum sl_code code = sl_file_sum_check(&sum, path, err);
    sl_file_sum_release(&sum);
    sl_buf_release(&text);
    return code;
}

void test_sidecar_is_hadoops(void **state) {
    (void)state;
    struct sl_err err = {0};
    char *dir = temp_dir_make(), *text = temp_dir_read(OFFSETS, "0");
    assert_int_equal(check(OFFSETS, "0", &err), SL_OK);
    assert_true(strlen(text) > 512); /* two chunks */
    assert_int_equal(sl_io_put_atomic(dir, "0", sl_str(text), SL_PUT_SUMMED, NULL, &err), SL_OK);
    struct sl_buf ours = {0}, sparks = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/.0.crc", dir);
    assert_int_equal(sl_io_read_file(path, 1000, &ours, &err), SL_OK);
    assert_int_equal(sl_io_read_file(OFFSETS "/.0.crc", 1000, &sparks, &err), SL_OK);
    assert_int_equal(ours.len, sparks.len);
    assert_memory_equal(ours.ptr, sparks.ptr, ours.len);
    sl_buf_release(&ours);
    sl_buf_release(&sparks);
    free(text);
    temp_dir_remove(dir);
}

/* Sizes around the chunk, added in pieces of other sizes than the chunk's. */
void test_sum_of_pieces_is_sum_of_whole(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 511, 512, 513, 1024, 5000};
    char bytes[5000];
    struct sl_err err = {0};
    char *dir = temp_dir_make();
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 31 >> 3);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct sl_put *put;
        assert_int_equal(sl_put_open(dir, "x", SL_PUT_REPLACE | SL_PUT_SUMMED, NULL, &put, &err),
                         SL_OK);
        for (size_t at = 0; at < sizes[s]; at += 300) {
            size_t len = sizes[s] - at < 300 ? sizes[s] - at : 300;
            assert_int_equal(sl_put_write(put, (struct sl_str){bytes + at, len}, &err), SL_OK);
        }
        assert_int_equal(sl_put_publish(put, &err), SL_OK);
        assert_true(temp_dir_exists(dir, ".x.crc"));
        assert_int_equal(check(dir, "x", &err), SL_OK);
    }
    temp_dir_remove(dir);
}

void test_changed_file_is_refused(void **state) {
    (void)state;
    struct sl_err err = {0};
    char *dir = temp_dir_make();
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("abc"), SL_PUT_SUMMED, NULL, &err), SL_OK);
    temp_dir_write(dir, "0", "abd", 3);
    assert_int_equal(check(dir, "0", &err), SL_USER);
    assert_non_null(strstr(err.msg, "does not have the checksum"));
    temp_dir_write(dir, "0", "abc", 3);
    assert_int_equal(check(dir, "0", &err), SL_OK);
    temp_dir_remove(dir);
}

/* As Hadoop: what is no sidecar does not count, so a torn one never costs a file. */
void test_torn_sidecar_is_no_sidecar(void **state) {
    (void)state;
    struct sl_err err = {0};
    char *dir = temp_dir_make();
    temp_dir_write(dir, "0", "abc", 3);
    assert_int_equal(check(dir, "0", &err), SL_OK);
    temp_dir_write(dir, ".0.crc", "", 0);
    assert_int_equal(check(dir, "0", &err), SL_OK);
    temp_dir_write(dir, ".0.crc", "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    assert_int_equal(check(dir, "0", &err), SL_OK);
    temp_dir_remove(dir);
}

/* A name that is taken keeps its sidecar; one that is replaced without sums loses the old one, on
 * which Spark would fail. */
void test_sidecar_goes_with_its_file(void **state) {
    (void)state;
    struct sl_err err = {0};
    char *dir = temp_dir_make();
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("abc"), SL_PUT_SUMMED, NULL, &err), SL_OK);
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("xyz"), SL_PUT_SUMMED, NULL, &err),
                     SL_CONFLICT);
    assert_true(temp_dir_exists(dir, ".0.crc"));
    assert_int_equal(check(dir, "0", &err), SL_OK);
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("xyz"), SL_PUT_REPLACE, NULL, &err), SL_OK);
    assert_false(temp_dir_exists(dir, ".0.crc"));
    temp_dir_remove(dir);
}
