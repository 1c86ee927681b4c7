#include "lake/listing.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>

#include "kern/cast.h"
#include "kern/zone.h"
#include "lake/partition.h"
#include "lake/place.h"
#include "lake/sink_log.h"

enum { DEPTH_MAX = 64 };

struct walk {
    struct sl_arena *query;
    const struct sl_listing_options *options;
    struct sl_listing *out;
    size_t cap;
    struct sl_str names[DEPTH_MAX], values[DEPTH_MAX]; /* partition columns on the way down */
    uint32_t depth;
    struct sl_err *err;
};

static bool is_hidden(const char *name) {
    struct sl_str text = sl_str(name);
    if (sl_str_ends(text, SL_STR("._COPYING_"))) return true;
    if (name[0] == '.') return true;
    return name[0] == '_' && sl_str_find(text, SL_STR("="), 0) == SIZE_MAX;
}

static enum sl_code conflict(struct walk *walk, const char *path) {
    sl_fail_at(walk->err, (struct sl_span){0}, "CONFLICTING_PARTITION_COLUMN_NAMES", "KD009",
               "`%s` has other partition columns than the files before it", path);
    return sl_hint(walk->err, "read one table at a time: name its directory, not the one above it"),
           SL_USER;
}

/* A pattern with {a,b} is one pattern per choice: fnmatch knows no braces. */
static bool name_matches(const char *pattern, const char *name) {
    const char *open = strchr(pattern, '{'), *close = open ? strchr(open, '}') : NULL;
    if (!close) return fnmatch(pattern, name, 0) == 0;
    for (const char *choice = open + 1; choice <= close;) {
        size_t len = strcspn(choice, ",}");
        struct sl_buf text = {0};
        sl_buf_printf(&text, "%.*s%.*s%s", (int)(open - pattern), pattern, (int)len, choice,
                      close + 1);
        bool matches = name_matches(sl_buf_cstr(&text), name);
        sl_buf_release(&text);
        if (matches) return true;
        choice += len + 1;
    }
    return false;
}

static bool is_wanted(const struct walk *walk, const char *path, int64_t modified_ms) {
    const struct sl_listing_options *options = walk->options;
    const char *slash = strrchr(path, '/');
    if (options->name_pattern && !name_matches(options->name_pattern, slash ? slash + 1 : path))
        return false;
    if (options->modified_after_ms && modified_ms <= options->modified_after_ms) return false;
    return !options->modified_before_ms || modified_ms < options->modified_before_ms;
}

static enum sl_code add_file(struct walk *walk, const char *path, uint64_t bytes,
                             int64_t modified_ms) {
    struct sl_listing *out = walk->out;
    if (!is_wanted(walk, path, modified_ms)) return SL_OK;
    if (out->count == 0) {
        out->partition_count = walk->depth;
        out->partitions = SL_NEW_ARRAY(walk->query, struct sl_field, walk->depth + 1);
        for (uint32_t i = 0; i < walk->depth; i++)
            out->partitions[i] = (struct sl_field){walk->names[i], &sl_type_string, true, {0}, {0}};
    }
    if (walk->depth != out->partition_count) return conflict(walk, path);
    for (uint32_t i = 0; i < walk->depth; i++)
        if (!sl_str_eq(walk->names[i], out->partitions[i].name)) return conflict(walk, path);
    if (out->count == walk->cap) {
        size_t more = walk->cap ? walk->cap * 2 : 16;
        out->files = sl_arena_grow(walk->query, out->files, out->count * sizeof *out->files,
                                   more * sizeof *out->files);
        walk->cap = more;
    }
    struct sl_str *values = SL_NEW_ARRAY(walk->query, struct sl_str, walk->depth + 1);
    if (walk->depth) memcpy(values, walk->values, walk->depth * sizeof *values);
    out->files[out->count++] = (struct sl_listed_file){path, bytes, modified_ms, values};
    return SL_OK;
}

/* Pushes the partition of a directory name, if it is one; the caller pops by restoring depth. */
static enum sl_code push_partition(struct walk *walk, struct sl_str dir) {
    struct sl_buf name = {0}, value = {0};
    bool is_null;
    enum sl_code code = SL_OK;
    if (sl_partition_parse(dir, &name, &value, &is_null)) {
        if (walk->depth == DEPTH_MAX)
            code = sl_fail(walk->err, SL_USER, "more than %d partition columns", DEPTH_MAX);
        else {
            walk->names[walk->depth] = sl_arena_str(walk->query, sl_buf_str(&name));
            walk->values[walk->depth] =
                is_null ? (struct sl_str){0} : sl_arena_str(walk->query, sl_buf_str(&value));
            walk->depth++;
        }
    }
    sl_buf_release(&name);
    sl_buf_release(&value);
    return code;
}

static enum sl_code walk_dir(struct walk *walk, const char *path, int level) {
    char **names;
    size_t count;
    if (level > DEPTH_MAX) return sl_fail(walk->err, SL_USER, "`%s` is nested too deep", path);
    struct sl_err local = {0};
    enum sl_code code = sl_io_list_dir(path, walk->query, &names, &count, &local);
    if (code != SL_OK && local.sys == ENOENT && level > 0) return SL_OK; /* removed meanwhile */
    if (code != SL_OK) {
        if (walk->err) *walk->err = local;
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_hidden(names[i])) continue;
        struct sl_file_info info;
        const char *child = sl_path_join(walk->query, path, names[i]);
        SL_TRY(sl_io_stat(child, &info, walk->err));
        uint32_t depth = walk->depth;
        if (info.is_dir) {
            if (!walk->options->recursive) SL_TRY(push_partition(walk, sl_str(names[i])));
            if (walk->options->recursive || walk->depth > 0)
                SL_TRY(walk_dir(walk, child, level + 1));
        } else if (info.exists) {
            SL_TRY(add_file(walk, child, info.bytes, info.modified_ms));
        }
        walk->depth = depth;
    }
    return SL_OK;
}

/* A table with Spark's file sink log has exactly the files of the log. */
static enum sl_code walk_log(struct walk *walk, const char *dir) {
    struct sl_sink_log *log;
    struct sl_sink_file *files;
    size_t count;
    SL_TRY(sl_sink_log_open(walk->query, dir, 10, &log, walk->err));
    SL_TRY(sl_sink_log_files(log, walk->query, &files, &count, walk->err));
    for (size_t i = 0; i < count; i++) {
        struct sl_str rest = files[i].path;
        walk->depth = 0;
        bool relative = rest.len && rest.ptr[0] != '/';
        for (size_t end; relative && (end = sl_str_find(rest, SL_STR("/"), 0)) != SIZE_MAX;) {
            SL_TRY(push_partition(walk, sl_str_sub(rest, 0, end)));
            rest = sl_str_sub(rest, end + 1, rest.len);
        }
        const char *path =
            relative ? sl_path_join(walk->query, dir, files[i].path.ptr) : files[i].path.ptr;
        if (files[i].bytes) SL_TRY(add_file(walk, path, files[i].bytes, files[i].modified_ms));
    }
    walk->depth = 0;
    return SL_OK;
}

static enum sl_code walk_path(struct walk *walk, const char *path) {
    struct sl_file_info info, log;
    SL_TRY(sl_io_stat(path, &info, walk->err));
    if (!info.exists) {
        sl_fail_at(walk->err, (struct sl_span){0}, "PATH_NOT_FOUND", "42K03",
                   "path does not exist: %s", path);
        return SL_USER;
    }
    if (!info.is_dir) return add_file(walk, path, info.bytes, info.modified_ms);
    SL_TRY(sl_io_stat(sl_path_join(walk->query, path, "_spark_metadata"), &log, walk->err));
    return log.is_dir ? walk_log(walk, path) : walk_dir(walk, path, 0);
}

/* ---- types of partition columns ---- */

static const struct sl_type *infer_value(struct sl_str text) {
    int64_t integer, micros;
    int32_t days;
    double number;
    if (sl_str_to_i64(text, &integer))
        return integer >= INT32_MIN && integer <= INT32_MAX ? &sl_type_int : &sl_type_long;
    if (text.len > 7 && sl_parse_date(text, &days) &&
        sl_str_find(text, SL_STR(" "), 0) == SIZE_MAX &&
        sl_str_find(text, SL_STR("T"), 0) == SIZE_MAX)
        return &sl_type_date;
    if (text.len > 10 && sl_parse_timestamp(text, sl_zone_utc, &micros)) return &sl_type_timestamp;
    bool digits = text.len && strchr("+-.0123456789", text.ptr[0]) != NULL;
    if (digits && sl_parse_f64(text, &number)) return &sl_type_double;
    return &sl_type_string;
}

static const struct sl_type *merge(const struct sl_type *a, const struct sl_type *b) {
    if (!a || a == b) return b;
    bool numbers = sl_type_is_numeric(a) && sl_type_is_numeric(b);
    if (numbers && a != &sl_type_double && b != &sl_type_double) return &sl_type_long;
    /* a long beside a double would lose digits: Spark makes it text */
    if (numbers && a != &sl_type_long && b != &sl_type_long) return &sl_type_double;
    bool times = (a == &sl_type_date || a == &sl_type_timestamp) &&
                 (b == &sl_type_date || b == &sl_type_timestamp);
    return times ? &sl_type_timestamp : &sl_type_string;
}

static void infer_types_of(struct sl_listing *out) {
    for (uint32_t c = 0; c < out->partition_count; c++) {
        const struct sl_type *type = NULL;
        for (size_t i = 0; i < out->count && type != &sl_type_string; i++)
            if (out->files[i].partition_values[c].ptr)
                type = merge(type, infer_value(out->files[i].partition_values[c]));
        out->partitions[c].type = type ? type : &sl_type_string;
    }
}

static enum sl_code walk_glob(struct walk *walk, const char *pattern) {
    glob_t found;
    int status = glob(pattern, GLOB_BRACE | GLOB_NOSORT, NULL, &found);
    enum sl_code code = SL_OK;
    if (status == GLOB_NOMATCH)
        code = sl_fail_at(walk->err, (struct sl_span){0}, "PATH_NOT_FOUND", "42K03",
                          "path does not exist: %s", pattern);
    else if (status != 0)
        code = sl_fail(walk->err, SL_IO, "could not list `%s`", pattern);
    for (size_t i = 0; code == SL_OK && i < found.gl_pathc; i++)
        code = walk_path(walk, sl_arena_cstr(walk->query, sl_str(found.gl_pathv[i])));
    if (status == 0) globfree(&found);
    return code;
}

static int compare_files(const void *a, const void *b) {
    return strcmp(((const struct sl_listed_file *)a)->path,
                  ((const struct sl_listed_file *)b)->path);
}

enum sl_code sl_listing_make_with(struct sl_arena *query, struct sl_str path,
                                  const struct sl_listing_options *options, struct sl_listing *out,
                                  struct sl_err *err) {
    struct walk walk = {.query = query, .options = options, .out = out, .err = err};
    *out = (struct sl_listing){0};
    const char *text = sl_arena_cstr(query, sl_place_plain(path));
    struct sl_file_info info;
    SL_TRY(sl_io_stat(text, &info, err));
    if (info.exists || !strpbrk(text, "*?[{"))
        SL_TRY(walk_path(&walk, text));
    else
        SL_TRY(walk_glob(&walk, text));
    if (out->count) qsort(out->files, out->count, sizeof *out->files, compare_files);
    if (options->infer_types) infer_types_of(out);
    return SL_OK;
}

enum sl_code sl_listing_make(struct sl_arena *query, struct sl_str path, bool infer_types,
                             struct sl_listing *out, struct sl_err *err) {
    struct sl_listing_options options = {.infer_types = infer_types};
    return sl_listing_make_with(query, path, &options, out, err);
}
