/* Help, man page and completion, all from the tables of commands and options. */
#include <cblas.h>
#include <hdf5.h>
#include <mpi.h>
#include <openssl/crypto.h>
#include <string.h>
#include <utf8proc.h>
#include <zlib.h>
#include <zstd.h>

#include "settings.h"

/* OpenBLAS has this; other libraries with the same interface do not, so it is weak here. */
extern char *openblas_get_config(void) __attribute__((weak)); // NOLINT: weak on purpose

/* Words of `text` in lines of at most `width`, each after `indent` spaces; the first line follows
 * what is already there. */
void segue_help_wrap(FILE *out, const char *text, int indent, int width) {
  int column = indent;
  for (const char *p = text; *p;) {
    int n = (int)strcspn(p, " ");
    if (column > indent && column + 1 + n > width) {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
    } else if (column > indent) {
      fputc(' ', out);
      column++;
    }
    fprintf(out, "%.*s", n, p);
    column += n;
    p += n;
    p += strspn(p, " ");
  }
  fputc('\n', out);
}

static void usage_of(char *text, size_t size, const segue_option *o) {
  if (o->choices && strlen(o->choices) < 26)
    snprintf(text, size, "--%s %s", o->name, o->choices);
  else
    snprintf(text, size, o->value ? "--%s %s" : "--%s", o->name, o->value);
}

static void default_of(char *text, size_t size, const segue_option *o) {
  text[0] = '\0';
  if (!o->exact || o->kind == OPT_FLAG)
    return;
  if (o->glue && strcmp(o->glue, o->exact) != 0)
    snprintf(text, size, " [%s; glue profile: %s]", o->exact, o->glue);
  else
    snprintf(text, size, " [%s]", o->exact);
}

void segue_help_overview(FILE *out) {
  int n;
  const segue_command *c = segue_commands(&n);
  fprintf(out,
          "segue finds, genre by genre, which audio features tell an artist's songs apart and how "
          "well\n"
          "nearest-neighbour search finds songs by the same artist - exactly, over every track.\n\n"
          "Usage: segue COMMAND [OPTIONS]\n"
          "       mpirun -n 4 segue COMMAND [OPTIONS]\n\nCommands:\n");
  for (int i = 0; i < n; i++) {
    fprintf(out, "  %-14s ", c[i].name);
    segue_help_wrap(out, c[i].summary, 17, 98);
  }
  fprintf(out, "\n'segue help COMMAND' explains a command, 'segue help metrics' every "
               "measure;\n'segue --version' shows what this one "
               "is made of.\n\n"
               "A first run:\n"
               "  segue synth --out demo --tracks 20000\n"
               "  mpirun -n 2 segue run --tracks demo/tracks.csv --artists demo/artists.csv --run "
               "demo/run.h5 --lake demo/lake\n\n"
               "Exit codes: 0 done; 1 a failure; 2 usage; 3 rows rejected under --strict; 75 "
               "stopped by a signal.\n");
}

void segue_help_group(FILE *out, const char *group) {
  int n;
  const segue_command *c = segue_commands(&n);
  size_t length = strlen(group);
  fprintf(out, "Commands of 'segue %s':\n", group);
  for (int i = 0; i < n; i++) {
    if (strncmp(c[i].name, group, length) != 0 || c[i].name[length] != ' ')
      continue;
    fprintf(out, "  %-16s ", c[i].name);
    segue_help_wrap(out, c[i].summary, 19, 98);
  }
  fprintf(out, "\n'segue help %s WORD' explains one.\n", group);
}

void segue_help_command(FILE *out, const segue_command *command) {
  int n;
  const segue_option *o = segue_options(&n);
  const char *section = NULL;
  fprintf(out, "segue %s - %s\n\nUsage: %s\n\n", command->name, command->summary,
          command->synopsis);
  segue_help_wrap(out, command->details, 0, 98);
  for (int i = 0; i < n; i++) {
    if (!(o[i].commands & command->bit))
      continue;
    char usage[96], text[768], fallback[256];
    if (section != o[i].section)
      fprintf(out, "\n%s:\n", section = o[i].section);
    usage_of(usage, sizeof usage, &o[i]);
    default_of(fallback, sizeof fallback, &o[i]);
    snprintf(text, sizeof text, "%s%s", o[i].help, fallback);
    fprintf(out, strlen(usage) > 30 ? "  %s\n%34s" : "  %-31s ", usage, "");
    segue_help_wrap(out, text, 34, 98);
  }
  fprintf(out, "\nExample:\n  %s\n", command->example);
}

/* Text for troff: backslashes and leading dots would be commands, dashes must stay ASCII. */
static void roff(FILE *out, const char *text) {
  for (const char *p = text; *p; p++) {
    if (*p == '\\')
      fputs("\\e", out);
    else if (*p == '-')
      fputs("\\-", out);
    else if (*p == '\'')
      fputs("\\(aq", out);
    else
      fputc(*p, out);
  }
}

void segue_help_man(FILE *out) {
  int n, m;
  const segue_command *c = segue_commands(&n);
  const segue_option *o = segue_options(&m);
  fprintf(out,
          ".TH SEGUE 1 \"\" \"segue %s\" \"User Commands\"\n.SH NAME\nsegue \\- exact music "
          "similarity evaluation by genre\n",
          SEGUE_VERSION);
  fprintf(out, ".SH SYNOPSIS\n.B segue\n.I COMMAND\n[OPTIONS]\n.br\n.B mpirun \\-n 4 segue\n.I "
               "COMMAND\n[OPTIONS]\n.SH COMMANDS\n");
  for (int i = 0; i < n; i++) {
    fprintf(out, ".SS %s\n", c[i].name);
    roff(out, c[i].summary);
    fprintf(out, ".\n.PP\n");
    roff(out, c[i].details);
    fprintf(out, "\n.PP\n.RS\n.nf\n");
    roff(out, c[i].example);
    fprintf(out, "\n.fi\n.RE\n");
    for (int j = 0; j < m; j++) {
      char usage[96], fallback[256];
      if (!(o[j].commands & c[i].bit))
        continue;
      usage_of(usage, sizeof usage, &o[j]);
      default_of(fallback, sizeof fallback, &o[j]);
      fprintf(out, ".TP\n.B ");
      roff(out, usage);
      fputc('\n', out);
      roff(out, o[j].help);
      roff(out, fallback);
      fputc('\n', out);
    }
  }
  fprintf(
      out,
      ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\na failure: input, network, disk\n.TP\n.B "
      "2\nusage\n.TP\n.B 3\n"
      "done, with rows rejected under \\-\\-strict\n.TP\n.B 75\nstopped by a signal after saving\n"
      ".SH ENVIRONMENT\n.TP\n.B SOURCE_DATE_EPOCH\nthe column run_ts where \\-\\-run\\-ts is not "
      "given\n");
}

/* The first words of all commands, each once: a group's commands stand together. */
static void first_words(FILE *out, const segue_command *c, int n) {
  for (int i = 0; i < n; i++) {
    int length = (int)strcspn(c[i].name, " ");
    if (i > 0 && strncmp(c[i].name, c[i - 1].name, (size_t)length) == 0 &&
        c[i - 1].name[length] == ' ')
      continue;
    fprintf(out, "%.*s ", length, c[i].name);
  }
}

/* A case of the shell for each group: its second words. */
static void second_words(FILE *out, const segue_command *c, int n) {
  int open = 0;
  for (int i = 0; i < n; i++) {
    int length = (int)strcspn(c[i].name, " ");
    if (!c[i].name[length])
      continue;
    if (!open)
      fprintf(out, "      %.*s) words=\"", length, c[i].name);
    open = i + 1 < n && strncmp(c[i].name, c[i + 1].name, (size_t)length + 1) == 0;
    fprintf(out, "%s%s", c[i].name + length + 1, open ? " " : "\" ;;\n");
  }
}

void segue_help_bash(FILE *out) {
  int n, m;
  const segue_command *c = segue_commands(&n);
  const segue_option *o = segue_options(&m);
  fprintf(out,
          "# bash completion for segue\n_segue() {\n"
          "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
          "cmd=${COMP_WORDS[1]} words=\n"
          "  COMPREPLY=()\n  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"");
  first_words(out, c, n);
  fprintf(out, "--help --version\" -- \"$cur\"))\n    return\n  fi\n"
               "  case $cmd in\n");
  second_words(out, c, n);
  fprintf(out, "      *) ;;\n  esac\n"
               "  if [ -n \"$words\" ]; then\n"
               "    if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
               "      COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n      return\n    fi\n"
               "    cmd=\"$cmd ${COMP_WORDS[2]}\"\n  fi\n  case $cmd:$prev in\n");
  for (int i = 0; i < n; i++)
    for (int j = 0; j < m; j++)
      if ((o[j].commands & c[i].bit) && o[j].choices) {
        fprintf(out, "    \"%s:--%s\") COMPREPLY=($(compgen -W \"", c[i].name, o[j].name);
        for (const char *p = o[j].choices; *p; p++)
          fputc(*p == '|' ? ' ' : *p, out);
        fprintf(out, "\" -- \"$cur\")); return ;;\n");
      }
  fprintf(out, "  esac\n  if [[ $cur != -* ]]; then\n    COMPREPLY=($(compgen -f -- \"$cur\"))\n   "
               " return\n  fi\n  case $cmd in\n");
  for (int i = 0; i < n; i++) {
    fprintf(out, "    \"%s\") COMPREPLY=($(compgen -W \"", c[i].name);
    for (int j = 0; j < m; j++)
      if (o[j].commands & c[i].bit)
        fprintf(out, "--%s ", o[j].name);
    fprintf(out, "\" -- \"$cur\")) ;;\n");
  }
  fprintf(out, "  esac\n}\ncomplete -o filenames -F _segue segue\n");
}

void segue_print_version(FILE *out) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = {0};
  int n = 0;
  unsigned major = 0, minor = 0, release = 0;
  MPI_Get_library_version(mpi, &n);
  mpi[strcspn(mpi, ",\n")] = '\0';
  H5get_libversion(&major, &minor, &release);
  fprintf(out, "segue %s (%s)\n", SEGUE_VERSION, segue_commit());
  fprintf(out, "  MPI      %s\n", mpi);
  fprintf(out, "  HDF5     %u.%u.%u, parallel\n", major, minor, release);
  fprintf(out, "  BLAS     %s\n", openblas_get_config ? openblas_get_config() : "unknown");
  fprintf(
      out,
      "  zstd     %s\n  zlib     %s\n  utf8proc %s (Unicode %s)\n  jansson  %s\n  OpenSSL  %s\n",
      ZSTD_versionString(), zlibVersion(), utf8proc_version(), utf8proc_unicode_version(),
      jansson_version_str(), OpenSSL_version(OPENSSL_VERSION_STRING));
}
