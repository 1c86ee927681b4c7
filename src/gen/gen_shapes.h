/* The shapes of orders: how one order becomes JSON text.  An order is made of random draws once, so
 * that every shape of it, broken ones included, tells of the same order. */
#ifndef SL_GEN_SHAPES_H
#define SL_GEN_SHAPES_H

#include "base/str.h"
#include "gen/gen_random.h"

enum sl_gen_shape {
    SL_GEN_ORDERS9,  /* nine fields, key customer_id; Python's spacing */
    SL_GEN_PAID,     /* nested order event, no key */
    SL_GEN_SIMPLE,   /* order_id, customer_id, amount, timestamp; key customer_id */
    SL_GEN_ORDERS11, /* the benchmark order, compact; key order_id */
    SL_GEN_PAYMENTS, /* of the same orders with the same seed and count; key order_id */
    SL_GEN_SHAPE_COUNT
};
extern const char *const sl_gen_shape_names[SL_GEN_SHAPE_COUNT];
/* By name, or SL_GEN_SHAPE_COUNT. */
enum sl_gen_shape sl_gen_shape_find(struct sl_str name);

/* A required field that is null in this record. */
enum sl_gen_null { SL_GEN_NULL_NONE, SL_GEN_NULL_ORDER, SL_GEN_NULL_CUSTOMER, SL_GEN_NULL_AMOUNT };

struct sl_gen_order {
    uint64_t number;   /* 1, 2, ... */
    uint64_t id[2];    /* random, for uuids and hex ids */
    uint32_t customer; /* from 1 */
    uint32_t product;  /* index of the shape's table */
    uint32_t status, place;
    uint32_t quantity;
    int64_t price_cents, amount_cents;
    int64_t time_us; /* event time */
    enum sl_gen_null null_field;
    char order_id[24];
    uint32_t order_id_len;
};

enum { SL_GEN_VALUE_MAX = 1024, SL_GEN_KEY_MAX = 32 };

/* Draws everything but time, null field and amount's sign. */
void sl_gen_order_draw(enum sl_gen_shape shape, struct sl_gen_random *random, uint64_t number,
                       struct sl_gen_order *out);
/* Text at `to` (room for SL_GEN_VALUE_MAX); returns its length. */
size_t sl_gen_order_value(enum sl_gen_shape shape, const struct sl_gen_order *order, char *to);
/* Kafka key; 0 when the shape has none. */
size_t sl_gen_order_key(enum sl_gen_shape shape, const struct sl_gen_order *order, char *to);

/* "2025-12-15T10:30:00" with `decimals` (0, 3, 6) digits of a second; for records and tests. */
char *sl_gen_put_time(char *to, int64_t time_us, int decimals);

#endif
