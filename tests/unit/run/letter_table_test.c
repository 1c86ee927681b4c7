/* How a quarantine is read back: by which connector, and as which text of SQL. */
#include "unit.h"

#include "run/letter_table.h"

static struct sl_statement holder(const char *format, const char *path) {
    static struct sl_str name[] = {{"bad", 3}};
    return (struct sl_statement){
        .name = {.parts = name, .count = 1}, .format = sl_str(format), .location = sl_str(path)};
}

static void expect_sql(const struct sl_letter_table *table, const char *want) {
    struct sl_buf sql = {0};
    sl_letter_table_put_sql(&sql, table);
    assert_string_equal(sl_buf_cstr(&sql), want);
    sl_buf_release(&sql);
}

void test_letter_tables_are_read_by_their_connector(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err;
    struct sl_letter_table table;
    sl_arena_init(&arena, "test");
    struct sl_statement statement = holder("Delta", "/not/there`s");
    assert_int_equal(sl_letter_table_find(&statement, &arena, &table, &err), SL_OK);
    assert_false(table.exists);
    expect_sql(&table, "delta.`/not/there``s`");
    statement = holder("parquet", "/it's");
    assert_int_equal(sl_letter_table_find(&statement, &arena, &table, &err), SL_OK);
    struct sl_buf sql = {0};
    sl_letter_table_put_sql(&sql, &table);
    static const char begins[] = "read_parquet(path => '/it\\'s', `schema` => 'STRUCT<";
    assert_memory_equal(sl_buf_cstr(&sql), begins, sizeof begins - 1);
    sl_buf_release(&sql);
    statement = holder("console", "");
    assert_int_equal(sl_letter_table_find(&statement, &arena, &table, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "the dead letters in `bad` (console) cannot be read back"));
    sl_arena_release(&arena);
}

/* Each option once, the first that is given; with texts that could end a literal or
 * begin a variable. */
void test_letter_topics_are_read_with_the_options_of_the_sink(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err;
    struct sl_letter_table table;
    struct sl_property properties[] = {
        {.key = SL_STR("topic"), .value = SL_STR("letters")},
        {.key = SL_STR("kafka.sasl.password"), .value = SL_STR("it's ${x}\\n")},
    };
    struct sl_property options[] = {{.key = SL_STR("TOPIC"), .value = SL_STR("other")},
                                    {.key = SL_STR("bootstrapServers"), .value = SL_STR("h:1")}};
    struct sl_statement statement = holder("kafka", "");
    statement.properties = (struct sl_properties){properties, 2};
    statement.options = (struct sl_properties){options, 2};
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_letter_table_find(&statement, &arena, &table, &err), SL_OK);
    assert_true(table.exists);
    expect_sql(&table, "read_kafka_letters(`topic` => 'letters', `kafka.sasl.password` => "
                       "'it\\'s \\u0024{x}\\\\n', `bootstrapServers` => 'h:1')");
    sl_arena_release(&arena);
}
