#include "cli/letter_text.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/row_text.h"

enum { TEXT_WIDTH = 104 }; /* behind the names of a letter's parts: 120 in all */

/* ---- cells ---- */

static size_t unit_bytes(struct sl_str text, size_t at) {
    uint8_t first = (uint8_t)text.ptr[at];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return at + len <= text.len ? len : text.len - at;
}

/* A character, or its escape, as it is printed. */
static size_t put_unit(struct sl_buf *out, struct sl_str text, size_t at, size_t len) {
    uint8_t byte = (uint8_t)text.ptr[at];
    size_t begin = out->len;
    if (byte >= 0x20 && byte != 0x7F) {
        sl_buf_put_str(out, sl_str_sub(text, at, at + len));
        return 1;
    }
    if (byte == '\n' || byte == '\t' || byte == '\r')
        sl_buf_printf(out, "\\%c", byte == '\n' ? 'n' : byte == '\t' ? 't' : 'r');
    else
        sl_buf_printf(out, "\\x%02x", byte);
    return out->len - begin;
}

size_t sl_cell_put(struct sl_buf *out, struct sl_str text, size_t width) {
    struct sl_buf whole = {0};
    size_t used = 0, short_len = out->len, short_used = 0;
    sl_utf8_repair(&whole, text.ptr, text.len);
    text = sl_buf_str(&whole);
    for (size_t at = 0, len; at < text.len && used <= width; at += len) {
        len = unit_bytes(text, at);
        used += put_unit(out, text, at, len);
        if (used + 2 <= width) short_len = out->len, short_used = used;
    }
    if (used > width) {
        out->len = short_len;
        sl_buf_put_cstr(out, "..");
        used = short_used + 2;
    }
    sl_buf_release(&whole);
    return used;
}

static void put_padded(struct sl_buf *out, struct sl_str text, size_t width) {
    for (size_t used = sl_cell_put(out, text, width); used <= width; used++)
        sl_buf_put_byte(out, ' ');
}

static void end_line(struct sl_buf *out) {
    while (out->len && out->ptr[out->len - 1] == ' ') out->len--;
    sl_buf_put_byte(out, '\n');
}

/* ---- letters ---- */

static struct sl_str text_at(const struct sl_batch *batch, int column, uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column];
    return sl_vec_is_null(vec, row) ? SL_STR("") : sl_vec_str(vec, row);
}

static void put_line(struct sl_buf *out, const char *name, struct sl_str text,
                     enum sl_letter_style style) {
    sl_buf_printf(out, "    %-10s  ", name);
    sl_cell_put(out, text, style == SL_LETTER_FULL ? SIZE_MAX - 2 : TEXT_WIDTH);
    end_line(out);
}

static void put_column(struct sl_buf *out, const char *name, const struct sl_batch *batch,
                       int column, uint32_t row, enum sl_letter_style style) {
    if (!sl_vec_is_null(&batch->columns[column], row))
        put_line(out, name, text_at(batch, column, row), style);
}

static void put_head(struct sl_buf *out, const struct sl_batch *batch, uint32_t row,
                     uint32_t number, enum sl_letter_state state, enum sl_letter_style style) {
    char at[SL_CLOCK_TEXT_SIZE];
    const struct sl_vec *columns = batch->columns;
    sl_buf_printf(out, "%u. %s  query ", number,
                  sl_clock_text(at, columns[SL_LISTED_FAILED_AT].i64[row] / 1000));
    sl_cell_put(out, text_at(batch, SL_LISTED_QUERY, row),
                style == SL_LETTER_FULL ? SIZE_MAX - 2 : 40);
    sl_buf_printf(out, ", batch %lld, %s\n", (long long)columns[SL_LISTED_BATCH_ID].i64[row],
                  sl_letter_state_name(state));
}

/* Where a file's record begins: its letter's one header. */
static struct sl_str byte_at(const struct sl_batch *batch, uint32_t row) {
    const struct sl_vec *lists = &batch->columns[SL_LISTED_HEADERS];
    if (sl_vec_is_null(lists, row) || lists->offsets[row] == lists->offsets[row + 1])
        return SL_STR("");
    const struct sl_vec *items = &lists->children[0];
    uint32_t item = (uint32_t)lists->offsets[row];
    bool is_byte = sl_str_eq(sl_vec_str(&items->children[0], item), SL_STR("byte"));
    return is_byte ? sl_vec_str(&items->children[1], item) : SL_STR("");
}

static void put_place(struct sl_buf *out, const struct sl_batch *batch, uint32_t row,
                      enum sl_letter_style style) {
    struct sl_buf place = {0};
    const struct sl_vec *partition = &batch->columns[SL_LISTED_PARTITION],
                        *offset = &batch->columns[SL_LISTED_OFFSET];
    bool is_kafka = !sl_vec_is_null(partition, row);
    sl_buf_put_str(&place, text_at(batch, SL_LISTED_TOPIC, row));
    if (is_kafka) sl_buf_printf(&place, "-%d", (int)partition->i32[row]);
    struct sl_str byte = is_kafka ? SL_STR("") : byte_at(batch, row);
    if (!sl_vec_is_null(offset, row))
        sl_buf_printf(&place, ", %s %lld", is_kafka ? "offset" : "line",
                      (long long)offset->i64[row]);
    if (byte.len) sl_buf_printf(&place, ", byte %.*s", SL_STR_ARG(byte));
    put_line(out, "from", sl_buf_str(&place), style);
    sl_buf_release(&place);
}

static void put_reason(struct sl_buf *out, const struct sl_batch *batch, uint32_t row,
                       enum sl_letter_style style) {
    struct sl_buf reason = {0};
    struct sl_str rule = text_at(batch, SL_LISTED_RULE, row),
                  condition = text_at(batch, SL_LISTED_ERROR_CLASS, row),
                  state = text_at(batch, SL_LISTED_SQLSTATE, row);
    sl_buf_put_str(&reason, text_at(batch, SL_LISTED_KIND, row));
    if (rule.len) sl_buf_printf(&reason, " %.*s", SL_STR_ARG(rule));
    if (condition.len) sl_buf_printf(&reason, ", %.*s", SL_STR_ARG(condition));
    if (state.len) sl_buf_printf(&reason, " (%.*s)", SL_STR_ARG(state));
    put_line(out, "reason", sl_buf_str(&reason), style);
    sl_buf_release(&reason);
}

static void put_rest(struct sl_buf *out, const struct sl_batch *batch, uint32_t row) {
    char at[SL_CLOCK_TEXT_SIZE];
    const struct sl_vec *timestamp = &batch->columns[SL_LISTED_TIMESTAMP],
                        *lists = &batch->columns[SL_LISTED_HEADERS];
    put_column(out, "query_id", batch, SL_LISTED_QUERY_ID, row, SL_LETTER_FULL);
    if (!sl_vec_is_null(timestamp, row))
        put_line(out, "timestamp", sl_str(sl_clock_text(at, timestamp->i64[row] / 1000)),
                 SL_LETTER_FULL);
    if (sl_vec_is_null(lists, row)) return;
    const struct sl_vec *items = &lists->children[0];
    for (int32_t i = lists->offsets[row]; i < lists->offsets[row + 1]; i++) {
        struct sl_buf header = {0};
        uint32_t item = (uint32_t)i;
        sl_buf_printf(&header, "%.*s = ", SL_STR_ARG(sl_vec_str(&items->children[0], item)));
        bool is_null = sl_vec_is_null(&items->children[1], item);
        sl_buf_put_str(&header, is_null ? SL_STR("null") : sl_vec_str(&items->children[1], item));
        put_line(out, "header", sl_buf_str(&header), SL_LETTER_FULL);
        sl_buf_release(&header);
    }
}

static void put_json(struct sl_buf *out, const struct sl_batch *batch, uint32_t row,
                     enum sl_letter_state state, const struct sl_session *session) {
    sl_json_put_row(out, batch->schema, batch, row, session);
    while (out->len && out->ptr[out->len - 1] != '}') out->len--;
    out->len -= out->len > 0;
    sl_buf_printf(out, ",\"state\":\"%s\"}\n", sl_letter_state_name(state));
}

void sl_letter_put(struct sl_buf *out, const struct sl_batch *batch, uint32_t row, uint32_t number,
                   enum sl_letter_state state, enum sl_letter_style style,
                   const struct sl_session *session) {
    if (style == SL_LETTER_JSON) {
        put_json(out, batch, row, state, session);
        return;
    }
    put_head(out, batch, row, number, state, style);
    put_place(out, batch, row, style);
    put_reason(out, batch, row, style);
    put_column(out, "error", batch, SL_LISTED_ERROR, row, style);
    put_column(out, "key", batch, SL_LISTED_KEY, row, style);
    put_column(out, "value", batch, SL_LISTED_VALUE, row, style);
    if (style == SL_LETTER_FULL) put_rest(out, batch, row);
}

/* ---- counts ---- */

static void put_from(struct sl_buf *out, const struct sl_letter_group *group) {
    sl_buf_put_str(out, group->topic);
    if (group->partition >= 0) sl_buf_printf(out, "-%lld", (long long)group->partition);
}

/* Times to the minute: 2026-01-31 08:00. */
static void put_minute(struct sl_buf *out, int64_t us) {
    char at[SL_CLOCK_TEXT_SIZE];
    const char *text = sl_clock_text(at, us / 1000);
    const char *day_end = strchr(text, 'T');
    size_t day = day_end ? (size_t)(day_end - text) : 0;
    sl_buf_printf(out, "%.*s %.5s ", (int)day, text, text + day + (day > 0));
}

/* The end of a path says more than its beginning. */
static void put_tail(struct sl_buf *out, struct sl_str text, size_t width) {
    if (text.len <= width) {
        put_padded(out, text, width);
        return;
    }
    size_t from = text.len - width + 2;
    while (from < text.len && ((uint8_t)text.ptr[from] & 0xC0) == 0x80) from++;
    sl_buf_put_cstr(out, "..");
    put_padded(out, sl_str_sub(text, from, text.len), width - 2);
}

static void put_group(struct sl_buf *out, const struct sl_letter_group *group) {
    enum { QUERY = 16, KIND = 10, RULE = 18, FROM = 20 };
    struct sl_buf from = {0};
    put_from(&from, group);
    sl_buf_printf(out, "%7llu %8llu  ", (unsigned long long)group->counts[SL_LETTER_OPEN],
                  (unsigned long long)group->counts[SL_LETTER_REPLAYED]);
    put_padded(out, group->query, QUERY);
    put_padded(out, group->kind, KIND);
    put_padded(out, group->rule, RULE);
    put_tail(out, sl_buf_str(&from), FROM);
    put_minute(out, group->first_us);
    put_minute(out, group->last_us);
    end_line(out);
    sl_buf_release(&from);
}

static void put_name(struct sl_buf *out, const char *name, struct sl_str value) {
    sl_buf_printf(out, "\"%s\":", name);
    sl_json_put_string(out, value);
    sl_buf_put_byte(out, ',');
}

static void put_group_json(struct sl_buf *out, const struct sl_letter_group *group) {
    char first[SL_CLOCK_TEXT_SIZE], last[SL_CLOCK_TEXT_SIZE];
    sl_buf_put_byte(out, '{');
    put_name(out, "query", group->query);
    put_name(out, "kind", group->kind);
    put_name(out, "rule", group->rule);
    put_name(out, "topic", group->topic);
    if (group->partition >= 0)
        sl_buf_printf(out, "\"partition\":%lld,", (long long)group->partition);
    sl_buf_printf(out, "\"open\":%llu,\"replayed\":%llu,\"otherCheckpoint\":%llu,",
                  (unsigned long long)group->counts[SL_LETTER_OPEN],
                  (unsigned long long)group->counts[SL_LETTER_REPLAYED],
                  (unsigned long long)group->counts[SL_LETTER_OTHER]);
    sl_buf_printf(out, "\"first\":\"%s\",\"last\":\"%s\"}\n",
                  sl_clock_text(first, group->first_us / 1000),
                  sl_clock_text(last, group->last_us / 1000));
}

static void put_group_full(struct sl_buf *out, const struct sl_letter_group *group) {
    char first[SL_CLOCK_TEXT_SIZE], last[SL_CLOCK_TEXT_SIZE];
    struct sl_buf from = {0};
    put_from(&from, group);
    sl_buf_printf(out, "%llu open, %llu replayed, %llu of other checkpoints\n",
                  (unsigned long long)group->counts[SL_LETTER_OPEN],
                  (unsigned long long)group->counts[SL_LETTER_REPLAYED],
                  (unsigned long long)group->counts[SL_LETTER_OTHER]);
    put_line(out, "query", group->query, SL_LETTER_FULL);
    put_line(out, "kind", group->kind, SL_LETTER_FULL);
    put_line(out, "rule", group->rule, SL_LETTER_FULL);
    put_line(out, "from", sl_buf_str(&from), SL_LETTER_FULL);
    put_line(out, "first", sl_str(sl_clock_text(first, group->first_us / 1000)), SL_LETTER_FULL);
    put_line(out, "last", sl_str(sl_clock_text(last, group->last_us / 1000)), SL_LETTER_FULL);
    sl_buf_release(&from);
}

static void put_total(struct sl_buf *out, const uint64_t *total) {
    sl_buf_printf(out, "%7llu  in all", (unsigned long long)total[SL_LETTER_OPEN]);
    if (total[SL_LETTER_REPLAYED])
        sl_buf_printf(out, ", and %llu that were replayed",
                      (unsigned long long)total[SL_LETTER_REPLAYED]);
    if (total[SL_LETTER_OTHER])
        sl_buf_printf(out, ", and %llu of other checkpoints of the query",
                      (unsigned long long)total[SL_LETTER_OTHER]);
    sl_buf_put_byte(out, '\n');
}

void sl_letter_put_groups(struct sl_buf *out, const struct sl_letter_group *groups, uint32_t count,
                          enum sl_letter_style style) {
    uint64_t total[SL_LETTER_STATES] = {0};
    if (style == SL_LETTER_SHORT && count)
        sl_buf_printf(out, "%7s %8s  %-16s %-10s %-18s %-20s %-16s %s\n", "open", "replayed",
                      "query", "kind", "rule", "from", "first", "last");
    for (uint32_t i = 0; i < count; i++) {
        for (int state = 0; state < SL_LETTER_STATES; state++)
            total[state] += groups[i].counts[state];
        if (style == SL_LETTER_JSON)
            put_group_json(out, &groups[i]);
        else if (style == SL_LETTER_FULL)
            put_group_full(out, &groups[i]);
        else
            put_group(out, &groups[i]);
    }
    if (style == SL_LETTER_JSON) return;
    if (count)
        put_total(out, total);
    else
        sl_buf_put_cstr(out, "no dead letters\n");
}
