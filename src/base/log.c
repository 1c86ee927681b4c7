#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_colors[] = {"\033[31m", "\033[33m", "", "\033[2m"};

void sl_log_init(struct sl_log *log) {
    *log = (struct sl_log){.level = SL_LOG_INFO, .categories = SL_CAT_ALL, .fd = 2};
}

static const char *category_name(enum sl_log_category category) {
    switch (category) {
    case SL_CAT_RUN:
        return "run";
    case SL_CAT_KAFKA:
        return "kafka";
    case SL_CAT_PLAN:
        return "plan";
    case SL_CAT_COMMIT:
        return "commit";
    case SL_CAT_IO:
        return "io";
    case SL_CAT_FMT:
        return "fmt";
    case SL_CAT_ALL:
        break;
    }
    return "all";
}

void sl_log_event(const struct sl_log *log, enum sl_log_level level, enum sl_log_category category,
                  const char *fmt, ...) {
    if (level > log->level || !(log->categories & (unsigned)category)) return;
    bool terminal = isatty(log->fd) == 1;
    bool json = log->format == SL_LOG_JSON || (log->format == SL_LOG_AUTO && !terminal);
    struct sl_buf message = {0}, line = {0};
    va_list args;
    va_start(args, fmt);
    sl_buf_vprintf(&message, fmt, args);
    va_end(args);
    char text[SL_CLOCK_TEXT_SIZE];
    const char *now = sl_clock_text(text, sl_clock_wall_us() / 1000);
    if (json) {
        sl_buf_put_cstr(&line, "{\"ts\":\"");
        sl_buf_put_cstr(&line, now);
        sl_buf_printf(&line, "\",\"level\":\"%s\",\"category\":\"%s\",\"msg\":", level_names[level],
                      category_name(category));
        sl_json_put_string(&line, sl_buf_str(&message));
        sl_buf_put_byte(&line, '}');
    } else {
        if (log->status_line) sl_buf_put_cstr(&line, "\r\033[K");
        sl_buf_printf(&line, "%.12s", now + strlen("2026-01-31T"));
        const char *color = terminal && !log->plain ? level_colors[level] : "";
        sl_buf_printf(&line, " %s%-5s%s %s", color, level_names[level], *color ? "\033[0m" : "",
                      sl_buf_cstr(&message));
    }
    sl_buf_put_byte(&line, '\n');
    /* one write, so that lines of several threads never mix */
    ssize_t written = write(log->fd, line.ptr, line.len);
    (void)written;
    sl_buf_release(&line);
    sl_buf_release(&message);
}

static bool contains_nocase(struct sl_str text, struct sl_str part) {
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (sl_str_eq_nocase(sl_str_sub(text, i, i + part.len), part)) return true;
    return false;
}

bool sl_log_is_secret(struct sl_str name) {
    static const char *const words[] = {"password", "passwd",     "secret",  "token",
                                        "jaas",     "credential", "private", "access.key"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains_nocase(name, sl_str(words[i]))) return true;
    return false;
}
