/* THE list of tables. HDF5 datasets, Parquet columns, DDL and help come from here. */
#include "segue/table.h"

#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define REQ false
#define OPT true

const char *segue_type_name(segue_type type) {
  static const char *const names[] = {"bool",   "int32",     "int64", "double",
                                      "string", "timestamp", "bytes"};
  return names[type];
}

size_t segue_type_size(segue_type type) {
  static const size_t sizes[] = {1, 4, 8, 8, 0, 8, 0};
  return sizes[type];
}

/* The columns of a track that curated rows and the catalogue have in common, in the contract's
 * order. */
#define TRACK_FIELDS                                                                               \
  {"id", SEGUE_STRING, REQ, "", "Spotify's track id, or the table's own"},                         \
      {"name", SEGUE_STRING, OPT, "", "title"}, {"popularity", SEGUE_INT32, OPT, "", "0 to 100"},  \
      {"duration_ms", SEGUE_INT64, OPT, "ms", "length"},                                           \
      {"explicit", SEGUE_INT32, OPT, "", "1 where the lyrics are explicit"},                       \
      {"artists", SEGUE_STRING, OPT, "", "artist names, the source's list text"},                  \
      {"id_artists", SEGUE_STRING, OPT, "", "artist ids, the source's list text"},                 \
      {"artist_id_primary", SEGUE_STRING, OPT, "", "first id of id_artists"},                      \
      {"artist_name_primary", SEGUE_STRING, OPT, "", "name of the primary artist"},                \
      {"release_date", SEGUE_STRING, OPT, "", "YYYY, YYYY-MM or YYYY-MM-DD"},                      \
      {"release_year", SEGUE_INT32, OPT, "year", "first four digits of release_date"},             \
      {"danceability", SEGUE_DOUBLE, OPT, "", "0 to 1"},                                           \
      {"energy", SEGUE_DOUBLE, OPT, "", "0 to 1"},                                                 \
      {"key", SEGUE_INT32, OPT, "", "pitch class, 0 is C"},                                        \
      {"loudness", SEGUE_DOUBLE, OPT, "dB", "mean loudness"},                                      \
      {"mode", SEGUE_INT32, OPT, "", "1 major, 0 minor"},                                          \
      {"speechiness", SEGUE_DOUBLE, OPT, "", "0 to 1"},                                            \
      {"acousticness", SEGUE_DOUBLE, OPT, "", "0 to 1"},                                           \
      {"instrumentalness", SEGUE_DOUBLE, OPT, "", "0 to 1"},                                       \
      {"liveness", SEGUE_DOUBLE, OPT, "", "0 to 1"}, {"valence", SEGUE_DOUBLE, OPT, "", "0 to 1"}, \
      {"tempo", SEGUE_DOUBLE, OPT, "BPM", "beats a minute, 0 where none was found"}, {             \
    "time_signature", SEGUE_INT32, OPT, "", "beats a bar"                                          \
  }

static const segue_field catalogue_tracks[] = {TRACK_FIELDS};

static const segue_field tracks_by_genre[] = {
    TRACK_FIELDS,
    {"genre", SEGUE_STRING, REQ, "", "one of the artist's genres, lower case"},
};

static const segue_field genre_selection[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"n_tracks", SEGUE_INT64, REQ, "tracks", "tracks with this genre"},
    {"reason", SEGUE_STRING, REQ, "", "all, top_n or variety"},
    {"family", SEGUE_STRING, REQ, "", "broad family of the genre, by its name"},
};

static const segue_field genre_predictors[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"feature", SEGUE_STRING, REQ, "", "audio feature"},
    {"importance_raw", SEGUE_DOUBLE, OPT, "scaled feature",
     "mean |difference| of different artists' tracks less that of the same artist's"},
    {"importance_abs", SEGUE_DOUBLE, OPT, "scaled feature", "absolute value of importance_raw"},
    {"importance_norm", SEGUE_DOUBLE, OPT, "1", "importance_raw over the sum of importance_abs"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    {"feature_rank", SEGUE_INT32, OPT, "", "1 is the largest importance_abs of the genre"},
    {"same_artist_mean", SEGUE_DOUBLE, OPT, "scaled feature", "mean |difference|, same artist"},
    {"different_artist_mean", SEGUE_DOUBLE, OPT, "scaled feature",
     "mean |difference|, different artists"},
    {"auc", SEGUE_DOUBLE, OPT, "1",
     "chance that different artists' |difference| exceeds one artist's, ties 1/2"},
    {"p_value", SEGUE_DOUBLE, OPT, "1",
     "share of shuffled artist labels with as large an importance_raw, add-one"},
    {"weight_logistic", SEGUE_DOUBLE, OPT, "1",
     "logistic regression on all |difference|s, over the sum of absolute weights; positive: a "
     "large "
     "difference speaks for different artists"},
    {"pair_auc", SEGUE_DOUBLE, OPT, "1", "AUC of that regression on artists it has not seen"},
    {"n_tracks", SEGUE_INT64, REQ, "tracks", "tracks with all features"},
    {"n_artists", SEGUE_INT64, REQ, "artists", "artists of these tracks"},
    {"n_positive_pairs", SEGUE_INT64, REQ, "pairs", "pairs of tracks of one artist"},
    {"scale", SEGUE_STRING, REQ, "", "how features were scaled"},
    {"profile", SEGUE_STRING, REQ, "", "exact or glue"},
    {"importance_norm_unscaled", SEGUE_DOUBLE, OPT, "1",
     "what importance_norm would be in the table's own units"},
};

static const segue_field feature_correlations[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"feature", SEGUE_STRING, REQ, "", "audio feature"},
    {"other_feature", SEGUE_STRING, REQ, "", "one that comes later in the list of features"},
    {"pearson", SEGUE_DOUBLE, OPT, "1", "Pearson's correlation; null where one is constant"},
    {"n_tracks", SEGUE_INT64, REQ, "tracks", "tracks with all features"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
};

/* What retrieval measures are called wherever they stand. */
#define MEASURE_FIELDS                                                                             \
  {"recall_of_relevant_at_k", SEGUE_DOUBLE, OPT, "1",                                              \
   "share of the relevant candidates that are in the top k"},                                      \
      {"precision_at_k", SEGUE_DOUBLE, OPT, "1", "relevant candidates in the top k, over k"},      \
      {"map_at_k", SEGUE_DOUBLE, OPT, "1",                                                         \
       "mean average precision: precisions at relevant ranks up to k, over all relevant ones"},    \
      {"ndcg_at_k", SEGUE_DOUBLE, OPT, "1", "normalised discounted cumulative gain, binary"}, {    \
    "r_precision", SEGUE_DOUBLE, OPT, "1",                                                         \
        "share of relevant ones among the first R, R being how many there are"                     \
  }

#define DEFINITION_FIELDS                                                                          \
  {"metric", SEGUE_STRING, REQ, "", "distance"},                                                   \
      {"scale", SEGUE_STRING, REQ, "", "how features were scaled"}, {                              \
    "profile", SEGUE_STRING, REQ, "", "exact or glue"                                              \
  }

/* What follows the contract's columns of an evaluation. */
#define EVALUATION_FIELDS                                                                          \
  {"n_tracks", SEGUE_INT64, REQ, "tracks",                                                         \
   "tracks of the genre that entered the evaluation, n_incomplete among them"},                    \
      {"n_no_relevant", SEGUE_INT64, REQ, "queries", "queries without a relevant candidate"},      \
      {"n_incomplete", SEGUE_INT64, REQ, "tracks",                                                 \
       "tracks left out for a null among the features"},                                           \
      {"recall_at_k_low", SEGUE_DOUBLE, OPT, "1",                                                  \
       "lower end of the 95 % interval, bootstrap over artists"},                                  \
      {"recall_at_k_high", SEGUE_DOUBLE, OPT, "1", "upper end of it"},                             \
      {"mrr_at_k_low", SEGUE_DOUBLE, OPT, "1",                                                     \
       "lower end of the 95 % interval, bootstrap over artists"},                                  \
      {"mrr_at_k_high", SEGUE_DOUBLE, OPT, "1", "upper end of it"},                                \
      {"random_recall_at_k", SEGUE_DOUBLE, OPT, "1",                                               \
       "recall_at_k of a random order (hypergeometric, exact)"},                                   \
      {"lift", SEGUE_DOUBLE, OPT, "1", "recall_at_k over random_recall_at_k"}, MEASURE_FIELDS,     \
      {"hubness_skewness", SEGUE_DOUBLE, OPT, "1",                                                 \
       "skewness of k-occurrence, the number of top-k lists that a candidate is in"},              \
      {"tie_rate", SEGUE_DOUBLE, OPT, "1",                                                         \
       "share of queries whose candidates at ranks k and k + 1 are equally far"},                  \
      DEFINITION_FIELDS,                                                                           \
      {"n_artists", SEGUE_INT64, REQ, "artists", "artists (or labels) of the evaluated queries"},  \
      {"interval_ok", SEGUE_BOOL, REQ, "",                                                         \
       "whether there are intervals and 20 artists or more to draw them from"},                    \
      {"never_found_share", SEGUE_DOUBLE, OPT, "1", "share of candidates in no top-k list"},       \
      {"n_duplicate_tracks", SEGUE_INT64, OPT, "tracks",                                           \
       "tracks that duplicate an earlier one; null where duplicates are candidates"},              \
      {"recall_at_k_with_duplicates", SEGUE_DOUBLE, OPT, "1",                                      \
       "recall_at_k if duplicates were candidates"},                                               \
      {"mrr_at_k_with_duplicates", SEGUE_DOUBLE, OPT, "1",                                         \
       "mrr_at_k if duplicates were candidates"},                                                  \
      {"relevance", SEGUE_STRING, REQ, "", "what makes a candidate relevant"},                     \
      {"exclude", SEGUE_STRING, REQ, "", "what makes a track no candidate"}, {                     \
    "weights", SEGUE_STRING, REQ, "", "weights of the features"                                    \
  }

static const segue_field eval_audio_similarity[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"n_queries", SEGUE_INT64, REQ, "queries", "queries that were evaluated"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"recall_at_k", SEGUE_DOUBLE, OPT, "1",
     "share of queries with a relevant track in the top k (hit rate)"},
    {"mrr_at_k", SEGUE_DOUBLE, OPT, "1", "mean of 1/first_hit_rank, 0 beyond k"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    EVALUATION_FIELDS,
};

static const segue_field eval_summary[] = {
    {"average", SEGUE_STRING, REQ, "",
     "macro: each genre counts once; micro: each query; tracks: each distinct track"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"n_genres", SEGUE_INT64, REQ, "genres", "genres with evaluated queries"},
    {"n_queries", SEGUE_INT64, REQ, "queries", "queries, or distinct tracks where these count"},
    {"recall_at_k", SEGUE_DOUBLE, OPT, "1", "average of recall_at_k (hit rate)"},
    {"mrr_at_k", SEGUE_DOUBLE, OPT, "1", "average of mrr_at_k"},
    MEASURE_FIELDS,
    {"random_recall_at_k", SEGUE_DOUBLE, OPT, "1", "average of random_recall_at_k"},
    {"lift", SEGUE_DOUBLE, OPT, "1", "the averages recall_at_k over random_recall_at_k"},
    {"tie_rate", SEGUE_DOUBLE, OPT, "1", "average of tie_rate"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    DEFINITION_FIELDS,
};

static const segue_field eval_audio_queries[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"track_id", SEGUE_STRING, REQ, "", "the query"},
    {"first_hit_rank", SEGUE_INT64, OPT, "",
     "rank of the first relevant candidate, however far; null where there is none"},
    {"n_relevant", SEGUE_INT64, REQ, "tracks", "relevant candidates"},
    {"n_candidates", SEGUE_INT64, REQ, "tracks", "candidates"},
};

static const segue_field neighbors[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"track_id", SEGUE_STRING, REQ, "", "the query"},
    {"rank", SEGUE_INT32, REQ, "", "1 is the nearest"},
    {"neighbor_id", SEGUE_STRING, REQ, "", "the candidate at that rank"},
    {"distance", SEGUE_DOUBLE, REQ, "scaled features", "by the metric of the evaluation"},
    {"same_label", SEGUE_BOOL, REQ, "", "whether it is relevant"},
};

static const segue_field hubs[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"rank", SEGUE_INT32, REQ, "", "1 is in the most lists"},
    {"track_id", SEGUE_STRING, REQ, "", "the candidate"},
    {"name", SEGUE_STRING, OPT, "", "its title"},
    {"artist_name_primary", SEGUE_STRING, OPT, "", "name of its primary artist"},
    {"k_occurrence", SEGUE_INT64, REQ, "queries", "top-k lists that it is in"},
    {"k", SEGUE_INT32, REQ, "", "length of the lists"},
};

static const segue_field feature_sets[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"feature", SEGUE_STRING, OPT, "", "the feature; null for the set of all"},
    {"kind", SEGUE_STRING, REQ, "", "all, only (this feature) or without (this feature)"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"recall_at_k", SEGUE_DOUBLE, OPT, "1", "recall_at_k with this set of features"},
    {"mrr_at_k", SEGUE_DOUBLE, OPT, "1", "mrr_at_k with this set of features"},
    {"n_queries", SEGUE_INT64, REQ, "queries", "queries that were evaluated"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    DEFINITION_FIELDS,
};

static const segue_field profile_comparison[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"step", SEGUE_INT32, REQ, "", "0 is the exact profile, the last one the glue profile"},
    {"setting", SEGUE_STRING, REQ, "",
     "the option that changed since the step before; exact in step 0"},
    {"exact_value", SEGUE_STRING, REQ, "", "its value in the exact profile"},
    {"glue_value", SEGUE_STRING, REQ, "", "its value from this step on"},
    {"n_tracks", SEGUE_INT64, OPT, "tracks", "tracks that entered the evaluation"},
    {"n_queries", SEGUE_INT64, OPT, "queries", "queries that were evaluated"},
    {"n_no_relevant", SEGUE_INT64, OPT, "queries", "queries without a relevant candidate"},
    {"recall_at_k", SEGUE_DOUBLE, OPT, "1",
     "share of queries with a relevant track in the top k (hit rate)"},
    {"recall_change", SEGUE_DOUBLE, OPT, "1", "recall_at_k less that of the step before"},
    {"mrr_at_k", SEGUE_DOUBLE, OPT, "1", "mean of 1/first_hit_rank, 0 beyond k"},
    {"mrr_change", SEGUE_DOUBLE, OPT, "1", "mrr_at_k less that of the step before"},
    {"recall_at_k_low", SEGUE_DOUBLE, OPT, "1",
     "lower end of the 95 % interval; in the first and the last step"},
    {"recall_at_k_high", SEGUE_DOUBLE, OPT, "1", "upper end of it"},
    {"mrr_at_k_low", SEGUE_DOUBLE, OPT, "1", "lower end of the 95 % interval"},
    {"mrr_at_k_high", SEGUE_DOUBLE, OPT, "1", "upper end of it"},
    {"random_recall_at_k", SEGUE_DOUBLE, OPT, "1",
     "recall_at_k of a random order (hypergeometric, exact)"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
};

static const segue_field lyrics_sample[] = {
    {"track_id", SEGUE_STRING, REQ, "", "the track"},
    {"track_name", SEGUE_STRING, OPT, "", "its title"},
    {"artist_name_primary", SEGUE_STRING, OPT, "", "name of its primary artist"},
    {"genre", SEGUE_STRING, OPT, "", "the genre for which it was sampled"},
    {"lyrics", SEGUE_STRING, OPT, "", "its words; null unless they were found"},
    {"lyrics_found", SEGUE_BOOL, REQ, "", "whether they were found"},
    {"status", SEGUE_STRING, REQ, "",
     "found, instrumental, not_found, rejected (only unlike songs are known) or error (not asked)"},
};

static const segue_field lyrics_enriched[] = {
    {"track_id", SEGUE_STRING, REQ, "", "the track"},
    {"genre", SEGUE_STRING, REQ, "", "one of its artist's genres"},
    {"artist_id_primary", SEGUE_STRING, OPT, "", "its primary artist"},
    {"artist_name_primary", SEGUE_STRING, OPT, "", "name of the primary artist"},
    {"lyrics", SEGUE_STRING, OPT, "", "its words; null unless they were found"},
    {"lyrics_found", SEGUE_BOOL, REQ, "", "whether they were found"},
};

static const segue_field eval_audio_lyrics_similarity[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"n_tracks_in_genre", SEGUE_INT64, REQ, "tracks", "tracks of the genre that have lyrics"},
    {"n_queries", SEGUE_INT64, REQ, "queries", "queries that were evaluated"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"alpha_audio_weight", SEGUE_DOUBLE, REQ, "1",
     "weight of the audio; that of the lyrics is 1 less it"},
    {"recall_at_k", SEGUE_DOUBLE, OPT, "1",
     "share of queries with a relevant track in the top k (hit rate)"},
    {"mrr_at_k", SEGUE_DOUBLE, OPT, "1", "mean of 1/first_hit_rank, 0 beyond k"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    EVALUATION_FIELDS,
};

static const segue_field alpha_sweep[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"alpha_audio_weight", SEGUE_DOUBLE, REQ, "1",
     "weight of the audio; 1, audio alone, is the end"},
    {"n_queries", SEGUE_INT64, REQ, "queries", "queries that were evaluated"},
    {"recall_at_k", SEGUE_DOUBLE, OPT, "1", "share of queries with a relevant track in the top k"},
    {"mrr_at_k", SEGUE_DOUBLE, OPT, "1", "mean of 1/first_hit_rank, 0 beyond k"},
    {"n_queries_chosen_by", SEGUE_INT64, REQ, "queries",
     "those of the half of the artists that chooses alpha"},
    {"recall_at_k_chosen_by", SEGUE_DOUBLE, OPT, "1", "recall_at_k of that half"},
    {"mrr_at_k_chosen_by", SEGUE_DOUBLE, OPT, "1", "mrr_at_k of that half"},
    {"n_queries_reported", SEGUE_INT64, REQ, "queries", "those of the other half"},
    {"recall_at_k_reported", SEGUE_DOUBLE, OPT, "1", "recall_at_k of the other half"},
    {"mrr_at_k_reported", SEGUE_DOUBLE, OPT, "1", "mrr_at_k of the other half"},
    {"is_best", SEGUE_BOOL, REQ, "",
     "largest mrr_at_k_chosen_by at this k; of equal ones the largest alpha"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    {"profile", SEGUE_STRING, REQ, "", "exact or glue"},
};

static const segue_field eval_audio_lyrics_queries[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"track_id", SEGUE_STRING, REQ, "", "the query"},
    {"alpha_audio_weight", SEGUE_DOUBLE, REQ, "1", "weight of the audio; 1 is the baseline"},
    {"artist_number", SEGUE_INT32, REQ, "",
     "what is resampled together: the same for tracks of one artist (or label); -1: stands alone"},
    {"first_hit_rank", SEGUE_INT64, OPT, "",
     "rank of the first relevant candidate; null where there is none up to the largest k"},
    {"n_relevant", SEGUE_INT64, REQ, "tracks", "relevant candidates"},
    {"n_candidates", SEGUE_INT64, REQ, "tracks", "candidates"},
};

static const segue_field lyrics_coverage[] = {
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"n_tracks", SEGUE_INT64, REQ, "tracks", "tracks of the genre"},
    {"n_with_lyrics", SEGUE_INT64, REQ, "tracks", "those whose lyrics were found"},
    {"coverage", SEGUE_DOUBLE, OPT, "1", "their share"},
    {"n_instrumental", SEGUE_INT64, REQ, "tracks", "those that have no words, says the source"},
    {"n_not_found", SEGUE_INT64, REQ, "tracks", "those that the source does not know"},
    {"n_rejected", SEGUE_INT64, REQ, "tracks", "those for which it knows only songs too unlike"},
    {"n_error", SEGUE_INT64, REQ, "tracks", "those that it could not be asked for"},
    {"n_not_asked", SEGUE_INT64, REQ, "tracks", "those that are not in the sample"},
    {"n_without_words", SEGUE_INT64, REQ, "tracks", "found ones in whose text there is no token"},
    {"mean_words", SEGUE_DOUBLE, OPT, "words", "tokens of a text, mean over those found"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
};

static const segue_field eval_delta[] = {
    {"baseline_available", SEGUE_INT32, REQ, "", "1: there is something to compare with; 0: not"},
    {"recall_audio", SEGUE_DOUBLE, OPT, "1", "recall_at_k by audio alone"},
    {"recall_audio_lyrics", SEGUE_DOUBLE, OPT, "1", "recall_at_k by audio and lyrics"},
    {"delta_recall", SEGUE_DOUBLE, OPT, "1", "recall_audio_lyrics less recall_audio"},
    {"mrr_audio", SEGUE_DOUBLE, OPT, "1", "mrr_at_k by audio alone"},
    {"mrr_audio_lyrics", SEGUE_DOUBLE, OPT, "1", "mrr_at_k by audio and lyrics"},
    {"delta_mrr", SEGUE_DOUBLE, OPT, "1", "mrr_audio_lyrics less mrr_audio"},
    {"alpha_audio_weight", SEGUE_DOUBLE, REQ, "1", "weight of the audio"},
    {"n_queries", SEGUE_INT64, REQ, "queries", "queries that were evaluated with lyrics"},
    {"n_tracks_in_genre", SEGUE_INT64, REQ, "tracks", "tracks of the genre that have lyrics"},
    {"run_ts", SEGUE_TIMESTAMP, REQ, "", "when the run started"},
    {"genre", SEGUE_STRING, REQ, "", "genre name"},
    {"k", SEGUE_INT32, REQ, "", "cut-off as asked for"},
    {"delta_recall_low", SEGUE_DOUBLE, OPT, "1",
     "lower end of the 95 % interval, paired bootstrap over artists"},
    {"delta_recall_high", SEGUE_DOUBLE, OPT, "1", "upper end of it"},
    {"delta_mrr_low", SEGUE_DOUBLE, OPT, "1",
     "lower end of the 95 % interval, paired bootstrap over artists"},
    {"delta_mrr_high", SEGUE_DOUBLE, OPT, "1", "upper end of it"},
    {"p_value", SEGUE_DOUBLE, OPT, "1",
     "share of random signs of the artists' differences with as large a |delta_recall|, add-one"},
    {"q_value", SEGUE_DOUBLE, OPT, "1",
     "p_value adjusted over genres of the same k and alpha (Benjamini-Hochberg)"},
    {"p_value_mrr", SEGUE_DOUBLE, OPT, "1", "the same as p_value for delta_mrr"},
    {"q_value_mrr", SEGUE_DOUBLE, OPT, "1", "the same as q_value for delta_mrr"},
    {"topk_overlap", SEGUE_DOUBLE, OPT, "1",
     "mean share of the top k that is also in the top k by audio alone"},
    {"n_artists", SEGUE_INT64, OPT, "artists", "artists of the queries; few ones prove little"},
    {"verdict", SEGUE_STRING, OPT, "",
     "better or worse: q_value at most 0.05 and an interval of delta_recall without 0; else can't "
     "tell"},
    {"baseline", SEGUE_STRING, REQ, "",
     "paired: alpha 1 on the same queries and candidates; audio: the rows of "
     "eval_audio_similarity"},
};

#define TABLE(name, sql, partition, made_by, meaning, fields)                                      \
  { name, sql, partition, made_by, meaning, fields, COUNT(fields) }

static const segue_schema schemas[] = {
    TABLE("catalogue/tracks", "catalogue_tracks", NULL, "segue curate",
          "every track that has a genre, once", catalogue_tracks),
    TABLE("curated/tracks_by_genre", "curated_tracks_by_genre", "genre", "segue curate",
          "a row for each track and each of its artist's genres", tracks_by_genre),
    TABLE("curated/lyrics_by_track_sample_parquet", "curated_lyrics_by_track_sample_parquet",
          "genre", "segue lyrics convert", "the lyrics that were asked for, a row for each track",
          lyrics_sample),
    TABLE("curated/lyrics_enriched_by_genre", "curated_lyrics_enriched_by_genre", "genre",
          "segue lyrics enrich", "those of curated tracks, a row for each track and genre",
          lyrics_enriched),
    TABLE("results/genre_selection", "results_genre_selection", NULL, "segue run",
          "the genres that were worked on, and why", genre_selection),
    TABLE("results/genre_predictors", "results_genre_predictors", NULL, "segue predictors",
          "which features tell an artist's songs apart, by genre", genre_predictors),
    TABLE("results/feature_correlations", "results_feature_correlations", NULL, "segue predictors",
          "which features say the same, by genre", feature_correlations),
    TABLE("results/eval_audio_similarity", "results_eval_audio_similarity", NULL, "segue eval",
          "how well nearest-neighbour search finds songs by the same artist, by genre and k",
          eval_audio_similarity),
    TABLE("results/eval_summary", "results_eval_summary", NULL, "segue eval",
          "the evaluation over genres, over queries and over distinct tracks", eval_summary),
    TABLE("results/eval_audio_queries", "results_eval_audio_queries", NULL,
          "segue eval --per-query", "the evaluation query by query, with hits_at_k for each k",
          eval_audio_queries),
    TABLE("results/neighbors", "results_neighbors", NULL, "segue eval --neighbors",
          "the nearest candidates of each query", neighbors),
    TABLE("results/hubs", "results_hubs", NULL, "segue eval",
          "the tracks that are in the most top-k lists, by genre", hubs),
    TABLE("results/feature_sets", "results_feature_sets", NULL, "segue eval --ablation",
          "recall without each feature and with each alone, by genre", feature_sets),
    TABLE("results/profile_comparison", "results_profile_comparison", NULL,
          "segue eval --compare-profiles",
          "the exact and the glue profile by genre and k, definition by definition",
          profile_comparison),
    TABLE("results/eval_audio_lyrics_similarity", "results_eval_audio_lyrics_similarity", NULL,
          "segue lyrics eval",
          "how well audio and lyrics together find songs by the same artist, by genre, k and alpha",
          eval_audio_lyrics_similarity),
    TABLE("results/alpha_sweep", "results_alpha_sweep", NULL, "segue lyrics eval",
          "recall as the audio's weight grows, with half of the artists choosing it and the other "
          "half reported",
          alpha_sweep),
    TABLE("results/lyrics_coverage", "results_lyrics_coverage", NULL, "segue lyrics eval",
          "which part of each genre has lyrics", lyrics_coverage),
    TABLE("results/eval_audio_lyrics_queries", "results_eval_audio_lyrics_queries", NULL,
          "segue lyrics eval",
          "the evaluation with lyrics query by query, by alpha and by audio alone, with "
          "overlap_at_k for each k: what segue delta compares",
          eval_audio_lyrics_queries),
    TABLE("results/eval_delta_audio_vs_audio_lyrics_flagged",
          "results_eval_delta_audio_vs_audio_lyrics_flagged", NULL, "segue delta",
          "what lyrics change, with intervals and tests, by genre, k and alpha", eval_delta),
};

const segue_schema *segue_schemas(int *n) {
  *n = COUNT(schemas);
  return schemas;
}

const segue_schema *segue_schema_find(const char *name) {
  for (int i = 0; i < COUNT(schemas); i++)
    if (strcmp(schemas[i].name, name) == 0 || strcmp(schemas[i].sql_name, name) == 0)
      return &schemas[i];
  return NULL;
}
