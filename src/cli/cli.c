#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/io.h"
#include "base/quantity.h"
#include "conn/kafka/kafka_client.h"
#include "fmt/parquet/parquet_codec.h"
#include "kern/regexp.h"
#include "sql/parse.h"

#define COMMAND(variable) extern const struct sl_command variable;
#include "cli/commands.def"

static const struct sl_command *const commands[] = {
#define COMMAND(variable) &variable,
#include "cli/commands.def"
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct sl_flag common_flags[] = {
    {"set", 's', "KEY=VALUE", "a setting or a variable for ${KEY}; may be repeated"},
    {"memory", 0, "SIZE", "memory limit of the data in flight, such as 256m (default 256m)"},
    {"workers", 0, "N", "worker threads (default: one per core)"},
    {"durability", 0, "power|process", "power: fsync everything that is published (default)"},
    {"log-format", 0, "auto|text|json", "auto: text on a terminal, JSON lines elsewhere"},
    {"color", 0, "auto|always|never", "colours in messages"},
    {"verbose", 'v', NULL, "debug messages"},
    {"quiet", 'q', NULL, "errors only"},
    {"help", 'h', NULL, "this text"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command *sl_command_find(struct sl_str name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (sl_str_eq(name, sl_str(commands[i]->name))) return commands[i];
    return NULL;
}

/* ---- messages ---- */

static bool want_color(const char *mode, int fd) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (strcmp(mode, "always") == 0) return true;
    if (strcmp(mode, "never") == 0) return false;
    return isatty(fd) == 1 && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

int sl_cli_fail(const struct sl_cli *cli, const struct sl_err *err, const char *file,
                struct sl_str source) {
    enum { KILLED_BY_SIGPIPE = 128 + SIGPIPE };
    struct sl_buf text = {0};
    if (err->code == SL_IO && err->sys == EPIPE) return KILLED_BY_SIGPIPE;
    if (err->code == SL_CANCELED) {
        if (!cli->quiet) fprintf(stderr, "stopped\n");
        return sl_code_exit_status(err->code);
    }
    sl_sql_put_diagnostic(&text, err, file, source, cli->color);
    fwrite(text.ptr, 1, text.len, stderr);
    sl_buf_release(&text);
    return sl_code_exit_status(err->code);
}

static enum sl_code print_failed(int reason, struct sl_err *err) {
    clearerr(stdout);
    sl_fail_sys(err, reason ? reason : EIO, "could not write to standard output");
    if (err) err->hint[0] = '\0'; /* that of a full disk is about the lake */
    return SL_IO;
}

enum sl_code sl_cli_put(struct sl_str text, struct sl_err *err) {
    errno = 0;
    bool written = !text.len || fwrite(text.ptr, 1, text.len, stdout) == text.len;
    return written ? SL_OK : print_failed(errno, err);
}

enum sl_code sl_cli_flush(struct sl_err *err) {
    errno = 0;
    return fflush(stdout) == 0 && !ferror(stdout) ? SL_OK : print_failed(errno, err);
}

enum sl_code sl_cli_print(struct sl_str text, struct sl_err *err) {
    SL_TRY(sl_cli_put(text, err));
    return sl_cli_flush(err);
}

/* ---- help ---- */

static void print_flags(const struct sl_flag *flags) {
    for (const struct sl_flag *flag = flags; flag && flag->name; flag++) {
        char left[64], letter[8] = "    ";
        if (flag->letter) snprintf(letter, sizeof letter, "-%c, ", flag->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, flag->name, flag->value ? " " : "",
                 flag->value ? flag->value : "");
        printf("  %-34s %s\n", left, flag->doc);
    }
}

static void print_command_help(const struct sl_command *command) {
    printf("%s\n\nusage: sluice %s\n", command->summary, command->usage);
    if (command->examples) printf("\nexamples:\n%s", command->examples);
    if (command->flags && command->flags->name) printf("\noptions:\n");
    print_flags(command->flags);
    printf("\ncommon options:\n");
    print_flags(common_flags);
    printf("\nenvironment: SLUICE_BROKERS (default of --brokers), NO_COLOR, SLUICE_FAILPOINTS "
           "(tests)\n");
}

static void print_help(void) {
    printf("sluice: Kafka to the data lake, exactly once, with Spark's answers\n\nusage: sluice "
           "COMMAND [ARGUMENTS]\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
    printf("  %-12s %s\n  %-12s %s\n", "help",
           "help on a command: sluice help run; on options of sources, tables, settings: sluice "
           "help options",
           "version", "version of sluice and its libraries");
    printf(
        "\nexamples:\n"
        "  sluice demo\n"
        "  sluice run examples/orders.sql -s brokers=localhost:9092 -s lake=/data/lake "
        "--available-now\n"
        "  sluice sql -c 'SELECT * FROM parquet.`/data/lake/orders` LIMIT 10'\n"
        "\nexit status:\n"
        "  0 done (a run that Ctrl-C ended has committed)   1 failed             2 wrong usage\n"
        "  3 verify found errors   69 broker unreachable   70 bug in sluice\n"
        "  75 checkpoint in use, try again   78 SQL or options are wrong   130 stopped half-way\n");
}

static int print_version(void) {
    struct sl_buf text = {0};
    sl_buf_printf(&text, "sluice %s\n", SLUICE_VERSION);
    sl_kafka_put_version(&text);
    sl_codec_put_versions(&text);
    sl_regexp_put_version(&text);
    sl_digest_put_version(&text);
    if (text.len) fwrite(text.ptr, 1, text.len, stdout);
    sl_buf_release(&text);
    return 0;
}

/* The command whose name is near, or begins with what was given; NULL if none. */
static const char *near_command(struct sl_str name, const char *prefix) {
    struct sl_str names[COMMAND_COUNT + 3];
    size_t count = 0;
    for (; count < COMMAND_COUNT; count++) names[count] = sl_str(commands[count]->name);
    names[count++] = SL_STR("help");
    names[count++] = SL_STR("version");
    if (*prefix) names[count++] = SL_STR("options");
    int nearest = sl_str_nearest(name, names, count);
    for (size_t i = 0; i < count && nearest < 0; i++)
        if (name.len > 1 && sl_str_starts(names[i], name)) nearest = (int)i;
    return nearest < 0 ? NULL : names[nearest].ptr;
}

/* prefix: what stood before the name, "" or "help " */
static int unknown_command(const char *name, const char *prefix) {
    const char *nearest = near_command(sl_str(name), prefix);
    if (name[0] == '-')
        fprintf(stderr, "error: `%s` stands where the command should be\n", name);
    else
        fprintf(stderr, "error: there is no command `%s`\n", name);
    if (sl_str_ends(sl_str(name), SL_STR(".sql")))
        fprintf(stderr, "help: did you mean `sluice run %s`?\n", name);
    else if (nearest)
        fprintf(stderr, "help: did you mean `sluice %s%s`?\n", prefix, nearest);
    else
        fprintf(stderr, "help: `sluice help` lists the commands\n");
    return 2;
}

static void print_version_help(void) {
    printf("version of sluice and of the libraries it is built with\n\nusage: sluice version\n");
}

static int help(int argc, char **argv) {
    if (argc == 0) return print_help(), 0;
    const struct sl_command *command = sl_command_find(sl_str(argv[0]));
    if (command) return print_command_help(command), 0;
    if (strcmp(argv[0], "options") == 0) return sl_cli_print_options(), 0;
    if (strcmp(argv[0], "help") == 0) return print_help(), 0;
    if (strcmp(argv[0], "version") == 0) return print_version_help(), 0;
    return unknown_command(argv[0], "help ");
}

/* ---- settings ---- */

static const struct sl_str setting_names[] = {
#define SETTING(name, default_text, doc) SL_STR(name),
#include "run/settings.def"
};
enum { SETTING_COUNT = sizeof setting_names / sizeof *setting_names };

/* A setting that sluice knows, or may: Spark's others are taken and recorded. */
static bool is_setting(struct sl_str name) {
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (sl_str_eq(name, setting_names[i])) return true;
    return sl_str_starts(name, SL_STR("spark."));
}

/* ---- start ---- */

static enum sl_code apply_settings(struct sl_cli *cli, const struct sl_args *args,
                                   struct sl_err *err) {
    for (int i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].flag->name, "set") != 0) continue;
        struct sl_str text = sl_str(args->given[i].value);
        size_t equals = sl_str_find(text, SL_STR("="), 0);
        if (equals == SIZE_MAX || equals == 0) {
            sl_fail(err, SL_USAGE, "`-s %s` is not KEY=VALUE", text.ptr);
            return SL_USAGE;
        }
        if (equals + 1 == text.len && !is_setting(sl_str_sub(text, 0, equals))) {
            /* `-s lake=$LAKE` with LAKE unset would write to the root directory */
            sl_fail(err, SL_USAGE, "`-s %s` gives the variable no value", text.ptr);
            sl_hint(err, "if it shall be empty, write SET %.*s = ''; in the file", (int)equals,
                    text.ptr);
            return SL_USAGE;
        }
        sl_settings_set(cli->engine.settings, sl_str_sub(text, 0, equals),
                        sl_str_sub(text, equals + 1, text.len), SL_FROM_COMMAND_LINE);
    }
    const char *workers = sl_args_get(args, "workers", NULL);
    int64_t worker_count;
    SL_TRY(sl_args_int(args, "workers", &worker_count, err));
    if (workers)
        sl_settings_set(cli->engine.settings, SL_STR("sluice.workers"), sl_str(workers),
                        SL_FROM_COMMAND_LINE);
    return SL_OK;
}

static enum sl_code apply_durability(const struct sl_args *args, struct sl_err *err) {
    const char *durability = sl_args_get(args, "durability", "power");
    bool process = strcmp(durability, "process") == 0;
    if (!process && strcmp(durability, "power") != 0)
        return sl_fail(err, SL_USAGE, "`--durability` is `%s`; it must be power or process",
                       durability);
    sl_io_set_durability(process ? SL_DURABLE_PROCESS : SL_DURABLE_POWER);
    return SL_OK;
}

static enum sl_code apply_log(struct sl_cli *cli, const struct sl_args *args, struct sl_err *err) {
    const char *format = sl_args_get(args, "log-format", "auto"),
               *color = sl_args_get(args, "color", "auto");
    if (strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 && strcmp(color, "never") != 0)
        return sl_fail(err, SL_USAGE, "`--color` is `%s`; it must be auto, always or never", color);
    if (sl_args_has(args, "verbose") && sl_args_has(args, "quiet"))
        return sl_fail(err, SL_USAGE, "give one of --verbose and --quiet");
    cli->engine.log.plain = !cli->color;
    if (sl_args_has(args, "verbose")) cli->engine.log.level = SL_LOG_DEBUG;
    if (sl_args_has(args, "quiet")) cli->engine.log.level = SL_LOG_ERROR, cli->quiet = true;
    if (strcmp(format, "json") == 0)
        cli->engine.log.format = SL_LOG_JSON;
    else if (strcmp(format, "text") == 0)
        cli->engine.log.format = SL_LOG_TEXT;
    else if (strcmp(format, "auto") != 0)
        return sl_fail(err, SL_USAGE, "`--log-format` is `%s`; it must be auto, text or json",
                       format);
    return SL_OK;
}

int sl_cli_open(struct sl_cli *cli, struct sl_args *args) {
    struct sl_err err = {0};
    *cli = (struct sl_cli){.color = want_color(sl_args_get(args, "color", "auto"), STDERR_FILENO)};
    sl_engine_init(&cli->engine);
    enum sl_code code = apply_settings(cli, args, &err);
    if (code == SL_OK) code = apply_durability(args, &err);
    if (code == SL_OK) code = apply_log(cli, args, &err);
    if (code == SL_OK) code = sl_fail_configure(getenv("SLUICE_FAILPOINTS"), &err);
    if (code == SL_OK) return 0;
    int status = sl_cli_fail(cli, &err, NULL, SL_STR(""));
    sl_cli_close(cli);
    return status;
}

enum sl_code sl_cli_start(struct sl_cli *cli, struct sl_args *args, struct sl_err *err) {
    int64_t memory_bytes;
    const char *memory = sl_args_get(args, "memory", "256m");
    if (!sl_parse_bytes(sl_str(memory), &memory_bytes) || memory_bytes < 1 << 20)
        return sl_fail(err, SL_USAGE,
                       "`--memory` is `%s`; it must be a size of at least 1m, such as 256m",
                       memory);
    return sl_engine_start(&cli->engine, (size_t)memory_bytes, err);
}

void sl_cli_close(struct sl_cli *cli) { sl_engine_release(&cli->engine); }

enum sl_code sl_cli_read(const char *path, struct sl_buf *out, struct sl_err *err) {
    enum { SQL_BYTES_MAX = 64 << 20 };
    bool is_stdin = strcmp(path, "-") == 0;
    SL_TRY(sl_io_read_file(is_stdin ? "/dev/stdin" : path, SQL_BYTES_MAX, out, err));
    if (out->len < 2 ||
        (memcmp(out->ptr, "\xFF\xFE", 2) != 0 && memcmp(out->ptr, "\xFE\xFF", 2) != 0))
        return SL_OK;
    sl_fail(err, SL_USER, "`%s` is UTF-16 text, as some Windows programs write it", path);
    return sl_hint(err, "save it as UTF-8"), SL_USER;
}

/* `${name}` or `${prefix:name}` */
static bool uses_variable(struct sl_str source, struct sl_str name) {
    for (size_t at = 0; (at = sl_str_find(source, name, at)) != SIZE_MAX; at++) {
        bool closed = at + name.len < source.len && source.ptr[at + name.len] == '}';
        bool opened = at && (source.ptr[at - 1] == '{' || source.ptr[at - 1] == ':');
        if (opened && closed) return true;
    }
    return false;
}

/* The variable of the source that `name` was meant to be; empty if none. */
static struct sl_str near_variable(struct sl_str source, struct sl_str name) {
    enum { NAMES_MAX = 64 };
    struct sl_str names[NAMES_MAX];
    size_t count = 0;
    for (size_t at = 0; (at = sl_str_find(source, SL_STR("${"), at)) != SIZE_MAX; at += 2) {
        size_t end = sl_str_find(source, SL_STR("}"), at);
        if (end == SIZE_MAX || count == NAMES_MAX) break;
        names[count++] = sl_str_sub(source, at + 2, end);
    }
    int nearest = sl_str_nearest(name, names, count);
    return nearest < 0 ? SL_STR("") : names[nearest];
}

void sl_cli_warn_unused(const struct sl_cli *cli, const struct sl_args *args, const char *file,
                        struct sl_str source) {
    for (int i = 0; i < args->given_count && !cli->quiet; i++) {
        if (strcmp(args->given[i].flag->name, "set") != 0) continue;
        struct sl_str text = sl_str(args->given[i].value);
        struct sl_str name = sl_str_sub(text, 0, sl_str_find(text, SL_STR("="), 0));
        if (is_setting(name) || uses_variable(source, name)) continue;
        struct sl_str near = near_variable(source, name);
        int setting = near.len ? -1 : sl_str_nearest(name, setting_names, SETTING_COUNT);
        if (setting >= 0) near = setting_names[setting];
        fprintf(stderr, "warning: `-s %.*s` has no effect: %s has no ${%.*s}", SL_STR_ARG(name),
                file, SL_STR_ARG(name));
        if (near.len) fprintf(stderr, "; did you mean `%.*s`?", SL_STR_ARG(near));
        fputc('\n', stderr);
    }
}

/* ---- signals ---- */

static struct sl_engine *signalled_engine; /* a handler gets no argument */

static void on_signal(int number) {
    (void)number;
    sl_engine_stop(signalled_engine);
    /* the third time somebody really means it; every commit is safe against a kill */
    if (atomic_load(&signalled_engine->stop) > 2) _exit(130);
}

void sl_cli_catch_signals(struct sl_cli *cli) {
    signalled_engine = &cli->engine;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- main ---- */

static int run_command(const struct sl_command *command, int argc, char **argv) {
    struct sl_args args = {.flags = {common_flags, command->flags}};
    struct sl_err err = {0};
    if (sl_args_parse(&args, argc, argv, &err) != SL_OK) {
        struct sl_cli cli = {.color = want_color("auto", STDERR_FILENO)};
        int status = sl_cli_fail(&cli, &err, NULL, SL_STR(""));
        fprintf(stderr, "usage: sluice %s\n", command->usage);
        return status;
    }
    if (sl_args_has(&args, "help")) return print_command_help(command), 0;
    return command->run(command, &args);
}

static int choose(int argc, char **argv) {
    if (argc < 2) return print_help(), 2;
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc - 2, argv + 2);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return print_version();
    const struct sl_command *command = sl_command_find(sl_str(name));
    return command ? run_command(command, argc - 2, argv + 2) : unknown_command(name, "");
}

/* With a standard descriptor closed (`sluice run .. >&-`), the next file that is opened, a table's
 * or the checkpoint's, would get its number, and the text for the user with it.  The places are
 * taken in the wrong direction, so that using one still fails. */
static void take_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return;
}

int sl_cli_main(int argc, char **argv) {
    take_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* EFBIG is an error like a full disk */
    struct sl_err err = {0};
    int status = choose(argc, argv);
    if (status != 0 || sl_cli_flush(&err) == SL_OK) return status;
    struct sl_cli cli = {.color = want_color("auto", STDERR_FILENO)};
    return sl_cli_fail(&cli, &err, NULL, SL_STR(""));
}
