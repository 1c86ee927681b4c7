#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, bytes) ((void)(ptr), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, bytes) ((void)(ptr), (void)(bytes))
#endif

enum { BLOCK_BYTES_MIN = 4096, BLOCK_BYTES_MAX = 1 << 20, ALIGNMENT = 16 };

struct sl_arena_block {
    struct sl_arena_block *next;
    size_t cap, used;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct sl_arena_cleanup {
    struct sl_arena_cleanup *next;
    void (*fn)(void *ptr);
    void *ptr;
};

static _Noreturn void die(size_t bytes) {
    fprintf(stderr, "sluice: out of memory (%zu bytes asked)\n", bytes);
    exit(1);
}

void *sl_xmalloc(size_t bytes) {
    void *ptr = malloc(bytes ? bytes : 1);
    if (!ptr) die(bytes);
    return ptr;
}

void *sl_xcalloc(size_t count, size_t size) {
    void *ptr = calloc(count ? count : 1, size ? size : 1);
    if (!ptr) die(count * size);
    return ptr;
}

void *sl_xrealloc(void *old, size_t bytes) {
    void *ptr = realloc(old, bytes ? bytes : 1);
    if (!ptr) die(bytes);
    return ptr;
}

void sl_arena_init(struct sl_arena *arena, const char *name) {
    *arena = (struct sl_arena){.name = name};
}

static void run_cleanups(struct sl_arena *arena) {
    struct sl_arena_cleanup *cleanup = arena->cleanups;
    arena->cleanups = NULL;
    for (; cleanup; cleanup = cleanup->next) cleanup->fn(cleanup->ptr);
}

static void free_blocks(struct sl_arena_block *block) {
    while (block) {
        struct sl_arena_block *next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->cap);
        free(block);
        block = next;
    }
}

void sl_arena_reset(struct sl_arena *arena) {
    run_cleanups(arena);
    arena->used_bytes = 0;
    if (!arena->block) return;
    free_blocks(arena->block->next);
    arena->block->next = NULL;
    arena->block->used = 0;
    ASAN_POISON_MEMORY_REGION(arena->block->bytes, arena->block->cap);
}

void sl_arena_release(struct sl_arena *arena) {
    run_cleanups(arena);
    free_blocks(arena->block);
    arena->block = NULL;
    arena->used_bytes = 0;
}

static void add_block(struct sl_arena *arena, size_t bytes) {
    size_t cap = arena->block ? arena->block->cap * 2 : BLOCK_BYTES_MIN;
    if (cap > BLOCK_BYTES_MAX) cap = BLOCK_BYTES_MAX;
    if (cap < bytes) cap = bytes;
    struct sl_arena_block *block = sl_xmalloc(sizeof *block + cap);
    *block = (struct sl_arena_block){.next = arena->block, .cap = cap};
    ASAN_POISON_MEMORY_REGION(block->bytes, cap);
    arena->block = block;
}

void *sl_arena_alloc(struct sl_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2) die(bytes);
    size_t size = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size == 0) size = ALIGNMENT;
    if (!arena->block || arena->block->cap - arena->block->used < size) add_block(arena, size);
    void *ptr = arena->block->bytes + arena->block->used;
    arena->block->used += size;
    arena->used_bytes += size;
    ASAN_UNPOISON_MEMORY_REGION(ptr, bytes);
    return ptr;
}

void *sl_arena_zalloc(struct sl_arena *arena, size_t bytes) {
    return memset(sl_arena_alloc(arena, bytes), 0, bytes);
}

void *sl_arena_array(struct sl_arena *arena, size_t count, size_t size) {
    size_t bytes;
    sl_assert(!__builtin_mul_overflow(count, size, &bytes));
    return sl_arena_zalloc(arena, bytes);
}

void *sl_arena_grow(struct sl_arena *arena, void *old, size_t old_bytes, size_t new_bytes) {
    void *ptr = sl_arena_zalloc(arena, new_bytes);
    if (old_bytes) memcpy(ptr, old, old_bytes);
    return ptr;
}

char *sl_arena_cstr(struct sl_arena *arena, struct sl_str str) {
    char *copy = sl_arena_alloc(arena, str.len + 1);
    if (str.len) memcpy(copy, str.ptr, str.len);
    copy[str.len] = '\0';
    return copy;
}

struct sl_str sl_arena_str(struct sl_arena *arena, struct sl_str str) {
    return (struct sl_str){sl_arena_cstr(arena, str), str.len};
}

struct sl_str sl_arena_printf(struct sl_arena *arena, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    sl_assert(len >= 0);
    char *text = sl_arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return (struct sl_str){text, (size_t)len};
}

void sl_arena_on_reset(struct sl_arena *arena, void (*fn)(void *ptr), void *ptr) {
    struct sl_arena_cleanup *cleanup = SL_NEW(arena, struct sl_arena_cleanup);
    *cleanup = (struct sl_arena_cleanup){arena->cleanups, fn, ptr};
    arena->cleanups = cleanup;
}
