/* Nanoseconds per row and MB/s of each path of the JSON decoder, on the benchmark order (11 fields,
 * about 260 bytes, 400,000 distinct records in memory, all columns read).
 *
 *   json_decode [rows [rounds]]
 *
 * Records lie back to back, as in a Kafka batch (VIEW input); batches of 4,096 rows go into one
 * reused column. Each path's columns are checked against the strict path's by a sum over all
 * values. The best round counts: on a shared machine the others measure the neighbours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fmt/json/json_decode.h"

enum { BATCH = 4096 };

static uint64_t seed = 1;
static uint32_t draw(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static size_t put_order(char *to, size_t cap, uint32_t i) {
    static const char *const products[] = {"Mouse",    "Keyboard", "Yoga Mat",  "History",
                                           "Cookbook", "Kettle",   "Olive Oil", "Tent"};
    static const char *const categories[] = {"Tech", "Wear", "Books", "Home", "Sport", "Food"};
    static const char *const cities[] = {"Istanbul", "Ankara", "Izmir", "Gaziantep", "Van"};
    static const char *const status[] = {"PAID", "PAID", "PENDING", "CANCELLED", "REFUNDED"};
    uint32_t quantity = 1 + draw(5), cents = 199 + draw(49800), amount = cents * quantity;
    return (size_t)snprintf(
        to, cap,
        "{\"order_id\":\"ORD-%09u\",\"event_id\":\"%08x-%04x-4%03x-a%03x-%08x%04x\","
        "\"customer_id\":\"CUST-%05u\",\"product\":\"%s\",\"category\":\"%s\",\"quantity\":%u,"
        "\"unit_price\":%u.%02u,\"amount\":%u.%02u,\"status\":\"%s\",\"city\":\"%s\","
        "\"order_timestamp\":\"2025-01-%02uT%02u:%02u:%02u.%03uZ\"}",
        i + 1, draw(UINT32_MAX), draw(65536), draw(4096), draw(4096), draw(UINT32_MAX), draw(65536),
        1 + draw(50000), products[draw(8)], categories[draw(6)], quantity, cents / 100, cents % 100,
        amount / 100, amount % 100, status[draw(5)], cities[draw(5)], 15 + draw(3), draw(24),
        draw(60), draw(60), draw(1000));
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A checksum of all columns, cheap beside decoding but not timed. */
static uint64_t checksum(const struct sl_vec *vec) {
    uint64_t sum = vec->rows;
    for (uint32_t c = 0; c < vec->child_count; c++) {
        const struct sl_vec *column = &vec->children[c];
        for (uint32_t row = 0; row < vec->rows; row++) {
            uint64_t word = sl_vec_is_null(column, row);
            if (sl_type_is_bytes(column->type)) {
                struct sl_str text = sl_vec_str(column, row);
                for (size_t i = 0; i < text.len; i++) word = word * 31 + (uint8_t)text.ptr[i];
            } else {
                word ^= column->type->kind == SL_INT_KIND ? (uint64_t)column->i32[row]
                                                          : (uint64_t)column->i64[row];
            }
            sum = sum * 1099511628211U + word;
        }
    }
    return sum;
}

struct input {
    struct sl_str *views;
    uint32_t rows;
    size_t bytes;
};

static double run(struct sl_json_decoder *decoder, const struct input *input, struct sl_vec *out,
                  uint64_t *sum) {
    struct sl_err err;
    double spent = 0;
    *sum = 0;
    for (uint32_t begin = 0; begin < input->rows; begin += BATCH) {
        struct sl_vec in;
        sl_vec_init(&in, &sl_type_string);
        in.enc = SL_ENC_VIEW;
        in.rows = input->rows - begin < BATCH ? input->rows - begin : BATCH;
        in.views = input->views + begin;
        sl_vec_clear(out);
        double start = seconds();
        if (sl_json_decode(decoder, &in, in.rows, NULL, out, NULL, NULL, &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.msg);
            exit(1);
        }
        spent += seconds() - start;
        *sum = *sum * 31 + checksum(out);
    }
    return spent;
}

int main(int argc, char **argv) {
    uint32_t rows = argc > 1 ? (uint32_t)atol(argv[1]) : 400000;
    int rounds = argc > 2 ? atoi(argv[2]) : 5;
    struct sl_arena arena;
    struct sl_err err = {0};
    sl_arena_init(&arena, "query");
    const struct sl_type *schema;
    struct sl_str ddl = SL_STR(
        "order_id STRING, event_id STRING, customer_id STRING, product STRING, category "
        "STRING, quantity INT, unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, "
        "order_timestamp STRING");
    if (sl_type_parse_schema(&arena, ddl, &schema, &err) != SL_OK) return 1;
    struct input input = {sl_xcalloc(rows, sizeof *input.views), rows, 0};
    char *text = sl_xmalloc((size_t)rows * 512);
    for (uint32_t i = 0; i < rows; i++) {
        size_t len = put_order(text + input.bytes, 512, i);
        input.views[i] = (struct sl_str){text + input.bytes, len};
        input.bytes += len;
    }
    struct sl_json_options options;
    sl_json_options_init(&options);
    struct sl_json_hooks hooks = {0};
    struct sl_vec out;
    sl_vec_init(&out, schema);
    static const char *const names[] = {"predicted", "lookup", "strict"};
    uint64_t sums[3];
    printf("%u rows, %.1f bytes each\n", rows, (double)input.bytes / rows);
    for (int path = 0; path < 3; path++) {
        struct sl_json_decoder *decoder;
        if (sl_json_decoder_new(schema, &options, &hooks, &decoder, &err) != SL_OK) return 1;
        sl_json_decoder_force(decoder, path);
        double best = 1e9;
        for (int round = 0; round < rounds; round++) {
            double spent = run(decoder, &input, &out, &sums[path]);
            if (spent < best) best = spent;
        }
        struct sl_json_decode_stats stats;
        sl_json_decoder_stats(decoder, &stats);
        printf("%-9s %7.1f ns/row %8.0f MB/s   (predicted %llu, lookup %llu, strict %llu)\n",
               names[path], best * 1e9 / rows, (double)input.bytes / best / 1e6,
               (unsigned long long)stats.predicted, (unsigned long long)stats.lookup,
               (unsigned long long)stats.strict);
        sl_json_decoder_free(decoder);
        if (sums[path] != sums[0]) {
            fprintf(stderr, "the %s path gives other columns\n", names[path]);
            return 1;
        }
    }
    sl_vec_release(&out);
    free(text);
    free(input.views);
    sl_arena_release(&arena);
    return 0;
}
