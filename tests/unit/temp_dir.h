/* A directory of its own for a test, removed by temp_dir_remove. */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

static inline char *temp_dir_make(void) {
    const char *base = getenv("TMPDIR");
    char *path = malloc(256);
    snprintf(path, 256, "%s/sluice-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path)) abort();
    return path;
}

static inline void temp_dir_remove(char *path) {
    if (sl_io_remove_tree(path, NULL) != SL_OK) abort();
    free(path);
}

static inline void temp_dir_write(const char *dir, const char *name, const void *bytes,
                                  size_t len) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) abort();
}

/* malloc'd text of a file, or NULL when it is missing. */
static inline char *temp_dir_read(const char *dir, const char *name) {
    char path[512];
    struct sl_buf text = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (sl_io_read_file(path, 1 << 24, &text, NULL) != SL_OK) return NULL;
    sl_buf_cstr(&text);
    return (char *)text.ptr;
}

static inline int temp_dir_exists(const char *dir, const char *name) {
    char path[512];
    struct sl_file_info info;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return sl_io_stat(path, &info, NULL) == SL_OK && info.exists;
}

#endif
