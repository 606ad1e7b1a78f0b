/* segue catalog: what is in a lake. */
#include <stdlib.h>

#include "job.h"

static char *grouped(int64_t v, char text[32]) {
  char digits[32];
  int n = snprintf(digits, sizeof digits, "%lld", (long long)v), at = 0;
  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      text[at++] = ',';
    text[at++] = digits[i];
  }
  text[at] = '\0';
  return text;
}

/* ---- genres: the parts of the first table that is partitioned by genre ---- */

typedef struct genre_rows {
  const segue_lake_part *part;
  int64_t rows;
} genre_rows;

static int by_rows(const void *a, const void *b) {
  const genre_rows *x = a, *y = b;
  if (x->rows != y->rows)
    return (x->rows < y->rows) - (x->rows > y->rows);
  return strcmp(x->part->directory, y->part->directory);
}

static const segue_lake_table *genre_table(const segue_lake_listing *l) {
  for (int i = 0; i < l->n; i++)
    if (l->tables[i].n_levels == 1 && strcmp(l->tables[i].partition[0], "genre") == 0)
      return &l->tables[i];
  return NULL;
}

/* The genres of `t` by rows, largest first; freed by free(). */
static genre_rows *sorted_genres(const segue_lake_table *t, segue_status *st) {
  genre_rows *g = segue_alloc(t->n_parts, sizeof *g, "genres", st);
  for (int64_t i = 0; g && i < t->n_parts; i++)
    g[i] = (genre_rows){&t->parts[i], t->parts[i].rows};
  if (g)
    qsort(g, (size_t)t->n_parts, sizeof *g, by_rows);
  return g;
}

/* ---- JSON ---- */

static json_t *columns_json(const segue_lake_table *t) {
  json_t *list = json_array();
  for (int i = 0; i < t->n_columns; i++) {
    const segue_lake_column *c = &t->columns[i];
    bool partition = i >= t->n_columns - t->n_levels;
    json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:b}", "name", c->name, "type",
                                          segue_type_name(c->type), "unit", c->unit, "meaning",
                                          c->meaning, "partition", partition));
  }
  return list;
}

static segue_code genres_json(const segue_lake_table *t, json_t *list, segue_status *st) {
  segue_buffer name = {0};
  bool is_null;
  segue_code rc = SEGUE_OK;
  genre_rows *g = sorted_genres(t, st);
  if (!g)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < t->n_parts && rc == SEGUE_OK; i++) {
    name.size = 0;
    rc = segue_lake_part_value(t, g[i].part, 0, &name, &is_null, st);
    json_t *text = json_stringn(name.data ? (char *)name.data : "", (size_t)name.size);
    json_array_append_new(list,
                          json_pack("{s:o?,s:I,s:I}", "genre", text, "rows", (json_int_t)g[i].rows,
                                    "bytes", (json_int_t)g[i].part->bytes));
  }
  segue_buffer_free(&name);
  free(g);
  return rc;
}

static segue_code fill_summary(segue_job *job, const segue_lake_listing *l, segue_status *st) {
  json_t *tables = json_array(), *genres = json_array();
  const segue_lake_table *with_genres = genre_table(l);
  for (int i = 0; i < l->n; i++) {
    const segue_lake_table *t = &l->tables[i];
    json_t *item = json_pack("{s:s,s:s,s:b,s:s,s:s}", "table", t->path, "sql_name", t->sql_name,
                             "present", t->present, "meaning", t->schema ? t->schema->meaning : "",
                             "made_by", t->schema ? t->schema->made_by : "");
    if (t->present)
      json_object_update_new(item, json_pack("{s:I,s:I,s:I,s:o}", "rows", (json_int_t)t->rows,
                                             "files", (json_int_t)t->files, "bytes",
                                             (json_int_t)t->bytes, "columns", columns_json(t)));
    json_array_append_new(tables, item);
  }
  json_object_set_new(job->summary, "database", json_string(job->settings.sql.database));
  json_object_set_new(job->summary, "lake", json_string(l->lake));
  json_object_set_new(job->summary, "tables", tables);
  json_object_set_new(job->summary, "genres", genres);
  return with_genres ? genres_json(with_genres, genres, st) : SEGUE_OK;
}

/* ---- for people ---- */

static void show_columns(FILE *out, const segue_lake_table *t) {
  for (int i = 0; i < t->n_columns; i++) {
    const segue_lake_column *c = &t->columns[i];
    bool unit = *c->unit && strcmp(c->unit, "1") != 0;
    fprintf(out, "      ");
    segue_print_text(out, segue_str_of(c->name));
    fprintf(out, "%*s %-9s %s%s%s%s\n", (int)(28 - segue_text_width(segue_str_of(c->name))), "",
            segue_type_name(c->type), c->meaning, unit ? " [" : "", unit ? c->unit : "",
            unit ? "]" : "");
  }
}

static void show_tables(FILE *out, const segue_lake_listing *l, bool columns) {
  char rows[32], files[32];
  fprintf(out, "  %-50s %14s %8s %12s\n", "table", "rows", "files", "kB");
  for (int i = 0; i < l->n; i++) {
    const segue_lake_table *t = &l->tables[i];
    if (!t->present)
      continue;
    int gap = 50 - segue_text_width(segue_str_of(t->sql_name));
    fprintf(out, "  ");
    segue_print_text(out, segue_str_of(t->sql_name));
    fprintf(out, "%*s %14s %8s %12.1f\n", gap > 0 ? gap : 0, "", grouped(t->rows, rows),
            grouped(t->files, files), (double)t->bytes / 1e3);
    if (columns)
      show_columns(out, t);
  }
  for (int i = 0; i < l->n; i++)
    if (!l->tables[i].present)
      fprintf(out, "  %-50s not here; '%s' makes it\n", l->tables[i].sql_name,
              l->tables[i].schema->made_by);
}

static segue_code show_genres(FILE *out, const segue_lake_table *t, int64_t most,
                              segue_status *st) {
  segue_buffer name = {0};
  char rows[32];
  bool is_null;
  segue_code rc = SEGUE_OK;
  genre_rows *g = sorted_genres(t, st);
  if (!g)
    return SEGUE_MEMORY;
  if (most > 0)
    fprintf(out, "\n  %s genres in %s, the largest:\n", grouped(t->n_parts, rows), t->sql_name);
  for (int64_t i = 0; i < t->n_parts && i < most && rc == SEGUE_OK; i++) {
    name.size = 0;
    rc = segue_lake_part_value(t, g[i].part, 0, &name, &is_null, st);
    fprintf(out, "  %14s  ", grouped(g[i].rows, rows));
    segue_print_text(out, (segue_str){(char *)name.data, name.size});
    fputc('\n', out);
  }
  segue_buffer_free(&name);
  free(g);
  return rc;
}

static segue_code show(segue_job *job, const segue_lake_listing *l, segue_status *st) {
  const segue_settings *s = &job->settings;
  const segue_lake_table *with_genres = genre_table(l);
  fprintf(job->out, "Lake %s\n", l->lake);
  show_tables(job->out, l, s->verbose);
  return with_genres ? show_genres(job->out, with_genres, s->sql.genres, st) : SEGUE_OK;
}

/* ---- for Athena ---- */

/* A lake on S3 is where it is. */
static const char *location_of(const segue_settings *s) {
  return !s->sql.location && segue_s3_is_url(s->lake) ? s->lake : s->sql.location;
}

static segue_code print_athena(segue_job *job, const segue_lake_listing *l, segue_status *st) {
  segue_buffer ddl = {0};
  segue_code rc =
      segue_ddl_athena(l, job->settings.sql.database, location_of(&job->settings), &ddl, st);
  if (rc == SEGUE_OK)
    fwrite(ddl.data, 1, (size_t)ddl.size, job->out);
  segue_buffer_free(&ddl);
  return rc;
}

/* ---- for Glue ---- */

static segue_code tell_glue(segue_job *job, const segue_lake_listing *l, segue_status *st) {
  const segue_settings *s = &job->settings;
  segue_glue_totals n;
  segue_glue_options options = {.endpoint = s->s3.endpoint,
                                .region = s->s3.region,
                                .profile = s->s3.aws_profile,
                                .credentials_file = s->s3.credentials,
                                .ca_file = s->s3.ca_file,
                                .allow_plain = s->s3.allow_http,
                                .dry_run = s->dry_run ? job->out : NULL};
  segue_code rc = segue_glue_register(l, s->sql.database, location_of(s), &options, &n, st);
  if (rc != SEGUE_OK)
    return rc;
  json_object_set_new(job->summary, "glue",
                      json_pack("{s:I,s:I,s:I,s:I}", "created", (json_int_t)n.created, "updated",
                                (json_int_t)n.updated, "removed", (json_int_t)n.removed,
                                "unchanged", (json_int_t)n.unchanged));
  if (!s->quiet && !s->json && !s->dry_run)
    fprintf(job->out,
            "Glue %s: %lld created, %lld updated, %lld removed, %lld unchanged (database, tables, "
            "partitions)\n",
            s->sql.database, (long long)n.created, (long long)n.updated, (long long)n.removed,
            (long long)n.unchanged);
  return SEGUE_OK;
}

static segue_code check(const segue_settings *s, segue_status *st) {
  const char *location = location_of(s);
  if (!s->lake)
    return segue_fail(st, SEGUE_USAGE, "segue catalog needs the lake; see 'segue help catalog'");
  if ((s->sql.athena || s->sql.glue) && !location)
    return segue_fail(st, SEGUE_USAGE,
                      "--%s needs --location, where the lake is on S3: s3://bucket/prefix",
                      s->sql.athena ? "athena" : "glue");
  if (location && (strncmp(location, "s3://", 5) != 0 || !location[5] || location[5] == '/'))
    return segue_fail(st, SEGUE_USAGE, "--location must be s3://bucket/prefix, not '%s'", location);
  return SEGUE_OK;
}

/* The policy needs no lake, only its place. */
static segue_code print_policy(segue_job *job, segue_status *st) {
  char bucket[SEGUE_S3_BUCKET];
  const char *prefix;
  segue_buffer policy = {0};
  const char *location = location_of(&job->settings);
  if (!location)
    return segue_fail(st, SEGUE_USAGE,
                      "--iam needs --location, where the lake is on S3: s3://bucket/prefix");
  segue_code rc = segue_s3_split(location, bucket, &prefix, st);
  if (rc == SEGUE_OK)
    rc = segue_s3_policy(bucket, prefix, &policy, st);
  if (rc == SEGUE_OK && job->ctx.rank == 0)
    fprintf(job->out, "%.*s\n", (int)policy.size, (const char *)policy.data);
  segue_buffer_free(&policy);
  return rc;
}

/* Rank 0 works; the others agree with it. */
segue_code segue_job_catalog(segue_job *job, segue_status *st) {
  segue_lake_listing l = {0};
  const segue_settings *s = &job->settings;
  if (s->s3.iam)
    return print_policy(job, st);
  segue_code rc = check(s, st);
  if (rc != SEGUE_OK)
    return rc;
  if (job->ctx.rank == 0) {
    rc = segue_lake_look(&job->ctx, s->lake, &l, st);
    if (rc == SEGUE_OK && s->sql.athena)
      rc = print_athena(job, &l, st);
    else if (rc == SEGUE_OK && s->sql.glue)
      rc = tell_glue(job, &l, st);
    else if (rc == SEGUE_OK && s->json)
      rc = fill_summary(job, &l, st);
    else if (rc == SEGUE_OK && !s->quiet)
      rc = show(job, &l, st);
  }
  SEGUE_AGREE(&job->ctx, st);
  if (!s->sql.athena)
    segue_show_json(job);
done:
  segue_lake_listing_free(&l);
  return rc;
}
