/* HDF5's error stack as one line. */
#include "store/internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

void segue_h5_quiet(void) {
  (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* Upwards from the innermost function: the first text is the cause. MPI's own text, where there is
 * one, is the innermost of all. Of the many words about a read or write the system's are kept. */
static herr_t innermost(unsigned n, const H5E_error2_t *e, void *data) {
  static const char before[] = "error message = '";
  char *text = data;
  if (n != 0 || !e->desc)
    return 0;
  const char *time = strstr(e->desc, ": time = "), *system = strstr(e->desc, before);
  const char *quote = system ? strchr(system + sizeof before - 1, '\'') : NULL;
  if (time && time < system && quote)
    snprintf(text, SEGUE_MESSAGE_SIZE / 2, "%.*s: %.*s", (int)(time - e->desc), e->desc,
             (int)(quote - system - (ptrdiff_t)sizeof before + 1), system + sizeof before - 1);
  else
    snprintf(text, SEGUE_MESSAGE_SIZE / 2, "%s", e->desc);
  return 0;
}

segue_code segue_h5_fail(segue_status *st, segue_code code, const char *what, const char *object,
                         const char *path) {
  char cause[SEGUE_MESSAGE_SIZE / 2] = {0};
  (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, cause);
  (void)H5Eclear2(H5E_DEFAULT);
  const char *colon = cause[0] ? ": " : "";
  if (object)
    return segue_fail(st, code, "cannot %s %s of %s%s%s", what, object, path, colon, cause);
  return segue_fail(st, code, "cannot %s %s%s%s", what, path, colon, cause);
}

segue_code segue_h5_fail_named(segue_status *st, segue_code code, const char *what,
                               const segue_run *run, const char *name) {
  segue_code rc = segue_h5_fail(st, code, what, name, run->path);
  if (strstr(st->message, "doesn't exist") && segue_run_has(run, name))
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for HDF5 to %s %s of %s: it finds it only now",
                    what, name, run->path);
  return rc;
}

void segue_h5_release(hid_t id) {
  if (id < 0)
    return;
  hid_t errors = H5Eget_current_stack(); /* which the next call would clear */
  (void)H5Idec_ref(id);
  if (errors >= 0)
    (void)H5Eset_current_stack(errors);
}
