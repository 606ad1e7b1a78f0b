-- Statements of the kinds that the cloud workflow used, written for Athena; every one must run.
CREATE DATABASE IF NOT EXISTS spotify_similarity_db;
SHOW DATABASES;
SHOW TABLES IN spotify_similarity_db;
SHOW TABLES IN spotify_similarity_db '*eval*|*hubs*';

SELECT COUNT(*) AS curated_rows FROM spotify_similarity_db.curated_tracks_by_genre;
SELECT genre, COUNT(*) AS n FROM spotify_similarity_db.curated_tracks_by_genre
GROUP BY 1 HAVING COUNT(*) >= 2 ORDER BY n DESC LIMIT 50;

-- A random sample of every genre, with a header, as input for fetching lyrics.
UNLOAD (
  WITH numbered AS (
    SELECT id AS track_id, name AS track_name, artist_name_primary, genre,
           row_number() OVER (PARTITION BY genre ORDER BY rand()) AS place
    FROM spotify_similarity_db.curated_tracks_by_genre
    WHERE name IS NOT NULL AND artist_name_primary IS NOT NULL
  )
  SELECT track_id, track_name, artist_name_primary, genre FROM numbered WHERE place <= 3
) TO 's3://any-bucket/curated/lyrics_input_header/'
WITH (format = 'TEXTFILE', field_delimiter = ',', compression = 'NONE', write_header = true);

-- Partitioned by a number, in a place of its own; one row a track.
CREATE TABLE spotify_similarity_db.by_year
WITH (format = 'PARQUET', write_compression = 'SNAPPY', partitioned_by = ARRAY['decade']) AS
SELECT DISTINCT id, release_year, CAST(release_year / 10 * 10 AS bigint) AS decade
FROM spotify_similarity_db.curated_tracks_by_genre;

-- The change that lyrics make, partitioned by genre; here with the audio results alone.
CREATE TABLE spotify_similarity_db.results_eval_delta_audio_vs_audio_lyrics_flagged
WITH (
  format = 'PARQUET',
  external_location = 's3://any-bucket/results/eval_delta_audio_vs_audio_lyrics_flagged/',
  partitioned_by = ARRAY['genre']
) AS
SELECT CASE WHEN b.genre IS NULL THEN 0 ELSE 1 END AS baseline_available,
       b.recall_at_k AS recall_audio, a.recall_at_k AS recall_audio_lyrics, a.recall_at_k - b.recall_at_k AS delta_recall,
       b.mrr_at_k AS mrr_audio, a.mrr_at_k AS mrr_audio_lyrics, a.mrr_at_k - b.mrr_at_k AS delta_mrr,
       CAST(0.8 AS double) AS alpha_audio_weight, SUM(a.n_queries) OVER () AS n_queries, a.n_tracks AS n_tracks_in_genre,
       a.run_ts, a.genre
FROM spotify_similarity_db.results_eval_audio_similarity a
LEFT JOIN spotify_similarity_db.results_eval_audio_similarity b ON a.genre = b.genre AND b.k = 10
WHERE a.k = 5;
SELECT genre, baseline_available, delta_recall
FROM spotify_similarity_db.results_eval_delta_audio_vs_audio_lyrics_flagged
ORDER BY baseline_available ASC, delta_recall DESC;
SHOW PARTITIONS spotify_similarity_db.results_eval_delta_audio_vs_audio_lyrics_flagged;
DESCRIBE spotify_similarity_db.by_year;
MSCK REPAIR TABLE spotify_similarity_db.by_year;
