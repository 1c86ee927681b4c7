/* Between parse_query.c and parse_relation.c. */
#ifndef SL_SQL_PARSE_RELATION_H
#define SL_SQL_PARSE_RELATION_H

#include "sql/parser.h"

/* Behind FROM. */
enum sl_code sl_parse_from(struct sl_parser *parser, struct sl_urelation **out);
enum sl_code sl_parse_lateral_views(struct sl_parser *parser, struct sl_urelation *input,
                                    struct sl_urelation **out);
enum sl_code sl_parse_values(struct sl_parser *parser, struct sl_urelation **out);

#endif
