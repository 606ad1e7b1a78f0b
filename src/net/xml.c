/* XML as S3 and STS answer it, read by expat within narrow bounds. */
#include <expat.h>
#include <string.h>

#include "segue/net.h"

enum { MAX_DEPTH = 16, MAX_PATH = 512, MAX_TEXT = 1 << 20, MAX_INPUT = 64 << 20 };

typedef struct reader {
  XML_Parser parser;
  segue_xml_fn fn;
  void *user;
  char path[MAX_PATH];
  size_t n_path;
  int depth;
  bool leaf; /* nothing has ended within the element that is open */
  segue_buffer text;
  segue_code rc;
  segue_status *st;
} reader;

static void stop(reader *r, segue_code rc) {
  r->rc = rc;
  XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *user, const char *name, const char **attributes) {
  reader *r = user;
  (void)attributes;
  size_t n = strlen(name);
  if (++r->depth > MAX_DEPTH || r->n_path + n + 2 > sizeof r->path) {
    stop(r, segue_fail(r->st, SEGUE_INPUT, "the XML is nested too deeply"));
    return;
  }
  if (r->n_path > 0)
    r->path[r->n_path++] = '/';
  memcpy(r->path + r->n_path, name, n + 1);
  r->n_path += n;
  r->text.size = 0;
  r->leaf = true;
}

static void on_end(void *user, const char *name) {
  reader *r = user;
  if (r->rc != SEGUE_OK)
    return;
  segue_code rc = segue_buffer_append(&r->text, "", 1, r->st);
  if (rc == SEGUE_OK)
    rc = r->fn(r->user, r->path, r->leaf ? (const char *)r->text.data : NULL, r->st);
  size_t n = strlen(name);
  r->n_path -= r->n_path > n ? n + 1 : n;
  r->path[r->n_path] = '\0';
  r->depth--;
  r->leaf = false;
  r->text.size = 0;
  if (rc != SEGUE_OK)
    stop(r, rc);
}

static void on_text(void *user, const char *data, int n) {
  reader *r = user;
  if (r->rc != SEGUE_OK)
    return;
  if (r->text.size + n > MAX_TEXT)
    stop(r, segue_fail(r->st, SEGUE_INPUT, "the XML has a text of more than 1 MiB"));
  else if (segue_buffer_append(&r->text, data, n, r->st) != SEGUE_OK)
    stop(r, SEGUE_MEMORY);
}

/* Entities are declared in document types; no answer has one. */
static void on_doctype(void *user, const char *name, const char *system, const char *public,
                       int internal) {
  reader *r = user;
  (void)name, (void)system, (void)public, (void)internal;
  stop(r, segue_fail(r->st, SEGUE_INPUT, "the XML has a document type, which is not read"));
}

segue_code segue_xml_read(segue_str xml, segue_xml_fn fn, void *user, segue_status *st) {
  reader r = {.fn = fn, .user = user, .st = st};
  if (xml.size > MAX_INPUT)
    return segue_fail(st, SEGUE_INPUT, "the XML is longer than 64 MiB");
  r.parser = XML_ParserCreate(NULL);
  if (!r.parser)
    return segue_fail(st, SEGUE_MEMORY, "no memory to read XML");
  XML_SetUserData(r.parser, &r);
  XML_SetElementHandler(r.parser, on_start, on_end);
  XML_SetCharacterDataHandler(r.parser, on_text);
  XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
  if (XML_Parse(r.parser, xml.data, (int)xml.size, 1) == XML_STATUS_ERROR && r.rc == SEGUE_OK)
    r.rc = segue_fail(st, SEGUE_INPUT, "the XML cannot be read: %s in line %lu",
                      XML_ErrorString(XML_GetErrorCode(r.parser)),
                      (unsigned long)XML_GetCurrentLineNumber(r.parser));
  XML_ParserFree(r.parser);
  segue_buffer_free(&r.text);
  return r.rc;
}

typedef struct search {
  const char *path;
  segue_buffer *out;
  bool found;
} search;

static segue_code look(void *user, const char *path, const char *text, segue_status *st) {
  search *s = user;
  if (s->found || !text || strcmp(path, s->path) != 0)
    return SEGUE_OK;
  s->found = true;
  return segue_buffer_append(s->out, text, (int64_t)strlen(text) + 1, st);
}

bool segue_xml_find(segue_str xml, const char *path, segue_buffer *out) {
  search s = {path, out, false};
  segue_status st = {0};
  return segue_xml_read(xml, look, &s, &st) == SEGUE_OK && s.found;
}

segue_code segue_xml_escape(segue_str text, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < text.size && rc == SEGUE_OK; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c < 0x20 || c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
      rc = segue_buffer_printf(out, st, "&#%d;", c);
    else
      rc = segue_buffer_append(out, &c, 1, st);
  }
  return rc;
}
