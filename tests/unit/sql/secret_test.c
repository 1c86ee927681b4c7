#include "unit.h"

#include "sql/parse.h"

/* A diagnostic shows the source line, but never the value of a secret option, whoever the error is
 * about. */
void test_diagnostic_masks_secret_values(void **state) {
    (void)state;
    static const char source[] =
        "read_kafka(`kafka.sasl.password` => 'CANARY, 1', subscribe => 'topic', wrong => 1)";
    struct sl_err err = {.code = SL_USER, .msg = "no"};
    struct sl_buf out = {0};
    err.span.begin = (uint32_t)(strstr(source, "wrong") - source);
    err.span.end = err.span.begin + 5;
    sl_sql_put_diagnostic(&out, &err, "f.sql", sl_str(source), false);
    const char *text = sl_buf_cstr(&out);
    assert_null(strstr(text, "CANARY"));
    assert_non_null(strstr(text, "'*********'"));
    assert_non_null(strstr(text, "'topic'"));
    sl_buf_release(&out);
}
