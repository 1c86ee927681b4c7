/* The command line.  Data goes to stdout, messages to stderr; exit statuses: base/code.def.
 * To add a command: a row in commands.def, its function in a file of its own. */
#ifndef SL_CLI_CLI_H
#define SL_CLI_CLI_H

#include "base/buf.h"
#include "cli/args.h"
#include "run/engine.h"

int sl_cli_main(int argc, char **argv);

struct sl_command {
    const char *name, *summary, *usage;
    const struct sl_flag *flags; /* ended by a row with name NULL */
    const char *examples;
    int (*run)(const struct sl_command *command, struct sl_args *args);
};
/* By name; NULL if unknown. */
const struct sl_command *sl_command_find(struct sl_str name);

/* What every command shares; flags of `common_flags`. */
struct sl_cli {
    struct sl_engine engine;
    bool color; /* messages on stderr */
    bool quiet, json;
};
/* Reads the common flags and -s settings into an engine; 0 or an exit status after printing why. */
int sl_cli_open(struct sl_cli *cli, struct sl_args *args);
/* Starts the engine's threads (after all settings are known). */
enum sl_code sl_cli_start(struct sl_cli *cli, struct sl_args *args, struct sl_err *err);
void sl_cli_close(struct sl_cli *cli);
/* Prints the error (with the source line when it has a place in `source`) and returns its exit
 * status. Being stopped, or a reader that has gone (`| head`), is nothing to explain. */
int sl_cli_fail(const struct sl_cli *cli, const struct sl_err *err, const char *file,
                struct sl_str source);
/* Writes to standard output and flushes; SL_IO with the reason. */
SL_MUST_CHECK enum sl_code sl_cli_print(struct sl_str text, struct sl_err *err);
/* The same without flushing, for many small pieces. */
SL_MUST_CHECK enum sl_code sl_cli_put(struct sl_str text, struct sl_err *err);
/* What is left of earlier printf; to be called before a command says that all went well. */
SL_MUST_CHECK enum sl_code sl_cli_flush(struct sl_err *err);
/* Warns of every `-s NAME=..` that is no setting and that no ${NAME} of the source uses. */
void sl_cli_warn_unused(const struct sl_cli *cli, const struct sl_args *args, const char *file,
                        struct sl_str source);
/* First INT/TERM: engine stops after the batch; second: gives the batch up, exit 130. */
/* What a pipeline file can set. */
void sl_cli_print_options(void);
void sl_cli_catch_signals(struct sl_cli *cli);
/* Reads a file or, for "-", standard input. */
SL_MUST_CHECK enum sl_code sl_cli_read(const char *path, struct sl_buf *out, struct sl_err *err);

#endif
