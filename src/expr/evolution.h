/* Schemas of from_json that grow (sluice.onSchemaDrift = evolve): the fields that records had and
 * the schemas as written have not.  A site is what from_json reads, by its text ("CAST(value AS
 * STRING)"): so the fields outlive a change of the query, and calls that read the same column, or
 * the two sides of a UNION, grow together.
 *
 * Owner: one thread; programs that were compiled from it do not look at it.
 */
#ifndef SL_EXPR_EVOLUTION_H
#define SL_EXPR_EVOLUTION_H

#include "base/arena.h"
#include "col/type.h"

#define SL_EVOLUTION_NO_SITE UINT32_MAX

struct sl_evolved_field {
    uint32_t site;
    struct sl_str path; /* as sl_json_decoder_on_unknown tells it */
    const struct sl_type *type;
};

struct sl_evolution {
    struct sl_arena *arena; /* of all texts and types */
    struct sl_str *sites;
    uint32_t site_count, site_cap;
    struct sl_evolved_field *fields; /* in order of discovery: so are the columns */
    uint32_t field_count, field_cap;
};

/* The number of a site; a new one gets the next. */
uint32_t sl_evolution_site(struct sl_evolution *evolution, struct sl_str text);
/* path and type are copied. */
void sl_evolution_add(struct sl_evolution *evolution, uint32_t site, struct sl_str path,
                      const struct sl_type *type);
/* The schema as written, with the fields of its site that it lacks, behind its own. */
const struct sl_type *sl_evolution_apply(const struct sl_evolution *evolution, uint32_t site,
                                         struct sl_arena *arena, const struct sl_type *declared);

/* The type with a field more at this path. False: the path leads nowhere, or there is a field of
 * that name, perhaps with other upper and lower case. */
bool sl_type_add_field(struct sl_arena *arena, const struct sl_type *type, struct sl_str path,
                       const struct sl_type *field, const struct sl_type **out);
/* The field's own name, at the end of a path. */
struct sl_str sl_path_last_name(struct sl_arena *arena, struct sl_str path);
/* Fields of structs at every depth; 0 for a plain type. */
uint32_t sl_type_count_fields(const struct sl_type *type);

#endif
