/* The page: the template with its style, script and data put in. */
#include "report/internal.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "report/assets.h"

/* Data of more bytes than this go in compressed; smaller ones stay readable. */
enum { PLAIN_BYTES = 1000000 };

void segue_report_data_free(segue_report_data *r) {
  for (int i = 0; i < SEGUE_REPORT_TABLES; i++)
    segue_table_destroy(&r->tables[i]);
  segue_dict_destroy(&r->genres);
  free(r->genre_tracks);
  free(r->made);
  memset(r, 0, sizeof *r);
}

static segue_code put(segue_buffer *out, const char *text, segue_status *st) {
  return segue_buffer_append(out, text, (int64_t)strlen(text), st);
}

/* For text between tags and in quoted attributes. */
static segue_code put_html(segue_buffer *out, const char *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (; *text && rc == SEGUE_OK; text++)
    switch (*text) {
    case '<':
      rc = put(out, "&lt;", st);
      break;
    case '>':
      rc = put(out, "&gt;", st);
      break;
    case '&':
      rc = put(out, "&amp;", st);
      break;
    case '"':
      rc = put(out, "&quot;", st);
      break;
    case '\'':
      rc = put(out, "&#39;", st);
      break;
    default:
      rc = segue_buffer_append(out, text, 1, st);
    }
  return rc;
}

/* Bytes that become 64 KiB of base64. */
enum { PIECE = 3 * 16384 };

static segue_code put_base64(segue_buffer *out, const uint8_t *data, int64_t n, segue_status *st) {
  unsigned char text[PIECE / 3 * 4 + 1];
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < n && rc == SEGUE_OK; at += PIECE) {
    int size = n - at < PIECE ? (int)(n - at) : PIECE;
    int length = EVP_EncodeBlock(text, data + at, size);
    rc = segue_buffer_append(out, text, length, st);
  }
  return rc;
}

/* 'sha256-...', as a content security policy names an inline script or style. */
static segue_code put_digest(segue_buffer *out, const unsigned char *data, long size,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(data, (size_t)size, digest, &length, EVP_sha256(), NULL) != 1)
    return segue_fail(st, SEGUE_INTERNAL, "SHA-256 failed");
  SEGUE_TRY(put(out, "'sha256-", st));
  SEGUE_TRY(put_base64(out, digest, length, st));
  SEGUE_TRY(put(out, "'", st));
done:
  return rc;
}

/* Nothing but this page's own style and script: no request, no other code, no form. */
static segue_code put_policy(segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(put(out, "default-src 'none'; script-src ", st));
  SEGUE_TRY(put_digest(out, segue_asset_script, segue_asset_script_size, st));
  SEGUE_TRY(put(out, "; style-src ", st));
  SEGUE_TRY(put_digest(out, segue_asset_style, segue_asset_style_size, st));
  SEGUE_TRY(put(out, "; img-src data:; base-uri 'none'; form-action 'none'", st));
done:
  return rc;
}

/* Many short elements, because browsers take far longer for one of megabytes. */
static segue_code put_compressed(segue_buffer *out, const segue_buffer *json, const char *class,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  uLongf size = compressBound((uLong)json->size);
  uint8_t *packed = segue_alloc((int64_t)size, 1, "the compressed page data", st);
  if (!packed)
    return SEGUE_MEMORY;
  int z = compress2(packed, &size, json->data, (uLong)json->size, 9);
  rc = z == Z_OK ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "zlib cannot compress the page's data");
  for (int64_t at = 0, n = (int64_t)size; at < n && rc == SEGUE_OK; at += PIECE) {
    SEGUE_TRY(
        segue_buffer_printf(out, st, "<script type=\"text/plain\" class=\"%s packed\">", class));
    SEGUE_TRY(put_base64(out, packed + at, n - at < PIECE ? n - at : PIECE, st));
    SEGUE_TRY(put(out, "</script>", st));
  }
done:
  free(packed);
  return rc;
}

/* Elements of the class, for the script to find. */
static segue_code put_data(segue_buffer *out, const segue_buffer *json, const char *class,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (json->size > PLAIN_BYTES)
    return put_compressed(out, json, class, st);
  SEGUE_TRY(segue_buffer_printf(out, st, "<script type=\"application/json\" class=\"%s\">", class));
  SEGUE_TRY(segue_buffer_append(out, json->data, json->size, st));
  SEGUE_TRY(put(out, "</script>", st));
done:
  return rc;
}

/* The parts of a page that depend on the report. */
typedef struct parts {
  const char *title;
  segue_buffer first, rest; /* JSON */
} parts;

/* What stands for {{`name`}} in the template. */
static segue_code put_part(segue_buffer *out, segue_str name, const parts *p, segue_status *st) {
  if (segue_str_eq(name, segue_str_of("policy")))
    return put_policy(out, st);
  if (segue_str_eq(name, segue_str_of("title")))
    return put_html(out, p->title, st);
  if (segue_str_eq(name, segue_str_of("version")))
    return put_html(out, SEGUE_VERSION, st);
  if (segue_str_eq(name, segue_str_of("style")))
    return segue_buffer_append(out, segue_asset_style, segue_asset_style_size, st);
  if (segue_str_eq(name, segue_str_of("script")))
    return segue_buffer_append(out, segue_asset_script, segue_asset_script_size, st);
  if (segue_str_eq(name, segue_str_of("first")))
    return put_data(out, &p->first, "first", st);
  if (segue_str_eq(name, segue_str_of("rest")))
    return put_data(out, &p->rest, "rest", st);
  return segue_fail(st, SEGUE_INTERNAL, "the page's template has an unknown part {{%.*s}}",
                    segue_str_show(name), name.data);
}

segue_code segue_report_page(const segue_report_data *r, const segue_page_params *params,
                             segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_page_params given = *params;
  parts p = {0};
  const char *at = (const char *)segue_asset_page, *end = at + segue_asset_page_size;
  given.title = p.title = given.title && *given.title ? given.title : "Music similarity by genre";
  if (!segue_utf8_valid(segue_str_of(p.title)))
    return segue_fail(st, SEGUE_INPUT, "the title is no UTF-8");
  SEGUE_TRY(segue_report_json(r, &given, &p.first, &p.rest, st));
  for (const char *open; (open = strstr(at, "{{")) != NULL;) {
    const char *close = strstr(open, "}}");
    SEGUE_TRY(segue_buffer_append(out, at, open - at, st));
    SEGUE_TRY(put_part(out, (segue_str){open + 2, close - open - 2}, &p, st));
    at = close + 2;
  }
  SEGUE_TRY(segue_buffer_append(out, at, end - at, st));
done:
  segue_buffer_free(&p.first);
  segue_buffer_free(&p.rest);
  return rc;
}
