#include "gen/gen_shapes.h"

#include "base/civil.h"
#include "gen/gen_text.h"

const char *const sl_gen_shape_names[SL_GEN_SHAPE_COUNT] = {"orders9", "paid", "simple", "orders11",
                                                            "payments"};

enum sl_gen_shape sl_gen_shape_find(struct sl_str name) {
    int i = 0;
    while (i < SL_GEN_SHAPE_COUNT && !sl_str_eq_nocase(name, sl_str(sl_gen_shape_names[i]))) i++;
    return (enum sl_gen_shape)i;
}

/* ---- tables ---- */

struct text {
    const char *ptr;
    size_t len;
};
#define T(literal)                                                                                 \
    { literal, sizeof(literal) - 1 }
#define COUNT(table) (uint32_t)(sizeof(table) / sizeof *(table))

static const struct shop_product {
    struct text name;
    int64_t cents;
} shop_products[] = {
    {T("Laptop Pro 15"), 129999},      {T("Wireless Mouse"), 2999},
    {T("Mechanical Keyboard"), 14999}, {T("USB-C Hub"), 4999},
    {T("Monitor 27 inch"), 39999},     {T("Webcam HD"), 7999},
    {T("Headphones"), 19999},          {T("Desk Lamp"), 3499},
    {T("Phone Stand"), 1499},          {T("External SSD 1TB"), 12999},
};
static const struct text shop_status[] = {T("pending"), T("processing"), T("completed"),
                                          T("cancelled")};

static const struct paid_product {
    struct text id, name, category;
    int64_t rupees;
} paid_products[] = {
    {T("P1001"), T("Wireless Mouse"), T("Electronics"), 799},
    {T("P1002"), T("Running Shoes"), T("Footwear"), 2999},
    {T("P1003"), T("Water Bottle"), T("Kitchen"), 299},
    {T("P1004"), T("Office Chair"), T("Furniture"), 5999},
    {T("P1005"), T("Bluetooth Speaker"), T("Electronics"), 1999},
};
static const struct text paid_methods[] = {T("UPI"), T("Card"), T("NetBanking")};
static const struct text paid_devices[] = {T("Android"), T("iOS"), T("Web")};
static const struct text paid_places[] = {T("Pune"), T("Mumbai"), T("Delhi"), T("Bengaluru"),
                                          T("Chennai")};

/* 50 products in 6 categories, 20 cities, status by share of 20. */
#define P(name, category) T("\"product\":\"" name "\",\"category\":\"" category "\"")
static const struct text bench_products[] = {
    P("Mouse", "Tech"),     P("Keyboard", "Tech"), P("Hub", "Tech"),     P("Headset", "Tech"),
    P("Webcam", "Tech"),    P("Monitor", "Tech"),  P("Laptop", "Tech"),  P("Charger", "Tech"),
    P("Jacket", "Wear"),    P("Shoes", "Wear"),    P("Sweater", "Wear"), P("Shirt", "Wear"),
    P("Coat", "Wear"),      P("Belt", "Wear"),     P("Gloves", "Wear"),  P("Cap", "Wear"),
    P("Novel", "Books"),    P("Atlas", "Books"),   P("Comic", "Books"),  P("Manual", "Books"),
    P("History", "Books"),  P("Poems", "Books"),   P("Diary", "Books"),  P("Cookbook", "Books"),
    P("Lamp", "Home"),      P("Vacuum", "Home"),   P("Box", "Home"),     P("Clock", "Home"),
    P("Towel", "Home"),     P("Knife", "Home"),    P("Kettle", "Home"),  P("Carpet", "Home"),
    P("Yoga Mat", "Sport"), P("Racket", "Sport"),  P("Ball", "Sport"),   P("Helmet", "Sport"),
    P("Rope", "Sport"),     P("Goggles", "Sport"), P("Tent", "Sport"),   P("Bottle", "Sport"),
    P("Bike", "Sport"),     P("Oil", "Food"),      P("Tea", "Food"),     P("Cocoa", "Food"),
    P("Almonds", "Food"),   P("Pasta", "Food"),    P("Honey", "Food"),   P("Rice", "Food"),
    P("Milk", "Food"),      P("Coffee", "Food"),
};
static const struct text bench_cities[] = {
    T("Istanbul"),  T("Ankara"), T("Izmir"),     T("Bursa"),   T("Antalya"),
    T("Adana"),     T("Konya"),  T("Gaziantep"), T("Mersin"),  T("Kayseri"),
    T("Eskisehir"), T("Samsun"), T("Denizli"),   T("Trabzon"), T("Malatya"),
    T("Erzurum"),   T("Van"),    T("Batman"),    T("Elazig"),  T("Manisa"),
};
static const struct text bench_status[] = {
    T("PAID"),    T("PAID"),    T("PAID"),      T("PAID"),      T("PAID"),
    T("PAID"),    T("PAID"),    T("PAID"),      T("PAID"),      T("PAID"),
    T("PAID"),    T("PAID"),    T("PAID"),      T("PAID"),      T("PENDING"),
    T("PENDING"), T("PENDING"), T("CANCELLED"), T("CANCELLED"), T("REFUNDED"),
};

static char *put_text(char *to, struct text text) { return sl_gen_put(to, text.ptr, text.len); }

/* ---- drawing ---- */

static void name_order(enum sl_gen_shape shape, struct sl_gen_order *order) {
    char *to = SL_GEN_PUT(order->order_id, "ORD-");
    uint64_t number = order->number;
    if (shape == SL_GEN_PAID)
        to = sl_gen_put_hex(to, order->id[1] ^ number, 8);
    else if (shape == SL_GEN_ORDERS11 || shape == SL_GEN_PAYMENTS)
        to = number < 1000000000 ? sl_gen_put_digits(to, number, 9) : sl_gen_put_number(to, number);
    else
        to = number < 1000000 ? sl_gen_put_digits(to, number, 6) : sl_gen_put_number(to, number);
    order->order_id_len = (uint32_t)(to - order->order_id);
}

void sl_gen_order_draw(enum sl_gen_shape shape, struct sl_gen_random *random, uint64_t number,
                       struct sl_gen_order *out) {
    *out = (struct sl_gen_order){.number = number,
                                 .id = {sl_gen_random_next(random), sl_gen_random_next(random)},
                                 .quantity = 1 + sl_gen_random_below(random, 5)};
    switch (shape) {
    case SL_GEN_ORDERS11:
    case SL_GEN_PAYMENTS:
        out->customer = 1 + sl_gen_random_below(random, 50000);
        out->product = sl_gen_random_below(random, COUNT(bench_products));
        out->status = sl_gen_random_below(random, COUNT(bench_status));
        out->place = sl_gen_random_below(random, COUNT(bench_cities));
        out->price_cents = 199 + sl_gen_random_below(random, 49800);
        break;
    case SL_GEN_PAID:
        out->customer = 1000 + sl_gen_random_below(random, 9000);
        out->product = sl_gen_random_below(random, COUNT(paid_products));
        out->status = sl_gen_random_below(random, COUNT(paid_methods));
        out->place = sl_gen_random_below(random, COUNT(paid_devices) * COUNT(paid_places));
        out->price_cents = paid_products[out->product].rupees * 100;
        break;
    default:
        out->customer = 1 + sl_gen_random_below(random, 100);
        out->product = sl_gen_random_below(random, COUNT(shop_products));
        out->status = sl_gen_random_below(random, COUNT(shop_status));
        out->price_cents = shop_products[out->product].cents;
    }
    out->amount_cents = out->price_cents * out->quantity;
    name_order(shape, out);
}

/* ---- pieces ---- */

char *sl_gen_put_time(char *to, int64_t time_us, int decimals) {
    int64_t days = time_us / 86400000000 - (time_us % 86400000000 < 0);
    uint64_t us = (uint64_t)(time_us - days * 86400000000), seconds = us / 1000000;
    int32_t year, month, day;
    sl_civil_from_days((int32_t)days, &year, &month, &day);
    to = sl_gen_put_digits(to, (uint64_t)year, 4);
    *to++ = '-';
    to = sl_gen_put_digits(to, (uint64_t)month, 2);
    *to++ = '-';
    to = sl_gen_put_digits(to, (uint64_t)day, 2);
    *to++ = 'T';
    to = sl_gen_put_digits(to, seconds / 3600, 2);
    *to++ = ':';
    to = sl_gen_put_digits(to, seconds / 60 % 60, 2);
    *to++ = ':';
    to = sl_gen_put_digits(to, seconds % 60, 2);
    if (!decimals) return to;
    *to++ = '.';
    return sl_gen_put_digits(to, decimals == 3 ? us % 1000000 / 1000 : us % 1000000, decimals);
}

static char *put_uuid(char *to, const uint64_t id[2]) {
    to = sl_gen_put_hex(to, id[0] >> 32, 8);
    *to++ = '-';
    to = sl_gen_put_hex(to, id[0] >> 16, 4);
    to = SL_GEN_PUT(to, "-4");
    to = sl_gen_put_hex(to, id[0], 3);
    to = SL_GEN_PUT(to, "-a");
    to = sl_gen_put_hex(to, id[1] >> 52, 3);
    *to++ = '-';
    return sl_gen_put_hex(to, id[1], 12);
}

static char *put_order_id(char *to, const struct sl_gen_order *order) {
    if (order->null_field == SL_GEN_NULL_ORDER) return SL_GEN_PUT(to, "null");
    *to++ = '"';
    to = sl_gen_put(to, order->order_id, order->order_id_len);
    *to++ = '"';
    return to;
}
static char *put_customer_id(char *to, const struct sl_gen_order *order, int width) {
    if (order->null_field == SL_GEN_NULL_CUSTOMER) return SL_GEN_PUT(to, "null");
    to = SL_GEN_PUT(to, "\"CUST-");
    to = sl_gen_put_digits(to, order->customer, width);
    *to++ = '"';
    return to;
}
static char *put_amount(char *to, const struct sl_gen_order *order, bool two_decimals) {
    if (order->null_field == SL_GEN_NULL_AMOUNT) return SL_GEN_PUT(to, "null");
    return two_decimals ? sl_gen_put_cents(to, order->amount_cents)
                        : sl_gen_put_float(to, order->amount_cents);
}

/* ---- shapes ---- */

static char *put_orders9(char *to, const struct sl_gen_order *order) {
    const struct shop_product *product = &shop_products[order->product];
    to = SL_GEN_PUT(to, "{\"order_id\": ");
    to = put_order_id(to, order);
    to = SL_GEN_PUT(to, ", \"customer_id\": ");
    to = put_customer_id(to, order, 5);
    to = SL_GEN_PUT(to, ", \"product_id\": \"PROD-");
    to = sl_gen_put_digits(to, order->product + 1, 3);
    to = SL_GEN_PUT(to, "\", \"product_name\": \"");
    to = put_text(to, product->name);
    to = SL_GEN_PUT(to, "\", \"quantity\": ");
    to = sl_gen_put_number(to, order->quantity);
    to = SL_GEN_PUT(to, ", \"price\": ");
    to = sl_gen_put_float(to, order->price_cents);
    to = SL_GEN_PUT(to, ", \"amount\": ");
    to = put_amount(to, order, false);
    to = SL_GEN_PUT(to, ", \"order_timestamp\": \"");
    to = sl_gen_put_time(to, order->time_us, 0);
    to = SL_GEN_PUT(to, "Z\", \"status\": \"");
    to = put_text(to, shop_status[order->status]);
    return SL_GEN_PUT(to, "\"}");
}

static char *put_simple(char *to, const struct sl_gen_order *order) {
    to = SL_GEN_PUT(to, "{\"order_id\": ");
    to = put_order_id(to, order);
    to = SL_GEN_PUT(to, ", \"customer_id\": ");
    to = put_customer_id(to, order, 5);
    to = SL_GEN_PUT(to, ", \"amount\": ");
    to = put_amount(to, order, false);
    to = SL_GEN_PUT(to, ", \"timestamp\": \"");
    to = sl_gen_put_time(to, order->time_us, 0);
    return SL_GEN_PUT(to, "Z\"}");
}

static char *put_orders11(char *to, const struct sl_gen_order *order) {
    to = SL_GEN_PUT(to, "{\"order_id\":");
    to = put_order_id(to, order);
    to = SL_GEN_PUT(to, ",\"event_id\":\"");
    to = put_uuid(to, order->id);
    to = SL_GEN_PUT(to, "\",\"customer_id\":");
    to = put_customer_id(to, order, 5);
    *to++ = ',';
    to = put_text(to, bench_products[order->product]);
    to = SL_GEN_PUT(to, ",\"quantity\":");
    to = sl_gen_put_number(to, order->quantity);
    to = SL_GEN_PUT(to, ",\"unit_price\":");
    to = sl_gen_put_cents(to, order->price_cents);
    to = SL_GEN_PUT(to, ",\"amount\":");
    to = put_amount(to, order, true);
    to = SL_GEN_PUT(to, ",\"status\":\"");
    to = put_text(to, bench_status[order->status]);
    to = SL_GEN_PUT(to, "\",\"city\":\"");
    to = put_text(to, bench_cities[order->place]);
    to = SL_GEN_PUT(to, "\",\"order_timestamp\":\"");
    to = sl_gen_put_time(to, order->time_us, 3);
    return SL_GEN_PUT(to, "Z\"}");
}

/* Most pay within ten minutes, one of twenty in the five minutes behind them. */
static int64_t payment_delay_us(const struct sl_gen_order *order) {
    uint64_t draw = order->id[0] ^ order->id[1];
    int64_t second = 1000000, late = draw % 20 == 0;
    return (late ? 600 * second : 0) +
           (int64_t)(draw / 20 % (uint64_t)((late ? 300 : 600) * second));
}

static char *put_payment(char *to, const struct sl_gen_order *order) {
    const uint64_t id[2] = {order->id[0] * 0xBF58476D1CE4E5B9u, order->id[1]};
    to = SL_GEN_PUT(to, "{\"payment_id\":\"");
    to = put_uuid(to, id);
    to = SL_GEN_PUT(to, "\",\"order_id\":");
    to = put_order_id(to, order);
    to = SL_GEN_PUT(to, ",\"payment_method\":\"");
    to = put_text(to, paid_methods[order->id[1] % COUNT(paid_methods)]);
    to = SL_GEN_PUT(to, "\",\"status\":\"PAID\",\"transaction_id\":\"TXN-");
    to = sl_gen_put_digits(to, order->id[0] % 10000000000u, 10);
    to = SL_GEN_PUT(to, "\",\"amount\":");
    to = put_amount(to, order, true);
    to = SL_GEN_PUT(to, ",\"payment_timestamp\":\"");
    to = sl_gen_put_time(to, order->time_us + payment_delay_us(order), 3);
    return SL_GEN_PUT(to, "Z\"}");
}

static char *put_paid_order(char *to, const struct sl_gen_order *order) {
    const struct paid_product *product = &paid_products[order->product];
    to = SL_GEN_PUT(to, "\"order\": {\"order_id\": ");
    to = put_order_id(to, order);
    to = SL_GEN_PUT(to, ", \"customer_id\": ");
    to = put_customer_id(to, order, 4);
    to = SL_GEN_PUT(to, ", \"currency\": \"INR\", \"product_id\": \"");
    to = put_text(to, product->id);
    to = SL_GEN_PUT(to, "\", \"product_name\": \"");
    to = put_text(to, product->name);
    to = SL_GEN_PUT(to, "\", \"category\": \"");
    to = put_text(to, product->category);
    to = SL_GEN_PUT(to, "\", \"quantity\": ");
    to = sl_gen_put_number(to, order->quantity);
    to = SL_GEN_PUT(to, ", \"unit_price\": ");
    to = sl_gen_put_number(to, (uint64_t)product->rupees);
    to = SL_GEN_PUT(to, ", \"total_price\": ");
    if (order->null_field == SL_GEN_NULL_AMOUNT) return SL_GEN_PUT(to, "null}");
    if (order->amount_cents < 0) *to++ = '-';
    to = sl_gen_put_number(
        to, (uint64_t)(order->amount_cents < 0 ? -order->amount_cents : order->amount_cents) / 100);
    return SL_GEN_PUT(to, "}");
}

static char *put_paid(char *to, const struct sl_gen_order *order) {
    to = SL_GEN_PUT(to, "{\"event_id\": \"");
    to = put_uuid(to, order->id);
    to = SL_GEN_PUT(to, "\", \"event_type\": \"ORDER_PLACED\", \"event_timestamp\": \"");
    to = sl_gen_put_time(to, order->time_us, 6);
    to = SL_GEN_PUT(to, "\", ");
    to = put_paid_order(to, order);
    to = SL_GEN_PUT(to, ", \"payment\": {\"payment_method\": \"");
    to = put_text(to, paid_methods[order->status]);
    to = SL_GEN_PUT(to, "\", \"status\": \"PAID\", \"transaction_id\": \"TXN-");
    to = sl_gen_put_digits(to, order->id[0] % 10000000000u, 10);
    to = SL_GEN_PUT(to, "\"}, \"customer_context\": {\"device\": \"");
    to = put_text(to, paid_devices[order->place % COUNT(paid_devices)]);
    to = SL_GEN_PUT(to, "\", \"location\": \"");
    to = put_text(to, paid_places[order->place / COUNT(paid_devices)]);
    to = SL_GEN_PUT(to, "\", \"ip_address\": \"203.0.113.");
    to = sl_gen_put_number(to, 1 + order->id[1] % 254);
    to = SL_GEN_PUT(to, "\", \"session_id\": \"");
    to = sl_gen_put_hex(to, order->id[1] * 0x9E3779B97F4A7C15u, 16);
    to = sl_gen_put_hex(to, order->id[0] * 0xBF58476D1CE4E5B9u, 16);
    return SL_GEN_PUT(to, "\"}}");
}

size_t sl_gen_order_value(enum sl_gen_shape shape, const struct sl_gen_order *order, char *to) {
    switch (shape) {
    case SL_GEN_PAID:
        return (size_t)(put_paid(to, order) - to);
    case SL_GEN_SIMPLE:
        return (size_t)(put_simple(to, order) - to);
    case SL_GEN_ORDERS11:
        return (size_t)(put_orders11(to, order) - to);
    case SL_GEN_PAYMENTS:
        return (size_t)(put_payment(to, order) - to);
    default:
        return (size_t)(put_orders9(to, order) - to);
    }
}

size_t sl_gen_order_key(enum sl_gen_shape shape, const struct sl_gen_order *order, char *to) {
    if (shape == SL_GEN_PAID) return 0;
    if (shape == SL_GEN_ORDERS11 || shape == SL_GEN_PAYMENTS)
        return (size_t)(sl_gen_put(to, order->order_id, order->order_id_len) - to);
    char *end = SL_GEN_PUT(to, "CUST-");
    return (size_t)(sl_gen_put_digits(end, order->customer, 5) - to);
}
