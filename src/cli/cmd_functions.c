/* sluice functions [NAME]: the tables of functions and of aggregates, as text or as the docs page.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "kern/aggregate.h"
#include "kern/function.h"

static void print_row(const struct sl_function *function) {
    printf("%s%s\n    %s\n    > SELECT %s;\n      %s\n", function->name, function->signature,
           function->doc, function->example, function->result);
}

static void print_aggregate(const struct sl_aggregate *aggregate) {
    printf("%s%s\n    %s\n    > %s;\n      %s\n", aggregate->name, aggregate->signature,
           aggregate->doc, aggregate->example, aggregate->result);
}

static void put_markdown_cell(const char *text) {
    for (; *text; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text == '\n' ? ' ' : *text);
    }
}

/* name, signature, doc, example, result */
static void print_markdown_row(const char *const *cells) {
    for (size_t c = 0; c < 5; c++) {
        printf(c == 0 || c == 1 || c == 3 ? "| `" : "| ");
        put_markdown_cell(cells[c] ? cells[c] : "");
        printf(c == 0 || c == 1 || c == 3 ? "` " : " ");
    }
    printf("|\n");
}

static void print_markdown_head(const char *title) {
    printf("%s| function | signature | what it does | example | result |\n|---|---|---|---|---|\n",
           title);
}

static void print_markdown(void) {
    size_t count, aggregate_count;
    const struct sl_function *all = sl_function_all(&count);
    const struct sl_aggregate *aggregates = sl_aggregate_all(&aggregate_count);
    print_markdown_head("# Functions\n\nMade by `sluice functions --markdown` from "
                        "src/kern/functions.def and src/kern/aggregates.def; a test runs every "
                        "example.\n\n");
    for (size_t i = 0; i < count; i++)
        print_markdown_row((const char *[]){all[i].name, all[i].signature, all[i].doc,
                                            all[i].example, all[i].result});
    print_markdown_head(
        "\n## Aggregate functions\n\nNulls are skipped unless something else is "
        "said. `FILTER (WHERE ..)` goes with all of them, `DISTINCT` too where all rows "
        "are read before the answer (not in streams), `IGNORE NULLS` with `first`, "
        "`last` and their kin. A `@` in a signature means that the types of the "
        "arguments decide.\n\n");
    for (size_t i = 0; i < aggregate_count; i++)
        print_markdown_row((const char *[]){aggregates[i].name, aggregates[i].signature,
                                            aggregates[i].doc, aggregates[i].example,
                                            aggregates[i].result});
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
    const struct sl_aggregate *aggregates = sl_aggregate_all(&count);
    for (size_t i = 0; i < count && part.len >= PART_MIN; i++) {
        if (sl_str_find(sl_str(aggregates[i].name), part, 0) == SIZE_MAX) continue;
        printf("%s%s\n", aggregates[i].name, aggregates[i].signature);
        found++;
    }
    return found;
}

static int print_named(const char *name) {
    size_t count, aggregate_count;
    const struct sl_function *rows = sl_function_find(sl_str(name), &count);
    const struct sl_aggregate *aggregates = sl_aggregate_find(sl_str(name), &aggregate_count);
    for (size_t i = 0; i < count; i++) print_row(&rows[i]);
    for (size_t i = 0; i < aggregate_count; i++) print_aggregate(&aggregates[i]);
    if (count || aggregate_count || print_containing(sl_str(name))) return 0;
    struct sl_str nearest = sl_function_nearest(sl_str(name));
    fprintf(stderr, "error: there is no function `%s`\n", name);
    if (nearest.len) fprintf(stderr, "help: did you mean `%.*s`?\n", SL_STR_ARG(nearest));
    return 2;
}

static void print_all(void) {
    size_t count, aggregate_count;
    const struct sl_function *all = sl_function_all(&count);
    const struct sl_aggregate *aggregates = sl_aggregate_all(&aggregate_count);
    for (size_t i = 0; i < count; i++) printf("%s%s\n", all[i].name, all[i].signature);
    printf("\naggregate functions:\n");
    for (size_t i = 0; i < aggregate_count; i++)
        printf("%s%s\n", aggregates[i].name, aggregates[i].signature);
}

static int run(const struct sl_command *command, struct sl_args *args) {
    (void)command;
    int status = 0;
    for (int i = 0; i < args->positional_count && status == 0; i++)
        status = print_named(args->positional[i]);
    if (args->positional_count) return status;
    if (sl_args_has(args, "markdown"))
        print_markdown();
    else
        print_all();
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
