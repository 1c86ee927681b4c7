#include "cli/args.h"

#include "unit.h"

static const struct sl_flag common[] = {
    {"set", 's', "KEY=VALUE", ""}, {"verbose", 'v', NULL, ""}, {NULL, 0, NULL, NULL}};
static const struct sl_flag own[] = {{"available-now", 0, NULL, ""},
                                     {"offset", 'o', "N", ""},
                                     {"count", 'n', "N", ""},
                                     {NULL, 0, NULL, NULL}};

/* Parses a NULL-ended list of arguments. */
static enum sl_code parse(struct sl_args *args, struct sl_err *err, const char *const *texts) {
    char *argv[32];
    int argc = 0;
    *args = (struct sl_args){.flags = {common, own}};
    *err = (struct sl_err){0};
    while (texts[argc]) argv[argc] = (char *)texts[argc], argc++;
    return sl_args_parse(args, argc, argv, err);
}
#define PARSE(...) parse(&args, &err, (const char *const[]){__VA_ARGS__, NULL})

void test_every_spelling_of_a_value(void **state) {
    (void)state;
    struct sl_args args;
    struct sl_err err;
    int64_t count = 0;
    assert_int_equal(PARSE("--count=1", "--count", "2", "-n", "3", "-n4"), SL_OK);
    assert_int_equal(args.given_count, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(args.given[i].value[0], '1' + i);
    assert_int_equal(sl_args_int(&args, "count", &count, &err), SL_OK);
    assert_int_equal(count, 4); /* the last one wins */
    assert_int_equal(PARSE("-s", "a=b=c"), SL_OK);
    assert_string_equal(sl_args_get(&args, "set", NULL), "a=b=c");
    assert_int_equal(PARSE("--set="), SL_OK);
    assert_string_equal(sl_args_get(&args, "set", NULL), "");
}

void test_flags_may_stand_anywhere(void **state) {
    (void)state;
    struct sl_args args;
    struct sl_err err;
    assert_int_equal(PARSE("a.sql", "-v", "-", "--", "--verbose", "-v"), SL_OK);
    assert_int_equal(args.given_count, 1);
    assert_int_equal(args.positional_count, 4);
    assert_string_equal(args.positional[1], "-");
    assert_string_equal(args.positional[2], "--verbose");
    assert_true(sl_args_has(&args, "verbose"));
    assert_false(sl_args_has(&args, "available-now"));
}

void test_negative_number_is_a_value(void **state) {
    (void)state;
    struct sl_args args;
    struct sl_err err;
    int64_t offset = 0;
    assert_int_equal(PARSE("-o", "-10"), SL_OK);
    assert_int_equal(sl_args_int(&args, "offset", &offset, &err), SL_OK);
    assert_int_equal(offset, -10);
}

/* A forgotten value must not swallow the next option. */
void test_forgotten_value_is_noticed(void **state) {
    (void)state;
    struct sl_args args;
    struct sl_err err;
    assert_int_equal(PARSE("--count", "--verbose"), SL_USAGE);
    assert_non_null(strstr(err.msg, "`--count` needs a value: N"));
    assert_int_equal(PARSE("-n"), SL_USAGE);
    assert_non_null(strstr(err.msg, "`--count` needs a value"));
    assert_int_equal(PARSE("--verbose=1"), SL_USAGE);
    assert_non_null(strstr(err.msg, "takes no value"));
}

void test_unknown_options_get_a_suggestion(void **state) {
    (void)state;
    struct sl_args args;
    struct sl_err err;
    assert_int_equal(PARSE("--availble-now"), SL_USAGE);
    assert_string_equal(err.msg, "unknown option `--availble-now`");
    assert_string_equal(err.hint, "did you mean `--available-now`?");
    assert_int_equal(PARSE("--cuont=3"), SL_USAGE);
    assert_string_equal(err.hint, "did you mean `--count`?");
    assert_int_equal(PARSE("--zebra"), SL_USAGE);
    assert_string_equal(err.hint, "");
    assert_int_equal(PARSE("-available-now"), SL_USAGE);
    assert_string_equal(err.hint, "did you mean `--available-now`?");
    assert_int_equal(PARSE("-x"), SL_USAGE);
    assert_string_equal(err.msg, "unknown option `-x`");
}

void test_numbers_are_whole(void **state) {
    (void)state;
    static const char *const bad[] = {"", "x", "1x", "1.5", "99999999999999999999"};
    struct sl_args args;
    struct sl_err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 7;
        assert_int_equal(PARSE("--count", bad[i]), SL_OK);
        assert_int_equal(sl_args_int(&args, "count", &value, &err), SL_USAGE);
        assert_non_null(strstr(err.msg, "`--count` is `"));
        assert_int_equal(value, 7);
    }
}

void test_number_of_arguments(void **state) {
    (void)state;
    struct sl_args args;
    struct sl_err err;
    assert_int_equal(PARSE("a", "b"), SL_OK);
    assert_int_equal(sl_args_expect(&args, 1, 2, "run FILE", &err), SL_OK);
    assert_int_equal(sl_args_expect(&args, 1, 1, "run FILE", &err), SL_USAGE);
    assert_string_equal(err.msg, "unexpected argument `b`");
    assert_string_equal(err.hint, "usage: sluice run FILE");
    assert_int_equal(sl_args_expect(&args, 3, 3, "run FILE", &err), SL_USAGE);
    assert_string_equal(err.msg, "an argument is missing");
}

/* Tables of fixed size: more arguments than they hold are refused, not written behind them. */
void test_too_many(void **state) {
    (void)state;
    struct sl_err err = {0};
    char word[] = "word", flag[] = "-v", *words[200], *flags[200];
    for (int i = 0; i < 200; i++) words[i] = word, flags[i] = flag;
    struct sl_args args = {.flags = {common, own}};
    assert_int_equal(sl_args_parse(&args, 200, words, &err), SL_USAGE);
    args = (struct sl_args){.flags = {common, own}};
    assert_int_equal(sl_args_parse(&args, 200, flags, &err), SL_USAGE);
}
