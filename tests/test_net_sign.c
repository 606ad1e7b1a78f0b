/* net: signatures, credentials in files, and XML; all that needs no server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "segue/net.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The examples of "Authenticating Requests: Using the Authorization Header (AWS Signature Version
 * 4)" in Amazon's S3 reference. */
static void check_signature(const char *method, const char *path, const char *query,
                            const char *payload, const char *more, const char *more2,
                            const char *want) {
  char hash[128];
  snprintf(hash, sizeof hash, "x-amz-content-sha256: %s", payload);
  const char *headers[] = {"Host: examplebucket.s3.amazonaws.com", hash,
                           "X-Amz-Date:  20130524T000000Z ", more, more2};
  segue_sigv4 s = {.method = method,
                   .path = path,
                   .query = query,
                   .headers = headers,
                   .n_headers = more2  ? 5
                                : more ? 4
                                       : 3,
                   .payload = payload,
                   .amz_date = "20130524T000000Z",
                   .region = "us-east-1",
                   .service = "s3",
                   .access_key = "AKIAIOSFODNN7EXAMPLE",
                   .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  segue_buffer b = {0};
  assert_int_equal(segue_sigv4_sign(&s, &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  const char *signature = strstr((const char *)b.data, "Signature=");
  assert_non_null(signature);
  assert_string_equal(signature + 10, want);
  assert_null(strstr((const char *)b.data, "bPxRfiCY"));
  segue_buffer_free(&b);
}

static void signatures_are_amazons(void **state) {
  (void)state;
  char body[65];
  check_signature("GET", "/test.txt", "", EMPTY, "Range: bytes=0-9", NULL,
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  segue_sha256_hex("Welcome to Amazon S3.", 21, body);
  check_signature("PUT", "/test%24file.text", "", body, "Date: Fri, 24 May 2013 00:00:00 GMT",
                  "x-amz-storage-class: REDUCED_REDUNDANCY",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  check_signature("GET", "/", "lifecycle=", EMPTY, NULL, NULL,
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  check_signature("GET", "/", "max-keys=2&prefix=J", EMPTY, NULL, NULL,
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void check_profile(const char *text, bool config, const char *profile, const char *want) {
  segue_buffer b = {0};
  bool found = segue_profile_value(segue_str_of(text), config, profile, "region", &b);
  assert_int_equal(found, want != NULL);
  if (want)
    assert_string_equal((const char *)b.data, want);
  segue_buffer_free(&b);
}

static void profiles_are_found(void **state) {
  (void)state;
  const char *text = "# region = comment\r\n[default]\nregion = one\n\n[profile two]\r\n"
                     "s3 =\n  region = nested\nREGION=two\r\n[ three ]\nregion=a = b\n[four]\n";
  check_profile(text, true, "default", "one");
  check_profile(text, true, "two", "two");
  check_profile(text, false, "two", NULL); /* "profile two" is its name in a credentials file */
  check_profile(text, false, "three", "a = b");
  check_profile(text, true, "three", NULL);
  check_profile(text, false, "four", NULL);
  check_profile("", false, "default", NULL);
  check_profile("region = x", false, "default", NULL);
  check_profile("[default]\nregion", false, "default", NULL);
}

static char folder[] = "/tmp/test_net_sign.XXXXXX";

static void write_file(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/.aws/%s", folder, name);
  assert_int_equal(segue_write_file(path, text, (int64_t)strlen(text), NULL), SEGUE_OK);
}

static segue_credentials find(const char *profile, segue_code want, const char *words) {
  segue_credentials c;
  segue_status st = {0};
  segue_credentials_options o = {.profile = profile};
  assert_int_equal(segue_credentials_find(&c, &o, &st), want);
  if (words)
    assert_non_null(strstr(st.message, words));
  assert_null(strstr(st.message, "hush"));
  return c;
}

static void credentials_come_in_order(void **state) {
  (void)state;
  const char *const names[] = {"AWS_ACCESS_KEY_ID",
                               "AWS_SECRET_ACCESS_KEY",
                               "AWS_SESSION_TOKEN",
                               "AWS_PROFILE",
                               "AWS_SHARED_CREDENTIALS_FILE",
                               "AWS_CONFIG_FILE",
                               "AWS_WEB_IDENTITY_TOKEN_FILE",
                               "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                               "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
  char path[256];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
  assert_non_null(mkdtemp(folder));
  setenv("HOME", folder, 1);
  setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
  snprintf(path, sizeof path, "%s/.aws", folder);
  assert_int_equal(mkdir(path, 0700), 0);
  (void)find(NULL, SEGUE_USAGE, "no S3 credentials");
  write_file("config", "[profile p]\naws_access_key_id=CONFIG\naws_secret_access_key=hush\n");
  segue_credentials c = find("p", SEGUE_OK, NULL);
  assert_string_equal(c.access_key, "CONFIG");
  segue_credentials_free(&c);
  write_file("credentials", "[p]\naws_access_key_id=FILE\naws_secret_access_key=hush/+=\n"
                            "aws_session_token=tok\n[half]\naws_access_key_id=K\n");
  c = find("p", SEGUE_OK, NULL);
  assert_string_equal(c.access_key, "FILE");
  assert_string_equal(c.secret, "hush/+=");
  assert_string_equal(c.token, "tok");
  segue_credentials_free(&c);
  assert_null(c.memory);
  (void)find("half", SEGUE_USAGE, "no aws_secret_access_key");
  (void)find("q", SEGUE_USAGE, "profile q has no aws_access_key_id");
  setenv("AWS_PROFILE", "p", 1);
  setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  (void)find(NULL, SEGUE_USAGE, "AWS_SECRET_ACCESS_KEY is not");
  setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
  c = find(NULL, SEGUE_OK, NULL); /* the environment goes before AWS_PROFILE, */
  assert_string_equal(c.access_key, "ENV");
  segue_credentials_free(&c);
  c = find("p", SEGUE_OK, NULL); /* and an option before the environment */
  assert_string_equal(c.access_key, "FILE");
  segue_credentials_free(&c);
  setenv("AWS_SESSION_TOKEN", "a\nHost: b", 1);
  (void)find(NULL, SEGUE_INPUT, "line end");
  unsetenv("AWS_SESSION_TOKEN");
  assert_int_equal(segue_remove_tree(folder, NULL), SEGUE_OK);
}

typedef struct seen {
  char text[512];
} seen;

static segue_code note(void *user, const char *path, const char *text, segue_status *st) {
  seen *s = user;
  size_t n = strlen(s->text);
  (void)st;
  snprintf(s->text + n, sizeof s->text - n, "%s=%s;", path, text ? text : "-");
  return SEGUE_OK;
}

static void xml_is_read_within_bounds(void **state) {
  (void)state;
  seen s = {{0}};
  segue_status st = {0};
  const char *xml =
      "<?xml version=\"1.0\"?><A xmlns=\"u\"><B>x &amp; y</B><C><B>\xC3\xB6</B></C><D/></A>";
  assert_int_equal(segue_xml_read(segue_str_of(xml), note, &s, &st), SEGUE_OK);
  assert_string_equal(s.text, "A/B=x & y;A/C/B=\xC3\xB6;A/C=-;A/D=;A=-;");
  const char *bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
  assert_int_equal(segue_xml_read(segue_str_of(bomb), note, &s, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "document type"));
  assert_int_equal(segue_xml_read(segue_str_of("<a><b></a>"), note, &s, NULL), SEGUE_INPUT);
  assert_int_equal(segue_xml_read(segue_str_of(""), note, &s, NULL), SEGUE_INPUT);
  char deep[200] = "";
  for (int i = 0; i < 40; i++)
    strcat(deep, "<a>");
  assert_int_equal(segue_xml_read(segue_str_of(deep), note, &s, NULL), SEGUE_INPUT);
  segue_buffer b = {0};
  assert_true(segue_xml_find(segue_str_of(xml), "A/C/B", &b));
  assert_string_equal((const char *)b.data, "\xC3\xB6");
  b.size = 0;
  assert_false(segue_xml_find(segue_str_of(xml), "A/X", &b));
  assert_int_equal(segue_xml_escape(segue_str_of("a<&\">'\n"), &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((const char *)b.data, "a&#60;&#38;&#34;&#62;&#39;&#10;");
  segue_buffer_free(&b);
}

static void urls_are_split(void **state) {
  (void)state;
  char bucket[SEGUE_S3_BUCKET];
  const char *key;
  assert_int_equal(segue_s3_split("s3://my-bucket/a/b c", bucket, &key, NULL), SEGUE_OK);
  assert_string_equal(bucket, "my-bucket");
  assert_string_equal(key, "a/b c");
  assert_int_equal(segue_s3_split("s3://my-bucket", bucket, &key, NULL), SEGUE_OK);
  assert_string_equal(key, "");
  assert_int_equal(segue_s3_split("s3://ab/x", bucket, &key, NULL), SEGUE_USAGE);
  assert_int_equal(segue_s3_split("s3://A_B_C/x", bucket, &key, NULL), SEGUE_USAGE);
  assert_int_equal(segue_s3_split("s3://abc/\xFF", bucket, &key, NULL), SEGUE_USAGE);
  assert_int_equal(segue_s3_split("/abc", bucket, &key, NULL), SEGUE_USAGE);
}

static void policies_name_bucket_and_prefix(void **state) {
  (void)state;
  segue_buffer b = {0};
  assert_int_equal(segue_s3_policy("my-bucket", "lake/", &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  const char *text = (const char *)b.data;
  assert_non_null(strstr(text, "\"arn:aws:s3:::my-bucket/lake/*\""));
  assert_non_null(strstr(text, "\"s3:prefix\": \"lake/*\""));
  assert_null(strstr(text, "s3:*"));
  assert_null(strstr(text, "\"Resource\": \"*\""));
  b.size = 0;
  assert_int_equal(segue_s3_policy("my-bucket", "a*b$", &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_non_null(strstr((const char *)b.data, "my-bucket/a${*}b${$}/*\""));
  b.size = 0;
  assert_int_equal(segue_s3_policy("my-bucket", "", &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_non_null(strstr((const char *)b.data, "my-bucket/*\""));
  segue_buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signatures_are_amazons),
      cmocka_unit_test(profiles_are_found),
      cmocka_unit_test(credentials_come_in_order),
      cmocka_unit_test(xml_is_read_within_bounds),
      cmocka_unit_test(urls_are_split),
      cmocka_unit_test(policies_name_bucket_and_prefix),
  };
  return cmocka_run_group_tests_name("net_sign", tests, NULL, NULL);
}
