#include "lake/uri.h"

#include "lake/percent.h"

static bool must_quote(unsigned char c) {
    if (c >= 0x80) return false; /* java.net.URI keeps "other" characters */
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return false;
    return c == 0 || strchr("_-!.~'()*:@&=+$,;/", c) == NULL;
}

void sl_uri_put_path(struct sl_buf *out, struct sl_str path) {
    sl_percent_encode(out, path, must_quote);
}

void sl_uri_put_file(struct sl_buf *out, struct sl_str path) {
    sl_buf_put_cstr(out, "file://");
    sl_uri_put_path(out, path);
}

bool sl_uri_parse_file(struct sl_str uri, struct sl_buf *out) {
    if (sl_str_starts(uri, SL_STR("file:")))
        uri = sl_str_sub(uri, 5, uri.len);
    else if (!sl_str_starts(uri, SL_STR("/")))
        return false;
    while (uri.len > 1 && uri.ptr[0] == '/' && uri.ptr[1] == '/') uri = sl_str_sub(uri, 1, uri.len);
    if (!sl_str_starts(uri, SL_STR("/"))) return false;
    sl_percent_decode(out, uri);
    return true;
}
