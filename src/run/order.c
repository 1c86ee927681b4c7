#include "run/order.h"

#include "lake/place.h"
#include "run/quarantine.h"
#include "run/query_target.h"

/* Names that WITH defines around a relation. */
struct cte_scope {
    const struct cte_scope *outer;
    const struct sl_urelation *with;
};

struct walk {
    const struct sl_pipeline *pipeline;
    bool *reads;    /* per query of the pipeline: what the walked one reads */
    uint32_t query; /* the walked one */
    uint32_t depth; /* of views inside views */
};
enum { VIEW_DEPTH_MAX = 64 }; /* views in a circle are the binder's to report */

static void walk_relation(struct walk *walk, const struct sl_urelation *relation,
                          const struct cte_scope *scope);

static struct sl_str last_part(const struct sl_name *name) { return name->parts[name->count - 1]; }

static bool is_cte(const struct cte_scope *scope, struct sl_str name) {
    for (; scope; scope = scope->outer)
        for (uint32_t i = 0; i < scope->with->cte_count; i++)
            if (sl_str_eq_nocase(scope->with->ctes[i].name, name)) return true;
    return false;
}

static bool is_table_at(const struct sl_statement *target, struct sl_str path) {
    return target && target->kind == SL_S_CREATE_TABLE && target->location.len > 0 &&
           sl_str_eq(sl_place_plain(target->location), sl_place_plain(path));
}

static bool is_table_named(const struct sl_statement *target, struct sl_str name) {
    return target && target->kind == SL_S_CREATE_TABLE &&
           sl_str_eq_nocase(last_part(&target->name), name);
}

const struct sl_query_spec *sl_pipeline_writer_of(const struct sl_pipeline *pipeline,
                                                  const struct sl_urelation *read) {
    for (uint32_t q = 0; q < pipeline->query_count; q++) {
        const struct sl_statement *target = pipeline->queries[q].target;
        if ((read->kind == SL_R_READ_TABLE && is_table_named(target, last_part(&read->name))) ||
            (read->kind == SL_R_READ_PATH && is_table_at(target, read->path)))
            return &pipeline->queries[q];
    }
    return NULL;
}

static void walk_view(struct walk *walk, struct sl_str name) {
    const struct sl_statements *statements = &walk->pipeline->statements;
    if (walk->depth == VIEW_DEPTH_MAX) return;
    walk->depth++;
    for (uint32_t i = 0; i < statements->count; i++) {
        const struct sl_statement *statement = &statements->items[i];
        if (statement->kind == SL_S_CREATE_VIEW && statement->query &&
            sl_str_eq_nocase(last_part(&statement->name), name))
            walk_relation(walk, statement->query, NULL);
    }
    walk->depth--;
}

/* A quarantine that cannot be found is reported when its query is opened. */
static bool has_quarantine_named(const struct sl_pipeline *pipeline, uint32_t query,
                                 struct sl_str name) {
    const struct sl_statement *holder;
    const struct sl_statement *target = pipeline->queries[query].target;
    return sl_quarantine_find(pipeline, target, &holder, NULL) == SL_OK &&
           is_table_named(holder, name);
}

static void walk_table(struct walk *walk, struct sl_str name) {
    const struct sl_pipeline *pipeline = walk->pipeline;
    for (uint32_t q = 0; q < pipeline->query_count; q++)
        walk->reads[q] |= is_table_named(pipeline->queries[q].target, name) ||
                          has_quarantine_named(pipeline, q, name);
    walk_view(walk, name);
}

/* A view that reads its own old rows by their path depends on nobody. */
static void walk_path(struct walk *walk, struct sl_str path) {
    const struct sl_pipeline *pipeline = walk->pipeline;
    for (uint32_t q = 0; q < pipeline->query_count; q++)
        walk->reads[q] |= q != walk->query && is_table_at(pipeline->queries[q].target, path);
}

static void walk_expr(struct walk *walk, const struct sl_uexpr *expr,
                      const struct cte_scope *scope) {
    if (!expr) return;
    walk_relation(walk, expr->relation, scope);
    walk_expr(walk, expr->filter, scope);
    for (uint32_t i = 0; i < expr->arg_count; i++) walk_expr(walk, expr->args[i], scope);
}

static void walk_relation(struct walk *walk, const struct sl_urelation *relation,
                          const struct cte_scope *scope) {
    if (!relation) return;
    struct cte_scope inner = {scope, relation};
    if (relation->kind == SL_R_WITH_CTE) scope = &inner;
    for (uint32_t i = 0; i < relation->cte_count; i++)
        walk_relation(walk, relation->ctes[i].relation, scope);
    if (relation->kind == SL_R_READ_TABLE && !is_cte(scope, last_part(&relation->name)))
        walk_table(walk, last_part(&relation->name));
    if (relation->kind == SL_R_READ_PATH) walk_path(walk, relation->path);
    walk_relation(walk, relation->input, scope);
    walk_relation(walk, relation->right, scope);
    walk_expr(walk, relation->condition, scope);
    for (uint32_t i = 0; i < relation->expr_count; i++) walk_expr(walk, relation->exprs[i], scope);
    for (uint32_t i = 0; i < relation->grouping_count; i++)
        walk_expr(walk, relation->grouping[i], scope);
}

/* ---- sorting ---- */

/* reads[q * count + u]: query q reads what query u writes. */
static bool is_ready(const bool *reads, const bool *placed, uint32_t q, uint32_t count) {
    for (uint32_t u = 0; u < count; u++)
        if (reads[(size_t)q * count + u] && !placed[u]) return false;
    return true;
}

static enum sl_code refuse_circle(const struct sl_pipeline *pipeline, const bool *placed,
                                  struct sl_err *err) {
    uint32_t q = 0;
    while (placed[q]) q++;
    const struct sl_query_spec *spec = &pipeline->queries[q];
    sl_fail_at(err, spec->span, "", "",
               "`%.*s` reads a table that is made, directly or through others, from `%.*s` itself",
               SL_STR_ARG(spec->name), SL_STR_ARG(spec->name));
    return sl_hint(err, "the tables of a pipeline may not read each other in a circle"), SL_USER;
}

static void take_upstream(struct sl_pipeline *pipeline, struct sl_query_spec *spec,
                          const bool *reads, const uint32_t *place) {
    uint32_t count = pipeline->query_count;
    spec->upstream = SL_NEW_ARRAY(&pipeline->arena, uint32_t, count);
    for (uint32_t u = 0; u < count; u++)
        if (reads[u]) spec->upstream[spec->upstream_count++] = place[u];
}

/* The first that is ready, again and again: what need not move stays where it is. */
static enum sl_code sort(struct sl_pipeline *pipeline, const bool *reads, uint32_t *place,
                         struct sl_err *err) {
    uint32_t count = pipeline->query_count;
    bool *placed = SL_NEW_ARRAY(&pipeline->arena, bool, count);
    struct sl_query_spec *sorted = SL_NEW_ARRAY(&pipeline->arena, struct sl_query_spec, count);
    for (uint32_t at = 0; at < count; at++) {
        uint32_t q = 0;
        while (q < count && (placed[q] || !is_ready(reads, placed, q, count))) q++;
        if (q == count) return refuse_circle(pipeline, placed, err);
        placed[q] = true;
        place[q] = at;
        sorted[at] = pipeline->queries[q];
    }
    for (uint32_t q = 0; q < count; q++)
        take_upstream(pipeline, &sorted[place[q]], &reads[(size_t)q * count], place);
    pipeline->queries = sorted;
    return SL_OK;
}

enum sl_code sl_pipeline_order(struct sl_pipeline *pipeline, struct sl_err *err) {
    uint32_t count = pipeline->query_count;
    bool *reads = SL_NEW_ARRAY(&pipeline->arena, bool, (size_t)count *count + 1);
    uint32_t *place = SL_NEW_ARRAY(&pipeline->arena, uint32_t, count);
    for (uint32_t q = 0; q < count; q++) {
        struct walk walk = {pipeline, &reads[(size_t)q * count], q, 0};
        walk_relation(&walk, pipeline->queries[q].relation, NULL);
    }
    return sort(pipeline, reads, place, err);
}
