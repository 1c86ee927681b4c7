/* LIKE and ILIKE. A constant pattern is compiled once: most are a plain text with % at its ends and
 * become a comparison or search of bytes; the rest is matched piece by piece. */
#include <stdio.h>

#include "kern/string_int.h"

enum like_shape { LIKE_EQUAL, LIKE_PREFIX, LIKE_SUFFIX, LIKE_INFIX, LIKE_GENERAL };

/* Token bytes: text stands for itself; ANY_ONE and ANY_MANY are bytes that no UTF-8 text holds. */
enum { ANY_ONE = 0xFE, ANY_MANY = 0xFF };

struct like {
    enum like_shape shape;
    struct sl_str text;   /* the text between the wildcards; GENERAL: tokens, as bytes */
    const bool *wildcard; /* GENERAL: which tokens are wildcards */
};

struct like_failure {
    const char *condition;
    char msg[200];
};

/* tokens and wildcard have room for pattern.len entries. */
static bool tokenize(struct sl_str pattern, struct sl_str escape, char *tokens, bool *wildcard,
                     size_t *count, struct like_failure *failure) {
    size_t n = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        bool escaped = escape.len && sl_str_starts(sl_str_sub(pattern, i, pattern.len), escape);
        if (escaped) {
            i += escape.len;
            if (i >= pattern.len) {
                failure->condition = "INVALID_FORMAT.ESC_AT_THE_END";
                snprintf(failure->msg, sizeof failure->msg,
                         "The format is invalid: '%.*s'. The escape character is not allowed to "
                         "end with.",
                         (int)(pattern.len > 100 ? 100 : pattern.len), pattern.ptr);
                return false;
            }
            struct sl_str rest = sl_str_sub(pattern, i, pattern.len);
            c = pattern.ptr[i];
            if (c != '_' && c != '%' && !sl_str_starts(rest, escape)) {
                failure->condition = "INVALID_FORMAT.ESC_IN_THE_MIDDLE";
                snprintf(failure->msg, sizeof failure->msg,
                         "The format is invalid: '%.*s'. The escape character is not allowed to "
                         "precede '%.*s'.",
                         (int)(pattern.len > 100 ? 100 : pattern.len), pattern.ptr,
                         (int)sl_utf8_step(rest, 0), rest.ptr);
                return false;
            }
        }
        bool wild = !escaped && (c == '%' || c == '_');
        if (wild && c == '%' && n && wildcard[n - 1] && (unsigned char)tokens[n - 1] == ANY_MANY)
            continue;
        wildcard[n] = wild;
        tokens[n++] = !wild ? c : c == '%' ? (char)ANY_MANY : (char)ANY_ONE;
    }
    *count = n;
    return true;
}

static bool is_many(const struct like *like, size_t i) {
    return like->wildcard[i] && (unsigned char)like->text.ptr[i] == ANY_MANY;
}

static void classify(struct like *like) {
    size_t wild = 0, n = like->text.len;
    for (size_t i = 0; i < n; i++) wild += like->wildcard[i];
    bool first = n && is_many(like, 0), last = n && is_many(like, n - 1);
    if (wild == 0) {
        like->shape = LIKE_EQUAL;
    } else if (n == 1 && first) {
        like->shape = LIKE_INFIX;
        like->text.len = 0;
    } else if (wild == (size_t)first + last) {
        like->shape = first && last ? LIKE_INFIX : first ? LIKE_SUFFIX : LIKE_PREFIX;
        like->text = sl_str_sub(like->text, first, n - last);
    } else {
        like->shape = LIKE_GENERAL;
    }
}

/* Greedy with one point of return: the last ANY_MANY.  Linear in practice, never exponential. */
static bool match_general(const struct like *like, struct sl_str s) {
    size_t i = 0, t = 0, return_token = SIZE_MAX, return_byte = 0;
    while (i < s.len) {
        bool wild = t < like->text.len && like->wildcard[t];
        if (t < like->text.len && is_many(like, t)) {
            return_token = ++t, return_byte = i;
        } else if (wild) {
            i += sl_utf8_step(s, i), t++;
        } else if (t < like->text.len && like->text.ptr[t] == s.ptr[i]) {
            i++, t++;
        } else if (return_token != SIZE_MAX) {
            return_byte += sl_utf8_step(s, return_byte);
            i = return_byte, t = return_token;
        } else {
            return false;
        }
    }
    while (t < like->text.len && is_many(like, t)) t++;
    return t == like->text.len;
}

static bool matches(const struct like *like, struct sl_str s) {
    switch (like->shape) {
    case LIKE_EQUAL:
        return sl_str_eq(s, like->text);
    case LIKE_PREFIX:
        return sl_str_starts(s, like->text);
    case LIKE_SUFFIX:
        return sl_str_ends(s, like->text);
    case LIKE_INFIX:
        return like->text.len == 0 || sl_str_find(s, like->text, 0) != SIZE_MAX;
    default:
        return match_general(like, s);
    }
}

static bool compile(struct sl_arena *arena, struct sl_str pattern, struct sl_str escape,
                    struct like *like, struct like_failure *failure) {
    char *tokens = sl_arena_alloc(arena, pattern.len + 1);
    bool *wildcard = SL_NEW_ARRAY(arena, bool, pattern.len + 1);
    size_t count;
    if (!tokenize(pattern, escape, tokens, wildcard, &count, failure)) return false;
    *like = (struct like){.text = {tokens, count}, .wildcard = wildcard};
    classify(like);
    return true;
}

static bool constant_text(const struct sl_bind_arg *arg, struct sl_str *text) {
    if (!arg->constant || sl_vec_is_null(arg->constant, 0)) return false;
    *text = sl_vec_str(arg->constant, 0);
    return true;
}

static enum sl_code bind_like(struct sl_arena *query, const struct sl_bind_arg *args, bool fold,
                              const void **state, struct sl_err *err) {
    struct sl_str pattern, escape;
    *state = NULL;
    if (!constant_text(&args[1], &pattern) || !constant_text(&args[2], &escape)) return SL_OK;
    struct sl_buf lower = {0};
    if (fold) {
        sl_str_put_lower(&lower, pattern);
        pattern = sl_arena_str(query, sl_buf_str(&lower));
        sl_buf_release(&lower);
    }
    struct like *like = SL_NEW(query, struct like);
    struct like_failure failure;
    if (!compile(query, pattern, escape, like, &failure))
        return sl_fail_at(err, (struct sl_span){0, 0}, failure.condition, "42601", "%s",
                          failure.msg);
    *state = like;
    return SL_OK;
}

enum sl_code sl_bind_like(struct sl_arena *query, const struct sl_session *session,
                          const struct sl_bind_arg *args, uint32_t arg_count,
                          const struct sl_type *result, const void **state, struct sl_err *err) {
    (void)session, (void)arg_count, (void)result;
    return bind_like(query, args, false, state, err);
}
enum sl_code sl_bind_ilike(struct sl_arena *query, const struct sl_session *session,
                           const struct sl_bind_arg *args, uint32_t arg_count,
                           const struct sl_type *result, const void **state, struct sl_err *err) {
    (void)session, (void)arg_count, (void)result;
    return bind_like(query, args, true, state, err);
}

/* A pattern that differs by row is compiled for each. */
static bool match_row(struct sl_call *call, uint32_t row, bool fold, struct sl_buf *text,
                      struct sl_buf *pattern) {
    struct sl_str s = sl_arg_str(call, 0, row);
    struct like own;
    const struct like *like = call->state;
    if (fold) {
        sl_buf_clear(text);
        sl_str_put_lower(text, s);
        s = sl_buf_str(text);
    }
    if (!like) {
        struct sl_str p = sl_arg_str(call, 1, row);
        struct like_failure failure;
        if (fold) {
            sl_buf_clear(pattern);
            sl_str_put_lower(pattern, p);
            p = sl_buf_str(pattern);
        }
        if (!compile(call->scratch, p, sl_arg_str(call, 2, row), &own, &failure)) {
            sl_call_bad(call, row, failure.condition, "42601", "%s", failure.msg);
            return false;
        }
        like = &own;
    }
    return matches(like, s);
}

static enum sl_code like_rows(struct sl_call *call, bool fold, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    struct sl_buf text = {0}, pattern = {0};
    for (uint32_t row = 0; row < call->rows; row++)
        sl_bit_put(call->out->bits, row, match_row(call, row, fold, &text, &pattern));
    sl_buf_release(&text);
    sl_buf_release(&pattern);
    return SL_OK;
}

enum sl_code sl_kernel_like(struct sl_call *call, struct sl_err *err) {
    return like_rows(call, false, err);
}
enum sl_code sl_kernel_ilike(struct sl_call *call, struct sl_err *err) {
    return like_rows(call, true, err);
}
