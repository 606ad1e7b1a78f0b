/* Partition values as directory names, and back. */
#include "segue/lake.h"

#include <string.h>

enum { HASH_DIGITS = 16 };

static bool must_escape(unsigned char c) {
  return c < 0x20 || c == 0x7F || strchr("\"#%'*/:=?\\{[]^", c) != NULL;
}

static segue_code put_escaped(unsigned char c, segue_buffer *out, segue_status *st) {
  static const char digits[] = "0123456789ABCDEF";
  char text[3] = {'%', digits[c >> 4], digits[c & 15]};
  return segue_buffer_append(out, text, 3, st);
}

static bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Where the `~` of a value stands that ends like a shortened one, or -1. */
static int64_t shortened_mark(segue_str value) {
  int64_t at = value.size - HASH_DIGITS - 1;
  if (at < 0 || value.data[at] != '~')
    return -1;
  for (int64_t i = at + 1; i < value.size; i++)
    if (!is_lower_hex(value.data[i]))
      return -1;
  return at;
}

static bool is_null_word(segue_str v) {
  static const char word[] = "null";
  if (v.size != 4)
    return false;
  for (int i = 0; i < 4; i++)
    if ((v.data[i] | 0x20) != word[i])
      return false;
  return true;
}

static segue_code escape_value(segue_str value, segue_buffer *out, segue_status *st) {
  if (value.size == 0)
    return segue_buffer_append(out, SEGUE_HIVE_EMPTY, (int64_t)strlen(SEGUE_HIVE_EMPTY), st);
  bool taken = segue_str_eq(value, segue_str_of(SEGUE_HIVE_EMPTY)) || is_null_word(value);
  int64_t mark = taken ? 0 : shortened_mark(value);
  for (int64_t i = 0; i < value.size; i++) {
    unsigned char c = (unsigned char)value.data[i];
    segue_code rc =
        i == mark || must_escape(c) ? put_escaped(c, out, st) : segue_buffer_append(out, &c, 1, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  return SEGUE_OK;
}

/* The largest place <= `at` in the escaped text that splits neither %XX nor a UTF-8 character. */
static int64_t whole_characters(const uint8_t *text, int64_t at) {
  for (int64_t back = 1; back <= 2 && back <= at; back++)
    if (text[at - back] == '%')
      return at - back;
  while (at > 0 && (text[at] & 0xC0U) == 0x80U)
    at--;
  return at;
}

segue_code segue_hive_directory(const char *column, segue_str value, segue_buffer *out,
                                bool *shortened, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t start = out->size;
  for (const char *c = column; *c; c++) {
    if (must_escape((unsigned char)*c))
      SEGUE_TRY(put_escaped((unsigned char)*c, out, st));
    else
      SEGUE_TRY(segue_buffer_append(out, c, 1, st));
  }
  SEGUE_TRY(segue_buffer_append(out, "=", 1, st));
  int64_t value_at = out->size;
  SEGUE_TRY(escape_value(value, out, st));
  bool long_name = out->size - start > SEGUE_HIVE_NAME_MAX;
  if (shortened)
    *shortened = long_name;
  if (!long_name)
    goto done;
  int64_t room = SEGUE_HIVE_NAME_MAX - (value_at - start) - HASH_DIGITS - 1;
  if (room < 0) {
    rc = segue_fail(st, SEGUE_INPUT, "the column name %.*s is too long for a partition directory",
                    segue_str_show(segue_str_of(column)), column);
    goto done;
  }
  out->size = value_at + whole_characters(out->data + value_at, room);
  SEGUE_TRY(segue_buffer_printf(out, st, "~%016llx",
                                (unsigned long long)segue_hash(value.data, value.size, 0)));
done:
  return rc;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
    return (c | 0x20) - 'a' + 10;
  return -1;
}

segue_code segue_hive_unescape(segue_str text, segue_buffer *out, segue_status *st) {
  segue_code rc = segue_buffer_reserve(out, text.size, st);
  if (rc != SEGUE_OK)
    return rc;
  for (int64_t i = 0; i < text.size; i++) {
    uint8_t byte = (uint8_t)text.data[i];
    if (byte == '%' && i + 2 < text.size) {
      int high = hex_digit(text.data[i + 1]), low = hex_digit(text.data[i + 2]);
      if (high >= 0 && low >= 0) {
        byte = (uint8_t)(high << 4 | low);
        i += 2;
      }
    }
    out->data[out->size++] = byte;
  }
  return SEGUE_OK;
}

segue_code segue_hive_value(segue_str directory, segue_str *column, segue_buffer *out, bool *found,
                            segue_status *st) {
  const char *equals =
      directory.size > 0 ? memchr(directory.data, '=', (size_t)directory.size) : NULL;
  *found = equals != NULL;
  if (!equals)
    return SEGUE_OK;
  *column = (segue_str){directory.data, equals - directory.data};
  segue_str value = {equals + 1, directory.size - column->size - 1};
  if (segue_str_eq(value, segue_str_of(SEGUE_HIVE_EMPTY)))
    return SEGUE_OK;
  return segue_hive_unescape(value, out, st);
}
