/* Reads TZif files (RFC 8536) of the system's tz database, version 2 and up: the 64-bit block and
 * the POSIX TZ rule in the footer. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"
#include "kern/zone_int.h"

enum { HEADER_BYTES = 44, FILE_BYTES_MAX = 1 << 20 };

static int64_t big_endian(const uint8_t *p, int bytes) {
    uint64_t value = p[0] & 0x80 ? ~UINT64_C(0) : 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | p[i];
    return (int64_t)value;
}

struct header {
    uint32_t utc_count, std_count, leap_count, time_count, type_count, char_count;
};

static bool read_header(const uint8_t *p, size_t len, struct header *header) {
    if (len < HEADER_BYTES || memcmp(p, "TZif", 4) != 0 || p[4] < '2') return false;
    uint32_t counts[6];
    for (int i = 0; i < 6; i++) {
        counts[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4);
        if (counts[i] > FILE_BYTES_MAX) return false;
    }
    *header = (struct header){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    return header->type_count > 0;
}

static size_t body_bytes(const struct header *h, size_t time_size) {
    return h->time_count * time_size + h->time_count + h->type_count * 6u + h->char_count +
           h->leap_count * (time_size + 4) + h->std_count + h->utc_count;
}

/* The offset before the first transition is that of type 0 (RFC 8536, 3.2). */
static bool read_body(const uint8_t *p, const struct header *h, struct sl_zone *zone) {
    const uint8_t *type_of = p + h->time_count * 8u, *types = type_of + h->time_count;
    zone->at = malloc((h->time_count + 1) * sizeof *zone->at);
    zone->offset_after = malloc((h->time_count + 1) * sizeof *zone->offset_after);
    if (!zone->at || !zone->offset_after) return false;
    zone->first_offset = (int32_t)big_endian(types, 4);
    for (uint32_t i = 0; i < h->time_count; i++) {
        if (type_of[i] >= h->type_count) return false;
        zone->at[i] = big_endian(p + i * 8u, 8);
        zone->offset_after[i] = (int32_t)big_endian(types + type_of[i] * 6u, 4);
        if (i && zone->at[i] <= zone->at[i - 1]) return false;
    }
    zone->transition_count = h->time_count;
    return true;
}

static bool parse_file(const uint8_t *p, size_t len, struct sl_zone *zone) {
    struct header header;
    if (!read_header(p, len, &header)) return false;
    size_t skip = HEADER_BYTES + body_bytes(&header, 4);
    if (skip > len || !read_header(p + skip, len - skip, &header)) return false;
    p += skip + HEADER_BYTES, len -= skip + HEADER_BYTES;
    size_t body = body_bytes(&header, 8);
    if (body > len || !read_body(p, &header, zone)) return false;
    struct sl_str footer = {(const char *)p + body, len - body};
    if (footer.len < 2 || footer.ptr[0] != '\n') return true;
    size_t end = sl_str_find(footer, SL_STR("\n"), 1);
    if (end == SIZE_MAX || end == 1) return true;
    zone->has_rule = sl_zone_parse_rule(sl_str_sub(footer, 1, end), zone);
    return true;
}

/* Only what java.time's ZoneRegion allows, and nothing that leaves the directory. */
static bool region_is_safe(struct sl_str region) {
    for (size_t i = 0; i < region.len; i++) {
        char c = region.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || (c && strchr("/_+-", c)))))
            return false;
    }
    return region.len > 1 && !sl_str_starts(region, SL_STR("posix/")) &&
           !sl_str_starts(region, SL_STR("right/")) && !sl_str_eq(region, SL_STR("localtime"));
}

bool sl_zone_load(struct sl_str region, struct sl_zone *zone) {
    static const char *const directories[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                              "/usr/share/lib/zoneinfo"};
    if (!region_is_safe(region)) return false;
    bool ok = false;
    for (size_t i = 0; i < sizeof directories / sizeof *directories && !ok; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%.*s", directories[i], SL_STR_ARG(region));
        struct sl_file_info info;
        struct sl_buf file = {0};
        ok = sl_io_stat(path, &info, NULL) == SL_OK && info.exists && !info.is_dir &&
             sl_io_read_file(path, FILE_BYTES_MAX, &file, NULL) == SL_OK &&
             parse_file(file.ptr, file.len, zone);
        sl_buf_release(&file);
        if (ok) break;
        free(zone->at);
        free(zone->offset_after);
        zone->at = NULL;
        zone->offset_after = NULL;
        zone->transition_count = 0;
    }
    return ok;
}

/* POSIX TZ: a cursor over the text. */
static bool take_name(struct sl_str *text) {
    size_t i = 0;
    if (text->len && *text->ptr == '<') {
        while (i < text->len && text->ptr[i] != '>') i++;
        if (i++ == text->len) return false;
    } else {
        while (i < text->len && ((text->ptr[i] | 32) >= 'a' && (text->ptr[i] | 32) <= 'z')) i++;
    }
    *text = sl_str_sub(*text, i, text->len);
    return i >= 3;
}

static bool take_number(struct sl_str *text, int32_t *out) {
    size_t i = 0;
    int32_t value = 0;
    for (; i < text->len && i < 4 && (unsigned)(text->ptr[i] - '0') <= 9; i++)
        value = value * 10 + text->ptr[i] - '0';
    *text = sl_str_sub(*text, i, text->len);
    *out = value;
    return i > 0;
}

static bool take_char(struct sl_str *text, char c) {
    if (text->len == 0 || *text->ptr != c) return false;
    *text = sl_str_sub(*text, 1, text->len);
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct sl_str *text, int32_t *seconds) {
    bool negative = take_char(text, '-');
    if (!negative) take_char(text, '+');
    int32_t hours, minutes = 0, rest = 0;
    if (!take_number(text, &hours)) return false;
    if (take_char(text, ':') && !take_number(text, &minutes)) return false;
    if (take_char(text, ':') && !take_number(text, &rest)) return false;
    *seconds = hours * 3600 + minutes * 60 + rest;
    if (negative) *seconds = -*seconds;
    return true;
}

static bool take_rule(struct sl_str *text, struct sl_zone_rule *rule) {
    rule->seconds = 2 * 3600;
    if (take_char(text, 'M')) {
        rule->kind = SL_ZONE_RULE_WEEK;
        if (!take_number(text, &rule->month) || !take_char(text, '.') ||
            !take_number(text, &rule->week) || !take_char(text, '.') ||
            !take_number(text, &rule->day))
            return false;
        if (rule->month < 1 || rule->month > 12 || rule->week < 1 || rule->week > 5 ||
            rule->day > 6)
            return false;
    } else {
        rule->kind = take_char(text, 'J') ? SL_ZONE_RULE_JULIAN : SL_ZONE_RULE_DAY;
        if (!take_number(text, &rule->day) || rule->day > 366) return false;
    }
    return !take_char(text, '/') || take_time(text, &rule->seconds);
}

bool sl_zone_parse_rule(struct sl_str text, struct sl_zone *zone) {
    int32_t west;
    if (!take_name(&text) || !take_time(&text, &west)) return false;
    zone->std_offset = -west;
    zone->has_dst = false;
    if (text.len == 0) return true;
    if (!take_name(&text)) return false;
    zone->dst_offset = zone->std_offset + 3600;
    if (text.len && *text.ptr != ',') {
        if (!take_time(&text, &west)) return false;
        zone->dst_offset = -west;
    }
    if (!take_char(&text, ',') || !take_rule(&text, &zone->dst_start)) return false;
    if (!take_char(&text, ',') || !take_rule(&text, &zone->dst_end)) return false;
    zone->has_dst = true;
    return text.len == 0;
}
