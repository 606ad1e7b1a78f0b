/* The page of segue dashboard: names are names everywhere, and data comes in whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/internal.h"
#include "segue/table.h"

#define HOSTILE "</script><img src=x onerror=alert(1)>"

static segue_code rc;
static segue_status st;

static char *text_of(segue_buffer *b) {
  assert_int_equal(segue_buffer_append(b, "", 1, &st), SEGUE_OK);
  return (char *)b->data;
}

/* Every character that could end a script element or a line of JavaScript is escaped, and JSON
 * reads the text back. */
static void test_text(void **state) {
  static const char *const texts[] = {
      HOSTILE,    "<!--", "]]>", "a\u2028b\u2029c", "tab\there",    "quote\" back\\slash",
      "\x01\x7f", "",     "r&b", "日本語",          "\u2027\u202a", "👩‍🎤"};
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    segue_buffer out = {0};
    rc = segue_report_put_text(&out, segue_str_of(texts[i]), &st);
    assert_int_equal(rc, SEGUE_OK);
    char *text = text_of(&out);
    assert_null(strpbrk(text, "<>&\x01\x7f"));
    assert_null(strstr(text, "\u2028"));
    assert_null(strstr(text, "\u2029"));
    json_t *read = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(read);
    assert_string_equal(json_string_value(read), texts[i]);
    json_decref(read);
    segue_buffer_free(&out);
  }
  segue_buffer out = {0};
  segue_status bad = {0};
  rc = segue_report_put_text(&out, segue_str_of("\xff"), &bad);
  assert_int_equal(rc, SEGUE_INPUT);
  segue_buffer_free(&out);
}

/* Two genres, one hostile, and a table with each kind of column. */
static void make(segue_report_data *r) {
  static const char *const genres[] = {"aardvark", HOSTILE};
  int32_t code;
  memset(r, 0, sizeof *r);
  r->n_tracks = 12;
  assert_int_equal(segue_dict_create(&r->genres, &st), SEGUE_OK);
  for (int i = 0; i < 2; i++)
    assert_int_equal(segue_dict_add(r->genres, segue_str_of(genres[i]), &code, NULL, &st),
                     SEGUE_OK);
  r->genre_tracks = segue_alloc(2, sizeof *r->genre_tracks, "counts", &st);
  r->genre_tracks[0] = 3;
  r->genre_tracks[1] = 9;
  segue_table *t;
  assert_int_equal(segue_table_create(&t, segue_schema_find("results/hubs"), &st), SEGUE_OK);
  for (int i = 0; i < 6; i++) {
    assert_int_equal(segue_put_str(t, 0, segue_str_of(genres[i % 2]), &st), SEGUE_OK);
    assert_int_equal(segue_put_int(t, 1, i / 2 + 1, &st), SEGUE_OK);
    assert_int_equal(segue_put_str(t, 2, segue_str_of("id"), &st), SEGUE_OK);
    if (i == 3)
      assert_int_equal(segue_put_null(t, 3, &st), SEGUE_OK);
    else
      assert_int_equal(segue_put_str(t, 3, segue_str_of(HOSTILE), &st), SEGUE_OK);
    assert_int_equal(segue_put_str(t, 4, segue_str_of("artist"), &st), SEGUE_OK);
    assert_int_equal(segue_put_int(t, 5, 100 - i, &st), SEGUE_OK);
    assert_int_equal(segue_put_int(t, 6, 10, &st), SEGUE_OK);
    segue_table_end_row(t);
  }
  int n;
  const segue_wanted *list = segue_report_list(&n);
  for (int i = 0; i < n; i++)
    if (strcmp(list[i].name, "results/hubs") == 0)
      r->tables[i] = t;
}

static const json_t *table_named(const json_t *whole, const char *name) {
  size_t i;
  json_t *table;
  json_array_foreach(json_object_get(whole, "tables"), i,
                     table) if (strcmp(json_string_value(json_object_get(table, "name")), name) ==
                                0) return table;
  return NULL;
}

static const json_t *column_named(const json_t *table, const char *name) {
  size_t i;
  json_t *column;
  json_array_foreach(json_object_get(table, "columns"), i,
                     column) if (strcmp(json_string_value(json_object_get(column, "name")), name) ==
                                 0) return column;
  return NULL;
}

static void assert_json(const json_t *value, const char *expected) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
  assert_string_equal(text, expected);
  free(text);
}

static void test_json(void **state) {
  segue_report_data r;
  segue_page_params params = {.title = "A title", .genre = HOSTILE, .k = 20};
  segue_buffer out = {0}, later = {0};
  (void)state;
  make(&r);
  rc = segue_report_json(&r, &params, &out, &later, &st);
  assert_int_equal(rc, SEGUE_OK);
  json_t *whole = json_loads(text_of(&out), 0, NULL);
  json_t *rest = json_loads(text_of(&later), 0, NULL);
  assert_non_null(whole);
  assert_non_null(rest);
  /* Largest genre first, so the hostile one is code 0. */
  assert_json(json_object_get(whole, "genre"), "0");
  assert_json(json_object_get(whole, "first_k"), "-1"); /* no table has cut-offs */
  assert_json(json_object_get(json_object_get(whole, "genres"), "n_tracks"), "[9,3]");
  const json_t *hubs = table_named(whole, "results/hubs");
  assert_json(json_object_get(column_named(hubs, "genre"), "values"), "[1,0,1,0,1,0]");
  assert_json(json_object_get(column_named(hubs, "name"), "values"), "[0,0,0,null,0,0]");
  assert_json(json_object_get(column_named(hubs, "k"), "all"), "10");
  assert_json(json_object_get(column_named(hubs, "k_occurrence"), "values"),
              "[100,99,98,97,96,95]");
  assert_null(column_named(hubs, "track_id")); /* not wanted */
  /* All of it is needed at first. */
  assert_json(json_object_get(rest, "results/hubs"), "{\"rows\":6,\"columns\":{}}");
  /* A table that is not there says what makes it. */
  const json_t *predictors = table_named(whole, "results/genre_predictors");
  assert_null(json_object_get(predictors, "columns"));
  assert_json(json_object_get(predictors, "made_by"), "\"segue predictors\"");
  json_decref(whole);
  json_decref(rest);
  segue_buffer_free(&out);
  segue_buffer_free(&later);
  segue_report_data_free(&r);
}

/* Puts a table where the report has it. */
static void place(segue_report_data *r, const char *name, segue_table *t) {
  int n;
  const segue_wanted *list = segue_report_list(&n);
  for (int i = 0; i < n; i++)
    if (strcmp(list[i].name, name) == 0)
      r->tables[i] = t;
}

/* A row with these values and null in all other columns. */
typedef struct cell {
  const char *column, *text; /* a number where text is NULL */
  double number;
} cell;

static void put_row(segue_table *t, const cell *cells) {
  for (int c = 0; c < t->n_columns; c++) {
    const cell *v = cells;
    while (v->column && strcmp(v->column, t->columns[c].field.name) != 0)
      v++;
    if (v->column && v->text)
      rc = segue_put_str(t, c, segue_str_of(v->text), &st);
    else if (v->column && t->columns[c].field.type == SEGUE_DOUBLE)
      rc = segue_put_double(t, c, v->number, &st);
    else if (v->column)
      rc = segue_put_int(t, c, (int64_t)v->number, &st);
    else
      rc = segue_put_null(t, c, &st);
    assert_int_equal(rc, SEGUE_OK);
  }
  segue_table_end_row(t);
}

static segue_table *table_like(const char *name) {
  segue_table *t;
  segue_schema nullable = *segue_schema_find(name);
  segue_field fields[64];
  memcpy(fields, nullable.fields, (size_t)nullable.n_fields * sizeof *fields);
  for (int i = 0; i < nullable.n_fields; i++)
    fields[i].nullable = true;
  nullable.fields = fields;
  assert_int_equal(segue_table_create(&t, &nullable, &st), SEGUE_OK);
  return t;
}

/* The page begins with one cut-off; others follow. What genres say one by one follows too, but
 * their means are there at once. */
static void test_first_and_rest(void **state) {
  static const char *const genres[] = {"a", "b", "c"};
  static const double energy[] = {0.9, 0.2, 0.5}, tempo[] = {-0.1, -0.8, 0.1};
  segue_report_data r = {0};
  segue_page_params params = {.title = "A title"};
  segue_buffer out = {0}, later = {0};
  (void)state;
  segue_table *audio = table_like("results/eval_audio_similarity");
  segue_table *predictors = table_like("results/genre_predictors");
  segue_table *correlations = table_like("results/feature_correlations");
  for (int g = 0; g < 3; g++) {
    for (int k = 5; k <= 20; k += k)
      put_row(audio, (cell[]){{"genre", genres[g], 0},
                              {"k", NULL, k},
                              {"recall_at_k", NULL, k + g / 4.0},
                              {0}});
    put_row(predictors, (cell[]){{"genre", genres[g], 0},
                                 {"feature", "energy", 0},
                                 {"importance_norm", NULL, energy[g]},
                                 {0}});
    put_row(predictors, (cell[]){{"genre", genres[g], 0},
                                 {"feature", "tempo", 0},
                                 {"importance_norm", NULL, tempo[g]},
                                 {0}});
    put_row(correlations, (cell[]){{"genre", genres[g], 0},
                                   {"feature", "energy", 0},
                                   {"other_feature", "tempo", 0},
                                   {"pearson", NULL, g / 10.0},
                                   {0}});
  }
  place(&r, "results/eval_audio_similarity", audio);
  place(&r, "results/genre_predictors", predictors);
  place(&r, "results/feature_correlations", correlations);
  rc = segue_report_json(&r, &params, &out, &later, &st);
  assert_int_equal(rc, SEGUE_OK);
  json_t *whole = json_loads(text_of(&out), 0, NULL);
  json_t *rest = json_loads(text_of(&later), 0, NULL);
  assert_json(json_object_get(whole, "first_k"), "10");
  const json_t *t = table_named(whole, "results/eval_audio_similarity");
  assert_json(json_object_get(t, "rows"), "3");
  assert_json(json_object_get(t, "total"), "9");
  assert_json(json_object_get(t, "ks"), "[5,10,20]");
  assert_json(json_object_get(column_named(t, "recall_at_k"), "values"), "[10,10.25,10.5]");
  const json_t *more =
      json_object_get(json_object_get(rest, "results/eval_audio_similarity"), "columns");
  assert_json(json_object_get(json_object_get(more, "k"), "values"), "[5,20,5,20,5,20]");
  assert_json(json_object_get(json_object_get(more, "recall_at_k"), "values"),
              "[5,20,5.25,20.25,5.5,20.5]");
  t = table_named(whole, "results/genre_predictors");
  assert_json(json_object_get(t, "rows"), "0");
  assert_json(json_object_get(t, "total"), "6");
  assert_json(json_object_get(column_named(t, "importance_norm"), "values"), "[]");
  more = json_object_get(json_object_get(rest, "results/genre_predictors"), "columns");
  assert_json(json_object_get(json_object_get(more, "importance_norm"), "values"),
              "[0.9,-0.1,0.2,-0.8,0.5,0.1]");
  assert_json(json_object_get(json_object_get(more, "genre"), "values"), "[0,0,1,1,2,2]");
  /* Means, quartiles and sizes by hand; tempo is the larger by size in genre b alone. */
  assert_json(json_object_get(whole, "overview"),
              "{\"predictors\":[{\"feature\":\"energy\",\"firsts\":2,"
              "\"importance_norm\":[0.533333,0.35,0.7,3],"
              "\"size\":0.533333},{\"feature\":\"tempo\",\"firsts\":1,"
              "\"importance_norm\":[-0.266667,-0.45,0,3],"
              "\"size\":0.333333}],\"genres_with_first\":3,"
              "\"correlations\":[[\"energy\",\"tempo\",0.1]]}");
  json_decref(whole);
  json_decref(rest);
  segue_buffer_free(&out);
  segue_buffer_free(&later);
  segue_report_data_free(&r);
}

static void test_page(void **state) {
  segue_report_data r;
  segue_page_params params = {.title = "<b>\"R&B\"</b>'"};
  segue_buffer out = {0}, again = {0};
  (void)state;
  make(&r);
  rc = segue_report_page(&r, &params, &out, &st);
  assert_int_equal(rc, SEGUE_OK);
  rc = segue_report_page(&r, &params, &again, &st);
  assert_int_equal(rc, SEGUE_OK);
  assert_int_equal(out.size, again.size);
  assert_memory_equal(out.data, again.data, (size_t)out.size);
  const char *page = text_of(&out);
  assert_non_null(strstr(page, "<title>&lt;b&gt;&quot;R&amp;B&quot;&lt;/b&gt;&#39;</title>"));
  assert_null(strstr(page, "<img"));
  assert_null(strstr(page, "{{"));
  assert_non_null(strstr(page, "content=\"default-src 'none'; script-src 'sha256-"));
  int scripts = 0; /* data, script, more data, and nothing that a name brought */
  for (const char *p = page; (p = strstr(p, "</script>")) != NULL; p++)
    scripts++;
  assert_int_equal(scripts, 3);
  segue_buffer_free(&out);
  segue_buffer_free(&again);
  segue_report_data_free(&r);
}

static void test_unknown_genre(void **state) {
  segue_report_data r;
  segue_status why = {0};
  segue_page_params params = {.genre = "nowhere"};
  segue_buffer out = {0};
  (void)state;
  make(&r);
  rc = segue_report_page(&r, &params, &out, &why);
  assert_int_equal(rc, SEGUE_INPUT);
  assert_non_null(strstr(why.message, "'nowhere'"));
  segue_buffer_free(&out);
  segue_report_data_free(&r);
}

/* The first ranks are kept, and as many of them as there is room for. */
static void test_trim(void **state) {
  segue_report_data r;
  segue_wanted wanted = {
      .name = "results/hubs", .columns = "*", .first_by = "rank", .most_rows = 5};
  (void)state;
  make(&r);
  for (int i = 0; i < SEGUE_REPORT_TABLES; i++)
    if (r.tables[i]) {
      rc = segue_report_trim(&wanted, &r.tables[i], &st);
      assert_int_equal(rc, SEGUE_OK);
      assert_int_equal(r.tables[i]->n_rows, 4);
      for (int64_t row = 0; row < 4; row++)
        assert_true(segue_get_int(&r.tables[i]->columns[1], row) <= 2);
    }
  segue_report_data_free(&r);
}

static void test_browser_find(void **state) {
  (void)state;
  char *found = segue_browser_find("/bin/sh");
  assert_string_equal(found, "/bin/sh");
  free(found);
  found = segue_browser_find("sh");
  assert_non_null(found);
  free(found);
  assert_null(segue_browser_find("no-browser-of-this-name"));
  assert_null(segue_browser_find("/etc/passwd"));
}

/* A program that is no browser: told, in time, and nothing is left. */
static void test_no_browser(void **state) {
  segue_status why = {0};
  segue_buffer page = {0};
  segue_rendered out = {0};
  (void)state;
  assert_int_equal(segue_buffer_append(&page, "<p>", 3, &st), SEGUE_OK);
  rc = segue_report_render("/bin/true", &page, true, false, &out, &why);
  assert_int_equal(rc, SEGUE_IO);
  assert_non_null(strstr(why.message, "browser"));
  segue_buffer_free(&page);
  segue_rendered_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text),       cmocka_unit_test(test_json),
      cmocka_unit_test(test_page),       cmocka_unit_test(test_unknown_genre),
      cmocka_unit_test(test_trim),       cmocka_unit_test(test_browser_find),
      cmocka_unit_test(test_no_browser), cmocka_unit_test(test_first_and_rest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
