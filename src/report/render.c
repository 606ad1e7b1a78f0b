/* The page as PDF and its charts as pictures, by a headless browser. */
#include "report/internal.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

void segue_rendered_free(segue_rendered *r) {
  segue_buffer_free(&r->pdf);
  for (int i = 0; i < r->n_pictures; i++)
    segue_buffer_free(&r->pictures[i].png);
  memset(r, 0, sizeof *r);
}

/* The bytes of the result's member `data`. */
static segue_code take_data(const json_t *result, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const json_t *data = json_object_get(result, "data");
  size_t n = json_string_length(data);
  const char *text = json_string_value(data);
  if (!text || n < 4 || n % 4 != 0 || n > INT32_MAX)
    return segue_fail(st, SEGUE_IO, "the browser gave no picture");
  SEGUE_TRY(segue_buffer_reserve(out, (int64_t)n, st));
  int size = EVP_DecodeBlock(out->data, (const unsigned char *)text, (int)n);
  if (size < 0)
    return segue_fail(st, SEGUE_IO, "the browser gave no picture");
  out->size = size - (text[n - 1] == '=') - (text[n - 2] == '=');
done:
  return rc;
}

static segue_code print_pdf(segue_browser *b, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *result = NULL;
  SEGUE_TRY(
      segue_browser_call(b, true, "Page.printToPDF",
                         json_pack("{s:b,s:b,s:b,s:b}", "printBackground", 1, "preferCSSPageSize",
                                   1, "generateTaggedPDF", 1, "generateDocumentOutline", 1),
                         &result, st));
  SEGUE_TRY(take_data(result, out, st));
done:
  json_decref(result);
  return rc;
}

static bool is_plain_name(const char *name) {
  return name && *name && strlen(name) < sizeof((segue_picture *)0)->name &&
         strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static segue_code take_picture(segue_browser *b, const json_t *chart, segue_rendered *out,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *result = NULL;
  const char *name = json_string_value(json_object_get(chart, "name"));
  if (!is_plain_name(name) || out->n_pictures == SEGUE_MAX_PICTURES)
    return segue_fail(st, SEGUE_INTERNAL, "the page has a chart of an unfit name, or too many");
  SEGUE_TRY(segue_browser_call(b, true, "Page.captureScreenshot",
                               json_pack("{s:s,s:b,s:O}", "format", "png", "captureBeyondViewport",
                                         1, "clip", json_object_get(chart, "clip")),
                               &result, st));
  segue_picture *p = &out->pictures[out->n_pictures];
  snprintf(p->name, sizeof p->name, "%s", name);
  out->n_pictures++;
  SEGUE_TRY(take_data(result, &p->png, st));
done:
  json_decref(result);
  return rc;
}

static segue_code take_pictures(segue_browser *b, segue_rendered *out, segue_status *st) {
  static const char *const charts =
      "[...document.querySelectorAll('figure[data-chart]')].filter(f => f.offsetParent).map(f => {"
      "const r = f.getBoundingClientRect();"
      "return {name: f.dataset.chart, clip: {x: r.x + scrollX, y: r.y + scrollY, width: r.width,"
      " height: r.height, scale: 1}} })";
  segue_code rc = SEGUE_OK;
  json_t *result = NULL, *chart;
  size_t i;
  SEGUE_TRY(segue_browser_call(b, true, "Runtime.evaluate",
                               json_pack("{s:s,s:b}", "expression", charts, "returnByValue", 1),
                               &result, st));
  json_array_foreach(json_object_get(json_object_get(result, "result"), "value"), i, chart)
      SEGUE_TRY(take_picture(b, chart, out, st));
done:
  json_decref(result);
  return rc;
}

/* A browser that did not start well is given up for another, once. */
static segue_code open_page(const char *program, const char *directory, const char *url,
                            segue_browser **out, segue_status *st) {
  segue_status first = {0};
  segue_code rc = segue_browser_start(program, directory, out, &first);
  if (rc == SEGUE_OK)
    rc = segue_browser_open(*out, url, 1240, &first);
  if (rc == SEGUE_IO) {
    char profile[2176];
    segue_browser_stop(out);
    snprintf(profile, sizeof profile, "%s/profile", directory);
    rc = segue_remove_tree(profile, st);
    if (rc == SEGUE_OK)
      rc = segue_browser_start(program, directory, out, st);
    if (rc == SEGUE_OK)
      rc = segue_browser_open(*out, url, 1240, st);
  } else if (rc != SEGUE_OK) {
    *st = first;
  }
  return rc;
}

segue_code segue_report_render(const char *program, const segue_buffer *page, bool pdf,
                               bool pictures, segue_rendered *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_browser *b = NULL;
  segue_scratch scratch;
  char path[2176], url[2304];
  SEGUE_TRY(segue_scratch_create(&scratch, st));
  snprintf(path, sizeof path, "%s/page.html", scratch.path);
  snprintf(url, sizeof url, "file://%s", path);
  SEGUE_TRY(segue_write_file(path, page->data, page->size, st));
  SEGUE_TRY(open_page(program, scratch.path, url, &b, st));
  if (pictures)
    SEGUE_TRY(take_pictures(b, out, st));
  if (pdf)
    SEGUE_TRY(print_pdf(b, &out->pdf, st));
done:
  segue_browser_stop(&b);
  segue_scratch_remove(&scratch);
  return rc;
}
