/* Between tree_text.c (expressions) and relation_text.c. */
#ifndef SL_SQL_TREE_TEXT_H
#define SL_SQL_TREE_TEXT_H

#include "base/buf.h"
#include "sql/tree.h"

void sl_tree_put_name_part(struct sl_buf *out, struct sl_str part);
void sl_tree_put_name(struct sl_buf *out, const struct sl_name *name);
void sl_tree_put_names(struct sl_buf *out, const struct sl_name *names); /* (a, b) */
void sl_tree_put_string(struct sl_buf *out, struct sl_str text);

#endif
