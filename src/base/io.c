/* Files and directories by path; see io.h. Publication is in io_put.c, streams in io_file.c,
 * the lock in io_lock.c. */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/io_int.h"

static _Atomic enum sl_durability current_durability = SL_DURABLE_POWER;

void sl_io_set_durability(enum sl_durability durability) { current_durability = durability; }

char *sl_path_join(struct sl_arena *arena, const char *dir, const char *name) {
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/') len--;
    const char *slash = len == 1 && dir[0] == '/' ? "" : "/";
    return (char *)sl_arena_printf(arena, "%.*s%s%s", (int)len, dir, slash, name).ptr;
}

struct sl_str sl_path_parent(struct sl_str path) {
    while (path.len && path.ptr[path.len - 1] == '/') path.len--;
    while (path.len && path.ptr[path.len - 1] != '/') path.len--;
    while (path.len > 1 && path.ptr[path.len - 1] == '/') path.len--;
    return path;
}

static int compare_paths(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

size_t sl_path_parents(struct sl_str *paths, size_t count) {
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) paths[i] = sl_path_parent(paths[i]);
    if (count) qsort(paths, count, sizeof *paths, compare_paths);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !sl_str_eq(paths[i], paths[distinct - 1])) paths[distinct++] = paths[i];
    return distinct;
}

int sl_io_step(const char *point, const char *step) {
    if (!sl_fail_armed || !point) return 0;
    char name[96];
    snprintf(name, sizeof name, "%s.%s", point, step);
    return sl_fail_point(name);
}

int sl_io_fsync(int fd) {
    int injected = sl_fail_point("io.fsync");
    if (injected) return injected;
    if (current_durability == SL_DURABLE_PROCESS) return 0;
    while (fsync(fd) != 0)
        if (errno != EINTR) return errno;
    return 0;
}

int sl_io_write_all(int fd, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len) {
        int injected = sl_fail_point("io.write");
        if (injected) return injected;
        ssize_t written = write(fd, at, len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        at += written;
        len -= (size_t)written;
    }
    return 0;
}

int sl_io_read_all(int fd, uint64_t offset, void *to, size_t len, size_t *got) {
    *got = 0;
    while (*got < len) {
        int injected = sl_fail_point("io.read");
        if (injected) return injected;
        ssize_t read = pread(fd, (char *)to + *got, len - *got, (off_t)(offset + *got));
        if (read < 0 && errno == EINTR) continue;
        if (read < 0) return errno;
        if (read == 0) return 0;
        *got += (size_t)read;
    }
    return 0;
}

enum sl_code sl_io_sync_dir(const char *path, struct sl_err *err) {
    if (current_durability == SL_DURABLE_PROCESS) return SL_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return sl_fail_sys(err, errno, "could not open directory `%s`", path);
    int failure = sl_io_fsync(fd);
    /* some file systems do not let a directory be synced; they order the entry themselves */
    if (failure == EINVAL || failure == ENOTSUP) failure = 0;
    close(fd);
    return failure ? sl_fail_sys(err, failure, "could not sync directory `%s`", path) : SL_OK;
}

static int compare_dirs(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

/* The directories and all above them, sorted, perhaps some more than once. */
static size_t with_ancestors(struct sl_arena *arena, const struct sl_str *dirs, size_t count,
                             struct sl_str **out) {
    size_t all = 0, at = 0;
    for (size_t i = 0; i < count; i++, all += 2)
        for (size_t c = 0; c < dirs[i].len; c++) all += dirs[i].ptr[c] == '/';
    *out = SL_NEW_ARRAY(arena, struct sl_str, all + 1);
    for (size_t i = 0; i < count; i++) {
        struct sl_str dir = dirs[i];
        for ((*out)[at++] = dir; dir.len; (*out)[at++] = dir) {
            do dir.len--;
            while (dir.len && dir.ptr[dir.len] != '/');
        }
    }
    if (at) qsort(*out, at, sizeof **out, compare_dirs);
    return at;
}

enum sl_code sl_io_sync_dirs(const char *root, const struct sl_str *dirs, size_t count,
                             struct sl_err *err) {
    struct sl_arena arena;
    struct sl_str *all;
    enum sl_code code = SL_OK;
    sl_arena_init(&arena, "directories");
    size_t all_count = with_ancestors(&arena, dirs, count, &all);
    for (size_t i = 0; i < all_count && code == SL_OK; i++) {
        if (i && sl_str_eq(all[i], all[i - 1])) continue;
        const char *name = sl_arena_cstr(&arena, all[i]);
        code = sl_io_sync_dir(*name ? sl_path_join(&arena, root, name) : root, err);
    }
    sl_arena_release(&arena);
    return code;
}

/* ---- temporaries ---- */

static bool is_temporary(const char *name) {
    enum { UUID_BYTES = 36 };
    struct sl_str text = sl_str(name), end = SL_STR(".tmp");
    if (text.len < UUID_BYTES + 2 + end.len || text.ptr[0] != '.' || !sl_str_ends(text, end))
        return false;
    const char *uuid = name + text.len - end.len - UUID_BYTES;
    for (int i = 0; i < UUID_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? uuid[i] != '-' : !strchr("0123456789abcdef", uuid[i])) return false;
    }
    return uuid[-1] == '.';
}

static enum sl_code remove_temporaries(struct sl_arena *arena, const char *dir,
                                       struct sl_err *err) {
    char **names;
    size_t count;
    struct sl_err local = {0};
    if (sl_io_list_dir(dir, arena, &names, &count, &local) != SL_OK) {
        if (local.sys == ENOENT) return SL_OK;
        if (err) *err = local;
        return local.code;
    }
    for (size_t i = 0; i < count; i++)
        if (is_temporary(names[i])) SL_TRY(sl_io_unlink(sl_path_join(arena, dir, names[i]), err));
    return SL_OK;
}

enum sl_code sl_io_remove_temporaries(const char *dir, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "temporaries");
    enum sl_code code = remove_temporaries(&arena, dir, err);
    sl_arena_release(&arena);
    return code;
}

/* ---- whole files, directories ---- */

enum sl_code sl_io_read_file(const char *path, size_t bytes_max, struct sl_buf *out,
                             struct sl_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return sl_fail_sys(err, errno, "could not open `%s`", path);
    enum sl_code code = SL_OK;
    size_t total = 0;
    for (;;) {
        enum { CHUNK = 1 << 16 };
        uint8_t *to = sl_buf_reserve(out, CHUNK);
        int injected = sl_fail_point("io.read");
        ssize_t got = injected ? -1 : read(fd, to, CHUNK);
        if (injected) errno = injected;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) code = sl_fail_sys(err, errno, "could not read `%s`", path);
        if (got <= 0) break;
        out->len += (size_t)got;
        total += (size_t)got;
        if (total > bytes_max) {
            code = sl_fail(err, SL_DATA, "`%s` is larger than %zu bytes", path, bytes_max);
            break;
        }
    }
    close(fd);
    return code;
}

static enum sl_code make_one(const char *path, const char *parent, struct sl_err *err) {
    if (mkdir(path, 0755) == 0) return sl_io_sync_dir(parent, err);
    if (errno != EEXIST) return sl_fail_sys(err, errno, "could not create directory `%s`", path);
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return SL_OK;
    return sl_fail(err, SL_IO, "could not create directory `%s`: a file of that name exists", path);
}

enum sl_code sl_io_make_dirs(const char *path, struct sl_err *err) {
    if (!*path) return sl_fail(err, SL_IO, "could not create a directory: the path is empty");
    struct sl_file_info info;
    SL_TRY(sl_io_stat(path, &info, err));
    if (info.exists && info.is_dir) return SL_OK;
    struct sl_arena arena;
    sl_arena_init(&arena, "make_dirs");
    char *copy = sl_arena_cstr(&arena, sl_str(path));
    char *parent = sl_arena_cstr(&arena, sl_str(*path == '/' ? "/" : "."));
    enum sl_code code = SL_OK;
    for (char *at = copy + 1; code == SL_OK; at++) {
        if (*at && *at != '/') continue;
        char kept = *at;
        *at = '\0';
        code = make_one(copy, parent, err);
        parent = sl_arena_cstr(&arena, sl_str(copy));
        *at = kept;
        if (!kept) break;
    }
    sl_arena_release(&arena);
    return code;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum sl_code sl_io_list_dir(const char *path, struct sl_arena *arena, char ***names, size_t *count,
                            struct sl_err *err) {
    DIR *dir = opendir(path);
    if (!dir) return sl_fail_sys(err, errno, "could not list `%s`", path);
    char **list = NULL;
    size_t used = 0, cap = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (used == cap) {
            size_t more = cap ? cap * 2 : 16;
            list = sl_arena_grow(arena, list, used * sizeof *list, more * sizeof *list);
            cap = more;
        }
        list[used++] = sl_arena_cstr(arena, sl_str(entry->d_name));
    }
    closedir(dir);
    if (used) qsort(list, used, sizeof *list, compare_names);
    *names = list;
    *count = used;
    return SL_OK;
}

static bool is_number(const char *name, int64_t *number) {
    for (const char *c = name + (*name == '-'); *c; c++)
        if (*c < '0' || *c > '9') return false;
    return sl_str_to_i64(sl_str(name), number);
}

static int compare_numbers(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum sl_code sl_io_list_numbers(const char *path, struct sl_arena *arena, int64_t **numbers,
                                size_t *count, struct sl_err *err) {
    char **names;
    size_t name_count;
    struct sl_err local = {0};
    *numbers = NULL;
    *count = 0;
    enum sl_code code = sl_io_list_dir(path, arena, &names, &name_count, &local);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = local;
        return code;
    }
    *numbers = SL_NEW_ARRAY(arena, int64_t, name_count + 1);
    for (size_t i = 0; i < name_count; i++)
        if (is_number(names[i], &(*numbers)[*count])) (*count)++;
    qsort(*numbers, *count, sizeof **numbers, compare_numbers);
    return SL_OK;
}

enum sl_code sl_io_stat(const char *path, struct sl_file_info *info, struct sl_err *err) {
    struct stat st;
    *info = (struct sl_file_info){0};
    if (stat(path, &st) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return SL_OK;
        return sl_fail_sys(err, errno, "could not look at `%s`", path);
    }
    *info = (struct sl_file_info){
        .exists = true,
        .is_dir = S_ISDIR(st.st_mode),
        .bytes = (uint64_t)st.st_size,
        .modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
    };
    return SL_OK;
}

enum sl_code sl_io_unlink(const char *path, struct sl_err *err) {
    if (unlink(path) == 0 || errno == ENOENT) return SL_OK;
    return sl_fail_sys(err, errno, "could not remove `%s`", path);
}

static enum sl_code remove_below(const char *path, struct sl_arena *arena, struct sl_err *err) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? SL_OK : sl_fail_sys(err, errno, "could not look at `%s`", path);
    if (!S_ISDIR(st.st_mode)) return sl_io_unlink(path, err);
    char **names;
    size_t count;
    SL_TRY(sl_io_list_dir(path, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(remove_below(sl_path_join(arena, path, names[i]), arena, err));
    if (rmdir(path) == 0 || errno == ENOENT) return SL_OK;
    return sl_fail_sys(err, errno, "could not remove directory `%s`", path);
}

enum sl_code sl_io_remove_tree(const char *path, struct sl_err *err) {
    if (!*path || strcmp(path, "/") == 0)
        return sl_fail(err, SL_IO, "refusing to remove `%s`", path);
    struct sl_arena arena;
    sl_arena_init(&arena, "remove_tree");
    enum sl_code code = remove_below(path, &arena, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_io_rename(const char *from, const char *to, struct sl_err *err) {
    int injected = sl_fail_point("io.rename");
    if (!injected && rename(from, to) == 0) return SL_OK;
    return sl_fail_sys(err, injected ? injected : errno, "could not rename `%s` to `%s`", from, to);
}
