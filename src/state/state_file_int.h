/* Shared by the writer, the reader and the header of a state file. */
#ifndef SL_STATE_STATE_FILE_INT_H
#define SL_STATE_STATE_FILE_INT_H

#include "state/state_file.h"

#define SL_STATE_FILE_BEGIN "SLSTATE1"
#define SL_STATE_FILE_END "SLSTATE."
enum {
    SL_STATE_FILE_MAGIC_BYTES = 8,
    SL_STATE_FILE_SHARDS_MAX = 4096,
    SL_STATE_HEADER_BYTES_MAX = 16 << 20,
    SL_STATE_BLOCK_BYTES_MAX = 1 << 30
};
enum sl_state_block_kind { SL_STATE_ROWS = 1, SL_STATE_REMOVED = 2 };

struct sl_state_block {
    uint32_t shard;
    uint8_t store, kind;
    uint16_t zero;
    uint32_t rows, unpacked_bytes, packed_bytes, zero2;
    uint64_t sum; /* of the packed bytes */
};
struct sl_state_block_place {
    uint64_t offset;
    uint32_t shard, zero;
};
struct sl_state_file_end {
    uint64_t index_offset, blocks, index_sum;
    char magic[SL_STATE_FILE_MAGIC_BYTES];
};
_Static_assert(sizeof(struct sl_state_block) == 32 && sizeof(struct sl_state_block_place) == 16 &&
                   sizeof(struct sl_state_file_end) == 32,
               "the structs are the file's bytes");

void sl_state_identity_put(struct sl_buf *out, const struct sl_state_identity *identity);
/* Compares the header's JSON; of what was read only shards and hashes are set. */
SL_MUST_CHECK enum sl_code sl_state_identity_check(struct sl_arena *arena, struct sl_str text,
                                                   const struct sl_state_identity *expected,
                                                   struct sl_state_identity *found,
                                                   struct sl_err *err);
/* The header's JSON; what it refers to is in the arena. */
SL_MUST_CHECK enum sl_code sl_state_identity_parse(struct sl_arena *arena, struct sl_str text,
                                                   struct sl_state_identity *out,
                                                   struct sl_err *err);

#endif
