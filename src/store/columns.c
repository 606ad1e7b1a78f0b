/* Large tables: a group with a dataset for each column, written by all ranks. */
#include "store/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Strings up to this size are stored fixed. */
enum { FIXED_SIZE = 32 };

/* What decides how a column is stored; the largest over all ranks. */
typedef struct column_facts {
  int64_t longest;  /* string, bytes */
  int64_t any_null; /* 0 or 1 */
  int64_t any_nul;  /* 0 or 1: a NUL byte in a string, which padding would swallow */
} column_facts;

static segue_ragged ragged_of(const segue_column *c, int64_t n) {
  return (segue_ragged){(const int64_t *)(const void *)c->offsets.data, c->bytes.data, n};
}

static column_facts facts_of(const segue_column *c, int64_t n) {
  column_facts f = {0};
  f.any_null = c->valid.size > 0 && memchr(c->valid.data, 0, (size_t)c->valid.size) != NULL;
  if (segue_type_size(c->field.type) > 0)
    return f;
  for (int64_t i = 0; i < n; i++) {
    int64_t size = segue_get_str(c, i).size;
    f.longest = size > f.longest ? size : f.longest;
  }
  f.any_nul = c->bytes.size > 0 && memchr(c->bytes.data, 0, (size_t)c->bytes.size) != NULL;
  return f;
}

static segue_code gather_facts(const segue_context *ctx, const segue_table *t, column_facts **out,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  column_facts *facts = segue_alloc(t->n_columns, sizeof *facts, "columns", st);
  rc = facts ? SEGUE_OK : SEGUE_MEMORY;
  *out = facts;
  SEGUE_AGREE(ctx, st);
  for (int c = 0; c < t->n_columns; c++)
    facts[c] = facts_of(&t->columns[c], t->n_rows);
  int n = t->n_columns * (int)(sizeof *facts / sizeof(int64_t));
  if (MPI_Allreduce(MPI_IN_PLACE, facts, n, MPI_INT64_T, MPI_MAX, ctx->comm) != MPI_SUCCESS)
    rc = segue_fail(st, SEGUE_MPI, "MPI_Allreduce failed");
  SEGUE_AGREE(ctx, st);
done:
  return rc;
}

/* ---- names ---- */

/* A column name as the name of a link: `/` would make a group, `.` alone means the group itself,
 * and an empty name is none. */
static segue_code escape(const char *name, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (name[0] == '\0')
    return segue_buffer_printf(out, st, "%%");
  for (const char *p = name; *p; p++) {
    unsigned char ch = (unsigned char)*p;
    if (ch < 0x20 || ch == 0x7F || ch == '/' || ch == '%' || (ch == '.' && p == name))
      SEGUE_TRY(segue_buffer_printf(out, st, "%%%02X", ch));
    else
      SEGUE_TRY(segue_buffer_append(out, p, 1, st));
  }
done:
  return rc;
}

/* Takes `link` and the names derived from it, unless one of them is taken. */
static segue_code take_names(segue_dict *taken, const char *link, bool *free_name,
                             segue_status *st) {
  static const char *const suffixes[] = {"", "_valid", "_offsets", "_bytes"};
  enum { N = sizeof suffixes / sizeof *suffixes };
  segue_code rc = SEGUE_OK;
  segue_buffer name = {0};
  *free_name = true;
  for (int pass = 0; pass < 2 && *free_name; pass++)
    for (int i = 0; i < N; i++) {
      name.size = 0;
      SEGUE_TRY(segue_buffer_printf(&name, st, "%s%s", link, suffixes[i]));
      segue_str s = {(const char *)name.data, name.size};
      int32_t code;
      if (pass == 0)
        *free_name &= segue_dict_find(taken, s) < 0;
      else
        SEGUE_TRY(segue_dict_add(taken, s, &code, NULL, st));
    }
done:
  segue_buffer_free(&name);
  return rc;
}

/* The dataset name of a column, NUL-terminated: the escaped name, with ~2, ~3, ... where an earlier
 * column has it or a name derived from it. */
static segue_code link_name(segue_dict *taken, const char *name, segue_buffer *link,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool good = false;
  for (int attempt = 1; !good; attempt++) {
    link->size = 0;
    SEGUE_TRY(escape(name, link, st));
    if (attempt > 1)
      SEGUE_TRY(segue_buffer_printf(link, st, "~%d", attempt));
    SEGUE_TRY(segue_buffer_append(link, "", 1, st));
    SEGUE_TRY(take_names(taken, (const char *)link->data, &good, st));
  }
done:
  return rc;
}

/* ---- the description ---- */

static const char *form_of(const segue_column *c, const column_facts *f) {
  if (segue_type_size(c->field.type) > 0)
    return "numbers";
  bool fixed = c->field.type == SEGUE_STRING && f->longest <= FIXED_SIZE && !f->any_nul;
  return fixed ? "fixed" : "offsets";
}

static segue_code describe_column(json_t *columns, const segue_column *c, const column_facts *f,
                                  segue_dict *taken, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer link = {0};
  json_t *column = segue_store_describe(&c->field);
  if (!column) {
    rc = segue_fail(st, SEGUE_INPUT, "the column name %s is not UTF-8", c->field.name);
    goto done;
  }
  SEGUE_TRY(link_name(taken, c->field.name, &link, st));
  if (json_object_set_new(column, "dataset", json_string((const char *)link.data)) != 0 ||
      json_object_set_new(column, "as", json_string(form_of(c, f))) != 0 ||
      json_object_set_new(column, "size", json_integer(f->longest > 0 ? f->longest : 1)) != 0 ||
      json_object_set_new(column, "valid", json_boolean(f->any_null)) != 0 ||
      json_array_append(columns, column) != 0)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a description");
done:
  json_decref(column);
  segue_buffer_free(&link);
  return rc;
}

/* The same on all ranks, as it follows from what they agree on. */
static segue_code describe_all(const char *name, const segue_table *t, const column_facts *facts,
                               json_t **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *taken = NULL;
  int32_t code;
  *out = json_array();
  if (!*out)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a description");
  SEGUE_TRY(segue_dict_create(&taken, st));
  /* The catalogue's lists of genres lie in the group of its tracks. */
  bool tracks = strcmp(name, "catalogue/tracks") == 0;
  for (int i = 0; i < 2 && tracks; i++)
    SEGUE_TRY(
        segue_dict_add(taken, segue_str_of(i ? "genre_codes" : "genre_offsets"), &code, NULL, st));
  for (int c = 0; c < t->n_columns; c++)
    SEGUE_TRY(describe_column(*out, &t->columns[c], &facts[c], taken, st));
done:
  segue_dict_destroy(&taken);
  return rc;
}

static segue_code put_description(segue_run *run, const char *name, const json_t *columns,
                                  int64_t n_rows, segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t group = H5I_INVALID_HID;
  char *text = segue_store_json_text(columns, st);
  if (!text)
    return SEGUE_MEMORY;
  group = H5Gopen2(run->file, name, H5P_DEFAULT);
  if (group < 0) {
    rc = segue_h5_fail_named(st, SEGUE_HDF5, "open", run, name);
    goto done;
  }
  SEGUE_TRY(segue_store_put_text(run, group, "columns", text, st));
  rc = segue_store_put_int(run, group, "n_rows", n_rows, st);
done:
  segue_h5_release(group);
  free(text);
  return rc;
}

/* ---- writing ---- */

static segue_code write_numbers(const segue_context *ctx, segue_run *run, const char *link,
                                const segue_column *c, segue_slab slab, segue_status *st) {
  segue_code rc = SEGUE_OK;
  double *copy = NULL;
  slab.data = c->values.data;
  if (c->field.type == SEGUE_DOUBLE && c->valid.size > 0) {
    /* Readers that do not look at `_valid` shall not take a null for 0. */
    copy = segue_alloc(slab.n, sizeof *copy, "a column", st);
    rc = copy ? SEGUE_OK : SEGUE_MEMORY;
    for (int64_t i = 0; copy && i < slab.n; i++)
      copy[i] = segue_get_double(c, i);
    slab.data = copy;
  }
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  rc = segue_store_write(ctx, run, link, segue_store_file_type(c->field.type),
                         segue_store_memory_type(c->field.type), slab, st);
done:
  free(copy);
  return rc;
}

static segue_code write_valid(const segue_context *ctx, segue_run *run, const char *group,
                              const char *dataset, const segue_column *c, segue_slab slab,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  char *link = segue_store_path(group, dataset, "_valid", st);
  uint8_t *valid = segue_alloc(slab.n, 1, "null flags", st);
  rc = link && valid ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; valid && i < slab.n; i++)
    valid[i] = !segue_is_null(c, i);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  slab.data = valid;
  rc = segue_store_write(ctx, run, link, H5T_STD_U8LE, H5T_NATIVE_UINT8, slab, st);
done:
  free(valid);
  free(link);
  return rc;
}

static segue_code write_column(const segue_context *ctx, segue_run *run, const char *group,
                               const json_t *column, const segue_column *c, segue_slab slab,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *dataset = segue_store_text_of(column, "dataset"),
             *form = segue_store_text_of(column, "as");
  char *link = segue_store_path(group, dataset, "", st);
  SEGUE_TRY(segue_store_agree(ctx, run, link ? SEGUE_OK : SEGUE_MEMORY, st));
  if (strcmp(form, "numbers") == 0)
    SEGUE_TRY(write_numbers(ctx, run, link, c, slab, st));
  else if (strcmp(form, "fixed") == 0)
    SEGUE_TRY(segue_store_write_fixed(ctx, run, link, segue_store_int_of(column, "size"),
                                      ragged_of(c, slab.n), st));
  else
    SEGUE_TRY(segue_store_write_ragged(ctx, run, group, dataset, "_bytes", c->field.type,
                                       ragged_of(c, slab.n), st));
  if (json_is_true(json_object_get(column, "valid")))
    rc = write_valid(ctx, run, group, dataset, c, slab, st);
done:
  free(link);
  return rc;
}

segue_code segue_run_write_columns(const segue_context *ctx, segue_run *run, const char *name,
                                   const segue_table *table, segue_status *st) {
  segue_code rc = SEGUE_OK;
  column_facts *facts = NULL;
  json_t *columns = NULL;
  segue_slab slab = {0, 0, table->n_rows, NULL};
  SEGUE_TRY(segue_scan_int64(ctx, slab.n, &slab.first, &slab.n_total, st));
  SEGUE_TRY(gather_facts(ctx, table, &facts, st));
  rc = describe_all(name, table, facts, &columns, st);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  rc = segue_store_make_group(run, name, true, st);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  rc = put_description(run, name, columns, slab.n_total, st);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  for (int c = 0; c < table->n_columns; c++)
    SEGUE_TRY(write_column(ctx, run, name, json_array_get(columns, (size_t)c), &table->columns[c],
                           slab, st));
done:
  run->failed |= rc != SEGUE_OK;
  json_decref(columns);
  free(facts);
  return rc;
}
