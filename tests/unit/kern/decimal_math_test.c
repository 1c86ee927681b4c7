/* Decimal arithmetic against answers of Python's decimal module (decimal_cases.inc: operator,
 * scales, precision and scale of the result, unscaled operands and result), and against 128-bit
 * integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kern/decimal_math.h"

static sl_int128 number(const char *text) {
    bool negative = *text == '-';
    sl_int128 value = 0;
    for (text += negative; *text; text++) value = value * 10 + (*text - '0');
    return negative ? -value : value;
}

void test_decimals_against_known_answers(void **state) {
    (void)state;
    static const struct {
        char op;
        int scale_a, scale_b, precision, scale;
        const char *a, *b, *result;
    } cases[] = {
#include "kern/decimal_cases.inc"
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_decimal_fn fn = cases[i].op == '+'   ? sl_decimal_add
                           : cases[i].op == '-' ? sl_decimal_subtract
                           : cases[i].op == '*' ? sl_decimal_multiply
                           : cases[i].op == '/' ? sl_decimal_divide
                                                : sl_decimal_remainder;
        struct sl_decimal_shape shape = {cases[i].scale_a, cases[i].scale_b, cases[i].precision,
                                         cases[i].scale};
        sl_int128 out;
        enum sl_decimal_status status = fn(&shape, number(cases[i].a), number(cases[i].b), &out);
        bool overflow = cases[i].result[0] == 'o';
        if ((status == SL_DECIMAL_OVERFLOW) != overflow ||
            (!overflow && out != number(cases[i].result)))
            fail_msg("case %zu: %s %c %s", i, cases[i].a, cases[i].op, cases[i].b);
    }
}

void test_small_decimals_against_integers(void **state) {
    (void)state;
    srand(11);
    struct sl_decimal_shape same = {2, 2, 38, 2};
    for (int i = 0; i < 20000; i++) {
        sl_int128 a = rand() - RAND_MAX / 2, b = rand() % 2001 - 1000, out;
        assert_int_equal(sl_decimal_add(&same, a, b, &out), SL_DECIMAL_OK);
        assert_true(out == a + b);
        assert_int_equal(sl_decimal_subtract(&same, a, b, &out), SL_DECIMAL_OK);
        assert_true(out == a - b);
        if (b == 0) {
            assert_int_equal(sl_decimal_divide(&same, a, b, &out), SL_DECIMAL_ZERO_DIVISOR);
            continue;
        }
        assert_int_equal(sl_decimal_remainder(&same, a, b, &out), SL_DECIMAL_OK);
        assert_true(out == a % b);
        assert_int_equal(sl_decimal_int_divide(&same, a, b, &out), SL_DECIMAL_OK);
        assert_true(out == a / b);
        sl_int128 twice = 200 * a / b, rounded = (twice + (((a < 0) == (b < 0)) ? 1 : -1)) / 2;
        assert_int_equal(sl_decimal_divide(&same, a, b, &out), SL_DECIMAL_OK);
        assert_true(out == rounded);
    }
}
