/* Arena: memory with one lifetime, freed together.
 *
 * Lifetimes are named by whoever passes them: `engine` (process), `query` (plan, operators),
 * `epoch` (one micro-batch and its commit), `scratch` (reset after every batch, one per worker).
 * There is no current-arena global.  Column data is not arena memory: see col/vec.h.
 *
 * An allocation never returns NULL: when the system has no memory the process ends with a message
 * and exit status 1, which the commit protocol makes as safe as a kill.  So never size an arena
 * allocation from an unverified length: check it against the bytes at hand first.
 *
 * Owner: one thread at a time.
 */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct sl_arena_block;
struct sl_arena_cleanup;

struct sl_arena {
    struct sl_arena_block *block; /* newest first */
    struct sl_arena_cleanup *cleanups;
    size_t used_bytes; /* handed out since init or reset */
    const char *name;  /* lifetime, for messages */
};

void sl_arena_init(struct sl_arena *arena, const char *name);
/* Runs cleanups (newest first), keeps one block for reuse. */
void sl_arena_reset(struct sl_arena *arena);
/* Runs cleanups and frees everything; safe on a zeroed struct. */
void sl_arena_release(struct sl_arena *arena);

/* 16-byte aligned; sl_arena_zalloc zeroes. */
void *sl_arena_alloc(struct sl_arena *arena, size_t bytes);
void *sl_arena_zalloc(struct sl_arena *arena, size_t bytes);
/* count * size with overflow check (ends the process on overflow: an internal bug). */
void *sl_arena_array(struct sl_arena *arena, size_t count, size_t size);
/* Grows an arena array by copying; old may be NULL. */
void *sl_arena_grow(struct sl_arena *arena, void *old, size_t old_bytes, size_t new_bytes);
/* Copies; the result has a NUL behind it that is not counted. */
struct sl_str sl_arena_str(struct sl_arena *arena, struct sl_str str);
char *sl_arena_cstr(struct sl_arena *arena, struct sl_str str);
struct sl_str sl_arena_printf(struct sl_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Calls fn(ptr) at reset or release: for files and foreign handles. */
void sl_arena_on_reset(struct sl_arena *arena, void (*fn)(void *ptr), void *ptr);

#define SL_NEW(arena, type) ((type *)sl_arena_zalloc((arena), sizeof(type)))
#define SL_NEW_ARRAY(arena, type, count) ((type *)sl_arena_array((arena), (count), sizeof(type)))

/* malloc family that ends the process instead of returning NULL. */
void *sl_xmalloc(size_t bytes);
void *sl_xcalloc(size_t count, size_t size);
void *sl_xrealloc(void *ptr, size_t bytes);

#endif
