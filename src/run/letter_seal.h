/* What the letters of a batch were, in <checkpoint>/.sluice/letters/N, from before their commit
 * until commits/N.  A batch whose letters are in the quarantine while its rows are not runs again;
 * if the query was changed meanwhile, other records could fail, and those that no longer fail would
 * be in both places, those that fail now in none.  So the second run must find the same letters. */
#ifndef SL_RUN_LETTER_SEAL_H
#define SL_RUN_LETTER_SEAL_H

#include "run/dead_letter.h"

/* Failpoint "letters". */
SL_MUST_CHECK enum sl_code sl_letter_seal_write(struct sl_str checkpoint_dir,
                                                const struct sl_letters *letters,
                                                struct sl_err *err);
/* SL_USER when the letters differ from those in the quarantine. */
SL_MUST_CHECK enum sl_code sl_letter_seal_check(struct sl_str checkpoint_dir,
                                                const struct sl_letters *letters,
                                                struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_letter_seal_remove(struct sl_str checkpoint_dir, int64_t batch_id,
                                                 struct sl_err *err);

#endif
