/* The order generator: records of a shape, with a known share of late, duplicate, broken, negative
 * and null ones, and a ledger that says of every record what it was.
 *
 * No Kafka in here: whoever runs it takes the records (sl_gen_run's callback, or
 * sl_gen_orders_next) and sends them.  The same configuration gives the same records, except for
 * event times that follow the wall clock.
 *
 * Owner: one thread. */
#ifndef SL_GEN_ORDERS_H
#define SL_GEN_ORDERS_H

#include "base/buf.h"
#include "base/err.h"
#include "gen/gen_shapes.h"

enum sl_gen_mode {
    SL_GEN_CONTINUOUS, /* 1 a second */
    SL_GEN_COUNT,      /* `count` records as fast as can be */
    SL_GEN_BURST,      /* 30 at 1/s, 50 at 10/s, 10 at 0.2/s, 2 s between; again and again */
    SL_GEN_FAST,       /* 10 a second */
};

#define SL_GEN_RATE_MAX (-1.0)

struct sl_gen_config {
    bool nexmark; /* events of gen_nexmark.h; then only mode, count, rate and seed count */
    enum sl_gen_shape shape;
    enum sl_gen_mode mode;
    uint64_t count; /* records in all; 0 = without end */
    double rate;    /* records a second; 0 = the mode's own, SL_GEN_RATE_MAX = no pause */
    uint64_t seed;
    double late; /* shares 0..1; late < 0: the shape's own (orders9, simple: 0.1) */
    int64_t late_min_ms, late_max_ms; /* 0, 0: five to fifteen minutes */
    double duplicate, bad, negative, null;
    double zero; /* amount 0: share; < 0: the shape's own (orders11: 0.02) */
    /* Event time.  Default: the wall clock (orders11: three days from 2025-01-15 spread over
     * `count`, or over two million records, with +-60 s of disorder). */
    double clock_speed;     /* virtual clock: this many times faster than real time; 0 = off */
    int64_t clock_start_ms; /* of the virtual clock; 0 = now */
    int64_t clock_step_us;  /* virtual clock that advances by record instead; 0 = off */
    uint64_t first_number;  /* number of the first order; 0 = 1 */
};

enum sl_gen_kind {
    SL_GEN_GOOD,
    SL_GEN_LATE,
    SL_GEN_DUPLICATE,
    SL_GEN_BAD,
    SL_GEN_NEGATIVE,
    SL_GEN_NULL,
    SL_GEN_KIND_COUNT
};
extern const char *const sl_gen_kind_names[SL_GEN_KIND_COUNT];

struct sl_gen_record {
    uint64_t sequence; /* 0, 1, ... of this run */
    enum sl_gen_kind kind;
    struct sl_str key, value; /* ptr NULL: Kafka's null; valid until the next record */
    struct sl_str order_id;
    int64_t amount_cents;
    bool has_amount; /* the value holds a readable amount */
};

struct sl_gen_orders;
struct sl_gen_orders *sl_gen_orders_new(const struct sl_gen_config *config);
void sl_gen_orders_free(struct sl_gen_orders *orders); /* NULL is fine */
/* The next record, without end and without pause. */
const struct sl_gen_record *sl_gen_orders_next(struct sl_gen_orders *orders);

/* One JSON line of the ledger, with line break:
 * {"sequence":7,"kind":"late","key":"CUST-00042","order_id":"ORD-000008","hash":"0123456789abcdef",
 *  "amount":299.98}     hash: XXH64 of the value's bytes, "" for a null value; amount null if none
 */
void sl_gen_ledger_put(struct sl_buf *out, const struct sl_gen_record *record);

/* "late" text of the command line, "10%:5m-15m" or "0.1" or "10%", into the configuration. */
bool sl_gen_late_parse(struct sl_str text, struct sl_gen_config *out);
/* "10%" or "0.1". */
bool sl_gen_share_parse(struct sl_str text, double *out);

/* ---- running at a pace ---- */

/* Takes one record; anything but SL_OK ends the run with that code. */
typedef enum sl_code (*sl_gen_send_fn)(void *ctx, const struct sl_gen_record *record,
                                       struct sl_err *err);
struct sl_gen_runner {
    sl_gen_send_fn send;
    /* Called while waiting for the next record is due (serve the producer); may be NULL. */
    void (*idle)(void *ctx);
    bool (*stopping)(void *ctx); /* may be NULL */
    void *ctx;
    uint64_t counts[SL_GEN_KIND_COUNT]; /* sent, by kind */
    uint64_t bytes;
};
/* Until config.count records are sent, send fails, or stopping says so (SL_OK then). */
SL_MUST_CHECK enum sl_code sl_gen_run(const struct sl_gen_config *config,
                                      struct sl_gen_runner *runner, struct sl_err *err);
/* Nanoseconds after the start at which record `sequence` is due; 0 = at once. */
int64_t sl_gen_due_ns(const struct sl_gen_config *config, uint64_t sequence);

#endif
