/* Rules by which a bucket deletes by itself, and the least policy that segue needs. */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "net/s3.h"

#define RULE_ID "segue-"

segue_code segue_s3_rules(const char *prefix, int64_t days, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char hash[17];
  const char *slash = *prefix && prefix[strlen(prefix) - 1] != '/' ? "/" : "";
  snprintf(hash, sizeof hash, "%016llx",
           (unsigned long long)segue_hash(prefix, (int64_t)strlen(prefix), 0));
  SEGUE_TRY(
      segue_buffer_printf(out, st, "<Rule><ID>" RULE_ID "uploads-%s</ID><Filter><Prefix>", hash));
  SEGUE_TRY(segue_xml_escape(segue_str_of(prefix), out, st));
  SEGUE_TRY(segue_buffer_printf(out, st,
                                "%s</Prefix></Filter><Status>Enabled</Status>"
                                "<AbortIncompleteMultipartUpload><DaysAfterInitiation>%lld"
                                "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
                                slash, (long long)days));
  SEGUE_TRY(
      segue_buffer_printf(out, st, "<Rule><ID>" RULE_ID "scratch-%s</ID><Filter><Prefix>", hash));
  SEGUE_TRY(segue_xml_escape(segue_str_of(prefix), out, st));
  SEGUE_TRY(segue_buffer_printf(out, st,
                                "%scurated/lyrics_input_</Prefix></Filter><Status>Enabled</Status>"
                                "<Expiration><Days>%lld</Days></Expiration></Rule>",
                                slash, (long long)days));
done:
  return rc;
}

segue_code segue_s3_lifecycle_get(segue_s3 *s3, const char *bucket, segue_buffer *out,
                                  segue_status *st) {
  segue_status own = {0};
  int status = 0;
  segue_code rc =
      segue_s3_ask(s3, &(segue_s3_call){.method = "GET", .bucket = bucket, .query = "lifecycle="},
                   out, &status, &own);
  if (rc != SEGUE_OK && status == 404 && !strstr(own.message, "NoSuchBucket"))
    return SEGUE_OK; /* no rules */
  return rc == SEGUE_OK ? rc : segue_fail(st, rc, "%s", own.message);
}

/* The text of a rule's ID equals one of those in `ours`. */
static bool is_ours(segue_str rule, const char *ours) {
  char id[300];
  const char *at = memmem(rule.data, (size_t)rule.size, "<ID>", 4);
  const char *end = at ? memmem(at, (size_t)(rule.data + rule.size - at), "</ID>", 5) : NULL;
  if (!end || end - at + 5 >= (int)sizeof id)
    return false;
  snprintf(id, sizeof id, "%.*s", (int)(end + 5 - at), at);
  return strstr(ours, id) != NULL;
}

/* Every <Rule> of a configuration that is not one of `ours`, as it stands. */
static segue_code keep_others(segue_str xml, const char *ours, segue_buffer *out,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < xml.size && rc == SEGUE_OK;) {
    const char *from = memmem(xml.data + at, (size_t)(xml.size - at), "<Rule>", 6);
    const char *to = from ? memmem(from, (size_t)(xml.data + xml.size - from), "</Rule>", 7) : NULL;
    if (!to)
      break;
    to += 7;
    if (!is_ours((segue_str){from, to - from}, ours))
      rc = segue_buffer_append(out, from, to - from, st);
    at = to - xml.data;
  }
  return rc;
}

static segue_code put_rules(segue_s3 *s3, const char *bucket, const segue_buffer *xml,
                            segue_status *st) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  char base64[40], header[64];
  (void)EVP_Digest(xml->data, (size_t)xml->size, digest, NULL, EVP_md5(), NULL);
  EVP_EncodeBlock((unsigned char *)base64, digest, 16);
  snprintf(header, sizeof header, "Content-MD5: %s", base64);
  return segue_s3_ask(s3,
                      &(segue_s3_call){.method = "PUT",
                                       .bucket = bucket,
                                       .query = "lifecycle=",
                                       .headers = {header, "Content-Type: application/xml"},
                                       .body = xml->data,
                                       .body_size = xml->size,
                                       .has_body = true},
                      NULL, NULL, st);
}

segue_code segue_s3_lifecycle_set(segue_s3 *s3, const char *bucket, const char *prefix,
                                  int64_t days, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer ours = {0}, old = {0}, xml = {0};
  SEGUE_TRY(segue_s3_rules(prefix, days > 0 ? days : 1, &ours, st));
  SEGUE_TRY(segue_s3_lifecycle_get(s3, bucket, &old, st));
  int64_t size = ours.size;
  SEGUE_TRY(segue_buffer_append(&ours, "", 1, st));
  SEGUE_TRY(segue_buffer_printf(&xml, st, "<LifecycleConfiguration>"));
  int64_t empty = xml.size;
  if (old.size > 0)
    SEGUE_TRY(keep_others((segue_str){(const char *)old.data, old.size}, (const char *)ours.data,
                          &xml, st));
  if (days > 0)
    SEGUE_TRY(segue_buffer_append(&xml, ours.data, size, st));
  if (xml.size == empty) { /* none is left, and a configuration without any is not allowed */
    rc = segue_s3_ask(s3,
                      &(segue_s3_call){.method = "DELETE", .bucket = bucket, .query = "lifecycle="},
                      NULL, NULL, st);
    goto done;
  }
  SEGUE_TRY(segue_buffer_printf(&xml, st, "</LifecycleConfiguration>"));
  rc = put_rules(s3, bucket, &xml, st);
done:
  segue_buffer_free(&ours);
  segue_buffer_free(&old);
  segue_buffer_free(&xml);
  return rc;
}

/* ---- policy ---- */

/* What each statement allows, and whether on the bucket or on the objects below the prefix. */
static const struct statement {
  const char *name, *actions; /* separated by spaces */
  bool objects, by_prefix;
} statements[] = {
    {"ListTheLake", "s3:ListBucket", false, true},
    {"FindUnfinishedUploads", "s3:ListBucketMultipartUploads", false, false},
    {"ReadAndWriteTheLake",
     "s3:GetObject s3:PutObject s3:DeleteObject s3:AbortMultipartUpload "
     "s3:ListMultipartUploadParts",
     true, false},
    {"TidyByItself", "s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration", false, false},
};

static json_t *actions_of(const char *words) {
  json_t *list = json_array();
  for (const char *p = words; *p;) {
    size_t n = strcspn(p, " ");
    json_array_append_new(list, json_stringn(p, n));
    p += n + (p[n] == ' ');
  }
  return list;
}

static segue_code write_policy(const char *bucket, const char *below, segue_buffer *out,
                               segue_status *st) {
  json_t *list = json_array();
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
    const struct statement *s = &statements[i];
    json_t *resource = s->objects ? json_sprintf("arn:aws:s3:::%s/%s", bucket, below)
                                  : json_sprintf("arn:aws:s3:::%s", bucket);
    json_t *row = json_pack("{s:s,s:s,s:o,s:o}", "Sid", s->name, "Effect", "Allow", "Action",
                            actions_of(s->actions), "Resource", resource);
    if (s->by_prefix)
      json_object_set_new(row, "Condition",
                          json_pack("{s:{s:s}}", "StringLike", "s3:prefix", below));
    json_array_append_new(list, row);
  }
  json_t *root = json_pack("{s:s,s:o}", "Version", "2012-10-17", "Statement", list);
  char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  segue_code rc = text ? segue_buffer_append(out, text, (int64_t)strlen(text), st)
                       : segue_fail(st, SEGUE_MEMORY, "no memory for a policy");
  free(text);
  return rc;
}

segue_code segue_s3_policy(const char *bucket, const char *prefix, segue_buffer *out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  size_t n = strlen(prefix);
  while (n > 0 && prefix[n - 1] == '/')
    n--;
  /* `*` and `?` in a resource stand for other characters; `$` begins a variable: ${*} is a star. */
  segue_buffer escaped = {0};
  for (size_t i = 0; i < n; i++) {
    if (strchr("*?$", prefix[i]))
      SEGUE_TRY(segue_buffer_printf(&escaped, st, "${%c}", prefix[i]));
    else
      SEGUE_TRY(segue_buffer_append(&escaped, prefix + i, 1, st));
  }
  SEGUE_TRY(segue_buffer_printf(&escaped, st, "%s*", n > 0 ? "/" : ""));
  SEGUE_TRY(segue_buffer_append(&escaped, "", 1, st));
  rc = write_policy(bucket, (const char *)escaped.data, out, st);
done:
  segue_buffer_free(&escaped);
  return rc;
}
