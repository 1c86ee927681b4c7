/* Command line arguments against a table of flags: long names, single letters, `--name=value`,
 * `--`, negative numbers as values. */
#ifndef SL_CLI_ARGS_H
#define SL_CLI_ARGS_H

#include "base/err.h"
#include "base/str.h"

struct sl_flag {
    const char *name;  /* "available-now" */
    char letter;       /* 's' or 0 */
    const char *value; /* "KEY=VALUE": what it takes; NULL: a switch */
    const char *doc;
};

struct sl_args {
    const struct sl_flag *flags[3]; /* tables, each ended by name NULL; NULL entries at the end */
    struct {
        const struct sl_flag *flag;
        const char *value;
    } given[128];
    int given_count;
    const char *positional[64];
    int positional_count;
    int next; /* position of the first argument not yet read */
};

/* SL_USAGE with the nearest flag as hint. */
SL_MUST_CHECK enum sl_code sl_args_parse(struct sl_args *args, int argc, char **argv,
                                         struct sl_err *err);
/* The last value of a flag, or fallback; switches: "" when given. */
const char *sl_args_get(const struct sl_args *args, const char *name, const char *fallback);
bool sl_args_has(const struct sl_args *args, const char *name);
/* Whole number; SL_USAGE otherwise. *out keeps its value when the flag is absent. */
SL_MUST_CHECK enum sl_code sl_args_int(const struct sl_args *args, const char *name, int64_t *out,
                                       struct sl_err *err);
/* Fails when fewer or more positional arguments were given; what: "FILE". */
SL_MUST_CHECK enum sl_code sl_args_expect(const struct sl_args *args, int least, int most,
                                          const char *usage, struct sl_err *err);

#endif
