/* The events of the Nexmark benchmark: an online auction's new persons, auctions and bids, 1 : 3 :
 * 46 in a fixed order, as JSON.  Fields, proportions, hot ids and sizes are those of Apache Beam's
 * and github.com/nexmark/nexmark's generators; the random numbers are our own.
 *
 * One record is {"event_type":2,"person":null,"auction":null,"bid":{..}}: 0 is a person, 1 an
 * auction, 2 a bid.  Event time begins at 2025-01-15T00:00:00Z and advances 100 us a record.
 *
 * Owner: one thread. */
#ifndef SL_GEN_NEXMARK_H
#define SL_GEN_NEXMARK_H

#include "gen/gen_orders.h"

struct sl_gen_nexmark;
/* Of the configuration only the seed counts: the same seed gives the same records. */
struct sl_gen_nexmark *sl_gen_nexmark_new(const struct sl_gen_config *config);
void sl_gen_nexmark_free(struct sl_gen_nexmark *nexmark); /* NULL is fine */
/* The next record, without end and without pause; it has no key.  Valid until the next one. */
const struct sl_gen_record *sl_gen_nexmark_next(struct sl_gen_nexmark *nexmark);

#endif
