/* Any bytes as a file of state: refused, or rows whose vectors hold their invariants. */
#include <stdint.h>
#include <stdlib.h>

#include "state/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sl_field key_fields[] = {{.name = SL_STR("id"), .type = &sl_type_int},
                                       {.name = SL_STR("name"), .type = &sl_type_string}};
static struct sl_field item_field = {.name = SL_STR("element"), .type = &sl_type_string};
static const struct sl_type items_type = {
    .kind = SL_ARRAY_KIND, .field_count = 1, .fields = &item_field};
static struct sl_field value_fields[] = {{.name = SL_STR("n"), .type = &sl_type_long},
                                         {.name = SL_STR("items"), .type = &items_type},
                                         {.name = SL_STR("even"), .type = &sl_type_bool}};
static const struct sl_type key_type = {
    .kind = SL_STRUCT_KIND, .field_count = 2, .fields = key_fields};
static const struct sl_type value_type = {
    .kind = SL_STRUCT_KIND, .field_count = 3, .fields = value_fields};
static const struct sl_state_schema store_schema = {
    .name = SL_STR("default"), .key = &key_type, .value = &value_type};

static void check(const struct sl_batch *batch) {
    const char *why;
    for (uint32_t c = 0; c < batch->schema->field_count; c++)
        if (!sl_vec_verify(&batch->columns[c], &why)) abort();
}

static enum sl_code take_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                              const struct sl_batch *values, struct sl_err *err) {
    (void)ctx, (void)err;
    if (store != 0) abort();
    check(keys);
    if (values) check(values);
    return SL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_state_identity identity = {.operator_name = SL_STR("stateStoreSave"),
                                         .query_id = SL_STR("q"),
                                         .shards = 3,
                                         .version = 1,
                                         .stores = &store_schema,
                                         .store_count = 1};
    struct sl_err err;
    for (uint32_t shard = 0; shard < 3; shard++) {
        enum sl_code code = sl_state_bytes_read((struct sl_str){(const char *)data, size},
                                                &identity, shard, take_rows, NULL, &err);
        (void)code; /* that it ends is the test */
    }
    return 0;
}
