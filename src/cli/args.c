#include "cli/args.h"

#include <stddef.h>

static const struct sl_flag *find(const struct sl_args *args, struct sl_str name, char letter) {
    for (size_t t = 0; t < sizeof args->flags / sizeof *args->flags && args->flags[t]; t++)
        for (const struct sl_flag *flag = args->flags[t]; flag->name; flag++)
            if (letter ? flag->letter == letter : sl_str_eq(name, sl_str(flag->name))) return flag;
    return NULL;
}

static enum sl_code unknown(const struct sl_args *args, struct sl_str name, struct sl_err *err) {
    enum { NAMES_MAX = 96 };
    struct sl_str names[NAMES_MAX];
    size_t count = 0;
    for (size_t t = 0; t < sizeof args->flags / sizeof *args->flags && args->flags[t]; t++)
        for (const struct sl_flag *flag = args->flags[t]; flag->name && count < NAMES_MAX; flag++)
            names[count++] = sl_str(flag->name);
    sl_fail(err, SL_USAGE, "unknown option `--%.*s`", SL_STR_ARG(name));
    int nearest = sl_str_nearest(name, names, count);
    if (nearest >= 0) sl_hint(err, "did you mean `--%.*s`?", SL_STR_ARG(names[nearest]));
    return SL_USAGE;
}

static enum sl_code add(struct sl_args *args, const struct sl_flag *flag, const char *value,
                        struct sl_err *err) {
    enum { GIVEN_MAX = sizeof args->given / sizeof *args->given };
    if (args->given_count == GIVEN_MAX)
        return sl_fail(err, SL_USAGE, "more than %d options", (int)GIVEN_MAX);
    args->given[args->given_count].flag = flag;
    args->given[args->given_count++].value = value;
    return SL_OK;
}

/* A flag's name where a value should be: the value was forgotten.  Only whole long names count, so
 * that `-o -10` works. */
static bool is_flag_name(const struct sl_args *args, const char *text) {
    return strncmp(text, "--", 2) == 0 && find(args, sl_str(text + 2), 0) != NULL;
}

/* One flag; *at moves on when its value is the next argument. */
static enum sl_code take_flag(struct sl_args *args, const struct sl_flag *flag,
                              const char *attached, int argc, char **argv, int *at,
                              struct sl_err *err) {
    if (!flag->value) {
        if (attached) return sl_fail(err, SL_USAGE, "`--%s` takes no value", flag->name);
        return add(args, flag, "", err);
    }
    if (!attached && *at + 1 < argc && !is_flag_name(args, argv[*at + 1])) attached = argv[++*at];
    if (!attached)
        return sl_fail(err, SL_USAGE, "`--%s` needs a value: %s", flag->name, flag->value);
    return add(args, flag, attached, err);
}

static enum sl_code take_long(struct sl_args *args, const char *text, int argc, char **argv,
                              int *at, struct sl_err *err) {
    const char *equals = strchr(text, '=');
    struct sl_str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct sl_flag *flag = find(args, name, 0);
    if (!flag) return unknown(args, name, err);
    return take_flag(args, flag, equals ? equals + 1 : NULL, argc, argv, at, err);
}

static enum sl_code take_short(struct sl_args *args, const char *text, int argc, char **argv,
                               int *at, struct sl_err *err) {
    const struct sl_flag *flag = find(args, SL_STR(""), text[1]);
    if (flag) return take_flag(args, flag, text[2] ? text + 2 : NULL, argc, argv, at, err);
    sl_fail(err, SL_USAGE, "unknown option `-%c`", text[1]);
    if (text[2] && find(args, sl_str(text + 1), 0)) sl_hint(err, "did you mean `-%s`?", text);
    return SL_USAGE;
}

enum sl_code sl_args_parse(struct sl_args *args, int argc, char **argv, struct sl_err *err) {
    bool only_positional = false;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];
        bool is_flag = !only_positional && text[0] == '-' && text[1] != '\0';
        if (is_flag && strcmp(text, "--") == 0) {
            only_positional = true;
        } else if (is_flag && text[1] == '-') {
            SL_TRY(take_long(args, text + 2, argc, argv, &i, err));
        } else if (is_flag) {
            SL_TRY(take_short(args, text, argc, argv, &i, err));
        } else if (args->positional_count ==
                   (int)(sizeof args->positional / sizeof *args->positional)) {
            return sl_fail(err, SL_USAGE, "too many arguments");
        } else {
            args->positional[args->positional_count++] = text;
        }
    }
    return SL_OK;
}

const char *sl_args_get(const struct sl_args *args, const char *name, const char *fallback) {
    for (int i = args->given_count - 1; i >= 0; i--)
        if (strcmp(args->given[i].flag->name, name) == 0) return args->given[i].value;
    return fallback;
}

bool sl_args_has(const struct sl_args *args, const char *name) {
    return sl_args_get(args, name, NULL) != NULL;
}

enum sl_code sl_args_int(const struct sl_args *args, const char *name, int64_t *out,
                         struct sl_err *err) {
    const char *text = sl_args_get(args, name, NULL);
    if (!text || sl_str_to_i64(sl_str(text), out)) return SL_OK;
    return sl_fail(err, SL_USAGE, "`--%s` is `%s`, which is not a whole number", name, text);
}

enum sl_code sl_args_expect(const struct sl_args *args, int least, int most, const char *usage,
                            struct sl_err *err) {
    if (args->positional_count >= least && args->positional_count <= most) return SL_OK;
    if (args->positional_count > most)
        sl_fail(err, SL_USAGE, "unexpected argument `%s`", args->positional[most]);
    else
        sl_fail(err, SL_USAGE, "an argument is missing");
    return sl_hint(err, "usage: sluice %s", usage), SL_USAGE;
}
