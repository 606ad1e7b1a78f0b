/* THE table of options. Help, man page, completion, --config keys and recorded settings come from
 * it. */
#include <stddef.h>

#include "settings.h"

#define AT(field) offsetof(segue_settings, field)
#define BIG INT64_C(9007199254740992)

static const char input[] = "Input", output[] = "Output", genres[] = "Definitions",
                  predict[] = "Predictors", evaluate[] = "Evaluation", general[] = "General",
                  make[] = "What to make";

/* clang-format off */
static const segue_option options[] = {
  /* name, kind, commands, section, value, field, exact, glue, choices, low, high, help */
  {"tracks", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "FILE", AT(tracks), NULL, NULL, NULL, 0, 0,
   "the track table: CSV or TSV, plain or gzip"},
  {"artists", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "FILE", AT(artists), NULL, NULL, NULL, 0, 0,
   "the artist table with genres; not needed with --group"},
  {"delimiter", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "CHAR", AT(delimiter), "auto", NULL, NULL, 0, 0,
   "what separates fields: a character, tab, or auto to find it in the header"},
  {"artist", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "RULE", AT(artist), "first", "sole", "first|sole|all", 0, 0,
   "whose genres a track gets: the first artist's, only of tracks with one artist, or all artists'"},
  {"features", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "LIST", AT(features),
   "danceability,energy,loudness,speechiness,acousticness,instrumentalness,liveness,valence,tempo", NULL, NULL, 0, 0,
   "feature columns, separated by commas, in the order in which distances are summed"},
  {"id", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "COLUMN", AT(id), "id", NULL, NULL, 0, 0,
   "the column that identifies a track"},
  {"label", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "COLUMN", AT(label), NULL, NULL, NULL, 0, 0,
   "the column that makes two tracks relevant to each other (default: the primary artist)"},
  {"group", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "COLUMN", AT(group), NULL, NULL, NULL, 0, 0,
   "the column that partitions tracks (default: the artists' genres)"},
  {"quotes", OPT_TEXT, CMD_RUN | CMD_CURATE, input, "RULE", AT(quotes), "keep", "strip", "keep|strip", 0, 0,
   "quotes inside genre names: keep (children's music) or strip, as the old workflow did"},
  {"strict", OPT_FLAG, CMD_RUN | CMD_CURATE, input, NULL, AT(strict), NULL, NULL, NULL, 0, 0,
   "exit with 3 if any input row was rejected"},
  {"max-reports", OPT_INT, CMD_RUN | CMD_CURATE, input, "N", AT(max_reports), "10", NULL, NULL, 0, 1000000,
   "rejected rows to show one by one for each rank; all are counted"},

  {"run", OPT_TEXT, CMD_RUN | CMD_CURATE | CMD_PREDICTORS | CMD_EVAL | CMD_EXPORT, output, "FILE", AT(run), NULL, NULL, NULL, 0, 0,
   "the HDF5 run file: written by run and curate, read and added to by the other commands"},
  {"lake", OPT_TEXT, CMD_RUN | CMD_EXPORT, output, "DIR", AT(lake), NULL, NULL, NULL, 0, 0,
   "the lake: a directory of Parquet files"},
  {"run-ts", OPT_TEXT, CMD_RUN | CMD_PREDICTORS | CMD_EVAL, output, "TIME", AT(run_ts), NULL, NULL, NULL, 0, 0,
   "the column run_ts, as 2026-11-23T06:00:00Z or seconds since 1970 (default: SOURCE_DATE_EPOCH, else now)"},
  {"dry-run", OPT_FLAG, CMD_RUN | CMD_PREDICTORS | CMD_EVAL | CMD_EXPORT, output, NULL, AT(dry_run), NULL, NULL, NULL, 0, 0,
   "read the input and show the plan - pairs, balance, memory, files - but compute and write nothing"},
  {"plan-ranks", OPT_INT, CMD_COMPUTE, output, "N", AT(plan_ranks), "0", NULL, NULL, 0, 1000000,
   "with --dry-run: plan for so many ranks (0: those that run now)"},

  {"profile", OPT_TEXT, CMD_RUN | CMD_CURATE | CMD_PREDICTORS | CMD_EVAL, genres, "NAME", AT(profile), "exact", NULL, "exact|glue", 0, 0,
   "defaults of all other options: exact, or glue for the old workflow's definitions"},
  {"seed", OPT_INT, CMD_COMPUTE | CMD_SYNTH, genres, "N", AT(seed), "42", NULL, NULL, 0, BIG,
   "what all random choices follow from"},
  {"genre-mode", OPT_TEXT, CMD_COMPUTE, genres, "MODE", AT(genre_mode), "all", "top_n", "all|top_n|top_n_plus_variety", 0, 0,
   "which genres: all eligible ones, the largest, or the largest and a sample of the rest"},
  {"top-genres", OPT_INT, CMD_COMPUTE, genres, "N", AT(top_genres), "10", NULL, NULL, 0, BIG,
   "how many of the largest genres"},
  {"variety-genres", OPT_INT, CMD_COMPUTE, genres, "N", AT(variety_genres), "10", NULL, NULL, 0, BIG,
   "how many of the rest, seeded"},
  {"min-tracks-per-genre", OPT_INT, CMD_COMPUTE, genres, "N", AT(min_tracks_per_genre), "50", "500", NULL, 1, BIG,
   "smaller genres are not eligible"},

  {"scale", OPT_TEXT, CMD_COMPUTE, genres, "RULE", AT(scale), "genre", "none", "genre|none", 0, 0,
   "features: z-scores within the genre, or raw units"},
  {"predictor-min-tracks", OPT_INT, CMD_RUN | CMD_PREDICTORS, predict, "N", AT(predictor_min_tracks), "50", NULL, NULL, 2, BIG,
   "genres with fewer complete tracks get no predictors"},
  {"predictor-min-artists", OPT_INT, CMD_RUN | CMD_PREDICTORS, predict, "N", AT(predictor_min_artists), "5", NULL, NULL, 2, BIG,
   "genres with fewer artists get no predictors"},
  {"predictor-max-tracks", OPT_INT, CMD_RUN | CMD_PREDICTORS, predict, "N", AT(predictor_max_tracks), "0", "3000", NULL, 0, BIG,
   "a seeded sample of so many tracks of a genre (0: all)"},
  {"pairs", OPT_INT, CMD_RUN | CMD_PREDICTORS, predict, "N", AT(pairs), "0", "30000", NULL, 0, BIG,
   "so many sampled pairs of each kind (0: every pair, in closed form)"},

  {"k", OPT_TEXT, CMD_RUN | CMD_EVAL, evaluate, "LIST", AT(k), "1,5,10,20,50,100", NULL, NULL, 0, 0,
   "cut-offs, separated by commas, 1 to 1024; more than there are candidates means all of them"},
  {"metric", OPT_TEXT, CMD_RUN | CMD_EVAL, evaluate, "NAME", AT(metric), "euclidean", NULL, "euclidean|cosine|l1", 0, 0,
   "distance between tracks"},
  {"exclude", OPT_TEXT, CMD_RUN | CMD_EVAL, evaluate, "RULE", AT(exclude), "duplicate", "none", "duplicate|none", 0, 0,
   "whether a query's duplicates - same artist and same normalised title or same features - are candidates"},
  {"no-relevant", OPT_TEXT, CMD_RUN | CMD_EVAL, evaluate, "RULE", AT(no_relevant), "skip", "miss", "skip|miss", 0, 0,
   "queries without a relevant candidate: left out and counted, or counted as a miss"},
  {"max-tracks", OPT_INT, CMD_RUN | CMD_EVAL, evaluate, "N", AT(max_tracks), "0", "4000", NULL, 0, BIG,
   "a seeded sample of so many tracks of a genre (0: all)"},
  {"max-queries", OPT_INT, CMD_RUN | CMD_EVAL, evaluate, "N", AT(max_queries), "0", "150", NULL, 0, BIG,
   "a seeded sample of so many of these as queries (0: all)"},
  {"max-candidates", OPT_INT, CMD_RUN | CMD_EVAL, evaluate, "N", AT(max_candidates), "0", "2500", NULL, 0, BIG,
   "a seeded sample of so many of these as candidates (0: all)"},
  {"bootstrap", OPT_INT, CMD_RUN | CMD_EVAL, evaluate, "N", AT(bootstrap), "1000", NULL, NULL, 0, 1000000,
   "resamples of artists for the 95 % intervals (0: no intervals)"},
  {"kernel", OPT_TEXT, CMD_RUN | CMD_EVAL, evaluate, "NAME", AT(kernel), "auto", NULL, "auto|gemm|leaf", 0, 0,
   "how candidates are filtered: changes the time, never the result"},
  {"tile", OPT_INT, CMD_RUN | CMD_EVAL, evaluate, "N", AT(tile), "0", NULL, NULL, 0, 1000000,
   "queries treated together (0: chosen); changes the time, never the result"},

  {"tracks", OPT_INT, CMD_SYNTH, make, "N", AT(n_tracks), "10000", NULL, NULL, 0, INT32_MAX,
   "rows of tracks.csv"},
  {"artists", OPT_INT, CMD_SYNTH, make, "N", AT(n_artists), "-1", NULL, NULL, -1, INT32_MAX,
   "rows of artists.csv (-1: in the real set's proportion)"},
  {"genres", OPT_INT, CMD_SYNTH, make, "N", AT(n_genres), "-1", NULL, NULL, -1, 1000000,
   "distinct genres (-1: as many as fit the tracks)"},
  {"out", OPT_TEXT, CMD_SYNTH, make, "DIR", AT(out), NULL, NULL, NULL, 0, 0,
   "where tracks.csv and artists.csv go; made if missing"},
  {"plain", OPT_FLAG, CMD_SYNTH, make, NULL, AT(plain), NULL, NULL, NULL, 0, 0,
   "leave out the cells that readers stumble over"},
  {"crlf", OPT_FLAG, CMD_SYNTH, make, NULL, AT(crlf), NULL, NULL, NULL, 0, 0, "end lines in CR LF"},
  {"bom", OPT_FLAG, CMD_SYNTH, make, NULL, AT(bom), NULL, NULL, NULL, 0, 0, "begin with a UTF-8 byte order mark"},
  {"gzip", OPT_FLAG, CMD_SYNTH, make, NULL, AT(gzip), NULL, NULL, NULL, 0, 0, "write tracks.csv.gz and artists.csv.gz"},
  {"malformed", OPT_INT, CMD_SYNTH, make, "N", AT(malformed), "0", NULL, NULL, 0, 1000000000,
   "add so many rows to each table that a reader must reject"},
  {"unreadable", OPT_INT, CMD_SYNTH, make, "N", AT(unreadable), "0", NULL, NULL, 0, 1000000000,
   "so many track rows with a feature that is no number"},

  {"man", OPT_FLAG, CMD_HELP, general, NULL, AT(man), NULL, NULL, NULL, 0, 0, "print the man page"},
  {"bash", OPT_FLAG, CMD_HELP, general, NULL, AT(bash), NULL, NULL, NULL, 0, 0, "print completion for bash"},
  {"topic", OPT_TEXT, CMD_HELP, general, "COMMAND", AT(topic), NULL, NULL, NULL, 0, 0, "the command to explain"},

  {"config", OPT_TEXT, CMD_ALL & ~CMD_HELP, general, "FILE", AT(config), NULL, NULL, NULL, 0, 0,
   "a JSON object with options by name; the command line wins"},
  {"json", OPT_FLAG, CMD_ALL & ~CMD_HELP, general, NULL, AT(json), NULL, NULL, NULL, 0, 0,
   "print the summary as JSON"},
  {"quiet", OPT_FLAG, CMD_ALL & ~CMD_HELP, general, NULL, AT(quiet), NULL, NULL, NULL, 0, 0,
   "print errors only"},
  {"verbose", OPT_FLAG, CMD_ALL & ~CMD_HELP, general, NULL, AT(verbose), NULL, NULL, NULL, 0, 0,
   "print what is done, with times"},
  {"timings", OPT_FLAG, CMD_ALL & ~CMD_HELP, general, NULL, AT(timings), NULL, NULL, NULL, 0, 0,
   "print the seconds of each phase over ranks, with bytes and rates"},
  {"progress", OPT_TEXT, CMD_ALL & ~CMD_HELP, general, "WHEN", AT(progress), "auto", NULL, "auto|always|never", 0, 0,
   "progress of long work on stderr"},
  {"help", OPT_FLAG, CMD_ALL, general, NULL, AT(help), NULL, NULL, NULL, 0, 0, "print this help"},
};
/* clang-format on */

const segue_option *segue_options(int *n) {
  *n = (int)(sizeof options / sizeof *options);
  return options;
}
