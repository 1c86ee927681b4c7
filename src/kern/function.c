/* The function table of functions.def, sorted by name once at first use. */
#include "kern/function.h"

#include <pthread.h>
#include <stdlib.h>

#include "kern/aggregate.h"
#include "kern/kernels.h"

/* Words of the `nulls` column; the null rule is the low byte, the flags stand above it. */
enum {
    STRICT = SL_NULLS_STRICT,
    CUSTOM = SL_NULLS_CUSTOM,
    NEVER = SL_NULLS_NEVER,
    RAW = SL_FN_RAW << 8,
    NONDETERMINISTIC = SL_FN_NONDETERMINISTIC << 8,
    BATCH_CONSTANT = SL_FN_BATCH_CONSTANT << 8,
    NULLABLE = SL_FN_NULLABLE << 8,
    VIEWS = SL_FN_VIEWS << 8
};

#define FUNCTION(name, signature, nulls, kernel, bind, doc, example, result)                       \
    {name,                                                                                         \
     signature,                                                                                    \
     (enum sl_null_rule)((nulls)&0xFF),                                                            \
     (unsigned)(nulls) >> 8,                                                                       \
     kernel,                                                                                       \
     bind,                                                                                         \
     doc,                                                                                          \
     example,                                                                                      \
     result},
static const struct sl_function rows_as_written[] = {
#include "kern/functions.def"
};
enum { FUNCTION_COUNT = sizeof rows_as_written / sizeof rows_as_written[0] };

/* Written once under pthread_once, constant afterwards. */
static struct sl_function sorted[FUNCTION_COUNT];
static struct sl_str names[FUNCTION_COUNT];
static pthread_once_t sorted_once = PTHREAD_ONCE_INIT;

static int compare_names(const void *a, const void *b) {
    const struct sl_function *const *left = a, *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);
    /* Overloads keep the order of the table. */
    return order ? order : (*left > *right) - (*left < *right);
}

static void sort_table(void) {
    const struct sl_function *order[FUNCTION_COUNT];
    for (size_t i = 0; i < FUNCTION_COUNT; i++) order[i] = &rows_as_written[i];
    qsort(order, FUNCTION_COUNT, sizeof order[0], compare_names);
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        sorted[i] = *order[i];
        names[i] = sl_str(sorted[i].name);
    }
}

static int compare_nocase(struct sl_str name, const char *lower) {
    size_t i = 0;
    for (; i < name.len && lower[i]; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (unsigned char)(c + 32);
        if (c != (unsigned char)lower[i]) return c < (unsigned char)lower[i] ? -1 : 1;
    }
    return i < name.len ? 1 : lower[i] ? -1 : 0;
}

const struct sl_function *sl_function_find(struct sl_str name, size_t *count) {
    pthread_once(&sorted_once, sort_table);
    size_t low = 0, high = FUNCTION_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_nocase(name, sorted[middle].name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < FUNCTION_COUNT && compare_nocase(name, sorted[end].name) == 0) end++;
    *count = end - low;
    return *count ? &sorted[low] : NULL;
}

const struct sl_function *sl_function_all(size_t *count) {
    pthread_once(&sorted_once, sort_table);
    *count = FUNCTION_COUNT;
    return sorted;
}

/* `and` is no answer to `rand`: operators and words of the grammar are not suggested. */
static bool is_callable(struct sl_str name) {
    static const char *const words[] = {"and",     "or",           "not",        "in",
                                        "div",     "like",         "case",       "ilike",
                                        "between", "getarrayitem", "getmapvalue"};
    if (!((name.ptr[0] >= 'a' && name.ptr[0] <= 'z'))) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_str_eq(name, sl_str(words[i]))) return false;
    return true;
}

/* One slip for three letters, so that short names do not suggest any other short name. */
struct sl_str sl_function_nearest(struct sl_str name) {
    pthread_once(&sorted_once, sort_table);
    struct sl_str best = SL_STR("");
    size_t least = name.len < 6 ? 2 : name.len / 3 + 1; /* exclusive */
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        size_t distance = is_callable(names[i]) ? sl_str_distance(name, names[i]) : least;
        if (distance < least) best = names[i], least = distance;
    }
    size_t count;
    const struct sl_aggregate *aggregates = sl_aggregate_all(&count);
    for (size_t i = 0; i < count; i++) {
        size_t distance = sl_str_distance(name, sl_str(aggregates[i].name));
        if (distance < least) best = sl_str(aggregates[i].name), least = distance;
    }
    return best;
}
