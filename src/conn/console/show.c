#include "conn/console/show.h"

#include <stdlib.h>

#include "kern/cast.h"
#include "kern/string_utf8.h"

struct sl_show {
    const struct sl_type *schema; /* read by new and add only: finish may come after its end */
    uint32_t columns;
    uint32_t rows_max, truncate;
    uint64_t rows_seen;
    struct sl_buf *cells; /* row-major, header first */
    size_t cell_count, cell_cap;
};

/* Spark's Utils.stringHalfWidth: East Asian wide characters take two columns. */
static size_t width_of(struct sl_str text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len;) {
        int32_t point = sl_utf8_next(text, &i);
        bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
                    (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
                    (point >= 0xFE30 && point <= 0xFE4F) || (point >= 0xFF00 && point <= 0xFF60) ||
                    (point >= 0xFFE0 && point <= 0xFFE6);
        width += wide ? 2 : 1;
    }
    return width;
}

/* Control characters are shown escaped, so that a cell stays on its line. */
static void put_clean(struct sl_buf *out, struct sl_str text) {
    static const char from[] = "\n\r\t\f\b\v\a", to[] = "nrtfbva";
    for (size_t i = 0; i < text.len; i++) {
        const char *special = text.ptr[i] ? strchr(from, text.ptr[i]) : NULL;
        if (special) sl_buf_put_byte(out, '\\');
        sl_buf_put_byte(out, (uint8_t)(special ? to[special - from] : text.ptr[i]));
    }
}

static void add_cell(struct sl_show *show, struct sl_str text) {
    if (show->cell_count == show->cell_cap) {
        show->cell_cap = show->cell_cap ? show->cell_cap * 2 : 64;
        show->cells = sl_xrealloc(show->cells, show->cell_cap * sizeof *show->cells);
        memset(show->cells + show->cell_count, 0,
               (show->cell_cap - show->cell_count) * sizeof *show->cells);
    }
    struct sl_buf *cell = &show->cells[show->cell_count++];
    sl_buf_clear(cell);
    put_clean(cell, text);
    size_t limit = show->truncate;
    struct sl_str clean = sl_buf_str(cell);
    if (!limit || sl_utf8_offset(clean, limit) == clean.len) return;
    cell->len = sl_utf8_offset(clean, limit < 4 ? limit : limit - 3);
    if (limit >= 4) sl_buf_put_cstr(cell, "...");
}

static void add_header(struct sl_show *show) {
    for (uint32_t c = 0; c < show->schema->field_count; c++)
        add_cell(show, show->schema->fields[c].name);
}

struct sl_show *sl_show_new(const struct sl_type *schema, uint32_t rows_max, uint32_t truncate) {
    struct sl_show *show = sl_xcalloc(1, sizeof *show);
    *show = (struct sl_show){.schema = schema,
                             .columns = schema->field_count,
                             .rows_max = rows_max,
                             .truncate = truncate};
    add_header(show);
    return show;
}

void sl_show_add(struct sl_show *show, const struct sl_batch *batch,
                 const struct sl_session *session) {
    struct sl_buf text = {0};
    if (show->cell_count == 0) add_header(show);
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (batch->selected && !sl_bit_get(batch->selected, row)) continue;
        if (show->rows_seen++ >= show->rows_max) continue;
        for (uint32_t c = 0; c < show->schema->field_count; c++) {
            sl_buf_clear(&text);
            sl_cast_put_pretty(&text, &batch->columns[c], row, session);
            add_cell(show, sl_buf_str(&text));
        }
    }
    sl_buf_release(&text);
}

static void put_rule(struct sl_buf *out, const size_t *widths, uint32_t count) {
    for (uint32_t c = 0; c < count; c++) {
        sl_buf_put_byte(out, '+');
        for (size_t i = 0; i < widths[c]; i++) sl_buf_put_byte(out, '-');
    }
    sl_buf_put_cstr(out, "+\n");
}

static void put_row(struct sl_buf *out, const struct sl_show *show, const struct sl_buf *cells,
                    const size_t *widths) {
    for (uint32_t c = 0; c < show->columns; c++) {
        struct sl_str text = sl_buf_str(&cells[c]);
        size_t padding = widths[c] - width_of(text);
        sl_buf_put_byte(out, '|');
        if (show->truncate) sl_buf_printf(out, "%*s", (int)padding, "");
        sl_buf_put_str(out, text);
        if (!show->truncate) sl_buf_printf(out, "%*s", (int)padding, "");
    }
    sl_buf_put_cstr(out, "|\n");
}

void sl_show_finish(struct sl_show *show, struct sl_buf *out) {
    uint32_t columns = show->columns;
    if (show->cell_count == 0) add_header(show);
    size_t rows = columns ? show->cell_count / columns : 0;
    size_t *widths = sl_xcalloc(columns, sizeof *widths);
    for (uint32_t c = 0; c < columns; c++) {
        widths[c] = 3;
        for (size_t r = 0; r < rows; r++) {
            size_t width = width_of(sl_buf_str(&show->cells[r * columns + c]));
            if (width > widths[c]) widths[c] = width;
        }
    }
    put_rule(out, widths, columns);
    for (size_t r = 0; r < rows; r++) {
        put_row(out, show, show->cells + r * columns, widths);
        if (r == 0) put_rule(out, widths, columns);
    }
    put_rule(out, widths, columns);
    if (show->rows_seen > show->rows_max)
        sl_buf_printf(out, "only showing top %u row%s\n", show->rows_max,
                      show->rows_max == 1 ? "" : "s");
    sl_buf_put_byte(out, '\n');
    free(widths);
    show->cell_count = 0;
    show->rows_seen = 0;
}

void sl_show_free(struct sl_show *show) {
    if (!show) return;
    for (size_t i = 0; i < show->cell_cap; i++) sl_buf_release(&show->cells[i]);
    free(show->cells);
    free(show);
}
