/* Compiling and matching with PCRE2. Patterns are compiled to machine code; a match that takes too
 * many steps is given up and its row reported, so that no pattern can hang a query. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "kern/regexp.h"

#include <pcre2.h>

#include "kern/string_int.h"

enum { MATCH_STEPS_MAX = 5000000, HEAP_KIB_MAX = 32 * 1024 };

struct sl_regexp {
    pcre2_code *code;
    pcre2_match_context *limits;
    uint32_t groups;
    struct sl_str pattern;
};

static void free_regexp(void *ptr) {
    struct sl_regexp *regexp = ptr;
    pcre2_code_free(regexp->code);
    pcre2_match_context_free(regexp->limits);
}

static enum sl_code bad_pattern(struct sl_err *err, const char *function, struct sl_str pattern,
                                const char *reason) {
    sl_fail_at(err, (struct sl_span){0, 0}, "INVALID_PARAMETER_VALUE.PATTERN", "22023",
               "The value of parameter(s) `regexp` in `%s` is invalid: '%.*s'.", function,
               (int)(pattern.len > 200 ? 200 : pattern.len), pattern.ptr);
    return sl_hint(err, "the regular expression says: %s", reason);
}

enum sl_code sl_regexp_compile(struct sl_arena *query, struct sl_str pattern, const char *function,
                               const struct sl_regexp **out, struct sl_err *err) {
    struct sl_buf text = {0};
    bool unicode;
    const char *why = NULL;
    if (!sl_regexp_translate(pattern, &text, &unicode, &why)) {
        sl_buf_release(&text);
        return bad_pattern(err, function, pattern, why ? why : "malformed");
    }
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    int code;
    size_t at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (unicode ? PCRE2_UCP : 0);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)(text.ptr ? text.ptr : (uint8_t *)""),
                                         text.len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    sl_buf_release(&text);
    if (!compiled) {
        char reason[160];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
        return bad_pattern(err, function, pattern, reason);
    }
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* without it the interpreter matches */
    struct sl_regexp *regexp = SL_NEW(query, struct sl_regexp);
    regexp->code = compiled;
    regexp->pattern = sl_arena_str(query, pattern);
    regexp->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(regexp->limits, MATCH_STEPS_MAX);
    pcre2_set_heap_limit(regexp->limits, HEAP_KIB_MAX);
    pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &regexp->groups);
    sl_arena_on_reset(query, free_regexp, regexp);
    *out = regexp;
    return SL_OK;
}

uint32_t sl_regexp_groups(const struct sl_regexp *regexp) { return regexp->groups; }

uint32_t sl_regexp_group_number(const struct sl_regexp *regexp, struct sl_str name) {
    char text[64];
    if (name.len >= sizeof text) return 0;
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    int number = pcre2_substring_number_from_name(regexp->code, (PCRE2_SPTR)text);
    return number > 0 ? (uint32_t)number : 0;
}

/* ---- use ---- */

void sl_regexp_use_begin(struct sl_regexp_use *use, struct sl_call *call, uint32_t pattern_arg,
                         const char *function) {
    *use = (struct sl_regexp_use){.call = call, .pattern_arg = pattern_arg, .function = function};
    sl_arena_init(&use->own, "regexp");
    use->regexp = call->state;
}

void sl_regexp_use_end(struct sl_regexp_use *use) {
    pcre2_match_data_free(use->match_data);
    sl_arena_release(&use->own);
}

/* Neighbouring rows often share a pattern. */
static void compile_own(struct sl_regexp_use *use, uint32_t row) {
    struct sl_str pattern = sl_arg_str(use->call, use->pattern_arg, row);
    if (use->own_pattern.ptr && sl_str_eq(pattern, use->own_pattern)) return;
    sl_arena_reset(&use->own);
    struct sl_err err = {0};
    use->own_pattern = sl_arena_str(&use->own, pattern);
    use->regexp = NULL;
    if (sl_regexp_compile(&use->own, pattern, use->function, &use->regexp, &err) != SL_OK)
        use->regexp = NULL;
}

bool sl_regexp_use_row(struct sl_regexp_use *use, uint32_t row, struct sl_str subject) {
    use->row = row;
    use->subject = subject;
    if (!use->call->state) compile_own(use, row);
    if (!use->regexp) {
        sl_call_bad(use->call, row, "INVALID_PARAMETER_VALUE.PATTERN", "22023",
                    "The value of parameter(s) `regexp` in `%s` is invalid: '%.*s'.", use->function,
                    SL_STR_ARG(use->own_pattern));
        return false;
    }
    if (!use->match_data || use->match_groups < use->regexp->groups) {
        pcre2_match_data_free(use->match_data);
        use->match_data = pcre2_match_data_create_from_pattern(use->regexp->code, NULL);
        use->match_groups = use->regexp->groups;
    }
    return true;
}

bool sl_regexp_find(struct sl_regexp_use *use, size_t from) {
    if (from > use->subject.len) return false;
    PCRE2_SPTR text = (PCRE2_SPTR)(use->subject.len ? use->subject.ptr : "");
    const struct sl_regexp *regexp = use->regexp;
    int code =
        pcre2_match(regexp->code, text, use->subject.len, from, 0, use->match_data, regexp->limits);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = pcre2_match(regexp->code, text, use->subject.len, from, PCRE2_NO_JIT,
                           use->match_data, regexp->limits);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        sl_call_bad(use->call, use->row, "REGEXP_MATCH_LIMIT", "54000",
                    "The pattern '%.*s' takes too many steps on this row's text of %zu bytes; "
                    "write it without nested repetitions, such as (a+)+",
                    (int)(regexp->pattern.len > 200 ? 200 : regexp->pattern.len),
                    regexp->pattern.ptr, use->subject.len);
    if (code < 0) return false;
    use->groups = pcre2_get_ovector_pointer(use->match_data);
    if (use->groups[0] > use->groups[1]) return false; /* \K in a look-ahead */
    /* groups behind the last that took part are not written */
    size_t *groups = pcre2_get_ovector_pointer(use->match_data);
    for (uint32_t i = (uint32_t)code; i <= regexp->groups; i++)
        groups[2 * i] = groups[2 * i + 1] = SIZE_MAX;
    return true;
}

struct sl_str sl_regexp_group(const struct sl_regexp_use *use, uint32_t group) {
    size_t begin = use->groups[2 * group], end = use->groups[2 * group + 1];
    if (begin == SIZE_MAX || end < begin) return (struct sl_str){"", 0};
    return sl_str_sub(use->subject, begin, end);
}

size_t sl_regexp_next(const struct sl_regexp_use *use) {
    size_t begin = use->groups[0], end = use->groups[1];
    if (end > begin) return end;
    return end < use->subject.len ? end + sl_utf8_step(use->subject, end) : end + 1;
}

void sl_regexp_put_version(struct sl_buf *out) {
    char version[64] = "?";
    pcre2_config(PCRE2_CONFIG_VERSION, version);
    sl_buf_printf(out, "pcre2 %s\n", version);
}
