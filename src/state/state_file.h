/* One file of state: a header that says whose it is, blocks of rows, an index of the blocks.
 *
 *   "SLSTATE1"  u32 length of the header, its JSON, u64 XXH64 of the JSON
 *   blocks      u32 shard, u8 store, u8 kind (1 rows, 2 removed keys), u16 0, u32 rows, u32 bytes
 *               unpacked, u32 bytes packed, u32 0, u64 XXH64 of the packed bytes; the packed bytes
 *               (LZ4): keys and values as row_bytes.h has them
 *   index       per block: u64 offset, u32 shard, u32 0
 *   end         u64 offset of the index, u64 blocks, u64 XXH64 of the index, "SLSTATE."
 *
 * Numbers are little-endian. The end is written last, so a cut file is known at once; readers of
 * one shard touch only its blocks.
 * Threads: put by several at once, of different shards; the rest by one.
 */
#ifndef SL_STATE_STATE_FILE_H
#define SL_STATE_STATE_FILE_H

#include "state/state_store.h"

/* Whose rows a file holds. The hashes are those of the batch's offsets/N, which made the version,
 * and of the one before it (0: not known, as in files of older releases): they tie a version to its
 * history. */
struct sl_state_identity {
    struct sl_str operator_name, query_id;
    uint32_t operator_number, shards;
    int64_t version;
    uint64_t offsets_hash, before_hash;
    const struct sl_state_schema *stores;
    uint32_t store_count;
};

struct sl_state_output;
SL_MUST_CHECK enum sl_code sl_state_output_open(const char *dir, const char *name,
                                                const char *point,
                                                const struct sl_state_identity *identity,
                                                struct sl_state_output **out, struct sl_err *err);
/* Appends a block; *bytes grows by what it takes. values NULL: the keys were removed. */
SL_MUST_CHECK enum sl_code sl_state_output_put(struct sl_state_output *output, uint32_t shard,
                                               uint32_t store, const struct sl_batch *keys,
                                               const struct sl_batch *values, uint64_t *bytes,
                                               struct sl_err *err);
/* Durable under its name; frees the output whatever happens. */
SL_MUST_CHECK enum sl_code sl_state_output_publish(struct sl_state_output *output, uint64_t *bytes,
                                                   struct sl_err *err);
void sl_state_output_abort(struct sl_state_output *output); /* NULL is fine */

/* Reads the blocks of a shard (of all shards when the file was written with another number of them
 * and shard is 0, of none when it is another) in the order in which they were written; *bytes
 * grows by their size. Hashes are compared where both sides know them; *offsets_hash (may be NULL)
 * is the file's. */
SL_MUST_CHECK enum sl_code sl_state_file_read(const char *path,
                                              const struct sl_state_identity *expected,
                                              uint32_t shard, sl_state_row_fn fn, void *ctx,
                                              uint64_t *bytes, uint64_t *offsets_hash,
                                              struct sl_err *err);
/* The same from memory: for the fuzzer. */
SL_MUST_CHECK enum sl_code sl_state_bytes_read(struct sl_str bytes,
                                               const struct sl_state_identity *expected,
                                               uint32_t shard, sl_state_row_fn fn, void *ctx,
                                               struct sl_err *err);
/* What a file's header says; texts and types in the arena. For those who do not know the query. */
SL_MUST_CHECK enum sl_code sl_state_file_identity(const char *path, struct sl_arena *arena,
                                                  struct sl_state_identity *out,
                                                  struct sl_err *err);

#endif
