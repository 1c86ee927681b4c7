/* Why a query with a watermark writes what it does, or nothing: how far event time has come, since
 * when it stands, which partitions bring nothing, and what has to arrive for the next window to
 * close.  Partitions without rows do not hold the watermark back (it is the latest time of all
 * rows, less the delay), but they may be the reason why none arrives. Owner: the query's thread. */
#ifndef SL_RUN_EVENT_STATUS_H
#define SL_RUN_EVENT_STATUS_H

#include "run/watermark.h"

/* A position of a source's offsets: `orders-3`. */
struct sl_partition_status {
    uint32_t source;
    struct sl_str name;
    int64_t offset, since_ms; /* that it has stood there */
    bool moved;               /* in the last batch */
};

struct sl_event_status {
    struct sl_arena *query;
    const struct sl_pipes *pipes;
    const struct sl_watermark_clock *clock;
    int64_t *newest_ms; /* per clause: the latest event time; INT64_MIN: none seen in this run */
    int64_t moved_ms;   /* wall clock of the batch that brought the latest of all; 0: none yet */
    struct sl_partition_status *partitions;
    uint32_t count, cap;
    int64_t batch_ms;                        /* wall clock of the last batch */
    int64_t duration_us, slide_us, start_us; /* of the windows nearest to the sources; 0: none */
    bool idle_told;                          /* since the last rows */
};

void sl_event_status_init(struct sl_event_status *status, struct sl_arena *query,
                          const struct sl_pipes *pipes, const struct sl_watermark_clock *clock);
/* Behind a batch, the clock included: starts and ends of its sources (JSON), and its times. */
void sl_event_status_note(struct sl_event_status *status, int64_t now_ms,
                          const struct sl_str *starts, const struct sl_str *ends, uint32_t sources,
                          const struct sl_event_times *times);
/* `"watermark":..` and so on: the members of an object. Nothing without a clause. */
void sl_event_status_put_json(struct sl_buf *out, const struct sl_event_status *status,
                              int64_t now_ms);
/* The sentence. */
void sl_event_status_put_text(struct sl_buf *out, const struct sl_event_status *status);

#endif
