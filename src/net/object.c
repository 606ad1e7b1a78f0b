/* An input that may lie on S3. */
#include "segue/net.h"

#include <string.h>

static segue_code name_object(const segue_context *ctx, const char *path, segue_object *o,
                              segue_status *st) {
  *o = (segue_object){.path = path};
  if (!segue_s3_is_url(path))
    return SEGUE_OK;
  segue_code rc = segue_s3_split(path, o->bucket, &o->key, st);
  if (rc == SEGUE_OK && !ctx->s3)
    rc = segue_fail(st, SEGUE_USAGE, "this command cannot read %s", path);
  if (rc == SEGUE_OK)
    o->s3 = ctx->s3;
  return rc;
}

static segue_code look(segue_object *o, segue_status *st) {
  segue_s3_info info;
  segue_code rc = segue_s3_head(o->s3, o->bucket, o->key, &info, st);
  if (rc == SEGUE_OK && !info.found)
    rc = segue_fail(st, SEGUE_INPUT, "there is no object %s", o->path);
  o->size = info.size;
  memcpy(o->etag, info.etag, sizeof o->etag);
  return rc;
}

segue_code segue_object_open(const segue_context *ctx, const char *path, segue_object *o,
                             segue_status *st) {
  segue_code rc = name_object(ctx, path, o, st);
  return rc == SEGUE_OK && o->s3 ? look(o, st) : rc;
}

segue_code segue_object_share(const segue_context *ctx, const char *path, segue_object *o,
                              segue_status *st) {
  segue_code rc = name_object(ctx, path, o, st);
  if (rc == SEGUE_OK && !o->s3)
    return rc;
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = look(o, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast(ctx, o->etag, sizeof o->etag, 0, st));
  SEGUE_TRY(segue_bcast(ctx, &o->size, sizeof o->size, 0, st));
done:
  return rc;
}

segue_code segue_object_read(const segue_object *o, int64_t offset, int64_t n, segue_buffer *out,
                             segue_status *st) {
  segue_status own = {0};
  segue_code rc = segue_s3_get_range(o->s3, o->bucket, o->key, o->etag, offset, n, out, &own);
  if (rc == SEGUE_INPUT && strstr(own.message, ": 412"))
    return segue_fail(st, SEGUE_INPUT, "%s changed while it was read", o->path);
  return rc == SEGUE_OK ? rc : segue_fail(st, rc, "%s", own.message);
}
