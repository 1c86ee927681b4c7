/* Delta tables as a sink. */
#ifndef SL_CONN_DELTA_SINK_H
#define SL_CONN_DELTA_SINK_H

#include "conn/conn.h"

SL_MUST_CHECK enum sl_code sl_delta_sink_open(const struct sl_conn_env *env,
                                              const struct sl_sink_config *config,
                                              struct sl_sink **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_delta_sink_check(const struct sl_options *options,
                                               struct sl_err *err);

#endif
