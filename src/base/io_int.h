/* Shared by the io_*.c files: system calls with their failpoints. Each returns 0 or an errno. */
#ifndef SL_BASE_IO_INT_H
#define SL_BASE_IO_INT_H

#include <stddef.h>
#include <stdint.h>

int sl_io_step(const char *point, const char *step); /* failpoint "<point>.<step>" */
int sl_io_fsync(int fd);
int sl_io_write_all(int fd, const void *bytes, size_t len);
/* pread until len bytes are there; *got is less than that only where the file ends. */
int sl_io_read_all(int fd, uint64_t offset, void *to, size_t len, size_t *got);

#endif
