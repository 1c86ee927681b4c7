#include "run/letter_table.h"

#include "run/dead_letter.h"
#include "run/query_target.h"

static const struct reading {
    const char *format, *connector;
    enum { BY_PATH, BY_PATH_AND_SCHEMA, BY_OPTIONS } by; /* what the reader needs to know */
} readings[] = {{"delta", "delta", BY_PATH},
                {"parquet", "parquet", BY_PATH_AND_SCHEMA},
                {"kafka", "kafka_letters", BY_OPTIONS}};

static const struct reading *find_reading(struct sl_str format) {
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        if (sl_str_eq_nocase(format, sl_str(readings[i].format))) return &readings[i];
    return NULL;
}

static enum sl_code not_readable(const struct sl_statement *holder, struct sl_err *err) {
    sl_fail(err, SL_UNSUPPORTED, "the dead letters in `%.*s` (%.*s) cannot be read back",
            SL_STR_ARG(holder->name.parts[holder->name.count - 1]),
            SL_STR_ARG(sl_target_format(holder)));
    return sl_hint(err, "letters are shown and replayed from delta and parquet tables and from "
                        "Kafka topics"),
           SL_UNSUPPORTED;
}

static void add_options(const struct sl_properties *from, struct sl_options *options,
                        struct sl_option *items) {
    for (uint32_t i = 0; i < from->count; i++)
        if (!sl_options_find(options, from->items[i].key))
            items[options->count++] = (struct sl_option){from->items[i].key, from->items[i].value,
                                                         from->items[i].value_span};
}

/* Files of older releases lack the newest columns, and the first file of a directory may be one. */
static void add_schema(struct sl_arena *arena, struct sl_options *options) {
    struct sl_option *item = SL_NEW(arena, struct sl_option);
    struct sl_buf text = {0};
    sl_type_put_sql(&text, sl_letter_schema());
    *item = (struct sl_option){SL_STR("schema"), sl_arena_str(arena, sl_buf_str(&text)), {0, 0}};
    *options = (struct sl_options){item, 1};
    sl_buf_release(&text);
}

enum sl_code sl_letter_table_find(const struct sl_statement *holder, struct sl_arena *arena,
                                  struct sl_letter_table *out, struct sl_err *err) {
    const struct reading *reading = find_reading(sl_target_format(holder));
    *out = (struct sl_letter_table){.path = holder->location, .exists = true};
    if (reading) out->connector = sl_connector_find(sl_str(reading->connector));
    if (!out->connector) return not_readable(holder, err);
    if (reading->by == BY_PATH_AND_SCHEMA) add_schema(arena, &out->options);
    if (reading->by == BY_OPTIONS) {
        struct sl_option *items = SL_NEW_ARRAY(
            arena, struct sl_option, holder->properties.count + (size_t)holder->options.count + 1);
        out->options.items = items;
        add_options(&holder->properties, &out->options, items);
        add_options(&holder->options, &out->options, items);
    }
    const struct sl_connector *connector = out->connector;
    return connector->exists ? connector->exists(out->path, &out->exists, err) : SL_OK;
}

/* A dollar sign in a text must not begin a variable of the pipeline. */
void sl_letter_put_quoted(struct sl_buf *out, struct sl_str text, char quote) {
    sl_buf_put_byte(out, (uint8_t)quote);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (quote == '\'' && c == '$') {
            sl_buf_put_cstr(out, "\\u0024");
            continue;
        }
        if (quote == '\'' && (c == quote || c == '\\')) sl_buf_put_byte(out, '\\');
        if (quote == '`' && c == quote) sl_buf_put_byte(out, (uint8_t)quote);
        sl_buf_put_byte(out, (uint8_t)c);
    }
    sl_buf_put_byte(out, (uint8_t)quote);
}

void sl_letter_table_put_sql(struct sl_buf *out, const struct sl_letter_table *table) {
    if (!table->options.items) {
        sl_buf_printf(out, "%s.", table->connector->name);
        sl_letter_put_quoted(out, table->path, '`');
        return;
    }
    sl_buf_printf(out, "read_%s(", table->connector->name);
    if (table->path.len) {
        sl_buf_put_cstr(out, "path => ");
        sl_letter_put_quoted(out, table->path, '\'');
        sl_buf_put_cstr(out, ", ");
    }
    for (uint32_t i = 0; i < table->options.count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_letter_put_quoted(out, table->options.items[i].name, '`');
        sl_buf_put_cstr(out, " => ");
        sl_letter_put_quoted(out, table->options.items[i].value, '\'');
    }
    sl_buf_put_byte(out, ')');
}
