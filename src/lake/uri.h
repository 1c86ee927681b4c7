/* file: URIs as Hadoop's Path.toUri().toString() prints them, and back. */
#ifndef SL_LAKE_URI_H
#define SL_LAKE_URI_H

#include "base/buf.h"

/* "file://" + absolute path, characters quoted as java.net.URI's multi-argument constructor does.
 */
void sl_uri_put_file(struct sl_buf *out, struct sl_str absolute_path);
/* A path, relative or absolute, with those characters quoted. */
void sl_uri_put_path(struct sl_buf *out, struct sl_str path);
/* Path of a file: URI (file:/x, file:///x) or of a bare absolute path, percent-decoded; false for
 * another scheme. */
bool sl_uri_parse_file(struct sl_str uri, struct sl_buf *out);

#endif
