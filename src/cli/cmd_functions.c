/* sluice functions [NAME]: the function table, as text or as the docs page. */
#include <stdio.h>

#include "cli/cli.h"
#include "kern/function.h"

static void print_row(const struct sl_function *function) {
    printf("%s%s\n    %s\n    > SELECT %s;\n      %s\n", function->name, function->signature,
           function->doc, function->example, function->result);
}

static void put_markdown_cell(const char *text) {
    for (; *text; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text == '\n' ? ' ' : *text);
    }
}

static void print_markdown(const struct sl_function *all, size_t count) {
    printf("# Functions\n\nMade by `sluice functions --markdown` from src/kern/functions.def; a "
           "test runs every example.\n\n"
           "| function | signature | what it does | example | result |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const char *cells[] = {all[i].name, all[i].signature, all[i].doc, all[i].example,
                               all[i].result};
        for (size_t c = 0; c < 5; c++) {
            printf(c == 0 || c == 1 || c == 3 ? "| `" : "| ");
            put_markdown_cell(cells[c] ? cells[c] : "");
            printf(c == 0 || c == 1 || c == 3 ? "` " : " ");
        }
        printf("|\n");
    }
}

/* The functions with `part` in their names, one to a line. */
static size_t print_containing(struct sl_str part) {
    enum { PART_MIN = 3 };
    size_t count, found = 0;
    const struct sl_function *all = sl_function_all(&count);
    for (size_t i = 0; i < count && part.len >= PART_MIN; i++) {
        if (sl_str_find(sl_str(all[i].name), part, 0) == SIZE_MAX) continue;
        printf("%s%s\n", all[i].name, all[i].signature);
        found++;
    }
    return found;
}

static int print_named(const char *name) {
    size_t count;
    const struct sl_function *rows = sl_function_find(sl_str(name), &count);
    for (size_t i = 0; i < count; i++) print_row(&rows[i]);
    if (count || print_containing(sl_str(name))) return 0;
    struct sl_str nearest = sl_function_nearest(sl_str(name));
    fprintf(stderr, "error: there is no function `%s`\n", name);
    if (nearest.len) fprintf(stderr, "help: did you mean `%.*s`?\n", SL_STR_ARG(nearest));
    return 2;
}

static int run(const struct sl_command *command, struct sl_args *args) {
    (void)command;
    size_t count;
    const struct sl_function *all = sl_function_all(&count);
    int status = 0;
    for (int i = 0; i < args->positional_count && status == 0; i++)
        status = print_named(args->positional[i]);
    if (args->positional_count) return status;
    if (sl_args_has(args, "markdown")) return print_markdown(all, count), 0;
    for (size_t i = 0; i < count; i++) printf("%s%s\n", all[i].name, all[i].signature);
    return 0;
}

static const struct sl_flag flags[] = {
    {"markdown", 0, NULL, "the page docs/functions.md"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_functions = {
    .name = "functions",
    .summary = "list the SQL functions, or explain one",
    .usage = "functions [NAME].. | [PART OF A NAME]..",
    .flags = flags,
    .examples = "  sluice functions date_trunc\n",
    .run = run,
};
