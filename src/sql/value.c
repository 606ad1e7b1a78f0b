#include "sql/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

/* ---- types ---- */

static segue_code add_child(sql_type *t, int i, duckdb_logical_type child, const char *column,
                            segue_status *st) {
  return sql_type_init(&t->children[i], child, column, st);
}

static segue_code init_children(sql_type *t, const char *column, segue_status *st) {
  segue_code rc = SEGUE_OK;
  duckdb_logical_type l = t->logical;
  bool fields = t->id == DUCKDB_TYPE_STRUCT, map = t->id == DUCKDB_TYPE_MAP;
  int n = fields ? (int)duckdb_struct_type_child_count(l) : map ? 2 : 1;
  t->children = segue_alloc(n, sizeof *t->children, "a type", st);
  t->names = segue_alloc(n, sizeof *t->names, "a type", st);
  if (!t->children || !t->names)
    return SEGUE_MEMORY;
  for (t->n_children = 0; t->n_children < n && rc == SEGUE_OK; t->n_children++) {
    int i = t->n_children;
    duckdb_logical_type child =
        fields ? duckdb_struct_type_child_type(l, (idx_t)i)
        : map  ? (i == 0 ? duckdb_map_type_key_type(l) : duckdb_map_type_value_type(l))
        : t->id == DUCKDB_TYPE_ARRAY ? duckdb_array_type_child_type(l)
                                     : duckdb_list_type_child_type(l);
    if (fields)
      t->names[i] = duckdb_struct_type_child_name(l, (idx_t)i);
    rc = add_child(t, i, child, column, st);
  }
  return rc;
}

segue_code sql_type_init(sql_type *t, duckdb_logical_type logical, const char *column,
                         segue_status *st) {
  *t = (sql_type){.id = duckdb_get_type_id(logical), .logical = logical};
  switch (t->id) {
  case DUCKDB_TYPE_DECIMAL:
    t->stored = duckdb_decimal_internal_type(logical);
    t->scale = duckdb_decimal_scale(logical);
    return SEGUE_OK;
  case DUCKDB_TYPE_ENUM:
    t->stored = duckdb_enum_internal_type(logical);
    return SEGUE_OK;
  case DUCKDB_TYPE_ARRAY:
    t->length = (int64_t)duckdb_array_type_array_size(logical);
    return init_children(t, column, st);
  case DUCKDB_TYPE_LIST:
  case DUCKDB_TYPE_MAP:
  case DUCKDB_TYPE_STRUCT:
    return init_children(t, column, st);
  case DUCKDB_TYPE_BIT:
  case DUCKDB_TYPE_TIME_TZ:
  case DUCKDB_TYPE_UNION:
  case DUCKDB_TYPE_ANY:
  case DUCKDB_TYPE_INVALID:
    break;
  default:
    if (t->id <= DUCKDB_TYPE_UHUGEINT || t->id == DUCKDB_TYPE_SQLNULL)
      return SEGUE_OK;
  }
  return segue_fail(st, SEGUE_INPUT,
                    "column %s has a type that cannot be shown; write CAST(%s AS VARCHAR)", column,
                    column);
}

void sql_type_free(sql_type *t) {
  for (int i = 0; i < t->n_children; i++) {
    sql_type_free(&t->children[i]);
    duckdb_free(t->names[i]);
  }
  free(t->children);
  free(t->names);
  if (t->logical)
    duckdb_destroy_logical_type(&t->logical);
  *t = (sql_type){0};
}

bool sql_type_is_number(const sql_type *t) {
  return (t->id >= DUCKDB_TYPE_TINYINT && t->id <= DUCKDB_TYPE_DOUBLE) ||
         t->id == DUCKDB_TYPE_HUGEINT || t->id == DUCKDB_TYPE_UHUGEINT ||
         t->id == DUCKDB_TYPE_DECIMAL;
}

/* ---- numbers ---- */

static segue_code put_wide(segue_buffer *out, bool negative, unsigned_wide v, int scale,
                           segue_status *st) {
  char digits[48];
  int at = (int)sizeof digits, n = 0;
  do {
    if (n == scale && scale > 0)
      digits[--at] = '.';
    digits[--at] = (char)('0' + (int)(v % 10));
    v /= 10;
    n++;
  } while (v > 0 || n <= scale);
  if (negative)
    digits[--at] = '-';
  return segue_buffer_append(out, digits + at, (int64_t)sizeof digits - at, st);
}

static wide stored_integer(duckdb_type type, const void *data, idx_t row) {
  switch (type) {
  case DUCKDB_TYPE_TINYINT:
    return ((const int8_t *)data)[row];
  case DUCKDB_TYPE_SMALLINT:
    return ((const int16_t *)data)[row];
  case DUCKDB_TYPE_INTEGER:
    return ((const int32_t *)data)[row];
  case DUCKDB_TYPE_BIGINT:
    return ((const int64_t *)data)[row];
  case DUCKDB_TYPE_UTINYINT:
    return ((const uint8_t *)data)[row];
  case DUCKDB_TYPE_USMALLINT:
    return ((const uint16_t *)data)[row];
  case DUCKDB_TYPE_UINTEGER:
    return ((const uint32_t *)data)[row];
  case DUCKDB_TYPE_UBIGINT:
    return ((const uint64_t *)data)[row];
  default: { /* HUGEINT */
    const duckdb_hugeint h = ((const duckdb_hugeint *)data)[row];
    return (wide)((unsigned_wide)(uint64_t)h.upper << 64 | h.lower);
  }
  }
}

static segue_code put_integer(segue_buffer *out, wide v, int scale, segue_status *st) {
  return put_wide(out, v < 0, v < 0 ? 0 - (unsigned_wide)v : (unsigned_wide)v, scale, st);
}

static segue_code put_unsigned_huge(segue_buffer *out, const void *data, idx_t row,
                                    segue_status *st) {
  const duckdb_uhugeint h = ((const duckdb_uhugeint *)data)[row];
  return put_wide(out, false, (unsigned_wide)h.upper << 64 | h.lower, 0, st);
}

/* The shortest text that reads back as the same number; for people six digits will do. */
static segue_code put_real(segue_buffer *out, double v, bool single, sql_style style,
                           segue_status *st) {
  char text[40];
  if (!isfinite(v))
    return segue_buffer_printf(out, st, "%s",
                               style == SQL_JSON ? "null"
                               : isnan(v)        ? "NaN"
                               : v > 0           ? "Infinity"
                                                 : "-Infinity");
  if (style == SQL_PEOPLE) {
    if (v == nearbyint(v) && fabs(v) < 1e15)
      return segue_buffer_printf(out, st, "%.1f", v);
    return segue_buffer_printf(out, st, fabs(v) >= 1e5 && fabs(v) < 1e15 ? "%.2f" : "%.6g", v);
  }
  for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
      break;
  }
  /* 2.0 and not 2, so that the type survives CSV and JSON. */
  return segue_buffer_printf(out, st, text[strcspn(text, ".en")] ? "%s" : "%s.0", text);
}

/* ---- dates and times ---- */

static segue_code put_date(segue_buffer *out, duckdb_date date, segue_status *st) {
  if (!duckdb_is_finite_date(date))
    return segue_buffer_printf(out, st, date.days > 0 ? "infinity" : "-infinity");
  duckdb_date_struct d = duckdb_from_date(date);
  return segue_buffer_printf(out, st, "%04d-%02d-%02d", d.year, d.month, d.day);
}

static segue_code put_fraction(segue_buffer *out, int64_t value, int digits, segue_status *st) {
  char text[16];
  if (value == 0)
    return SEGUE_OK;
  int n = snprintf(text, sizeof text, ".%0*" PRId64, digits, value);
  while (text[n - 1] == '0')
    n--;
  return segue_buffer_append(out, text, n, st);
}

static segue_code put_time(segue_buffer *out, int64_t micros, segue_status *st) {
  int64_t seconds = micros / 1000000;
  segue_code rc = segue_buffer_printf(out, st, "%02" PRId64 ":%02" PRId64 ":%02" PRId64,
                                      seconds / 3600, seconds / 60 % 60, seconds % 60);
  return rc == SEGUE_OK ? put_fraction(out, micros % 1000000, 6, st) : rc;
}

/* `unit` is how many of the value's units make a second. */
static segue_code put_timestamp(segue_buffer *out, int64_t value, int64_t unit, bool zone,
                                segue_status *st) {
  if (value == INT64_MAX || value == -INT64_MAX)
    return segue_buffer_printf(out, st, value > 0 ? "infinity" : "-infinity");
  int64_t seconds = value / unit - (value % unit < 0), rest = value - seconds * unit;
  int64_t days = seconds / 86400 - (seconds % 86400 < 0);
  segue_code rc = put_date(out, (duckdb_date){(int32_t)days}, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(out, " ", 1, st);
  if (rc == SEGUE_OK)
    rc = put_time(out, (seconds - days * 86400) * 1000000, st);
  if (rc == SEGUE_OK)
    rc = put_fraction(out, rest, unit == 1000 ? 3 : unit == 1000000 ? 6 : 9, st);
  if (rc == SEGUE_OK && zone)
    rc = segue_buffer_append(out, "+00", 3, st); /* the session's time zone is UTC */
  return rc;
}

static segue_code put_interval(segue_buffer *out, duckdb_interval v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (v.months / 12)
    SEGUE_TRY(segue_buffer_printf(out, st, "%d years ", v.months / 12));
  if (v.months % 12)
    SEGUE_TRY(segue_buffer_printf(out, st, "%d months ", v.months % 12));
  if (v.days)
    SEGUE_TRY(segue_buffer_printf(out, st, "%d days ", v.days));
  if (v.micros < 0)
    SEGUE_TRY(segue_buffer_append(out, "-", 1, st));
  SEGUE_TRY(put_time(out, v.micros < 0 ? -v.micros : v.micros, st));
done:
  return rc;
}

/* ---- texts ---- */

segue_code sql_json_text(segue_buffer *out, segue_str text, segue_status *st) {
  segue_code rc = segue_buffer_append(out, "\"", 1, st);
  for (int64_t i = 0, run = 0; i <= text.size && rc == SEGUE_OK; i++) {
    unsigned char c = i < text.size ? (unsigned char)text.data[i] : '"';
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
      continue;
    rc = segue_buffer_append(out, text.data + run, i - run, st);
    run = i + 1;
    if (rc != SEGUE_OK || i == text.size)
      break;
    if (c == '"' || c == '\\')
      rc = segue_buffer_printf(out, st, "\\%c", c);
    else if (c == '\n')
      rc = segue_buffer_append(out, "\\n", 2, st);
    else
      rc = segue_buffer_printf(out, st, "\\u%04x", c);
  }
  return rc == SEGUE_OK ? segue_buffer_append(out, "\"", 1, st) : rc;
}

static segue_code put_text(segue_buffer *out, segue_str text, sql_style style, segue_status *st) {
  return style == SQL_JSON ? sql_json_text(out, text, st)
                           : segue_buffer_append(out, text.data, text.size, st);
}

static segue_str string_of(duckdb_vector vector, idx_t row) {
  duckdb_string_t *s = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
  return (segue_str){duckdb_string_t_data(s), duckdb_string_t_length(*s)};
}

static segue_code put_blob(segue_buffer *out, segue_str bytes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < bytes.size && rc == SEGUE_OK; i++)
    rc = segue_buffer_printf(out, st, "%02x", (unsigned)(unsigned char)bytes.data[i]);
  return rc;
}

static segue_code put_uuid(segue_buffer *out, duckdb_hugeint v, segue_status *st) {
  uint64_t high = (uint64_t)v.upper ^ (UINT64_C(1) << 63);
  return segue_buffer_printf(out, st, "%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(high >> 32),
                             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff),
                             (unsigned)(v.lower >> 48), v.lower & UINT64_C(0xffffffffffff));
}

static segue_code put_enum(segue_buffer *out, const sql_type *t, const void *data, idx_t row,
                           sql_style style, segue_status *st) {
  char *name =
      duckdb_enum_dictionary_value(t->logical, (idx_t)stored_integer(t->stored, data, row));
  segue_code rc = put_text(out, segue_str_of(name ? name : ""), style, st);
  duckdb_free(name);
  return rc;
}

/* What is shown as text and is a JSON string. */
static segue_code put_worded(segue_buffer *out, const sql_type *t, duckdb_vector vector, idx_t row,
                             segue_status *st) {
  const void *data = duckdb_vector_get_data(vector);
  switch (t->id) {
  case DUCKDB_TYPE_DATE:
    return put_date(out, ((const duckdb_date *)data)[row], st);
  case DUCKDB_TYPE_TIME:
    return put_time(out, ((const int64_t *)data)[row], st);
  case DUCKDB_TYPE_TIMESTAMP:
    return put_timestamp(out, ((const int64_t *)data)[row], 1000000, false, st);
  case DUCKDB_TYPE_TIMESTAMP_TZ:
    return put_timestamp(out, ((const int64_t *)data)[row], 1000000, true, st);
  case DUCKDB_TYPE_TIMESTAMP_S:
    return put_timestamp(out, ((const int64_t *)data)[row], 1, false, st);
  case DUCKDB_TYPE_TIMESTAMP_MS:
    return put_timestamp(out, ((const int64_t *)data)[row], 1000, false, st);
  case DUCKDB_TYPE_TIMESTAMP_NS:
    return put_timestamp(out, ((const int64_t *)data)[row], 1000000000, false, st);
  case DUCKDB_TYPE_INTERVAL:
    return put_interval(out, ((const duckdb_interval *)data)[row], st);
  case DUCKDB_TYPE_UUID:
    return put_uuid(out, ((const duckdb_hugeint *)data)[row], st);
  case DUCKDB_TYPE_BLOB:
    return put_blob(out, string_of(vector, row), st);
  default:
    return segue_fail(st, SEGUE_INTERNAL, "a value of an unknown type");
  }
}

/* ---- nested values ---- */

static segue_code put_inner(segue_buffer *out, const sql_type *t, duckdb_vector vector, idx_t row,
                            sql_style style, segue_status *st) {
  if (sql_value_is_null(vector, row))
    return segue_buffer_printf(out, st, style == SQL_JSON ? "null" : "NULL");
  return sql_value(out, t, vector, row, style, st);
}

static segue_code put_list(segue_buffer *out, const sql_type *t, duckdb_vector child, idx_t start,
                           idx_t n, sql_style style, segue_status *st) {
  segue_code rc = segue_buffer_append(out, "[", 1, st);
  for (idx_t i = 0; i < n && rc == SEGUE_OK; i++) {
    if (i > 0)
      rc = segue_buffer_append(out, ", ", 2, st);
    if (rc == SEGUE_OK)
      rc = put_inner(out, &t->children[0], child, start + i, style, st);
  }
  return rc == SEGUE_OK ? segue_buffer_append(out, "]", 1, st) : rc;
}

static segue_code put_struct(segue_buffer *out, const sql_type *t, duckdb_vector vector, idx_t row,
                             sql_style style, segue_status *st) {
  segue_code rc = segue_buffer_append(out, "{", 1, st);
  for (int i = 0; i < t->n_children && rc == SEGUE_OK; i++) {
    if (i > 0)
      rc = segue_buffer_append(out, ", ", 2, st);
    if (rc == SEGUE_OK)
      rc = put_text(out, segue_str_of(t->names[i]), style, st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(out, ": ", 2, st);
    if (rc == SEGUE_OK)
      rc = put_inner(out, &t->children[i], duckdb_struct_vector_get_child(vector, (idx_t)i), row,
                     style, st);
  }
  return rc == SEGUE_OK ? segue_buffer_append(out, "}", 1, st) : rc;
}

/* A map's keys become texts in JSON, whatever they were. */
static segue_code put_map(segue_buffer *out, const sql_type *t, duckdb_vector vector, idx_t row,
                          sql_style style, segue_status *st) {
  duckdb_list_entry e = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
  duckdb_vector entries = duckdb_list_vector_get_child(vector);
  duckdb_vector keys = duckdb_struct_vector_get_child(entries, 0),
                values = duckdb_struct_vector_get_child(entries, 1);
  segue_buffer key = {0};
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(out, "{", 1, st));
  for (uint64_t i = e.offset; i < e.offset + e.length; i++) {
    key.size = 0;
    if (i > e.offset)
      SEGUE_TRY(segue_buffer_append(out, ", ", 2, st));
    SEGUE_TRY(sql_value(&key, &t->children[0], keys, i, SQL_TEXT, st));
    SEGUE_TRY(put_text(out, (segue_str){(const char *)key.data, key.size}, style, st));
    SEGUE_TRY(
        segue_buffer_append(out, style == SQL_JSON ? ": " : "=", style == SQL_JSON ? 2 : 1, st));
    SEGUE_TRY(put_inner(out, &t->children[1], values, i, style, st));
  }
  SEGUE_TRY(segue_buffer_append(out, "}", 1, st));
done:
  segue_buffer_free(&key);
  return rc;
}

/* ---- any value ---- */

bool sql_value_is_null(duckdb_vector vector, idx_t row) {
  uint64_t *validity = duckdb_vector_get_validity(vector);
  return validity && !duckdb_validity_row_is_valid(validity, row);
}

segue_code sql_value(segue_buffer *out, const sql_type *t, duckdb_vector vector, idx_t row,
                     sql_style style, segue_status *st) {
  const void *data = duckdb_vector_get_data(vector);
  segue_code rc;
  switch (t->id) {
  case DUCKDB_TYPE_SQLNULL:
    return segue_buffer_printf(out, st, style == SQL_JSON ? "null" : "NULL");
  case DUCKDB_TYPE_BOOLEAN:
    return segue_buffer_printf(out, st, ((const bool *)data)[row] ? "true" : "false");
  case DUCKDB_TYPE_FLOAT:
    return put_real(out, (double)((const float *)data)[row], true, style, st);
  case DUCKDB_TYPE_DOUBLE:
    return put_real(out, ((const double *)data)[row], false, style, st);
  case DUCKDB_TYPE_DECIMAL:
    return put_integer(out, stored_integer(t->stored, data, row), t->scale, st);
  case DUCKDB_TYPE_UHUGEINT:
    return put_unsigned_huge(out, data, row, st);
  case DUCKDB_TYPE_ENUM:
    return put_enum(out, t, data, row, style, st);
  case DUCKDB_TYPE_VARCHAR:
    return put_text(out, string_of(vector, row), style, st);
  case DUCKDB_TYPE_LIST: {
    duckdb_list_entry e = ((const duckdb_list_entry *)data)[row];
    return put_list(out, t, duckdb_list_vector_get_child(vector), e.offset, e.length, style, st);
  }
  case DUCKDB_TYPE_ARRAY:
    return put_list(out, t, duckdb_array_vector_get_child(vector), row * (idx_t)t->length,
                    (idx_t)t->length, style, st);
  case DUCKDB_TYPE_STRUCT:
    return put_struct(out, t, vector, row, style, st);
  case DUCKDB_TYPE_MAP:
    return put_map(out, t, vector, row, style, st);
  default:
    if (sql_type_is_number(t))
      return put_integer(out, stored_integer(t->id, data, row), 0, st);
    rc = style == SQL_JSON ? segue_buffer_append(out, "\"", 1, st) : SEGUE_OK;
    if (rc == SEGUE_OK)
      rc = put_worded(out, t, vector, row, st);
    return rc == SEGUE_OK && style == SQL_JSON ? segue_buffer_append(out, "\"", 1, st) : rc;
  }
}
