/* Log: one event a line, to stderr; nothing per row.  Text on a terminal, JSON lines elsewhere
 * (ts level category event fields) unless the format is set.  The logger is passed in; there is no
 * global.  Thread-safe.  Values that look like secrets are masked (see sl_log_is_secret). */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum sl_log_level { SL_LOG_ERROR, SL_LOG_WARN, SL_LOG_INFO, SL_LOG_DEBUG };
enum sl_log_category {
    SL_CAT_RUN = 1,
    SL_CAT_KAFKA = 2,
    SL_CAT_PLAN = 4,
    SL_CAT_COMMIT = 8,
    SL_CAT_IO = 16,
    SL_CAT_FMT = 32,
    SL_CAT_ALL = 63,
};
enum sl_log_format { SL_LOG_AUTO, SL_LOG_TEXT, SL_LOG_JSON };

struct sl_log {
    enum sl_log_level level;
    unsigned categories;
    enum sl_log_format format;
    int fd;           /* 2 */
    bool plain;       /* no colours even on a terminal */
    bool status_line; /* the terminal's line holds a status that an event writes over */
};
void sl_log_init(struct sl_log *log); /* INFO, all categories, auto, stderr */
void sl_log_event(const struct sl_log *log, enum sl_log_level level, enum sl_log_category category,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
#define sl_log_debug(log, category, ...)                                                           \
    do {                                                                                           \
        if ((log)->level >= SL_LOG_DEBUG && ((log)->categories & (unsigned)(category)))            \
            sl_log_event((log), SL_LOG_DEBUG, (category), __VA_ARGS__);                            \
    } while (0)

/* True for names whose value must never be printed: password, secret, token, jaas, private key ...
 */
bool sl_log_is_secret(struct sl_str name);

#endif
