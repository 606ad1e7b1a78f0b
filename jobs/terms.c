/* THE list of terms: what `segue help metrics` explains, with formula and source. */
#include <stdio.h>

#include "settings.h"

typedef struct segue_term {
  const char *term, *formula, *meaning, *source;
} segue_term;

/* R: relevant candidates of a query; r_1 < r_2 < ... their ranks; N: candidates; averages are over
 * the evaluated queries of a genre. */
static const segue_term terms[] = {
    {"query, candidate", "N = tracks with all features - 1 - excluded",
     "Each complete track of a genre is a query; the other complete tracks are its candidates, "
     "less "
     "itself (by id) and what --exclude takes away. Ranks go by ascending distance, ties by "
     "ascending track id in byte order.",
     "the Cranfield tests, Cleverdon 1967; filters: Flexer and Schnitzer 2010"},
    {"relevant", "label(query) = label(candidate), or any artist in common",
     "A candidate with the query's label: its primary artist, the column of --label, or with "
     "--artist all any artist in common. A query without a relevant candidate is left out and "
     "counted in n_no_relevant (--no-relevant miss: counts 0 in every average).",
     "the old workflow's definition"},
    {"recall_at_k", "share of queries with r_1 <= k",
     "A hit rate: is there one relevant track among the k nearest? Called success_k by trec_eval. "
     "The name is the old workflow's; recall in the usual sense is recall_of_relevant_at_k.",
     "trec_eval success"},
    {"mrr_at_k", "mean of 1/r_1, 0 where r_1 > k", "Mean reciprocal rank of the first hit.",
     "Voorhees 1999, TREC-8 question answering"},
    {"recall_of_relevant_at_k", "mean of |{i: r_i <= k}| / R",
     "Share of all relevant tracks that are found by rank k.", "trec_eval recall"},
    {"precision_at_k", "mean of |{i: r_i <= k}| / k",
     "Share of relevant tracks among the first k. Divided by k also where there are fewer than k "
     "candidates, as trec_eval does.",
     "trec_eval P"},
    {"map_at_k", "mean of 1/R * sum over r_i <= k of i/r_i",
     "Mean average precision of the first k. Divided by all R, also where R > k.",
     "trec_eval map_cut; Buckley and Voorhees 2000"},
    {"ndcg_at_k",
     "mean of sum over r_i <= k of 1/log2(r_i + 1), over the same sum for ranks 1 .. min(R, k)",
     "Normalised discounted cumulative gain with gains 0 and 1.",
     "trec_eval ndcg_cut; Jarvelin and Kekalainen 2002"},
    {"r_precision", "mean of |{i: r_i <= R}| / R",
     "Precision at the rank where it could be 1. Exact however large R is, so the same for all k.",
     "trec_eval Rprec"},
    {"random_recall_at_k", "mean of 1 - C(N-R, k) / C(N, k)",
     "recall_at_k of a random order, exactly. Without it a hit rate cannot be compared between "
     "genres of different size.",
     "hypergeometric distribution"},
    {"lift", "recall_at_k / random_recall_at_k", "How many times better than chance.",
     "segue's own"},
    {"..._low, ..._high", "2.5 % and 97.5 % quantiles of --bootstrap resamples",
     "Artists are drawn with replacement and bring all their queries, since songs of one artist "
     "are not independent. interval_ok is 0 below 20 artists: the interval is then too narrow.",
     "Efron 1979; Cameron, Gelbach and Miller 2008 on few clusters"},
    {"hubness_skewness", "m3 / m2^1.5 of N_k over the candidates",
     "N_k, the k-occurrence, is the number of top-k lists that a track is in, over all queries, "
     "those without a relevant candidate too. A large skewness tells of hubs: tracks that are near "
     "to many others for no musical reason. Null where all N_k are equal. The table hubs names the "
     "ten tracks of each genre with the largest N_10.",
     "Radovanovic, Nanopoulos and Ivanovic 2010; Flexer and Schnitzer 2013"},
    {"never_found_share", "share of candidates with N_k = 0",
     "Tracks that nobody is ever recommended.", "Flexer and Schnitzer 2013"},
    {"tie_rate", "share of queries with N > k and equal distances at ranks k and k + 1",
     "How often the order of ids, not the distance, decides who is among the first k.",
     "segue's own; on ties in rankings: McSherry and Najork 2008"},
    {"duplicate", "same artist, and same normalised title or same features",
     "Two tracks of one primary artist with the same normalised title (\"- Remastered 2011\" and "
     "the "
     "like dropped) or the same values in all features. recall_at_k_with_duplicates and "
     "mrr_at_k_with_duplicates tell what they would add as candidates, over the queries that then "
     "have a relevant one.",
     "segue's own; near duplicates in evaluation: Flexer and Schnitzer 2010"},
    {"album proxy", "--exclude duplicate,artist+release_date",
     "Songs of one album share its sound. Where the table has no album column, tracks of one "
     "artist "
     "and one release date stand for an album.",
     "Flexer and Schnitzer 2010 on album and artist filters"},
    {"macro, micro, tracks",
     "mean over genres; sum over queries / queries; mean over tracks of their means over genres",
     "Averages in eval_summary: each genre counts once; each query counts once; each distinct "
     "track "
     "counts once, with its mean over its genres.",
     "macro and micro as in text classification: Yang 1999"},
    {"scale", "(x - m) / s, s = 0 becomes 1",
     "genre: mean and population standard deviation of the genre. global: those of all complete "
     "tracks of the catalogue, each once. robust: median and interquartile range of the genre "
     "(type 7 quantiles). none: raw units, where tempo decides nearly alone.",
     "z-score; quantiles: Hyndman and Fan 1996, type 7"},
    {"metric",
     "euclidean: sqrt(sum w t^2); l1: sum w |t|; cosine: 1 - sum w x y / sqrt(sum w x^2 * sum w "
     "y^2)",
     "t is the difference of a feature, w its weight (--weights; 1 without). The cosine of a point "
     "at the origin is 0.",
     "Minkowski distances and the cosine"},
    {"profile_comparison", "recall_change = recall_at_k of a step - that of the step before",
     "--compare-profiles: recall and reciprocal rank by the exact profile, then with one "
     "definition "
     "after another as the glue profile has it - artist, scale, metric, weights, exclude, "
     "no-relevant, max-tracks, max-candidates, max-queries - and the change that each makes. The "
     "order is fixed, as a change depends on the definitions that went before. A sample of queries "
     "has recall right on average; one of candidates or tracks estimates another recall, that "
     "among fewer songs.",
     "segue's own"},
    {"feature_sets", "recall_at_k and mrr_at_k by all features, all but one, and one",
     "The evaluation with all features, without each one, and with each one alone (--ablation). "
     "Scales, duplicates and queries stay those of all features.",
     "leave-one-out ablation"},
    {"n_tracks, n_queries, ...",
     "n_tracks = n_queries + n_no_relevant + n_incomplete, where nothing is sampled",
     "n_tracks: tracks of the genre that entered; n_incomplete: those that miss a feature; "
     "n_queries: "
     "evaluated queries; n_no_relevant: queries without anything to find; n_artists: artists, or "
     "labels, of the evaluated queries; n_duplicate_tracks: tracks that duplicate an earlier one. "
     "With --no-relevant miss, n_queries counts those of n_no_relevant too.",
     "segue's own"},
    {"relevance, exclude, weights, profile", "the options' values",
     "What the row was computed by, so that rows of several runs can stand in one table.",
     "segue's own"},
    {"degenerate genres", "0 / 0 = null",
     "A constant feature adds nothing to any distance; where all distances are equal, ids decide "
     "and "
     "tie_rate is 1. An artist of one track is a query without anything to find, and a candidate "
     "of "
     "others. Of one track, of one-track artists, or of duplicates only, no query is evaluated: "
     "n_queries is 0 and all averages are null. Two tracks of one artist find each other: recall "
     "is "
     "1, as is chance. Intervals of one artist and the skewness of equal counts are null. A cell "
     "that "
     "is no finite number is null, and its track is counted in n_incomplete. A k beyond the "
     "candidates means all of them; precision_at_k is divided by k all the same. With thousands of "
     "tracks of one artist R is as large, and time grows as that of comparing all pairs.",
     "segue's own"},
    {"importance_raw", "E|t| of two artists' tracks - E|t| of one artist's",
     "For each feature; t is the difference of two tracks' values as scaled. A pair of one artist: "
     "an artist with two tracks or more, each as likely, then two of its tracks; a pair of two: "
     "two "
     "artists, then a track of each. same_artist_mean and different_artist_mean are the two "
     "expectations, over every pair in closed form, importance_abs is the absolute value, "
     "feature_rank its order, n_positive_pairs the number of pairs of one artist.",
     "mean difference: Gini 1912; by prefix sums over sorted values"},
    {"importance_norm", "importance_raw / sum of importance_abs over the features",
     "Shares that can be compared between genres; negative where one artist's tracks differ more. "
     "importance_norm_unscaled is the same in the table's own units. 0 where all are 0.",
     "segue's own"},
    {"auc", "P(|t| of two artists' > |t| of one's) + 1/2 P(equal)",
     "Chance that the feature tells a pair of two artists from one of one artist; 1/2 says "
     "nothing.",
     "Mann and Whitney 1947; Hanley and McNeil 1982"},
    {"p_value", "(1 + shuffles with importance_raw as large) / (1 + shuffles)",
     "One-sided, over --shuffles random orders of the artists' labels.", "Phipson and Smyth 2010"},
    {"weight_logistic, pair_auc",
     "logistic regression of different artists on all |t|, L2 penalty 1",
     "The weights, over the sum of their absolute values; positive: a large difference speaks for "
     "different artists. pair_auc: the regression's AUC on pairs of artists that it has not seen.",
     "Cox 1958; Hoerl and Kennard 1970 on the penalty"},
    {"pearson", "cov(x, y) / (sd x * sd y)",
     "In feature_correlations: which features say the same. Null where one is constant.",
     "Pearson 1895"},
    {"alpha_audio_weight", "score = alpha * cos(audio) + (1 - alpha) * cos(lyrics)",
     "Weight of the audio where lyrics are searched, too (segue lyrics eval). Candidates go by "
     "descending score, ties by ascending track id; the cosine of a text without a telling word "
     "is 0.",
     "Salton and Buckley 1988 on tf-idf"},
    {"tf-idf", "(1 + ln tf) * ln((m + 1) / (df + 1)); --tokens spark: tf instead of 1 + ln tf",
     "tf: how often the word is in the text; df: texts that have it; m: texts in all.",
     "Spark ML, IDF; Manning, Raghavan and Schuetze 2008, 6.4.1"},
    {"is_best", "the alpha with the largest mrr_at_k_chosen_by, of equal ones the largest",
     "Half of a genre's artists, seeded, choose alpha; the columns _reported are of the other "
     "half, "
     "so that the choice does not praise itself.",
     "Hastie, Tibshirani and Friedman 2009, 7.2"},
    {"delta_recall, delta_mrr", "recall_audio_lyrics - recall_audio, and the same of mrr",
     "Of the same queries over the same candidates, with and without lyrics; _low and _high "
     "resample "
     "artists with both.",
     "Efron 1979"},
    {"p_value of delta", "(1 + draws with |sum| >= |observed sum|) / (1 + --flips)",
     "Each draw gives every artist's difference a random sign. p_value_mrr is that of delta_mrr.",
     "Fisher 1935; Phipson and Smyth 2010"},
    {"q_value", "min over p_j >= p_i of m p_j / rank(p_j)",
     "p values adjusted over the m genres of one k and alpha: among those with q at most 0.05, "
     "about one in twenty is chance.",
     "Benjamini and Hochberg 1995"},
    {"topk_overlap", "mean of |top k with lyrics and without| / min(k, N)",
     "How far lyrics change the lists at all.", "Fagin, Kumar and Sivakumar 2003"},
};

void segue_help_terms(FILE *out) {
  fprintf(out, "What the tables of 'segue eval', 'segue lyrics eval', 'segue delta' and 'segue "
               "predictors' say. R is the number of "
               "relevant\ncandidates of a query, "
               "r_1 < r_2 < ... their ranks, N the number of its candidates.\n");
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
    fprintf(out, "\n%s\n", terms[i].term);
    fprintf(out, "  = ");
    segue_help_wrap(out, terms[i].formula, 4, 98);
    fprintf(out, "  ");
    segue_help_wrap(out, terms[i].meaning, 2, 98);
    fprintf(out, "  Source: ");
    segue_help_wrap(out, terms[i].source, 4, 98);
  }
}
