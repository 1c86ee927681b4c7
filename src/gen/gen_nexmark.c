#include "gen/gen_nexmark.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "gen/gen_text.h"

enum {
    PERSONS = 1,
    AUCTIONS = 3,
    BIDS = 46,
    EPOCH = PERSONS + AUCTIONS + BIDS, /* records until the order repeats */
    FIRST_ID = 1000,                   /* of persons and of auctions */
    FIRST_CATEGORY = 10,
    CATEGORIES = 5,
    HOT_GROUP = 100, /* one id of so many is the hot one */
    HOT_AUCTION_RATIO = 2,
    HOT_SELLER_RATIO = 4,
    HOT_BIDDER_RATIO = 4,
    IN_FLIGHT_AUCTIONS = 100,
    ACTIVE_PERSONS = 1000,
    ID_LEAD = 10, /* ids that do not exist yet, as if events had been swapped */
    CHANNELS = 10000,
    PERSON_BYTES = 200, /* sizes that `extra` fills up to, on average */
    AUCTION_BYTES = 500,
    BID_BYTES = 100,
    EVENT_US = 100,
    LETTERS = 1 << 20,
    VALUE_MAX = 2048,
};
#define START_US INT64_C(1736899200000000) /* 2025-01-15T00:00:00Z */

struct sl_gen_nexmark {
    struct sl_gen_random random;
    struct sl_gen_record record;
    uint64_t sequence;
    char *letters; /* `extra` is a piece of these */
    char value[VALUE_MAX];
};

static void fill_letters(struct sl_gen_nexmark *nexmark) {
    for (size_t i = 0; i < LETTERS;) {
        uint64_t draw = sl_gen_random_next(&nexmark->random);
        for (int j = 0; j < 8 && i < LETTERS; j++, draw /= 26)
            nexmark->letters[i++] = (char)('a' + draw % 26);
    }
}

struct sl_gen_nexmark *sl_gen_nexmark_new(const struct sl_gen_config *config) {
    struct sl_gen_nexmark *nexmark = sl_xcalloc(1, sizeof *nexmark);
    sl_gen_random_seed(&nexmark->random, config->seed);
    nexmark->letters = sl_xcalloc(1, LETTERS);
    fill_letters(nexmark);
    return nexmark;
}

void sl_gen_nexmark_free(struct sl_gen_nexmark *nexmark) {
    if (!nexmark) return;
    free(nexmark->letters);
    free(nexmark);
}

/* ---- ids, from 0 ---- */

static uint64_t last_person(uint64_t sequence) { return sequence / EPOCH * PERSONS; }

/* The auction that this record makes, or the last one made; before the first one, the first. */
static uint64_t last_auction(uint64_t sequence) {
    uint64_t epoch = sequence / EPOCH, within = sequence % EPOCH;
    if (within < PERSONS) return epoch ? epoch * AUCTIONS - 1 : 0;
    within -= PERSONS;
    return epoch * AUCTIONS + (within < AUCTIONS ? within : AUCTIONS - 1);
}

static uint64_t some_auction(struct sl_gen_random *random, uint64_t sequence) {
    uint64_t last = last_auction(sequence),
             first = last > IN_FLIGHT_AUCTIONS ? last - IN_FLIGHT_AUCTIONS : 0;
    return first + sl_gen_random_below(random, (uint32_t)(last - first) + 1 + ID_LEAD);
}

static uint64_t some_person(struct sl_gen_random *random, uint64_t sequence) {
    uint64_t count = last_person(sequence) + 1,
             active = count < ACTIVE_PERSONS ? count : ACTIVE_PERSONS;
    return count - active + sl_gen_random_below(random, (uint32_t)active + ID_LEAD);
}

/* ---- pieces of text ---- */

#define TEXT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }
#define PUT_ANY(to, random, table)                                                                 \
    put_any(to, random, table, (uint32_t)(sizeof(table) / sizeof *(table)))
static const struct sl_str first_names[] = {
    TEXT("Peter"), TEXT("Paul"),  TEXT("Luke"),  TEXT("John"),   TEXT("Saul"),  TEXT("Vicky"),
    TEXT("Kate"),  TEXT("Julie"), TEXT("Sarah"), TEXT("Deiter"), TEXT("Walter")};
static const struct sl_str last_names[] = {TEXT("Shultz"), TEXT("Abrams"),  TEXT("Spencer"),
                                           TEXT("White"),  TEXT("Bartels"), TEXT("Walton"),
                                           TEXT("Smith"),  TEXT("Jones"),   TEXT("Noris")};
static const struct sl_str cities[] = {
    TEXT("Phoenix"), TEXT("Los Angeles"), TEXT("San Francisco"), TEXT("Boise"), TEXT("Portland"),
    TEXT("Bend"),    TEXT("Redmond"),     TEXT("Seattle"),       TEXT("Kent"),  TEXT("Cheyenne")};
static const struct sl_str states[] = {TEXT("AZ"), TEXT("CA"), TEXT("ID"),
                                       TEXT("OR"), TEXT("WA"), TEXT("WY")};
static const struct sl_str hot_channels[] = {TEXT("Google"), TEXT("Facebook"), TEXT("Baidu"),
                                             TEXT("Apple")};

static char *put_any(char *to, struct sl_gen_random *random, const struct sl_str *table,
                     uint32_t count) {
    struct sl_str text = table[sl_gen_random_below(random, count)];
    return sl_gen_put(to, text.ptr, text.len);
}

/* 3 .. max - 1 characters, one of 13 of them `special`, but for those at the ends. */
static char *put_word(char *to, struct sl_gen_random *random, uint32_t max, char special) {
    uint32_t len = 3 + sl_gen_random_below(random, max - 3);
    for (uint32_t i = 0; i < len; i++) {
        uint64_t draw = sl_gen_random_next(random);
        bool inside = i > 0 && i + 1 < len;
        *to++ = inside && draw >> 32 < UINT64_C(0x100000000) / 13
                    ? special
                    : (char)('a' + (uint32_t)draw % 26);
    }
    return to;
}

/* So many letters that `used` and they are `wanted` bytes, give or take a fifth. */
static char *put_extra(char *to, struct sl_gen_nexmark *nexmark, uint32_t used, uint32_t wanted) {
    if (used > wanted) return to;
    uint32_t size = wanted - used, spread = size / 5,
             len = size - spread + (spread ? sl_gen_random_below(&nexmark->random, 2 * spread) : 0),
             at = sl_gen_random_below(&nexmark->random, LETTERS - len);
    return sl_gen_put(to, nexmark->letters + at, len);
}

static char *put_moment(char *to, int64_t time_us) {
    *to++ = '"';
    to = sl_gen_put_time(to, time_us, 3);
    return SL_GEN_PUT(to, "Z\"");
}

/* Cents, as many below 10 as between 100,000 and 1,000,000. */
static uint64_t draw_price(struct sl_gen_random *random) {
    double share = (double)(sl_gen_random_next(random) >> 11) * 0x1p-53;
    return (uint64_t)llround(pow(10, share * 6) * 100);
}

/* ---- the three kinds ---- */

static char *put_person(char *to, struct sl_gen_nexmark *nexmark, int64_t time_us) {
    struct sl_gen_random *random = &nexmark->random;
    to = SL_GEN_PUT(to, "{\"event_type\":0,\"person\":{\"id\":");
    to = sl_gen_put_number(to, FIRST_ID + last_person(nexmark->sequence));
    char *begin = to;
    to = SL_GEN_PUT(to, ",\"name\":\"");
    to = PUT_ANY(to, random, first_names);
    *to++ = ' ';
    to = PUT_ANY(to, random, last_names);
    to = SL_GEN_PUT(to, "\",\"emailAddress\":\"");
    to = put_word(to, random, 7, '.');
    *to++ = '@';
    to = put_word(to, random, 5, '-');
    to = SL_GEN_PUT(to, ".com\",\"creditCard\":\"");
    for (int i = 0; i < 4; i++) {
        if (i) *to++ = ' ';
        to = sl_gen_put_digits(to, sl_gen_random_below(random, 10000), 4);
    }
    to = SL_GEN_PUT(to, "\",\"city\":\"");
    to = PUT_ANY(to, random, cities);
    to = SL_GEN_PUT(to, "\",\"state\":\"");
    to = PUT_ANY(to, random, states);
    /* Of the bytes so far 64 are names of fields and quotes; an id counts as 8. */
    uint32_t used = (uint32_t)(to - begin) - 64 + 8;
    to = SL_GEN_PUT(to, "\",\"dateTime\":");
    to = put_moment(to, time_us);
    to = SL_GEN_PUT(to, ",\"extra\":\"");
    to = put_extra(to, nexmark, used, PERSON_BYTES);
    return SL_GEN_PUT(to, "\"},\"auction\":null,\"bid\":null}");
}

/* An auction takes about as long as it takes to make IN_FLIGHT_AUCTIONS more. */
static int64_t draw_length_us(struct sl_gen_random *random) {
    uint32_t horizon_ms = IN_FLIGHT_AUCTIONS * EPOCH / AUCTIONS * EVENT_US / 1000;
    return (1 + (int64_t)sl_gen_random_below(random, horizon_ms * 2)) * 1000;
}

static char *put_auction(char *to, struct sl_gen_nexmark *nexmark, int64_t time_us) {
    struct sl_gen_random *random = &nexmark->random;
    uint64_t initial = draw_price(random), reserve = initial + draw_price(random),
             seller = sl_gen_random_below(random, HOT_SELLER_RATIO)
                          ? last_person(nexmark->sequence) / HOT_GROUP * HOT_GROUP
                          : some_person(random, nexmark->sequence);
    to = SL_GEN_PUT(to, "{\"event_type\":1,\"person\":null,\"auction\":{\"id\":");
    to = sl_gen_put_number(to, FIRST_ID + last_auction(nexmark->sequence));
    char *begin = to = SL_GEN_PUT(to, ",\"itemName\":\"");
    to = put_word(to, random, 20, ' ');
    uint32_t used = (uint32_t)(to - begin) + 48; /* six numbers and times */
    begin = to = SL_GEN_PUT(to, "\",\"description\":\"");
    to = put_word(to, random, 100, ' ');
    used += (uint32_t)(to - begin);
    to = SL_GEN_PUT(to, "\",\"initialBid\":");
    to = sl_gen_put_number(to, initial);
    to = SL_GEN_PUT(to, ",\"reserve\":");
    to = sl_gen_put_number(to, reserve);
    to = SL_GEN_PUT(to, ",\"dateTime\":");
    to = put_moment(to, time_us);
    to = SL_GEN_PUT(to, ",\"expires\":");
    to = put_moment(to, time_us / 1000 * 1000 + draw_length_us(random));
    to = SL_GEN_PUT(to, ",\"seller\":");
    to = sl_gen_put_number(to, FIRST_ID + seller);
    to = SL_GEN_PUT(to, ",\"category\":");
    to = sl_gen_put_number(to, FIRST_CATEGORY + sl_gen_random_below(random, CATEGORIES));
    to = SL_GEN_PUT(to, ",\"extra\":\"");
    to = put_extra(to, nexmark, used, AUCTION_BYTES);
    return SL_GEN_PUT(to, "\"},\"bid\":null}");
}

/* A place's page: always the same one for a channel. */
static char *put_url(char *to, uint32_t channel, bool with_id) {
    struct sl_gen_random random;
    sl_gen_random_seed(&random, channel);
    to = SL_GEN_PUT(to, "https://www.nexmark.com/");
    for (int i = 0; i < 3; i++) {
        to = put_word(to, &random, 5, '_');
        *to++ = '/';
    }
    to = SL_GEN_PUT(to, "item.htm?query=1");
    if (!with_id || sl_gen_random_below(&random, 10) == 0) return to;
    to = SL_GEN_PUT(to, "&channel_id=");
    return sl_gen_put_number(to, sl_gen_random_next(&random) >> 33);
}

static char *put_channel(char *to, struct sl_gen_random *random) {
    enum { HOT = sizeof hot_channels / sizeof *hot_channels };
    bool hot = sl_gen_random_below(random, 2) > 0;
    uint32_t channel = sl_gen_random_below(random, hot ? HOT : CHANNELS);
    to = SL_GEN_PUT(to, ",\"channel\":\"");
    if (hot) {
        to = sl_gen_put(to, hot_channels[channel].ptr, hot_channels[channel].len);
    } else {
        to = SL_GEN_PUT(to, "channel-");
        to = sl_gen_put_number(to, channel);
    }
    to = SL_GEN_PUT(to, "\",\"url\":\"");
    return put_url(to, hot ? CHANNELS + channel : channel, !hot);
}

static char *put_bid(char *to, struct sl_gen_nexmark *nexmark, int64_t time_us) {
    struct sl_gen_random *random = &nexmark->random;
    uint64_t at = nexmark->sequence,
             auction = sl_gen_random_below(random, HOT_AUCTION_RATIO)
                           ? last_auction(at) / HOT_GROUP * HOT_GROUP
                           : some_auction(random, at),
             /* The second of the group: the first one is the hot seller. */
        bidder = sl_gen_random_below(random, HOT_BIDDER_RATIO)
                     ? last_person(at) / HOT_GROUP * HOT_GROUP + 1
                     : some_person(random, at);
    to = SL_GEN_PUT(to, "{\"event_type\":2,\"person\":null,\"auction\":null,\"bid\":{\"auction\":");
    to = sl_gen_put_number(to, FIRST_ID + auction);
    to = SL_GEN_PUT(to, ",\"bidder\":");
    to = sl_gen_put_number(to, FIRST_ID + bidder);
    to = SL_GEN_PUT(to, ",\"price\":");
    to = sl_gen_put_number(to, draw_price(random));
    to = put_channel(to, random);
    to = SL_GEN_PUT(to, "\",\"dateTime\":");
    to = put_moment(to, time_us);
    to = SL_GEN_PUT(to, ",\"extra\":\"");
    to = put_extra(to, nexmark, 32, BID_BYTES); /* four numbers and times */
    return SL_GEN_PUT(to, "\"}}");
}

const struct sl_gen_record *sl_gen_nexmark_next(struct sl_gen_nexmark *nexmark) {
    uint64_t within = nexmark->sequence % EPOCH;
    int64_t time_us = START_US + (int64_t)nexmark->sequence * EVENT_US;
    char *end = within < PERSONS              ? put_person(nexmark->value, nexmark, time_us)
                : within < PERSONS + AUCTIONS ? put_auction(nexmark->value, nexmark, time_us)
                                              : put_bid(nexmark->value, nexmark, time_us);
    nexmark->record = (struct sl_gen_record){
        .sequence = nexmark->sequence++,
        .value = {nexmark->value, (size_t)(end - nexmark->value)},
    };
    return &nexmark->record;
}
