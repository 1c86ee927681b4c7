/* parse_url.  Source: UrlFunctions.scala, which lets java.net.URI take the text apart: RFC 2396
 * with letters beyond ASCII. */
#include "kern/string_int.h"
#include "kern/string_utf8.h"

/* What is not there has ptr NULL. */
struct url {
    struct sl_str scheme, authority, user, host, path, query, fragment;
};

static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *set) { return c && strchr(set, c); }

/* Controls and spaces beyond ASCII are as illegal as those of ASCII (URI's class `other`). */
static bool is_other(int32_t c) {
    return c >= 0xA0 && c != 0xA0 && c != 0x1680 && !(c >= 0x2000 && c <= 0x200A) && c != 0x2028 &&
           c != 0x2029 && c != 0x202F && c != 0x205F && c != 0x3000;
}

/* Letters, digits, %XX, characters beyond ASCII, and those of `more`. */
static bool is_made_of(struct sl_str s, const char *more) {
    for (size_t i = 0; i < s.len;) {
        char c = s.ptr[i];
        if ((unsigned char)c & 0x80) {
            if (!is_other(sl_utf8_next(s, &i))) return false;
            continue;
        }
        if (c == '%') {
            if (i + 2 >= s.len || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2])) return false;
            i += 2;
        } else if (!is_alpha(c) && !is_digit(c) && !is_one_of(c, more)) {
            return false;
        }
        i++;
    }
    return true;
}

/* Up to the first of `ends`; the rest is left in *from. */
static struct sl_str take_until(struct sl_str *from, const char *ends) {
    size_t i = 0;
    while (i < from->len && !is_one_of(from->ptr[i], ends)) i++;
    struct sl_str out = {from->ptr, i};
    *from = (struct sl_str){from->ptr + i, from->len - i};
    return out;
}

static bool is_scheme(struct sl_str s) {
    if (!s.len || !is_alpha(s.ptr[0])) return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_alpha(s.ptr[i]) && !is_digit(s.ptr[i]) && !is_one_of(s.ptr[i], "+-.")) return false;
    return true;
}

static bool is_ipv4(struct sl_str s) {
    unsigned parts = 0;
    while (s.len) {
        struct sl_str part = take_until(&s, ".");
        unsigned value = 0;
        for (size_t i = 0; i < part.len; i++) {
            if (!is_digit(part.ptr[i]) || part.len > 3) return false;
            value = value * 10 + (unsigned)(part.ptr[i] - '0');
        }
        if (!part.len || value > 255) return false;
        parts++;
        if (s.len) s = sl_str_sub(s, 1, s.len);
    }
    return parts == 4;
}

/* Labels of letters, digits and inner hyphens; the last begins with a letter. */
static bool is_host_name(struct sl_str s) {
    if (s.len && s.ptr[s.len - 1] == '.') s.len--;
    if (!s.len) return false;
    char last_begin = 0;
    while (s.len) {
        struct sl_str label = take_until(&s, ".");
        if (!label.len || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-') return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_alpha(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
                return false;
        last_begin = label.ptr[0];
        if (!s.len) break;
        s = sl_str_sub(s, 1, s.len);
        if (!s.len) return false;
    }
    return is_alpha(last_begin);
}

static bool is_host(struct sl_str s) {
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']') {
        for (size_t i = 1; i + 1 < s.len; i++)
            if (!is_hex(s.ptr[i]) && !is_one_of(s.ptr[i], ":.%")) return false;
        return true;
    }
    return is_ipv4(s) || is_host_name(s);
}

/* user@host:port; an authority of another form has neither user nor host. */
static void split_server(struct url *url) {
    struct sl_str rest = url->authority, user = {0};
    struct sl_str before = take_until(&rest, "@");
    if (rest.len) {
        user = before;
        rest = sl_str_sub(rest, 1, rest.len);
    } else {
        rest = url->authority;
    }
    size_t colon = rest.len;
    while (colon && is_digit(rest.ptr[colon - 1])) colon--;
    if (colon && rest.ptr[colon - 1] == ':') rest.len = colon - 1;
    if (!is_host(rest) || (user.ptr && !is_made_of(user, "_-!.~'()*;:&=+$,"))) return;
    url->user = user;
    url->host = rest;
}

static bool split_hierarchy(struct sl_str rest, struct url *url) {
    if (rest.len > 1 && rest.ptr[0] == '/' && rest.ptr[1] == '/') {
        rest = sl_str_sub(rest, 2, rest.len);
        struct sl_str authority = take_until(&rest, "/?");
        if (!authority.len && !rest.len) return false;
        if (authority.len) {
            if (!is_made_of(authority, "_-!.~'()*$,;:@&=+[]")) return false;
            url->authority = authority;
            split_server(url);
        }
    }
    url->path = take_until(&rest, "?");
    if (rest.len) url->query = sl_str_sub(rest, 1, rest.len);
    return is_made_of(url->path, "_-!.~'()*:@&=+$,;/") &&
           is_made_of(url->query, "_-!.~'()*;/?:@&=+$,[]");
}

static bool split_url(struct sl_str text, struct url *url) {
    *url = (struct url){0};
    struct sl_str rest = text, whole = take_until(&rest, "#");
    if (rest.len) {
        url->fragment = sl_str_sub(rest, 1, rest.len);
        if (!is_made_of(url->fragment, "_-!.~'()*;/?:@&=+$,[]")) return false;
    }
    rest = whole;
    struct sl_str scheme = take_until(&rest, ":/?");
    if (!rest.len || rest.ptr[0] != ':') return split_hierarchy(whole, url);
    if (!is_scheme(scheme)) return false;
    url->scheme = scheme;
    rest = sl_str_sub(rest, 1, rest.len);
    if (!rest.len) return false;
    if (rest.ptr[0] == '/') return split_hierarchy(rest, url);
    return is_made_of(rest, "_-!.~'()*;/?:@&=+$,[]"); /* mailto:a@b has no parts */
}

/* The value of key=.. in a query; ptr NULL when it is not there. */
static struct sl_str query_value(struct sl_str query, struct sl_str key) {
    while (query.ptr) {
        struct sl_str rest = query, pair = take_until(&rest, "&");
        if (pair.len > key.len && pair.ptr[key.len] == '=' &&
            memcmp(pair.ptr, key.ptr, key.len) == 0)
            return sl_str_sub(pair, key.len + 1, pair.len);
        if (!rest.len) break;
        query = sl_str_sub(rest, 1, rest.len);
    }
    return (struct sl_str){0};
}

static struct sl_str part_of(const struct url *url, struct sl_str part) {
    const struct {
        const char *name;
        struct sl_str value;
    } parts[] = {{"HOST", url->host},    {"PATH", url->path},       {"QUERY", url->query},
                 {"REF", url->fragment}, {"PROTOCOL", url->scheme}, {"AUTHORITY", url->authority},
                 {"USERINFO", url->user}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sl_str_eq(part, sl_str(parts[i].name))) return parts[i].value;
    if (!sl_str_eq(part, SL_STR("FILE")) || !url->path.ptr) return (struct sl_str){0};
    /* path and query lie behind one another in the text */
    return url->query.ptr
               ? (struct sl_str){url->path.ptr,
                                 (size_t)(url->query.ptr + url->query.len - url->path.ptr)}
               : url->path;
}

static enum sl_code parse_rows(struct sl_call *call, bool tolerant, struct sl_err *err) {
    struct sl_string_out out;
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str text = sl_arg_str(call, 0, row), value = {0};
        struct url url;
        bool null = call->strict_valid && !sl_bit_get(call->strict_valid, row);
        if (!null && !split_url(text, &url)) {
            if (!tolerant && call->session->ansi)
                sl_call_bad(call, row, "INVALID_URL", "22P02",
                            "The url is invalid: %.*s. Use `try_parse_url` to tolerate invalid URL "
                            "and return NULL instead.",
                            SL_STR_ARG(text));
        } else if (!null) {
            struct sl_str part = sl_arg_str(call, 1, row);
            bool query = sl_str_eq(part, SL_STR("QUERY"));
            value = part_of(&url, part);
            if (call->arg_count > 2)
                value = query ? query_value(value, sl_arg_str(call, 2, row)) : (struct sl_str){0};
        }
        if (value.ptr)
            SL_TRY(sl_string_out_put(&out, value.ptr, value.len, err));
        else
            SL_TRY(sl_call_null(call, row, err));
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}

enum sl_code sl_kernel_parse_url(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, false, err);
}
enum sl_code sl_kernel_try_parse_url(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, true, err);
}
