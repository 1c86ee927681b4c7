/* Overload resolution over the signatures of functions.def.
 *
 * A signature is parsed when it is resolved: a call site is bound once, and the texts are short.
 * Source of the messages: Spark's error-conditions.json, TypeUtils, ExpectsInputTypes. */
#include "kern/resolve.h"

#include <stdarg.h>
#include <stdio.h>

#include "kern/cast.h"

enum param_kind {
    PARAM_TYPE,
    PARAM_ANY,
    PARAM_VARIABLE,
    PARAM_NUMBER,
    PARAM_INTEGRAL,
    PARAM_ORDERED,
    PARAM_DECIMAL,
    PARAM_STRUCT,
    PARAM_ARRAY,
    PARAM_MAP
};

struct param {
    enum param_kind kind;
    const struct sl_type *type;
    char variable;
    struct param *sub[2];
    bool constant, exact, variadic, optional;
    struct sl_str default_text;
};

enum { PARAMS_MAX = 24, VARIABLES = 26 };

struct signature {
    struct param params[PARAMS_MAX];
    uint32_t count, required;
    bool variadic;
    struct param result;
    struct sl_str hook; /* "" if none */
};

/* ---- the mini-language ---- */

struct cursor {
    struct sl_arena *arena;
    struct sl_str text;
    size_t at;
};

static void skip_blanks(struct cursor *cursor) {
    while (cursor->at < cursor->text.len && cursor->text.ptr[cursor->at] == ' ') cursor->at++;
}

static bool take(struct cursor *cursor, const char *word) {
    skip_blanks(cursor);
    size_t len = strlen(word);
    if (cursor->text.len - cursor->at < len ||
        memcmp(cursor->text.ptr + cursor->at, word, len) != 0)
        return false;
    cursor->at += len;
    return true;
}

/* A type word: letters, digits, blanks, and one parenthesised part, as in decimal(10,2). */
static struct sl_str take_word(struct cursor *cursor) {
    skip_blanks(cursor);
    size_t begin = cursor->at, depth = 0;
    for (; cursor->at < cursor->text.len; cursor->at++) {
        char c = cursor->text.ptr[cursor->at];
        if (c == '(') depth++;
        if (c == ')' && depth-- == 0) break;
        if (!depth && strchr(",<>=.@", c)) break;
    }
    return sl_str_trim(sl_str_sub(cursor->text, begin, cursor->at));
}

static void parse_type(struct cursor *cursor, struct param *out) {
    static const struct {
        const char *word;
        enum param_kind kind;
    } words[] = {{"any", PARAM_ANY},           {"number", PARAM_NUMBER},
                 {"integral", PARAM_INTEGRAL}, {"ordered", PARAM_ORDERED},
                 {"decimal", PARAM_DECIMAL},   {"struct", PARAM_STRUCT}};
    struct sl_str word = take_word(cursor);
    bool array = sl_str_eq(word, SL_STR("array")), map = sl_str_eq(word, SL_STR("map"));
    if ((array || map) && take(cursor, "<")) {
        out->kind = array ? PARAM_ARRAY : PARAM_MAP;
        for (int i = 0; i < (map ? 2 : 1); i++) {
            if (i) sl_assert(take(cursor, ","));
            out->sub[i] = SL_NEW(cursor->arena, struct param);
            parse_type(cursor, out->sub[i]);
        }
        sl_assert(take(cursor, ">"));
        return;
    }
    if (word.len == 1 && word.ptr[0] >= 'A' && word.ptr[0] <= 'Z') {
        out->kind = PARAM_VARIABLE;
        out->variable = word.ptr[0];
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sl_str_eq(word, sl_str(words[i].word))) {
            out->kind = words[i].kind;
            return;
        }
    out->kind = PARAM_TYPE;
    struct sl_err err = {0};
    if (sl_type_parse(cursor->arena, word, &out->type, &err) != SL_OK)
        sl_assert(!"a type word of functions.def");
}

static void parse_default(struct cursor *cursor, struct param *out) {
    skip_blanks(cursor);
    size_t begin = cursor->at;
    bool quoted = false;
    for (; cursor->at < cursor->text.len; cursor->at++) {
        char c = cursor->text.ptr[cursor->at];
        if (c == '\'') quoted = !quoted;
        if (!quoted && (c == ',' || c == ')')) break;
    }
    out->optional = true;
    out->default_text = sl_str_trim(sl_str_sub(cursor->text, begin, cursor->at));
}

static void parse_signature(struct sl_arena *arena, const char *text, struct signature *out) {
    struct cursor cursor = {arena, sl_str(text), 0};
    *out = (struct signature){0};
    sl_assert(take(&cursor, "("));
    while (!take(&cursor, ")")) {
        if (out->count) sl_assert(take(&cursor, ","));
        sl_assert(out->count < PARAMS_MAX);
        struct param *param = &out->params[out->count++];
        param->constant = take(&cursor, "const ");
        param->exact = take(&cursor, "exact ");
        parse_type(&cursor, param);
        if (take(&cursor, "...")) param->variadic = out->variadic = true;
        if (take(&cursor, "=")) parse_default(&cursor, param);
        if (!param->optional && !param->variadic) out->required = out->count;
    }
    sl_assert(take(&cursor, "->"));
    if (take(&cursor, "@"))
        out->hook = sl_str_trim(sl_str_sub(cursor.text, cursor.at, cursor.text.len));
    else
        parse_type(&cursor, &out->result);
}

/* ---- messages ---- */

enum sl_code sl_resolve_mismatch(const struct sl_resolve *resolve, const char *subclass,
                                 struct sl_err *err, const char *fmt, ...) {
    char detail[512], condition[64];
    va_list list;
    va_start(list, fmt);
    vsnprintf(detail, sizeof detail, fmt, list);
    va_end(list);
    snprintf(condition, sizeof condition, "DATATYPE_MISMATCH.%s", subclass);
    struct sl_buf text = {0};
    resolve->put_text(resolve->text_ctx, -1, &text);
    enum sl_code code =
        sl_fail_at(err, resolve->span, condition, "42K09",
                   "Cannot resolve \"%.*s\" due to data type mismatch: %s",
                   (int)(text.len > 200 ? 200 : text.len), sl_buf_cstr(&text), detail);
    sl_buf_release(&text);
    return code;
}

static const char *ordinal(uint32_t i) {
    static const char *const words[] = {"first", "second",  "third",  "fourth", "fifth",
                                        "sixth", "seventh", "eighth", "ninth",  "tenth"};
    return i < sizeof words / sizeof words[0] ? words[i] : "last";
}

enum sl_code sl_resolve_unexpected(const struct sl_resolve *resolve, uint32_t arg,
                                   const char *required, struct sl_err *err) {
    struct sl_buf text = {0};
    resolve->put_text(resolve->text_ctx, (int)arg, &text);
    enum sl_code code = sl_resolve_mismatch(
        resolve, "UNEXPECTED_INPUT_TYPE", err,
        "The %s parameter requires the \"%s\" type, however \"%.*s\" has the type \"%s\".",
        ordinal(arg), required, (int)(text.len > 120 ? 120 : text.len), sl_buf_cstr(&text),
        sl_type_sql(resolve->arena, resolve->args[arg].type));
    sl_buf_release(&text);
    return code;
}

static const char *param_text(struct sl_arena *arena, const struct param *param) {
    switch (param->kind) {
    case PARAM_TYPE:
        return sl_type_sql(arena, param->type);
    case PARAM_NUMBER:
        return "NUMERIC";
    case PARAM_INTEGRAL:
        return "INTEGRAL";
    case PARAM_ORDERED:
        return "ORDERABLE";
    case PARAM_DECIMAL:
        return "DECIMAL";
    case PARAM_STRUCT:
        return "STRUCT";
    case PARAM_ARRAY:
        return "ARRAY";
    case PARAM_MAP:
        return "MAP";
    default:
        return "ANY";
    }
}

static enum sl_code unresolved(const struct sl_resolve *resolve, struct sl_err *err) {
    struct sl_str nearest = sl_function_nearest(resolve->name);
    enum sl_code code =
        sl_fail_at(err, resolve->span, "UNRESOLVED_ROUTINE", "42883",
                   "Cannot resolve routine `%.*s` on search path [`system`.`builtin`, "
                   "`system`.`session`, `spark_catalog`.`default`].",
                   SL_STR_ARG(resolve->name));
    if (nearest.len) sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(nearest));
    return code;
}

/* "1", "[1, 2]" or "> 0", over all overloads. */
static void expected_counts(const struct sl_function *rows, size_t count, struct sl_arena *arena,
                            char *out, size_t cap) {
    uint32_t seen[PARAMS_MAX + 1] = {0}, least = PARAMS_MAX;
    bool variadic = false;
    for (size_t r = 0; r < count; r++) {
        struct signature signature;
        parse_signature(arena, rows[r].signature, &signature);
        variadic |= signature.variadic;
        if (signature.required < least) least = signature.required;
        for (uint32_t n = signature.required; n <= signature.count; n++) seen[n] = 1;
    }
    if (variadic) {
        snprintf(out, cap, "> %d", (int)least - 1);
        return;
    }
    char list[64] = "";
    uint32_t many = 0;
    for (uint32_t n = 0; n <= PARAMS_MAX; n++)
        if (seen[n]) {
            size_t len = strlen(list);
            snprintf(list + len, sizeof list - len, "%s%u", many++ ? ", " : "", n);
        }
    snprintf(out, cap, many > 1 ? "[%s]" : "%s", list);
}

static enum sl_code wrong_count(const struct sl_resolve *resolve, const struct sl_function *rows,
                                size_t count, struct sl_err *err) {
    char expected[80];
    expected_counts(rows, count, resolve->arena, expected, sizeof expected);
    return sl_fail_at(err, resolve->span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                      "The `%.*s` requires %s parameters but the actual number is %u.",
                      SL_STR_ARG(resolve->name), expected, resolve->arg_count);
}

/* ---- matching ---- */

/* FIT_STORE: a number that may lose digits or fail, anything that becomes a text. FIT_ANY: taken by
 * `any`, so an overload that names the type goes before. */
enum fit { FIT_NONE, FIT_STORE, FIT_CAST, FIT_ANY, FIT_EXACT };

struct match {
    struct sl_arena *arena;
    bool ansi;
    const struct sl_type *bound[VARIABLES];
};

static enum fit min_fit(enum fit a, enum fit b) { return a < b ? a : b; }

/* First pass: binds variables to the common type of all their uses. */
static bool bind_variables(struct match *match, const struct param *param,
                           const struct sl_type *type) {
    if (param->kind == PARAM_VARIABLE) {
        const struct sl_type **slot = &match->bound[param->variable - 'A'];
        *slot = *slot ? sl_type_common(match->arena, *slot, type, match->ansi) : type;
        return *slot != NULL;
    }
    if (param->kind != PARAM_ARRAY && param->kind != PARAM_MAP) return true;
    enum sl_kind kind = param->kind == PARAM_ARRAY ? SL_ARRAY_KIND : SL_MAP_KIND;
    for (int i = 0; i < 2 && param->sub[i]; i++) {
        const struct sl_type *sub = type->kind == kind ? type->fields[i].type : &sl_type_null;
        if (!bind_variables(match, param->sub[i], sub)) return false;
    }
    return true;
}

static enum fit fit_type(struct match *match, const struct param *param, const struct sl_type *type,
                         const struct sl_type **target);

static enum fit fit_wanted(const struct sl_type *type, const struct param *param,
                           const struct sl_type **target) {
    const struct sl_type *wanted = param->type;
    /* Intervals of one family differ only in the fields they print. */
    bool interval = type->kind == wanted->kind && sl_type_is_interval(type);
    if (interval || sl_type_equal(type, wanted)) {
        *target = type;
        return FIT_EXACT;
    }
    *target = wanted;
    if (sl_cast_widens(type, wanted)) return FIT_CAST;
    if (param->exact && sl_type_is_numeric(type)) return FIT_NONE;
    return sl_cast_implicit(type, wanted) ? FIT_STORE : FIT_NONE;
}

/* A type variable's type was found by widening, so every use may be cast to it. */
static enum fit fit_widened(const struct sl_type *type, const struct sl_type *wanted,
                            const struct sl_type **target) {
    bool equal = sl_type_equal(type, wanted);
    *target = equal ? type : wanted;
    return equal ? FIT_EXACT : FIT_CAST;
}

static enum fit fit_list(struct match *match, const struct param *param, const struct sl_type *type,
                         const struct sl_type **target) {
    enum sl_kind kind = param->kind == PARAM_ARRAY ? SL_ARRAY_KIND : SL_MAP_KIND;
    bool null = type->kind == SL_NULL_KIND;
    if (type->kind != kind && !null) return FIT_NONE;
    const struct sl_type *subs[2] = {NULL, NULL};
    enum fit fit = null ? FIT_CAST : FIT_EXACT;
    for (int i = 0; i < 2 && param->sub[i]; i++)
        fit = min_fit(fit, fit_type(match, param->sub[i],
                                    null ? &sl_type_null : type->fields[i].type, &subs[i]));
    if (fit == FIT_EXACT)
        *target = type;
    else if (kind == SL_ARRAY_KIND)
        *target = sl_type_array(match->arena, subs[0], true);
    else
        *target = sl_type_map(match->arena, subs[0], subs[1], true);
    return fit;
}

/* Abstract numeric types: what they accept as is, and what a string becomes. */
static enum fit fit_abstract(const struct param *param, const struct sl_type *type,
                             struct sl_arena *arena, const struct sl_type **target) {
    *target = type;
    bool accepted = param->kind == PARAM_NUMBER     ? sl_type_is_numeric(type)
                    : param->kind == PARAM_INTEGRAL ? sl_type_is_integer(type)
                                                    : type->kind == SL_DECIMAL_KIND;
    if (accepted) return FIT_EXACT;
    bool text = type->kind == SL_STRING_KIND, null = type->kind == SL_NULL_KIND;
    if (param->kind == PARAM_INTEGRAL) {
        *target = &sl_type_int;
        return null ? FIT_CAST : FIT_NONE;
    }
    if (param->kind == PARAM_NUMBER) {
        *target = &sl_type_double;
        return text || null ? FIT_CAST : FIT_NONE;
    }
    *target = sl_type_is_numeric(type) ? sl_type_decimal_for(arena, type)
                                       : sl_type_decimal(arena, 38, 18);
    return sl_type_is_numeric(type) || text || null ? FIT_CAST : FIT_NONE;
}

static enum fit fit_type(struct match *match, const struct param *param, const struct sl_type *type,
                         const struct sl_type **target) {
    *target = type;
    switch (param->kind) {
    case PARAM_TYPE:
        return fit_wanted(type, param, target);
    case PARAM_VARIABLE:
        return fit_widened(type, match->bound[param->variable - 'A'], target);
    case PARAM_ARRAY:
    case PARAM_MAP:
        return fit_list(match, param, type, target);
    case PARAM_NUMBER:
    case PARAM_INTEGRAL:
    case PARAM_DECIMAL:
        return fit_abstract(param, type, match->arena, target);
    case PARAM_ORDERED:
        return type->kind == SL_MAP_KIND ? FIT_NONE : FIT_EXACT;
    case PARAM_STRUCT:
        return type->kind == SL_STRUCT_KIND ? FIT_EXACT : FIT_NONE;
    case PARAM_ANY:
        return FIT_ANY;
    }
    return FIT_NONE;
}

static const struct param *param_of(const struct signature *signature, uint32_t arg) {
    uint32_t last = signature->count - 1;
    return &signature->params[arg < last ? arg : last];
}

static bool count_fits(const struct signature *signature, uint32_t arg_count) {
    return arg_count >= signature->required &&
           (signature->variadic || arg_count <= signature->count);
}

/* How one overload fits; *misfit is the first argument that does not. */
static enum fit fit_signature(struct sl_resolve *resolve, const struct signature *signature,
                              struct match *match, const struct sl_type **targets,
                              uint32_t *misfit) {
    enum fit fit = FIT_EXACT;
    for (uint32_t i = 0; i < resolve->arg_count; i++)
        if (!bind_variables(match, param_of(signature, i), resolve->args[i].type)) {
            *misfit = i;
            return FIT_NONE;
        }
    for (uint32_t i = 0; i < resolve->arg_count; i++) {
        const struct param *param = param_of(signature, i);
        enum fit one = fit_type(match, param, resolve->args[i].type, &targets[i]);
        if (one == FIT_NONE) {
            *misfit = i;
            return FIT_NONE;
        }
        fit = min_fit(fit, one);
    }
    return fit;
}

static const struct sl_type *result_type(struct match *match, const struct param *param) {
    if (param->kind == PARAM_TYPE) return param->type;
    if (param->kind == PARAM_VARIABLE) return match->bound[param->variable - 'A'];
    sl_assert(param->kind == PARAM_ARRAY || param->kind == PARAM_MAP);
    const struct sl_type *first = result_type(match, param->sub[0]);
    if (param->kind == PARAM_ARRAY) return sl_type_array(match->arena, first, true);
    return sl_type_map(match->arena, first, result_type(match, param->sub[1]), true);
}

static enum sl_code check_constants(struct sl_resolve *resolve, const struct signature *signature,
                                    struct sl_err *err) {
    for (uint32_t i = 0; i < resolve->arg_count; i++) {
        if (!param_of(signature, i)->constant || resolve->args[i].constant) continue;
        struct sl_buf text = {0};
        resolve->put_text(resolve->text_ctx, (int)i, &text);
        enum sl_code code = sl_resolve_mismatch(
            resolve, "NON_FOLDABLE_INPUT", err,
            "the input `%s` should be a foldable \"%s\" expression; however, got \"%.*s\".",
            ordinal(i), param_text(resolve->arena, param_of(signature, i)),
            (int)(text.len > 120 ? 120 : text.len), sl_buf_cstr(&text));
        sl_buf_release(&text);
        return code;
    }
    return SL_OK;
}

static enum sl_code settle(struct sl_resolve *resolve, const struct sl_function *function,
                           const struct signature *signature, struct match *match,
                           struct sl_err *err) {
    resolve->function = function;
    SL_TRY(check_constants(resolve, signature, err));
    if (signature->hook.len) {
        sl_resolve_hook hook = sl_resolve_hook_find(signature->hook);
        sl_assert(hook != NULL);
        return hook(resolve, err);
    }
    resolve->result = result_type(match, &signature->result);
    return SL_OK;
}

static void add_defaults(struct sl_resolve *resolve, const struct signature *signature) {
    uint32_t total = resolve->arg_count;
    if (!signature->variadic && signature->count > total) total = signature->count;
    struct sl_str *defaults = SL_NEW_ARRAY(resolve->arena, struct sl_str, total + 1);
    for (uint32_t i = resolve->arg_count; i < total; i++) {
        defaults[i] = signature->params[i].default_text;
        resolve->targets[i] =
            signature->params[i].kind == PARAM_TYPE ? signature->params[i].type : &sl_type_null;
    }
    resolve->defaults = defaults;
    resolve->target_count = total;
}

enum sl_code sl_resolve_call(struct sl_resolve *resolve, struct sl_err *err) {
    size_t count = resolve->row_count;
    const struct sl_function *rows = resolve->rows;
    if (!rows) rows = sl_function_find(resolve->name, &count);
    if (!rows) return unresolved(resolve, err);
    struct signature signature, best_signature, first = {0};
    struct match best_match;
    const struct sl_function *best = NULL;
    enum fit best_fit = FIT_NONE;
    uint32_t misfit = 0, room = resolve->arg_count + PARAMS_MAX;
    bool counted = false;
    const struct sl_type **targets = SL_NEW_ARRAY(resolve->arena, const struct sl_type *, room);
    for (size_t r = 0; r < count && best_fit != FIT_EXACT; r++) {
        parse_signature(resolve->arena, rows[r].signature, &signature);
        if (!count_fits(&signature, resolve->arg_count)) continue;
        struct match match = {.arena = resolve->arena, .ansi = sl_resolve_ansi(resolve)};
        uint32_t here = 0;
        const struct sl_type **mine = SL_NEW_ARRAY(resolve->arena, const struct sl_type *, room);
        enum fit fit = fit_signature(resolve, &signature, &match, mine, &here);
        if (!counted) {
            first = signature;
            misfit = here;
        }
        counted = true;
        if (fit <= best_fit) continue;
        best_fit = fit;
        best = &rows[r];
        best_signature = signature;
        best_match = match;
        targets = mine;
    }
    if (!counted) return wrong_count(resolve, rows, count, err);
    if (!best)
        return sl_resolve_unexpected(resolve, misfit,
                                     param_text(resolve->arena, param_of(&first, misfit)), err);
    resolve->targets = targets;
    add_defaults(resolve, &best_signature);
    return settle(resolve, best, &best_signature, &best_match, err);
}
