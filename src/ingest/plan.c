/* From the track file's header to the columns of the table. */
#include <stdlib.h>
#include <string.h>

#include "ingest/header.h"

static bool is(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

/* Columns of the schema that are worked out rather than read. */
static bool is_computed(const char *name) {
  return is(name, "artist_id_primary") || is(name, "artist_name_primary") ||
         is(name, "release_year");
}

static bool is_feature(const segue_ingest_params *params, segue_str name) {
  for (int i = 0; i < params->n_features; i++)
    if (segue_str_eq(segue_str_of(params->features[i]), name))
      return true;
  return false;
}

static const segue_field *schema_field(const segue_schema *schema, segue_str name) {
  for (int i = 0; i < schema->n_fields; i++)
    if (segue_str_eq(segue_str_of(schema->fields[i].name), name))
      return &schema->fields[i];
  return NULL;
}

static segue_code require(const segue_source *src, const segue_ingest_params *params,
                          const segue_npy *npy, segue_status *st) {
  int n = 0;
  const char **names =
      segue_alloc((int64_t)params->n_features + 5, sizeof *names, "column names", st);
  if (!names)
    return SEGUE_MEMORY;
  names[n++] = params->id_column;
  if (!params->label_column || !params->group_column) {
    names[n++] = "name"; /* tells duplicates of an artist's songs */
    names[n++] = "id_artists";
  }
  if (params->label_column && !is_computed(params->label_column) && !is(params->label_column, "id"))
    names[n++] = params->label_column;
  if (params->group_column)
    names[n++] = params->group_column;
  for (int i = 0; i < params->n_features && !npy->path; i++)
    if (!is_computed(params->features[i]))
      names[n++] = params->features[i];
  segue_code rc = segue_require_columns(src, names, n, st);
  free(names);
  return rc;
}

static segue_feed feed_of(const segue_source *src, const segue_track_plan *plan, const char *name) {
  int input = is(name, "id") ? plan->id : segue_source_column(src, name);
  if (is(name, "artist_id_primary") && plan->id_artists >= 0)
    return (segue_feed){SEGUE_FROM_ARTIST_ID, -1};
  if (is(name, "artist_name_primary") && (plan->id_artists >= 0 || plan->artists >= 0))
    return (segue_feed){SEGUE_FROM_ARTIST_NAME, -1};
  if (is(name, "release_year") && plan->release_date >= 0)
    return (segue_feed){SEGUE_FROM_DATE, -1};
  return (segue_feed){input >= 0 ? SEGUE_FROM_CELL : SEGUE_FROM_NOTHING, input};
}

static segue_code feed_schema(const segue_source *src, const segue_ingest_params *params,
                              segue_track_plan *plan, segue_buffer *absent, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int c = 0; c < plan->table->n_columns; c++) {
    const segue_field *f = &plan->table->columns[c].field;
    plan->feeds[c] = feed_of(src, plan, f->name);
    if (plan->feeds[c].origin == SEGUE_FROM_NOTHING && !is_computed(f->name))
      SEGUE_TRY(segue_buffer_printf(absent, st, "%s%s", absent->size ? ", " : "", f->name));
    if (f->type == SEGUE_STRING && is_feature(params, segue_str_of(f->name)))
      SEGUE_TRY(
          segue_fail(st, SEGUE_INPUT, "the column %s is text and cannot be a feature", f->name));
  }
done:
  return rc;
}

/* Whether the input column goes into the table under a name of the schema. */
static bool is_fed(const segue_track_plan *plan, int n, int input) {
  for (int c = 0; c < n; c++)
    if (plan->feeds[c].input == input)
      return true;
  return false;
}

/* Unknown columns come along; one whose name the table has already cannot. */
static segue_code feed_extras(const segue_source *src, const segue_ingest_params *params,
                              segue_track_plan *plan, segue_buffer *left_out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n_schema = plan->table->n_columns;
  for (int i = 0; i < src->n_columns; i++) {
    segue_str name = src->columns[i];
    if (is_fed(plan, n_schema, i))
      continue;
    if (schema_field(plan->table->schema, name) || segue_source_column(src, name.data) < i) {
      SEGUE_TRY(segue_buffer_printf(left_out, st, "%s%.*s", left_out->size ? ", " : "",
                                    segue_str_show(name), name.data));
      continue;
    }
    plan->feeds[plan->table->n_columns] = (segue_feed){SEGUE_FROM_CELL, i};
    SEGUE_TRY(segue_table_add_column(plan->table, name.data,
                                     is_feature(params, name) ? SEGUE_DOUBLE : SEGUE_STRING, st));
  }
done:
  return rc;
}

static segue_code add_matrix(const segue_npy *npy, segue_track_plan *plan, segue_status *st) {
  int first = plan->table->n_columns;
  if (!npy->path)
    return SEGUE_OK;
  segue_code rc = segue_npy_add_columns(npy, plan->table, st);
  for (int c = first; c < plan->table->n_columns; c++)
    plan->feeds[c] = (segue_feed){SEGUE_FROM_NOTHING, -1};
  return rc;
}

static segue_code add_helpers(segue_track_plan *plan, segue_status *st) {
  static const struct {
    const char *name;
    segue_type type;
  } helpers[SEGUE_HELPERS] = {{"(offset)", SEGUE_INT64},
                              {"(nulls)", SEGUE_INT64},
                              {"(empties)", SEGUE_INT64},
                              {"(genres)", SEGUE_BYTES}};
  segue_code rc = SEGUE_OK;
  plan->first_helper = plan->table->n_columns;
  for (int i = 0; i < SEGUE_HELPERS; i++) {
    plan->feeds[plan->table->n_columns] = (segue_feed){SEGUE_FROM_HELPER, -1};
    SEGUE_TRY(segue_table_add_column(plan->table, helpers[i].name, helpers[i].type, st));
  }
done:
  return rc;
}

static void warn(const segue_context *ctx, const segue_source *src, const segue_buffer *absent,
                 const segue_buffer *left_out) {
  if (ctx->rank != 0)
    return;
  if (absent->size > 0)
    segue_log_line(&ctx->log, SEGUE_LOG_WARN, "%s lacks columns that stay empty: %.*s", src->path,
                   (int)absent->size, (const char *)absent->data);
  if (left_out->size > 0)
    segue_log_line(&ctx->log, SEGUE_LOG_WARN,
                   "%s has columns whose names are taken; they are left out: %.*s", src->path,
                   (int)left_out->size, (const char *)left_out->data);
}

segue_code segue_track_plan_make(const segue_context *ctx, const segue_source *src,
                                 const segue_ingest_params *params, const segue_npy *npy,
                                 segue_track_plan *plan, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_schema *schema = segue_schema_find("catalogue/tracks");
  segue_buffer absent = {0}, left_out = {0};
  memset(plan, 0, sizeof *plan);
  SEGUE_TRY(require(src, params, npy, st));
  plan->n_input = src->n_columns;
  plan->id = segue_source_column(src, params->id_column);
  plan->artists = segue_source_column(src, "artists");
  plan->id_artists = segue_source_column(src, "id_artists");
  plan->release_date = segue_source_column(src, "release_date");
  plan->group = params->group_column ? segue_source_column(src, params->group_column) : -1;
  plan->feeds = segue_alloc((int64_t)schema->n_fields + src->n_columns + npy->d + SEGUE_HELPERS,
                            sizeof *plan->feeds, "columns", st);
  if (!plan->feeds) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(segue_table_create(&plan->table, schema, st));
  SEGUE_TRY(feed_schema(src, params, plan, &absent, st));
  SEGUE_TRY(feed_extras(src, params, plan, &left_out, st));
  SEGUE_TRY(add_matrix(npy, plan, st));
  SEGUE_TRY(add_helpers(plan, st));
  warn(ctx, src, &absent, &left_out);
done:
  segue_buffer_free(&absent);
  segue_buffer_free(&left_out);
  return rc;
}

void segue_track_plan_free(segue_track_plan *plan) {
  segue_table_destroy(&plan->table);
  free(plan->feeds);
  plan->feeds = NULL;
}
