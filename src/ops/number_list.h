/* A list of rows or groups that grows with the data: it asks the budget. Safe when zeroed. */
#ifndef SL_OPS_NUMBER_LIST_H
#define SL_OPS_NUMBER_LIST_H

#include <stdlib.h>

#include "base/arena.h"
#include "base/budget.h"

struct sl_number_list {
    uint32_t *items;
    uint32_t count, cap;
};

static inline size_t sl_number_list_bytes(const struct sl_number_list *list) {
    return list->cap * sizeof *list->items;
}

static inline enum sl_code sl_number_list_reserve(struct sl_number_list *list, uint32_t more,
                                                  struct sl_budget *budget, const char *what,
                                                  struct sl_err *err) {
    if (more <= list->cap - list->count) return SL_OK;
    uint32_t cap = list->cap + list->cap / 2;
    if (cap < list->count + more) cap = list->count + more;
    SL_TRY(sl_budget_take(budget, (size_t)(cap - list->cap) * sizeof *list->items, what, err));
    list->items = (uint32_t *)sl_xrealloc(list->items, cap * sizeof *list->items);
    list->cap = cap;
    return SL_OK;
}

static inline void sl_number_list_release(struct sl_number_list *list, struct sl_budget *budget) {
    sl_budget_give(budget, sl_number_list_bytes(list));
    free(list->items);
    *list = (struct sl_number_list){0};
}

#endif
