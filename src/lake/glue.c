/* A lake's tables in the AWS Glue Data Catalog: JSON 1.1 over HTTP, signed as S3's requests are. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "segue/lake.h"
#include "segue/net.h"

enum { ATTEMPTS = 8, CREATE_BATCH = 100, DELETE_BATCH = 25, ANSWER_MAX = 16 << 20 };

/* The catalogue's client: one request at a time. */
typedef struct glue {
  const segue_glue_options *options;
  segue_http *http;
  segue_credentials credentials;
  char region[64], host[256], url[512];
} glue;

/* What came back for one request. */
typedef struct reply {
  int status;
  bool again;      /* worth another try */
  double wait;     /* seconds that the server asks for, -1: it does not */
  json_t *json;    /* NULL: none */
  char type[80];   /* Glue's name of the error, "" */
  char words[400]; /* what to tell people */
} reply;

/* ---- settings ---- */

static const char *first_of(const char *given, const char *const *names) {
  for (; !given && *names; names++) {
    given = getenv(*names);
    if (given && !*given)
      given = NULL;
  }
  return given;
}

static segue_code choose_place(glue *g, segue_status *st) {
  static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL},
                           *const endpoints[] = {"AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL", NULL};
  const char *region = first_of(g->options->region, regions),
             *endpoint = first_of(g->options->endpoint, endpoints);
  region = region ? region : "us-east-1";
  for (const char *p = region; *p; p++)
    if (!isalnum((unsigned char)*p) && *p != '-')
      return segue_fail(st, SEGUE_USAGE, "'%s' is no region, such as us-east-1", region);
  snprintf(g->region, sizeof g->region, "%s", region);
  if (endpoint) {
    const char *host = strstr(endpoint, "://");
    bool plain = strncmp(endpoint, "http://", 7) == 0;
    if (!host || (!plain && strncmp(endpoint, "https://", 8) != 0) || strpbrk(host + 3, "/@?# "))
      return segue_fail(st, SEGUE_USAGE, "Glue's endpoint must be https://HOST[:PORT]");
    if (plain && !g->options->allow_plain)
      return segue_fail(st, SEGUE_USAGE,
                        "the endpoint %s is not encrypted; --allow-http permits "
                        "that",
                        endpoint);
    snprintf(g->host, sizeof g->host, "%s", host + 3);
    snprintf(g->url, sizeof g->url, "%s/", endpoint);
  } else {
    snprintf(g->host, sizeof g->host, "glue.%s.amazonaws.com", region);
    snprintf(g->url, sizeof g->url, "https://%s/", g->host);
  }
  return SEGUE_OK;
}

static segue_code glue_open(glue *g, const segue_glue_options *options, segue_status *st) {
  static const char *const bundle[] = {"AWS_CA_BUNDLE", NULL};
  segue_code rc = SEGUE_OK;
  *g = (glue){.options = options};
  if (options->dry_run)
    return SEGUE_OK;
  SEGUE_TRY(choose_place(g, st));
  const char *ca = first_of(options->ca_file, bundle);
  SEGUE_TRY(segue_credentials_find(
      &g->credentials,
      &(segue_credentials_options){options->profile, options->credentials_file, ca}, st));
  rc = segue_http_create(&g->http,
                         &(segue_http_options){.max_in_flight = 1,
                                               .ca_file = ca,
                                               .allow_plain = options->allow_plain,
                                               .total_timeout = 120},
                         st);
done:
  return rc;
}

static void glue_close(glue *g) {
  segue_http_destroy(&g->http);
  segue_credentials_free(&g->credentials);
}

/* ---- one request ---- */

/* <Message> of an answer in XML, which is how a wrong signature is refused by some servers. */
static segue_str xml_message(segue_str body) {
  const char *start = body.data ? strstr(body.data, "<Message>") : NULL;
  const char *end = start ? strstr(start, "</Message>") : NULL;
  return end ? (segue_str){start + 9, end - start - 9} : (segue_str){"", 0};
}

static void on_done(segue_http *http, const segue_http_answer *answer, void *user) {
  reply *r = user;
  (void)http;
  r->status = answer->status;
  r->wait = answer->retry_after;
  r->again = segue_http_may_retry(answer->result);
  r->json =
      json_loadb(answer->body.data ? answer->body.data : "", (size_t)answer->body.size, 0, NULL);
  const char *type = json_string_value(json_object_get(r->json, "__type"));
  const char *message = json_string_value(json_object_get(r->json, "Message"));
  if (!message)
    message = json_string_value(json_object_get(r->json, "message"));
  /* "com.amazonaws.glue#EntityNotFoundException" in some places. */
  const char *hash = type ? strchr(type, '#') : NULL;
  snprintf(r->type, sizeof r->type, "%s", hash ? hash + 1 : type ? type : "");
  r->again |= strstr(r->type, "Throttling") != NULL ||
              strcmp(r->type, "ConcurrentModificationException") == 0 ||
              strcmp(r->type, "OperationTimeoutException") == 0;
  segue_str xml = xml_message(answer->body);
  snprintf(r->words, sizeof r->words, "%s%s%s%s%.*s", answer->error, *r->type ? ": " : "", r->type,
           message || xml.size ? ": " : "", message ? 200 : segue_str_show(xml),
           message ? message : xml.data);
}

/* Signed anew for each attempt. */
static segue_code send_once(glue *g, const char *target, const char *body, reply *r,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer line[4] = {{0}, {0}, {0}, {0}}, authorization = {0};
  char sha256[65], date[20];
  struct tm tm;
  time_t now = time(NULL);
  gmtime_r(&now, &tm);
  strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm);
  segue_sha256_hex(body, (int64_t)strlen(body), sha256);
  const char *headers[6] = {"Content-Type: application/x-amz-json-1.1"};
  int n = 1;
  SEGUE_TRY(segue_buffer_printf(&line[0], st, "Host: %s", g->host));
  SEGUE_TRY(segue_buffer_printf(&line[1], st, "X-Amz-Date: %s", date));
  SEGUE_TRY(segue_buffer_printf(&line[2], st, "X-Amz-Target: AWSGlue.%s", target));
  if (*g->credentials.token)
    SEGUE_TRY(segue_buffer_printf(&line[3], st, "X-Amz-Security-Token: %s", g->credentials.token));
  for (int i = 0; i < 4; i++) {
    if (line[i].size == 0)
      continue;
    SEGUE_TRY(segue_buffer_append(&line[i], "", 1, st));
    headers[n++] = (const char *)line[i].data;
  }
  SEGUE_TRY(segue_buffer_printf(&authorization, st, "Authorization: "));
  SEGUE_TRY(segue_sigv4_sign(&(segue_sigv4){.method = "POST",
                                            .path = "/",
                                            .query = "",
                                            .headers = headers,
                                            .n_headers = n,
                                            .payload = sha256,
                                            .amz_date = date,
                                            .region = g->region,
                                            .service = "glue",
                                            .access_key = g->credentials.access_key,
                                            .secret = g->credentials.secret},
                             &authorization, st));
  SEGUE_TRY(segue_buffer_append(&authorization, "", 1, st));
  headers[n++] = (const char *)authorization.data;
  SEGUE_TRY(segue_http_send(g->http,
                            &(segue_http_request){.method = "POST",
                                                  .url = g->url,
                                                  .headers = headers,
                                                  .n_headers = n,
                                                  .body = body,
                                                  .body_size = (int64_t)strlen(body),
                                                  .max_answer = ANSWER_MAX,
                                                  .done = on_done,
                                                  .user = r},
                            st));
  segue_http_run(g->http);
done:
  for (int i = 0; i < 4; i++)
    segue_buffer_free(&line[i]);
  segue_buffer_free(&authorization);
  return rc;
}

/* Sends `body` (taken) to the operation `target`. `*answer` (may be NULL) receives a new reference.
 * `*absent` (may be NULL: then it is a failure) tells that Glue does not know the thing. */
static segue_code ask(glue *g, const char *target, json_t *body, json_t **answer, bool *absent,
                      segue_status *st) {
  segue_code rc = SEGUE_OK;
  reply r = {0};
  char *text = json_dumps(body, JSON_COMPACT);
  json_decref(body);
  if (!text)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a request to Glue");
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    json_decref(r.json);
    r = (reply){0};
    SEGUE_TRY(send_once(g, target, text, &r, st));
    if (!r.again)
      break;
    double wait = segue_http_backoff(attempt, 0.2, 10, 0, segue_str_of(target));
    wait = r.wait > wait ? r.wait : wait;
    nanosleep(&(struct timespec){.tv_sec = (time_t)wait,
                                 .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9)},
              NULL);
  }
  if (absent)
    *absent = strcmp(r.type, "EntityNotFoundException") == 0;
  if ((r.status < 200 || r.status >= 300) && !(absent && *absent))
    rc = segue_fail(st, SEGUE_NETWORK, "Glue's %s failed: %s", target, r.words);
  else if (answer)
    *answer = json_incref(r.json);
done:
  json_decref(r.json);
  free(text);
  return rc;
}

/* A request that changes something: sent, or with --dry-run printed. */
static segue_code change(glue *g, const char *target, json_t *body, json_t **answer,
                         segue_status *st) {
  if (!body)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a request to Glue");
  if (!g->options->dry_run)
    return ask(g, target, body, answer, NULL, st);
  fprintf(g->options->dry_run, "AWSGlue.%s ", target);
  json_dumpf(body, g->options->dry_run, JSON_COMPACT);
  fputc('\n', g->options->dry_run);
  json_decref(body);
  return SEGUE_OK;
}

/* ---- what a table is in Glue's words ---- */

static json_t *text_of(const segue_buffer *b) {
  return json_stringn(b->data ? (const char *)b->data : "", (size_t)b->size);
}

static json_t *column_json(const segue_lake_column *c, segue_status *st) {
  segue_buffer comment = {0};
  const char *type = segue_ddl_type(c->type);
  json_t *json = NULL;
  if (segue_ddl_comment(c, &comment, st) == SEGUE_OK)
    json = json_pack("{s:s,s:s,s:o}", "Name", c->name, "Type", type ? type : "binary", "Comment",
                     text_of(&comment));
  segue_buffer_free(&comment);
  return json;
}

static json_t *columns_json(const segue_lake_table *t, int from, int to, segue_status *st) {
  json_t *list = json_array();
  for (int i = from; i < to; i++)
    json_array_append_new(list, column_json(&t->columns[i], st));
  return list;
}

/* Where the rows of the table or of one part of it are, and how they are read. */
static json_t *storage_json(const segue_lake_table *t, const segue_lake_part *part,
                            const char *location, segue_status *st) {
  segue_buffer url = {0};
  json_t *json = NULL;
  if (segue_ddl_location(location, t, part, &url, st) == SEGUE_OK)
    json =
        json_pack("{s:o,s:o,s:s,s:s,s:{s:s,s:{s:s}}}", "Columns",
                  columns_json(t, 0, t->n_columns - t->n_levels, st), "Location", text_of(&url),
                  "InputFormat", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                  "OutputFormat", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                  "SerdeInfo", "SerializationLibrary",
                  "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "Parameters",
                  "serialization.format", "1");
  segue_buffer_free(&url);
  return json;
}

static json_t *table_json(const segue_lake_table *t, const char *location, segue_status *st) {
  return json_pack("{s:s,s:s,s:s,s:{s:s,s:s},s:o,s:o}", "Name", t->sql_name, "Description",
                   t->schema ? t->schema->meaning : "", "TableType", "EXTERNAL_TABLE", "Parameters",
                   "EXTERNAL", "TRUE", "classification", "parquet", "PartitionKeys",
                   columns_json(t, t->n_columns - t->n_levels, t->n_columns, st),
                   "StorageDescriptor", storage_json(t, NULL, location, st));
}

static json_t *values_json(const segue_lake_table *t, const segue_lake_part *part,
                           segue_status *st) {
  json_t *list = json_array();
  segue_buffer value = {0};
  bool is_null;
  for (int level = 0; level < t->n_levels; level++) {
    value.size = 0;
    if (segue_lake_part_value(t, part, level, &value, &is_null, st) != SEGUE_OK)
      break;
    json_array_append_new(list, is_null ? json_string(SEGUE_HIVE_EMPTY) : text_of(&value));
  }
  segue_buffer_free(&value);
  return list;
}

/* Whether all that `wanted` says stands in `there` too, which may say more. */
static bool agrees(const json_t *wanted, const json_t *there) {
  const char *key;
  json_t *value;
  size_t i;
  if (json_is_array(wanted)) {
    if (json_array_size(wanted) != json_array_size(there))
      return false;
    json_array_foreach((json_t *)wanted, i,
                       value) if (!agrees(value, json_array_get(there, i))) return false;
    return true;
  }
  if (!json_is_object(wanted))
    return json_equal(wanted, there) || (!there && json_string_length(wanted) == 0);
  json_object_foreach((json_t *)wanted, key, value) {
    if (!agrees(value, json_object_get(there, key)))
      return false;
  }
  return true;
}

/* ---- partitions ---- */

/* The partitions that Glue has, as an object from the values' JSON text to the partition. */
static segue_code known_partitions(glue *g, const char *database, const char *table, json_t *out,
                                   segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *answer = NULL, *item;
  char *token = NULL;
  size_t i;
  do {
    json_t *body = json_pack("{s:s,s:s,s:i}", "DatabaseName", database, "TableName", table,
                             "MaxResults", 1000);
    if (token)
      json_object_set_new(body, "NextToken", json_string(token));
    json_decref(answer);
    answer = NULL;
    SEGUE_TRY(ask(g, "GetPartitions", body, &answer, NULL, st));
    json_array_foreach(json_object_get(answer, "Partitions"), i, item) {
      char *key = json_dumps(json_object_get(item, "Values"), JSON_COMPACT);
      if (key)
        json_object_set(out, key, item);
      free(key);
    }
    free(token);
    const char *next = json_string_value(json_object_get(answer, "NextToken"));
    token = next && *next ? strdup(next) : NULL;
  } while (token);
done:
  free(token);
  json_decref(answer);
  return rc;
}

/* Sends `list` (taken) as `target` requests of at most `batch` items under the name `field`. */
static segue_code send_batches(glue *g, const char *database, const char *table, const char *target,
                               const char *field, json_t *list, size_t batch, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (size_t at = 0; at < json_array_size(list) && rc == SEGUE_OK; at += batch) {
    json_t *some = json_array(), *answer = NULL;
    for (size_t i = at; i < at + batch && i < json_array_size(list); i++)
      json_array_append(some, json_array_get(list, i));
    rc = change(
        g, target,
        json_pack("{s:s,s:s,s:o}", "DatabaseName", database, "TableName", table, field, some),
        &answer, st);
    /* A batch may fail in part and still be a 200. */
    json_t *first = json_array_get(json_object_get(answer, "Errors"), 0);
    if (rc == SEGUE_OK && first) {
      json_t *detail = json_object_get(first, "ErrorDetail");
      char *what = json_dumps(detail ? detail : first, JSON_COMPACT);
      rc = segue_fail(st, SEGUE_NETWORK, "Glue's %s failed for %zu of %s: %s", target,
                      json_array_size(json_object_get(answer, "Errors")), table, what ? what : "");
      free(what);
    }
    json_decref(answer);
  }
  json_decref(list);
  return rc;
}

static segue_code register_partitions(glue *g, const char *database, const char *location,
                                      const segue_lake_table *t, segue_glue_totals *n,
                                      segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *known = json_object(), *create = json_array(), *update = json_array(),
         *drop = json_array(), *item;
  const char *key;
  if (!g->options->dry_run)
    SEGUE_TRY(known_partitions(g, database, t->sql_name, known, st));
  for (int64_t i = 0; i < t->n_parts; i++) {
    json_t *values = values_json(t, &t->parts[i], st);
    json_t *input = json_pack("{s:O,s:o}", "Values", values, "StorageDescriptor",
                              storage_json(t, &t->parts[i], location, st));
    char *name = json_dumps(values, JSON_COMPACT);
    json_t *there = name ? json_object_get(known, name) : NULL;
    if (!there)
      json_array_append(create, input);
    else if (!agrees(input, there))
      json_array_append_new(
          update, json_pack("{s:O,s:O}", "PartitionValueList", values, "PartitionInput", input));
    n->unchanged += there && agrees(input, there);
    if (there)
      json_object_del(known, name);
    free(name);
    json_decref(values);
    json_decref(input);
  }
  /* What is left has no directory in the lake any more. */
  json_object_foreach(known, key, item) {
    json_array_append_new(drop, json_pack("{s:O}", "Values", json_object_get(item, "Values")));
  }
  n->created += (int64_t)json_array_size(create);
  n->updated += (int64_t)json_array_size(update);
  n->removed += (int64_t)json_array_size(drop);
  rc = send_batches(g, database, t->sql_name, "BatchCreatePartition", "PartitionInputList",
                    json_incref(create), CREATE_BATCH, st);
  if (rc == SEGUE_OK)
    rc = send_batches(g, database, t->sql_name, "BatchUpdatePartition", "Entries",
                      json_incref(update), CREATE_BATCH, st);
  if (rc == SEGUE_OK)
    rc = send_batches(g, database, t->sql_name, "BatchDeletePartition", "PartitionsToDelete",
                      json_incref(drop), DELETE_BATCH, st);
done:
  json_decref(known);
  json_decref(create);
  json_decref(update);
  json_decref(drop);
  return rc;
}

/* ---- tables and the database ---- */

static segue_code register_table(glue *g, const char *database, const char *location,
                                 const segue_lake_table *t, segue_glue_totals *n,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *answer = NULL, *input = table_json(t, location, st);
  bool absent = true;
  if (!input)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a request to Glue");
  if (!g->options->dry_run)
    SEGUE_TRY(ask(g, "GetTable",
                  json_pack("{s:s,s:s}", "DatabaseName", database, "Name", t->sql_name), &answer,
                  &absent, st));
  bool same = !absent && agrees(input, json_object_get(answer, "Table"));
  n->unchanged += same;
  n->created += absent;
  n->updated += !absent && !same;
  if (!same)
    SEGUE_TRY(change(g, absent ? "CreateTable" : "UpdateTable",
                     json_pack("{s:s,s:O}", "DatabaseName", database, "TableInput", input), NULL,
                     st));
  if (t->n_levels > 0)
    rc = register_partitions(g, database, location, t, n, st);
done:
  json_decref(answer);
  json_decref(input);
  return rc;
}

static segue_code register_database(glue *g, const char *database, segue_glue_totals *n,
                                    segue_status *st) {
  bool absent = true;
  segue_code rc = SEGUE_OK;
  if (!g->options->dry_run)
    rc = ask(g, "GetDatabase", json_pack("{s:s}", "Name", database), NULL, &absent, st);
  if (rc != SEGUE_OK)
    return rc;
  n->created += absent;
  n->unchanged += !absent;
  return absent ? change(g, "CreateDatabase",
                         json_pack("{s:{s:s,s:s}}", "DatabaseInput", "Name", database,
                                   "Description", "music similarity by genre, from segue"),
                         NULL, st)
                : SEGUE_OK;
}

segue_code segue_glue_register(const segue_lake_listing *l, const char *database,
                               const char *location, const segue_glue_options *options,
                               segue_glue_totals *totals, segue_status *st) {
  segue_code rc = SEGUE_OK;
  glue g;
  *totals = (segue_glue_totals){0};
  SEGUE_TRY(glue_open(&g, options, st));
  SEGUE_TRY(register_database(&g, database, totals, st));
  for (int i = 0; i < l->n; i++)
    if (l->tables[i].present && l->tables[i].n_columns > 0)
      SEGUE_TRY(register_table(&g, database, location, &l->tables[i], totals, st));
done:
  glue_close(&g);
  return rc;
}
